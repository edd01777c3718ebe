//! What the figures are shown as: a table, Markdown and JSON.

use std::fmt::Write as _;

use anyhow::Result;
use serde::Serialize;

use super::workload::{Sample, Test};

/// Where, when and how was measured.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Setting {
    pub(crate) machine: Machine,
    /// Year-month-day, UTC.
    pub(crate) date: String,
    pub(crate) command: String,
    pub(crate) load: String,
    pub(crate) requests: u64,
    pub(crate) keys: u64,
    pub(crate) value_bytes: u64,
    pub(crate) clients: u32,
    pub(crate) rounds: u32,
}

/// The machine, without its name.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory_gib: Option<u64>,
    pub(crate) kernel: String,
}

impl Machine {
    pub(crate) fn read() -> Self {
        let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let memory_kib = field(&text("/proc/meminfo"), "MemTotal")
            .and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok());
        let uname = rustix::system::uname();
        let or_architecture = || uname.machine().to_string_lossy().into_owned();
        Self {
            processor: field(&text("/proc/cpuinfo"), "model name").unwrap_or_else(or_architecture),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gib: memory_kib.map(|kib| (kib + (1 << 19)) >> 20),
            kernel: format!("{} {}", uname.sysname().to_string_lossy(), uname.release().to_string_lossy()),
        }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {} cores", self.processor, self.cores)?;
        if let Some(gib) = self.memory_gib {
            write!(f, ", {gib} GiB")?;
        }
        write!(f, ", {}", self.kernel)
    }
}

/// Today in UTC.
pub(crate) fn today() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    date((since.as_secs() / 86_400) as i64)
}

/// The date so many days after 1970-01-01 in the Gregorian calendar (Hinnant, "chrono-compatible low-level date
/// algorithms"): years begin in March, so that the leap day is the last of its year.
fn date(days: i64) -> String {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// One server's samples.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    label: String,
    name: String,
    ours: bool,
    cases: Vec<(Test, u32)>,
    /// Of each case, one sample a round.
    samples: Vec<Vec<Sample>>,
}

impl Measured {
    pub(crate) fn new(name: &str, ours: bool, cases: &[(Test, u32)]) -> Self {
        let samples = vec![Vec::new(); cases.len()];
        Self { label: name.to_owned(), name: name.to_owned(), ours, cases: cases.to_vec(), samples }
    }

    /// What the server says its version is. Ours is the one in this repository; the version it claims is for clients.
    pub(crate) fn set_version(&mut self, version: &str) {
        if !self.ours {
            self.label = format!("{} {version}", self.name);
        }
    }

    pub(crate) fn add(&mut self, case: usize, sample: Sample) {
        if let Some(samples) = self.samples.get_mut(case) {
            samples.push(sample);
        }
    }
}

/// One server in one case.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Entry {
    pub(crate) server: String,
    pub(crate) ours: bool,
    /// The medians of the rounds.
    pub(crate) median: Sample,
    /// Throughput as a multiple of the best peer's: more is better.
    pub(crate) ops_ratio: Option<f64>,
    /// Processor time per operation as a multiple of the best peer's: less is better.
    pub(crate) cpu_ratio: Option<f64>,
    pub(crate) rounds: Vec<Sample>,
}

/// A test at a pipeline, and how everyone did.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Case {
    pub(crate) test: String,
    pub(crate) pipeline: u32,
    pub(crate) entries: Vec<Entry>,
}

impl Case {
    /// What the case is called in a heading.
    pub(crate) fn title(&self) -> String {
        format!("{}, pipeline {}", self.test.to_uppercase(), self.pipeline)
    }
}

/// Everything that was measured.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Comparison {
    pub(crate) setting: Setting,
    pub(crate) cases: Vec<Case>,
}

