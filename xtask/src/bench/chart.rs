//! The comparison as a picture: one small bar chart for each test and pipeline, all in one SVG.

use std::fmt::Write as _;

use super::report::{Case, Comparison, Entry, thousands};

/// What the bars show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    /// Microseconds of the server's processor time per operation.
    CpuPerOp,
    /// Operations per second.
    Throughput,
}

impl Figure {
    fn title(self) -> &'static str {
        match self {
            Self::CpuPerOp => "Processor time of the server per operation (less is better)",
            Self::Throughput => "Operations per second (more is better)",
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::CpuPerOp => "microseconds",
            Self::Throughput => "thousand operations per second",
        }
    }

    /// The length of an entry's bar, in the unit of the axis.
    fn value(self, entry: &Entry) -> Option<f64> {
        match self {
            Self::CpuPerOp => entry.median.cpu_us_per_op,
            Self::Throughput => Some(entry.median.ops_per_s / 1000.0),
        }
    }

    fn label(self, value: f64) -> String {
        match self {
            Self::CpuPerOp => format!("{value:.2}"),
            Self::Throughput if value < 100.0 => format!("{value:.1}"),
            Self::Throughput => thousands(value),
        }
    }

    fn ratio(self, entry: &Entry) -> Option<f64> {
        match self {
            Self::CpuPerOp => entry.cpu_ratio,
            Self::Throughput => entry.ops_ratio,
        }
    }
}

// Lengths in pixels.
const MARGIN: f64 = 24.0;
const HEAD: f64 = 76.0;
const FOOT: f64 = 34.0;
const PANEL_TITLE: f64 = 30.0;
const PANEL_AXIS: f64 = 46.0;
const PANEL_GAP: f64 = 36.0;
const BAR: f64 = 20.0;
const BAR_GAP: f64 = 8.0;
const PLOT: f64 = 200.0;
/// Room right of the plot for a value and a ratio.
const VALUE: f64 = 108.0;
/// The width of a character of the labels, generously.
const CHARACTER: f64 = 7.0;

/// Ours is the colour of the stone; the peers are greys, the same one in every panel.
const OURS: &str = "#b3341f";
const PEERS: [&str; 4] = ["#5f6b7a", "#8d99a6", "#b4bdc6", "#747f8c"];

/// Draws `figure` of all cases: a row for each test, a column for each pipeline.
pub(crate) fn svg(comparison: &Comparison, figure: Figure) -> String {
    let cases = &comparison.cases;
    let mut tests: Vec<&str> = Vec::new();
    let mut depths: Vec<u32> = Vec::new();
    for case in cases {
        if !tests.contains(&case.test.as_str()) {
            tests.push(&case.test);
        }
        if !depths.contains(&case.pipeline) {
            depths.push(case.pipeline);
        }
    }
    let servers = cases.iter().map(|case| case.entries.len()).max().unwrap_or(0);
    let longest = cases.iter().flat_map(|case| &case.entries).map(|entry| entry.server.chars().count()).max();
    let names = (longest.unwrap_or(0) as f64 * CHARACTER).clamp(60.0, 260.0);
    let bars = servers as f64 * (BAR + BAR_GAP) + BAR_GAP;
    let panel = (names + PLOT + VALUE, PANEL_TITLE + bars + PANEL_AXIS);
    let across = depths.len() as f64 * (panel.0 + PANEL_GAP) - PANEL_GAP;
    let setting = &comparison.setting;
    let notes = [
        format!("{}; {}", setting.machine, setting.date),
        format!(
            "{}: {} connections, {} random keys, {}-byte values, persistence off, server on one core and load on \
             another, medians of {} rounds",
            setting.load,
            setting.clients,
            thousands(setting.keys as f64),
            setting.value_bytes,
            setting.rounds
        ),
    ];
    let widest_note = notes.iter().map(|note| note.chars().count()).max().unwrap_or(0) as f64 * 6.2;
    let width = across.max(widest_note).max(520.0) + 2.0 * MARGIN;
    let height = HEAD + tests.len() as f64 * (panel.1 + PANEL_GAP) - PANEL_GAP + FOOT + MARGIN;

    let mut svg = String::new();
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 \
         {width:.0} {height:.0}\" font-family=\"'DejaVu Sans', Verdana, Helvetica, Arial, sans-serif\" \
         font-size=\"12\" fill=\"#222b36\" role=\"img\">\n<title>{}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>",
        escape(figure.title())
    );
    text(&mut svg, (MARGIN, 34.0), "start", "font-size=\"18\" font-weight=\"bold\"", figure.title());
    for (index, note) in notes.iter().enumerate() {
        text(&mut svg, (MARGIN, 54.0 + index as f64 * 15.0), "start", QUIET, note);
    }
    for case in cases {
        let row = tests.iter().position(|test| **test == case.test).unwrap_or(0) as f64;
        let column = depths.iter().position(|depth| *depth == case.pipeline).unwrap_or(0) as f64;
        let corner = (MARGIN + column * (panel.0 + PANEL_GAP), HEAD + 14.0 + row * (panel.1 + PANEL_GAP));
        draw_case(&mut svg, case, figure, corner, names, bars);
    }
    let foot = "Each panel has a scale of its own. Ratios are to the best peer of the panel.";
    text(&mut svg, (MARGIN, height - 14.0), "start", QUIET, foot);
    svg.push_str("</svg>\n");
    svg
}

