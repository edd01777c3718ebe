//! Round-trip times: running figures, a spectrum, and what the machine itself adds.

use std::fmt::Write;
use std::hint::black_box;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::console::{Exit, err, out};
use crate::interrupt::stop_flag;
use crate::options::Layout;
use crate::session::Session;

/// Between two PINGs.
const SAMPLE_EVERY: Duration = Duration::from_millis(10);
const HISTORY_EVERY: Duration = Duration::from_secs(15);
const ROUND: Duration = Duration::from_secs(1);

/// Figures in whole milliseconds, as `redis-cli` gives them.
#[derive(Default)]
struct Figures {
    min: u64,
    max: u64,
    total: u64,
    count: u64,
}

impl Figures {
    fn add(&mut self, latency_ms: u64) {
        self.min = if self.count == 0 { latency_ms } else { self.min.min(latency_ms) };
        self.max = self.max.max(latency_ms);
        self.total += latency_ms;
        self.count += 1;
    }

    fn text(&self, layout: Layout) -> String {
        let Self { min, max, count, .. } = *self;
        let average = if count > 0 { self.total as f64 / count as f64 } else { 0.0 };
        match layout {
            Layout::Formatted => format!("min: {min}, max: {max}, avg: {average:.2} ({count} samples)"),
            Layout::Csv => format!("{min},{max},{average:.2},{count}\n"),
            Layout::Raw => format!("{min} {max} {average:.2} {count}\n"),
            Layout::Json | Layout::QuotedJson => {
                format!("{{\"min\": {min}, \"max\": {max}, \"avg\": {average:.2}, \"count\": {count}}}\n")
            }
        }
    }
}

/// The time of one PING; a server that went away is waited for.
pub(crate) fn ping(session: &mut Session<'_>) -> Result<Duration, Exit> {
    loop {
        let start = Instant::now();
        match session.link()?.call(&["PING"]) {
            Ok(_) => return Ok(start.elapsed()),
            Err(error) if error.is_disconnect() => wait_for_server(session)?,
            Err(error) => {
                err!(session.console, "Error: {error}\n");
                return Err(Exit::FAILURE);
            }
        }
    }
}

/// Try once a second until the server is there again.
pub(crate) fn wait_for_server(session: &mut Session<'_>) -> Result<(), Exit> {
    let mut tries = 0;
    loop {
        tries += 1;
        out!(session.console, "\r\x1b[0KReconnecting... {tries}\r");
        session.pause(ROUND)?;
        if session.reconnect(true) {
            out!(session.console, "\r\x1b[0K");
            return Ok(());
        }
    }
}

/// `--latency` and `--latency-history`. On a terminal the figures run on in one line; elsewhere `--latency` prints
/// them once, after the interval.
pub(crate) fn sample(session: &mut Session<'_>, history: bool) -> Result<(), Exit> {
    session.require_connection()?;
    let layout = session.options.layout;
    let (round, once_after) = match session.options.interval {
        Some(interval) => (interval, interval),
        None => (HISTORY_EVERY, ROUND),
    };
    let mut figures = Figures::default();
    let mut start = Instant::now();
    loop {
        figures.add(ping(session)?.as_millis() as u64);
        if layout == Layout::Formatted {
            out!(session.console, "\x1b[0G\x1b[2K{}", figures.text(layout));
        } else if history {
            session.console.print(figures.text(layout))?;
        } else if start.elapsed() > once_after {
            session.console.print(figures.text(layout))?;
            return session.console.flush();
        }
        if history && start.elapsed() > round {
            out!(session.console, " -- {:.2} seconds range\n", start.elapsed().as_secs_f64());
            start = Instant::now();
            figures = Figures::default();
        }
        session.pause(SAMPLE_EVERY)?;
    }
}

/// Upper ends in microseconds, and the characters that stand for them in the spectrum. The last takes the rest.
const BANDS: [(u64, char); 31] = [
    (10, '.'),
    (125, '-'),
    (250, '*'),
    (500, '#'),
    (1_000, '1'),
    (2_000, '2'),
    (3_000, '3'),
    (4_000, '4'),
    (5_000, '5'),
    (6_000, '6'),
    (7_000, '7'),
    (8_000, '8'),
    (9_000, '9'),
    (10_000, 'A'),
    (20_000, 'B'),
    (30_000, 'C'),
    (40_000, 'D'),
    (50_000, 'E'),
    (100_000, 'F'),
    (200_000, 'G'),
    (300_000, 'H'),
    (400_000, 'I'),
    (500_000, 'J'),
    (1_000_000, 'K'),
    (2_000_000, 'L'),
    (4_000_000, 'M'),
    (8_000_000, 'N'),
    (16_000_000, 'O'),
    (30_000_000, 'P'),
    (60_000_000, 'Q'),
    (u64::MAX, '?'),
];
/// Colours of the 256-colour palette, from nothing to everything.
const COLOURS: [u8; 19] =
    [0, 233, 234, 235, 237, 239, 241, 243, 245, 247, 144, 143, 142, 184, 226, 214, 208, 202, 196];