impl Comparison {
    pub(crate) fn new(setting: Setting, measured: Vec<Measured>) -> Self {
        let names = measured.first().map(|one| one.cases.clone()).unwrap_or_default();
        let case = |(index, (test, pipeline)): (usize, &(Test, u32))| {
            let mut entries: Vec<Entry> = measured
                .iter()
                .filter_map(|one| {
                    let rounds = one.samples.get(index)?.clone();
                    let median = Sample::median(&rounds)?;
                    let (server, ours) = (one.label.clone(), one.ours);
                    Some(Entry { server, ours, median, ops_ratio: None, cpu_ratio: None, rounds })
                })
                .collect();
            let peers = || entries.iter().filter(|entry| !entry.ours).map(|entry| entry.median);
            let best_ops = peers().map(|median| median.ops_per_s).reduce(f64::max);
            let best_cpu = peers().filter_map(|median| median.cpu_us_per_op).reduce(f64::min);
            for entry in &mut entries {
                let over = |value: f64, best: f64| (best > 0.0).then(|| value / best);
                entry.ops_ratio = best_ops.and_then(|best| over(entry.median.ops_per_s, best));
                entry.cpu_ratio =
                    entry.median.cpu_us_per_op.zip(best_cpu).and_then(|(cpu, best)| over(cpu, best));
            }
            Case { test: test.name.to_owned(), pipeline: *pipeline, entries }
        };
        Self { setting, cases: names.iter().enumerate().map(case).collect() }
    }

    /// All figures of all rounds.
    pub(crate) fn json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The table for a terminal; `colour`: our rows are red like the stone.
    pub(crate) fn table(&self, colour: bool) -> String {
        let heads = ["server", "op/s", "CPU us/op", "p50 ms", "p99 ms", "op/s ratio", "CPU ratio"];
        let rows = self.cases.iter().flat_map(|case| case.entries.iter().map(row));
        let mut widths = heads.map(str::len);
        for cells in rows {
            for (width, cell) in widths.iter_mut().zip(&cells) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let line = |cells: &[String]| {
            let mut text = String::new();
            for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
                // The names to the left, the numbers to the right.
                let _ = if index == 0 {
                    write!(text, "  {cell:width$}")
                } else {
                    write!(text, "  {cell:>width$}")
                };
            }
            text
        };
        let mut text = String::new();
        let _ = writeln!(text, "{}", line(&heads.map(str::to_owned)));
        for case in &self.cases {
            let _ = writeln!(text, "{}", paint(colour, BOLD, &case.title()));
            for entry in &case.entries {
                let style = if entry.ours { CARNELIAN } else { "" };
                let _ = writeln!(text, "{}", paint(colour, style, &line(&row(entry))));
            }
        }
        text.push_str(
            "Ratios are to the best peer: throughput more is better, processor time less is better.\n",
        );
        text
    }

    /// Tables with all that a number in the documentation has to say about itself.
    pub(crate) fn markdown(&self) -> String {
        let setting = &self.setting;
        let mut text = String::new();
        let _ = writeln!(text, "- Machine: {}", setting.machine);
        let _ = writeln!(text, "- Date: {}", setting.date);
        let _ = writeln!(text, "- Command: `{}`", setting.command);
        let _ = writeln!(
            text,
            "- Load: `{}` on a core of its own, {} connections, {} random keys, {}-byte values, persistence off; \
             medians of {} rounds in turn",
            setting.load, setting.clients, setting.keys, setting.value_bytes, setting.rounds
        );
        text.push_str("- Ratios are to the best peer of the same line.\n");
        text.push_str("\n| test | server | op/s | CPU us/op | p50 ms | p99 ms | op/s ratio | CPU ratio |\n");
        text.push_str("|---|---|---:|---:|---:|---:|---:|---:|\n");
        for case in &self.cases {
            for entry in &case.entries {
                let strong = if entry.ours { "**" } else { "" };
                let cells = row(entry).map(|cell| format!("{strong}{cell}{strong}"));
                let _ = writeln!(text, "| {} | {} |", case.title(), cells.join(" | "));
            }
        }
        text
    }
}

const BOLD: &str = "\x1b[1m";
const CARNELIAN: &str = "\x1b[31m";

fn paint(colour: bool, style: &str, text: &str) -> String {
    if colour && !style.is_empty() { format!("{style}{text}\x1b[0m") } else { text.to_owned() }
}

/// The cells of an entry, in the order of the table's head.
fn row(entry: &Entry) -> [String; 7] {
    let median = &entry.median;
    let or_dash = |value: Option<f64>, digits: usize, unit: &str| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}{unit}"))
    };
    [
        entry.server.clone(),
        thousands(median.ops_per_s),
        or_dash(median.cpu_us_per_op, 3, ""),
        format!("{:.3}", median.p50_ms),
        format!("{:.3}", median.p99_ms),
        or_dash(entry.ops_ratio, 2, "x"),
        or_dash(entry.cpu_ratio, 2, "x"),
    ]
}

