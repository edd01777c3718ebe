//! LATENCY.

use crate::config::id;
use crate::latency::{Histogram, Series};
use crate::server::Server;
use carnelian_commands::table::Entry;
use carnelian_commands::{CommandError, CommandResult, Ctx};
use std::fmt::Write;

/// Width of a graph in characters.
const GRAPH_COLUMNS: usize = 80;
/// Height of a graph in lines.
const GRAPH_ROWS: u64 = 4;
/// Levels that one character of a graph can show, from low to high.
const GRAPH_LEVELS: [char; 3] = ['_', 'o', '#'];

/// LATENCY LATEST, HISTORY, RESET, GRAPH, DOCTOR, HISTOGRAM: told apart by the subcommand's name.
pub(super) fn latency(server: &Server, ctx: &mut Ctx) -> CommandResult {
    match ctx.spec.name {
        "latest" => latest(server, ctx),
        "history" => history(server, ctx),
        "reset" => reset(server, ctx),
        "graph" => return graph(server, ctx),
        "doctor" => doctor(server, ctx),
        _ => histogram(server, ctx),
    }
    Ok(())
}

fn latest(server: &Server, ctx: &mut Ctx) {
    let events = server.latency.all();
    ctx.out.array(events.len());
    for (name, series) in events {
        let (time_s, ms) = series.samples.back().copied().unwrap_or_default();
        ctx.out.array(4);
        ctx.out.bulk(name.as_bytes());
        ctx.out.integer(time_s.cast_signed());
        ctx.out.integer(ms.cast_signed());
        ctx.out.integer(series.max_ms.cast_signed());
    }
}

/// The series of the event that the command names.
fn series(server: &Server, ctx: &Ctx) -> Option<Series> {
    std::str::from_utf8(ctx.arg(2)).ok().and_then(|name| server.latency.get(name))
}

fn history(server: &Server, ctx: &mut Ctx) {
    let samples = series(server, ctx).map(|series| series.samples).unwrap_or_default();
    ctx.out.array(samples.len());
    for (time_s, ms) in samples {
        ctx.out.array(2);
        ctx.out.integer(time_s.cast_signed());
        ctx.out.integer(ms.cast_signed());
    }
}

fn reset(server: &Server, ctx: &mut Ctx) {
    let names: Vec<&[u8]> = ctx.args.iter().skip(2).collect();
    let forgotten = server.latency.reset(|event| names.is_empty() || names.contains(&event.as_bytes()));
    ctx.out.integer(forgotten as i64);
}

/// How long ago something was, in the largest unit that fits.
fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Draws samples as columns, with their ages below, written downwards.
fn draw(samples: &[(u64, u64)], low: u64, high: u64, now_s: u64) -> String {
    let levels = GRAPH_LEVELS.len() as u64;
    let (steps, range) = (GRAPH_ROWS * levels, (high - low).max(1));
    let step = |ms: u64| ((ms - low) * steps / range).min(steps - 1);
    let mut picture = String::new();
    for row in (0..GRAPH_ROWS).rev() {
        for (_, ms) in samples {
            let filled = (step(*ms) + 1).saturating_sub(row * levels);
            picture.push(match filled {
                0 => ' ',
                filled if filled > levels => '|',
                filled => GRAPH_LEVELS[filled as usize - 1],
            });
        }
        picture.push('\n');
    }
    picture.push('\n');
    let ages: Vec<Vec<char>> =
        samples.iter().map(|(time_s, _)| age(now_s.saturating_sub(*time_s)).chars().collect()).collect();
    for line in 0..ages.iter().map(Vec::len).max().unwrap_or(0) {
        picture.extend(ages.iter().map(|age| age.get(line).copied().unwrap_or(' ')));
        picture.push('\n');
    }
    picture
}