const QUIET: &str = "font-size=\"11\" fill=\"#5f6b7a\"";

/// One panel, with its upper left corner at `corner`.
fn draw_case(svg: &mut String, case: &Case, figure: Figure, corner: (f64, f64), names: f64, bars: f64) {
    let (left, top) = (corner.0 + names + 8.0, corner.1 + PANEL_TITLE);
    let most = case.entries.iter().filter_map(|entry| figure.value(entry)).fold(0.0, f64::max);
    let step = tick_step(most);
    let end = (most / step).ceil().max(1.0) * step;
    let scale = PLOT / end;
    text(svg, (left, corner.1 + 14.0), "start", "font-size=\"14\" font-weight=\"bold\"", &case.title());
    let mut tick = 0.0;
    while tick <= end + step / 2.0 {
        let x = left + tick * scale;
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{top:.1}\" x2=\"{x:.1}\" y2=\"{:.1}\" stroke=\"{}\"/>",
            top + bars,
            if tick == 0.0 { "#5f6b7a" } else { "#e3e7eb" }
        );
        text(svg, (x, top + bars + 15.0), "middle", QUIET, &tick_label(tick, step));
        tick += step;
    }
    text(svg, (left + PLOT / 2.0, top + bars + 33.0), "middle", QUIET, figure.unit());
    let mut peer = 0;
    for (index, entry) in case.entries.iter().enumerate() {
        let y = top + BAR_GAP + index as f64 * (BAR + BAR_GAP);
        let colour = if entry.ours {
            OURS
        } else {
            peer += 1;
            PEERS[(peer - 1) % PEERS.len()]
        };
        let style = if entry.ours { format!("font-weight=\"bold\" fill=\"{OURS}\"") } else { String::new() };
        let middle = y + BAR / 2.0 + 4.0;
        text(svg, (left - 8.0, middle), "end", &style, &entry.server);
        let Some(value) = figure.value(entry) else {
            text(svg, (left + 6.0, middle), "start", QUIET, "not measured");
            continue;
        };
        let length = (value * scale).max(1.0);
        let _ = writeln!(
            svg,
            "<rect x=\"{left:.1}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{BAR}\" rx=\"2\" fill=\"{colour}\"/>"
        );
        let mut label = figure.label(value);
        if let Some(ratio) = figure.ratio(entry) {
            let _ = write!(label, "  ({ratio:.2}x)");
        }
        text(svg, (left + length + 6.0, middle), "start", &style, &label);
    }
}