/// A whole number in groups of three: 1,234,567.
pub(crate) fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.max(0.0));
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn sample(ops_per_s: f64, cpu: f64) -> Sample {
        Sample { ops_per_s, cpu_us_per_op: Some(cpu), p50_ms: 0.5, p99_ms: 1.25 }
    }

    /// Three servers in two cases; names that need escaping.
    pub(crate) fn comparison() -> Comparison {
        let cases = ["set", "get"].map(|name| (Test::named(name).unwrap(), 16));
        let mut ours = Measured::new("Carnelian", true, &cases);
        let mut first = Measured::new("Redis", false, &cases);
        let mut second = Measured::new("<V> & \"W\"", false, &cases);
        ours.set_version("7.0.15");
        first.set_version("7.0.15");
        for case in 0..2 {
            ours.add(case, sample(1_200_000.0, 0.7));
            first.add(case, sample(400_000.0, 2.8));
            second.add(case, sample(600_000.0, 1.4));
        }
        let machine =
            Machine { processor: "A & B".into(), cores: 2, memory_gib: Some(8), kernel: "Linux 6".into() };
        let setting = Setting {
            machine,
            date: "2026-01-02".into(),
            command: "cargo xtask bench".into(),
            load: "redis-benchmark".into(),
            requests: 1000,
            keys: 1000,
            value_bytes: 64,
            clients: 50,
            rounds: 3,
        };
        Comparison::new(setting, vec![ours, first, second])
    }

    #[test]
    fn ratios_are_to_the_best_peer() {
        let comparison = comparison();
        let entries = &comparison.cases[0].entries;
        assert_eq!(entries[0].ops_ratio, Some(2.0));
        assert_eq!(entries[0].cpu_ratio, Some(0.5));
        assert_eq!((entries[2].ops_ratio, entries[1].cpu_ratio), (Some(1.0), Some(2.0)));
        assert_eq!((entries[0].server.as_str(), entries[1].server.as_str()), ("Carnelian", "Redis 7.0.15"));
    }

    #[test]
    fn the_table_is_aligned_and_plain_without_colour() {
        let expected = "  \
  server           op/s  CPU us/op  p50 ms  p99 ms  op/s ratio  CPU ratio
SET, pipeline 16
  Carnelian     1,200,000      0.700   0.500   1.250       2.00x      0.50x
  Redis 7.0.15    400,000      2.800   0.500   1.250       0.67x      2.00x
";
        let table = comparison().table(false);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[1..4], expected.lines().collect::<Vec<_>>()[1..4]);
        let heads = |line: &str| line.chars().count();
        assert_eq!(heads(lines[0]), heads(lines[2]));
        assert!(!table.contains('\x1b'));
        assert!(comparison().table(true).contains("\x1b[31m  Carnelian"));
    }

    #[test]
    fn markdown_says_machine_command_and_date() {
        let markdown = comparison().markdown();
        for part in
            ["A & B, 2 cores, 8 GiB, Linux 6", "2026-01-02", "`cargo xtask bench`", "| **Carnelian** |"]
        {
            assert!(markdown.contains(part), "{part} in {markdown}");
        }
        let columns = |line: &str| line.matches('|').count();
        assert!(markdown.lines().filter(|line| line.starts_with('|')).all(|line| columns(line) == 9));
    }

    #[test]
    fn json_holds_every_round() {
        let json: serde_json::Value = serde_json::from_str(&comparison().json().unwrap()).unwrap();
        assert_eq!(json["cases"][1]["entries"][0]["rounds"][0]["cpu_us_per_op"], 0.7);
        assert_eq!(json["setting"]["machine"]["cores"], 2);
    }

    #[test]
    fn dates_and_numbers_are_written_for_people() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(19_782), "2024-02-29");
        assert_eq!(date(20_779), "2026-11-22");
        assert_eq!([0.4, 999.0, 1000.0, 1_234_567.8].map(thousands), ["0", "999", "1,000", "1,234,568"]);
    }
}