fn graph(server: &Server, ctx: &mut Ctx) -> CommandResult {
    let Some(series) = series(server, ctx).filter(|series| !series.samples.is_empty()) else {
        return Err(CommandError::repeating("ERR No samples available for event '", ctx.arg(2), "'"));
    };
    let samples: Vec<(u64, u64)> = series.samples.iter().copied().collect();
    let low = samples.iter().map(|(_, ms)| *ms).min().unwrap_or(0);
    let high = samples.iter().map(|(_, ms)| *ms).max().unwrap_or(0);
    let mut text = String::from_utf8_lossy(ctx.arg(2)).into_owned();
    // Writing to a string does not fail.
    let _ = writeln!(text, " - high {high} ms, low {low} ms (all time high {} ms)", series.max_ms);
    text.push_str(&"-".repeat(GRAPH_COLUMNS));
    let now_s = server.clock.unix_ms() / 1000;
    for part in samples.chunks(GRAPH_COLUMNS) {
        text.push('\n');
        text.push_str(&draw(part, low, high, now_s));
    }
    ctx.out.verbatim("txt", text.as_bytes());
    Ok(())
}

fn doctor(server: &Server, ctx: &mut Ctx) {
    let threshold_ms = server.config.read().uint(id::LATENCY_MONITOR_THRESHOLD);
    let events = server.latency.all();
    let mut text = String::new();
    if threshold_ms == 0 {
        text.push_str(
            "The latency monitor is off. \"CONFIG SET latency-monitor-threshold <milliseconds>\" turns it on.\n",
        );
    } else if events.is_empty() {
        let _ = writeln!(text, "No event has taken {threshold_ms} milliseconds or more so far.");
    }
    for (name, series) in events {
        let count = series.samples.len().max(1) as u64;
        let sum: u64 = series.samples.iter().map(|(_, ms)| ms).sum();
        let _ = writeln!(
            text,
            "{name}: {count} spikes, {} ms on average, {} ms at worst. The slow log (SLOWLOG GET) names slow commands; \
             KEYS and commands on large ranges are best replaced by SCAN and its kin.",
            sum / count,
            series.max_ms
        );
    }
    ctx.out.verbatim("txt", text.as_bytes());
}

fn histogram(server: &Server, ctx: &mut Ctx) {
    let entries = ctx.node.table().entries();
    let names: Vec<&[u8]> = ctx.args.iter().skip(2).collect();
    let wanted = |entry: &Entry| {
        let full_name = entry.full_name();
        names.is_empty()
            || names.iter().any(|name| {
                // A command with subcommands stands for all of them.
                name.eq_ignore_ascii_case(full_name.as_bytes())
                    || entry.parent.is_some_and(|parent| name.eq_ignore_ascii_case(parent.name.as_bytes()))
            })
    };
    let found: Vec<(String, Histogram)> = entries
        .iter()
        .filter(|entry| wanted(entry))
        .map(|entry| (entry.full_name(), Histogram::of(server, entry.id)))
        .filter(|(_, histogram)| histogram.total() > 0)
        .collect();
    ctx.out.map(found.len());
    for (name, histogram) in found {
        ctx.out.bulk(name.as_bytes());
        ctx.out.map(2);
        ctx.out.bulk(b"calls");
        ctx.out.integer(histogram.total().cast_signed());
        ctx.out.bulk(b"histogram_usec");
        let steps = histogram.cumulative();
        ctx.out.map(steps.len());
        for (bound_us, below) in steps {
            ctx.out.integer(bound_us.cast_signed());
            ctx.out.integer(below.cast_signed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{age, draw};

    #[test]
    fn ages_use_the_largest_unit() {
        for (seconds, text) in
            [(0, "0s"), (59, "59s"), (60, "1m"), (3600, "1h"), (86_399, "23h"), (86_400, "1d")]
        {
            assert_eq!(age(seconds), text);
        }
    }

    #[test]
    fn graphs_rise_with_latency() {
        let picture = draw(&[(100, 1), (101, 7), (102, 13)], 1, 13, 160);
        assert_eq!(picture, "  #\n _|\n ||\n_||\n\n155\nm98\n ss\n");
    }
}
