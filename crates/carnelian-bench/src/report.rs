//! The layout of the reports: the full one, the quiet line, the CSV row and the progress line.

use std::io::{self, Write};

use crate::latency::Share;
use crate::load::{Outcome, Progress};
use crate::options::Options;
use crate::probe::HostConfig;

const CSV_HEADER: &str = "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\
                          \"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\"";

/// Writes reports in the form that the options ask for.
pub(crate) struct Report<'a> {
    options: &'a Options,
    host: Option<&'a HostConfig>,
    terminal: bool,
    out: &'a mut dyn Write,
    /// How many columns the progress line on the screen has.
    progress_columns: usize,
}

impl<'a> Report<'a> {
    /// `terminal`: whether `out` can show a line that is written over and over.
    pub(crate) fn new(
        options: &'a Options,
        host: Option<&'a HostConfig>,
        terminal: bool,
        out: &'a mut dyn Write,
    ) -> Self {
        Self { options, host, terminal, out, progress_columns: 0 }
    }

    /// The first line of the CSV; nothing in the other forms.
    pub(crate) fn csv_header(&mut self) -> io::Result<()> {
        if self.options.csv { writeln!(self.out, "{CSV_HEADER}") } else { Ok(()) }
    }

    /// The line after a run of the default tests.
    pub(crate) fn suite_end(&mut self) -> io::Result<()> {
        if self.options.csv { Ok(()) } else { writeln!(self.out) }
    }

    /// Shows how the test is doing, on a terminal.
    pub(crate) fn progress(&mut self, title: &str, progress: Progress) -> io::Result<()> {
        if !self.terminal || self.options.csv {
            return Ok(());
        }
        let line = format!(
            "{title}: rps={:.1} (overall: {:.1}) avg_msec={:.3} (overall: {:.3})",
            progress.interval_rps, progress.overall_rps, progress.interval_mean_ms, progress.overall_mean_ms
        );
        self.clear_progress()?;
        self.progress_columns = line.chars().count();
        write!(self.out, "{line}\r")?;
        self.out.flush()
    }

    /// Takes the progress line off the screen.
    pub(crate) fn clear_progress(&mut self) -> io::Result<()> {
        match std::mem::take(&mut self.progress_columns) {
            0 => Ok(()),
            columns => write!(self.out, "{:columns$}\r", ""),
        }
    }

    /// The report of a test whose commands had `payload_bytes`.
    pub(crate) fn test(&mut self, title: &str, payload_bytes: usize, outcome: &Outcome) -> io::Result<()> {
        self.clear_progress()?;
        let latencies = &outcome.latencies;
        // A run too short to be timed is as fast as the shortest that can be.
        let rps = outcome.finished as f64 / outcome.elapsed.as_secs_f64().max(1e-6);
        let [p50, p95, p99] = [50.0, 95.0, 99.0].map(|percent| latencies.percentile_ms(percent));
        let (mean, min, max) = (latencies.mean_ms(), latencies.min_ms(), latencies.max_ms());
        if self.options.csv {
            writeln!(
                self.out,
                "\"{title}\",\"{rps:.2}\",\"{mean:.3}\",\"{min:.3}\",\"{p50:.3}\",\"{p95:.3}\",\"{p99:.3}\",\"{max:.3}\""
            )?;
        } else if self.options.quiet {
            writeln!(self.out, "{title}: {rps:.2} requests per second, p50={p50:.3} msec")?;
        } else {
            self.head(title, payload_bytes, outcome)?;
            self.distribution("Latency by percentile distribution:", &latencies.by_percentile())?;
            self.distribution("Cumulative distribution of latencies:", &latencies.by_time())?;
            writeln!(self.out, "Summary:")?;
            writeln!(self.out, "  throughput summary: {rps:.2} requests per second")?;
            writeln!(self.out, "  latency summary (msec):")?;
            let names = ["avg", "min", "p50", "p95", "p99", "max"].map(|name| format!("{name:>9}")).join(" ");
            let values = [mean, min, p50, p95, p99, max].map(|value| format!("{value:>9.3}")).join(" ");
            writeln!(self.out, "    {names}\n    {values}")?;
        }
        self.out.flush()
    }