const GREYS: [u8; 13] = [0, 233, 234, 235, 237, 239, 241, 243, 245, 247, 249, 251, 253];
const LINES_PER_LEGEND: u64 = 20;

/// `--latency-dist`: one line a round, each band's share of the samples as a colour.
pub(crate) fn spectrum(session: &mut Session<'_>) -> Result<(), Exit> {
    session.require_connection()?;
    let palette: &[u8] = if session.options.grey_spectrum { &GREYS } else { &COLOURS };
    let round = session.options.interval.unwrap_or(ROUND);
    let mut counts = [0_u64; BANDS.len()];
    let mut lines = 0_u64;
    let mut start = Instant::now();
    loop {
        let latency_us = ping(session)?.as_micros() as u64;
        counts[BANDS.iter().position(|(end, _)| latency_us <= *end).unwrap_or(BANDS.len() - 1)] += 1;
        if start.elapsed() > round {
            if lines.is_multiple_of(LINES_PER_LEGEND) {
                session.console.print(legend(palette))?;
            }
            lines += 1;
            session.console.print(spectrum_line(&counts, palette))?;
            counts.fill(0);
            start = Instant::now();
        }
        session.pause(SAMPLE_EVERY)?;
    }
}

fn spectrum_line(counts: &[u64; BANDS.len()], palette: &[u8]) -> String {
    let total: u64 = counts.iter().sum();
    let steps = palette.len() - 1;
    let mut line = String::from("\x1b[38;5;0m");
    for (count, (_, mark)) in counts.iter().zip(BANDS) {
        // Rounded up: even one sample of many shows.
        let shade = (count * steps as u64).div_ceil(total.max(1)) as usize;
        // Writing to a string cannot fail.
        let _ = write!(line, "\x1b[48;5;{}m{mark}", palette[shade.min(steps)]);
    }
    line.push_str("\x1b[0m\n");
    line
}

fn legend(palette: &[u8]) -> String {
    let rule = "---------------------------------------------\n";
    let mut scale = String::new();
    for colour in palette {
        let _ = write!(scale, "\x1b[48;5;{colour}m ");
    }
    format!(
        "{rule}\
         . - * #          .01 .125 .25 .5 milliseconds\n\
         1,2,3,...,9      from 1 to 9     milliseconds\n\
         A,B,C,D,E        10,20,30,40,50  milliseconds\n\
         F,G,H,I,J        .1,.2,.3,.4,.5       seconds\n\
         K,L,M,N,O,P,Q,?  1,2,4,8,16,30,60,>60 seconds\n\
         From 0 to 100%: {scale}\x1b[0m\n{rule}"
    )
}

/// `--intrinsic-latency`: the longest time a busy loop was kept from running, without any server.
pub(crate) fn intrinsic(session: &mut Session<'_>, seconds: u64) -> Result<(), Exit> {
    let stop = stop_flag();
    let start = Instant::now();
    let wanted = Duration::from_secs(seconds);
    let (mut runs, mut worst_us) = (0_u64, 0);
    while start.elapsed() < wanted && !stop.load(Ordering::Relaxed) {
        let before = Instant::now();
        black_box((0..1000_u64).fold(0, |sum, i| black_box(sum ^ i.rotate_left(7))));
        let took_us = before.elapsed().as_micros() as u64;
        runs += 1;
        if took_us > worst_us {
            worst_us = took_us;
            out!(session.console, "Max latency so far: {worst_us} microseconds.\n");
            session.console.flush()?;
        }
    }
    let average_us = start.elapsed().as_secs_f64() * 1e6 / runs.max(1) as f64;
    let average_ns = average_us * 1e3;
    out!(
        session.console,
        "\n{runs} total runs (avg latency: {average_us:.4} microseconds / {average_ns:.2} nanoseconds per run).\n\
         Worst run took {:.0}x longer than the average latency.\n",
        worst_us as f64 / average_us
    );
    session.console.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_in_every_layout() {
        let mut figures = Figures::default();
        for latency_ms in [3, 0, 1] {
            figures.add(latency_ms);
        }
        assert_eq!(figures.text(Layout::Formatted), "min: 0, max: 3, avg: 1.33 (3 samples)");
        assert_eq!(figures.text(Layout::Raw), "0 3 1.33 3\n");
        assert_eq!(figures.text(Layout::Csv), "0,3,1.33,3\n");
        assert_eq!(figures.text(Layout::Json), "{\"min\": 0, \"max\": 3, \"avg\": 1.33, \"count\": 3}\n");
    }

    #[test]
    fn the_spectrum_shows_shares_as_colours() {
        let mut counts = [0; BANDS.len()];
        counts[0] = 999;
        counts[30] = 1;
        let line = spectrum_line(&counts, &COLOURS);
        assert!(line.starts_with("\x1b[38;5;0m\x1b[48;5;196m.\x1b[48;5;0m-"), "{line:?}");
        assert!(line.ends_with("\x1b[48;5;233m?\x1b[0m\n"), "{line:?}");
        assert!(spectrum_line(&[0; BANDS.len()], &GREYS).contains("\x1b[48;5;0m?"));
    }
}