fn text(svg: &mut String, at: (f64, f64), anchor: &str, attributes: &str, content: &str) {
    let (x, y) = at;
    let space = if attributes.is_empty() { "" } else { " " };
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\"{space}{attributes}>{}</text>",
        escape(content)
    );
}

/// The distance of ticks, 1, 2 or 5 times a power of ten, that puts three to six of them up to `most`.
fn tick_step(most: f64) -> f64 {
    if !(most.is_finite() && most > 0.0) {
        return 1.0;
    }
    let rough = most / 5.0;
    let power = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= rough).unwrap_or(10.0);
    factor * power
}

/// A tick with as many decimals as the distance of ticks needs.
fn tick_label(tick: f64, step: f64) -> String {
    if step >= 1.0 {
        return thousands(tick);
    }
    let decimals = (-step.log10()).ceil().clamp(0.0, 9.0) as usize;
    format!("{tick:.decimals$}")
}

/// Text as XML content or an attribute's value. Control characters, which XML cannot hold, are left out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            control if control.is_control() => {}
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::report::tests::comparison;

    /// Checks that tags nest and close, and that what is between them is escaped; the names of all elements.
    fn elements(svg: &str) -> Vec<String> {
        let (mut open, mut seen, mut rest) = (Vec::new(), Vec::new(), svg);
        while let Some(at) = rest.find('<') {
            let content = &rest[..at];
            assert!(!content.contains('>'), "{content}");
            for entity in content.split('&').skip(1) {
                assert!(
                    ["amp;", "lt;", "gt;", "quot;"].iter().any(|name| entity.starts_with(name)),
                    "{content}"
                );
            }
            let end = rest[at..].find('>').expect("a tag that is not closed") + at;
            let tag = &rest[at + 1..end];
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop().as_deref(), Some(name));
            } else {
                let name = tag.split([' ', '/']).next().unwrap().to_owned();
                seen.push(name.clone());
                if !tag.ends_with('/') {
                    open.push(name);
                }
            }
            rest = &rest[end + 1..];
        }
        assert!(open.is_empty(), "{open:?}");
        seen
    }

    #[test]
    fn the_picture_is_well_formed_and_shows_every_server_and_ratio() {
        for figure in [Figure::CpuPerOp, Figure::Throughput] {
            let svg = svg(&comparison(), figure);
            let elements = elements(&svg);
            assert_eq!(elements[0], "svg");
            // The background, and three servers in two cases.
            assert_eq!(elements.iter().filter(|name| *name == "rect").count(), 1 + 6);
            for part in [
                "Carnelian",
                "Redis 7.0.15",
                "&lt;V&gt; &amp; &quot;W&quot;",
                "SET, pipeline 16",
                figure.unit(),
            ] {
                assert!(svg.contains(part), "{part}");
            }
        }
        assert!(svg(&comparison(), Figure::CpuPerOp).contains("0.70  (0.50x)"));
        assert!(svg(&comparison(), Figure::Throughput).contains("1,200  (2.00x)"));
    }

    #[test]
    fn a_picture_of_nothing_is_still_a_picture() {
        let mut nothing = comparison();
        nothing.cases.clear();
        elements(&svg(&nothing, Figure::CpuPerOp));
        let mut unknown = comparison();
        unknown.cases[0].entries[0].median.cpu_us_per_op = None;
        assert!(svg(&unknown, Figure::CpuPerOp).contains("not measured"));
    }

    #[test]
    fn ticks_are_round_and_few() {
        for (most, step) in
            [(9.5, 2.0), (0.28, 0.1), (2.81, 1.0), (1200.0, 500.0), (0.0, 1.0), (f64::NAN, 1.0)]
        {
            assert!((tick_step(most) - step).abs() < step / 1000.0, "{most}: {}", tick_step(most));
        }
        assert_eq!((tick_label(0.2, 0.05).as_str(), tick_label(1500.0, 500.0).as_str()), ("0.20", "1,500"));
    }
}