    fn head(&mut self, title: &str, payload_bytes: usize, outcome: &Outcome) -> io::Result<()> {
        let options = self.options;
        writeln!(self.out, "====== {title} ======")?;
        let seconds = outcome.elapsed.as_secs_f64();
        writeln!(self.out, "  {} requests completed in {seconds:.2} seconds", outcome.finished)?;
        writeln!(self.out, "  {} parallel clients", options.clients)?;
        writeln!(self.out, "  {payload_bytes} bytes payload")?;
        writeln!(self.out, "  keep alive: {}", u8::from(options.keep_alive))?;
        if let Some(host) = self.host {
            writeln!(self.out, "  host configuration \"save\": {}", host.save)?;
            writeln!(self.out, "  host configuration \"appendonly\": {}", host.appendonly)?;
        }
        writeln!(self.out, "  multi-thread: {}", if options.threads > 0 { "yes" } else { "no" })?;
        if options.threads > 0 {
            writeln!(self.out, "  threads: {}", options.threads)?;
        }
        writeln!(self.out)
    }

    fn distribution(&mut self, heading: &str, shares: &[Share]) -> io::Result<()> {
        writeln!(self.out, "{heading}")?;
        for share in shares {
            writeln!(
                self.out,
                "{:.3}% <= {:.3} milliseconds (cumulative count {})",
                share.percent, share.at_most_ms, share.count
            )?;
        }
        writeln!(self.out)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::latency::Latencies;

    fn outcome() -> Outcome {
        let mut latencies = Latencies::new(3);
        latencies.record(Duration::from_micros(255), 2);
        latencies.record(Duration::from_micros(4751), 2);
        Outcome { finished: 4, elapsed: Duration::from_millis(60), latencies }
    }

    fn written(options: &Options, terminal: bool) -> String {
        let host = HostConfig { save: String::new(), appendonly: "no".into() };
        let mut out = Vec::new();
        let mut report = Report::new(options, Some(&host), terminal, &mut out);
        report.csv_header().unwrap();
        let progress =
            Progress { interval_rps: 1.0, overall_rps: 2.0, interval_mean_ms: 0.5, overall_mean_ms: 0.25 };
        report.progress("SET", progress).unwrap();
        report.test("SET", 3, &outcome()).unwrap();
        report.suite_end().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_full_report_has_the_lines_of_the_reference() {
        let expected = "\
====== SET ======
  4 requests completed in 0.06 seconds
  50 parallel clients
  3 bytes payload
  keep alive: 1
  host configuration \"save\": 
  host configuration \"appendonly\": no
  multi-thread: no

Latency by percentile distribution:
0.000% <= 0.255 milliseconds (cumulative count 2)
50.000% <= 0.255 milliseconds (cumulative count 2)
";
        let full = written(&Options::default(), false);
        let head: Vec<&str> = full.lines().take(11).collect();
        assert_eq!(head, expected.lines().take(11).collect::<Vec<_>>());
        let tail = "
Cumulative distribution of latencies:
0.000% <= 0.103 milliseconds (cumulative count 0)
50.000% <= 0.303 milliseconds (cumulative count 2)
100.000% <= 5.103 milliseconds (cumulative count 4)

Summary:
  throughput summary: 66.67 requests per second
  latency summary (msec):
          avg       min       p50       p95       p99       max
        2.500     0.248     0.255     4.751     4.751     4.751

";
        assert!(full.ends_with(tail), "{full}");
        let threads = Options { threads: 2, keep_alive: false, ..Options::default() };
        assert!(written(&threads, false).contains("  keep alive: 0\n"));
        assert!(written(&threads, false).contains("  multi-thread: yes\n  threads: 2\n"));
    }

    #[test]
    fn quiet_is_one_line_a_test() {
        let quiet = Options { quiet: true, ..Options::default() };
        assert_eq!(written(&quiet, false), "SET: 66.67 requests per second, p50=0.255 msec\n\n");
    }

    #[test]
    fn csv_has_a_header_and_quoted_fields() {
        let csv = Options { csv: true, quiet: true, ..Options::default() };
        assert_eq!(
            written(&csv, true),
            "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\"p95_latency_ms\",\
             \"p99_latency_ms\",\"max_latency_ms\"\n\
             \"SET\",\"66.67\",\"2.500\",\"0.248\",\"0.255\",\"4.751\",\"4.751\",\"4.751\"\n"
        );
    }

    #[test]
    fn progress_is_for_terminals_and_leaves_nothing_behind() {
        let quiet = Options { quiet: true, ..Options::default() };
        let line = "SET: rps=1.0 (overall: 2.0) avg_msec=0.500 (overall: 0.250)";
        let blank = " ".repeat(line.len());
        let expected = format!("{line}\r{blank}\rSET: 66.67 requests per second, p50=0.255 msec\n\n");
        assert_eq!(written(&quiet, true), expected);
    }
}
