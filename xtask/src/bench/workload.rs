//! What is measured, with which load, and what came of it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::servers::{Process, Server};

/// The longest that one run of the load may take.
const LOAD_TIMEOUT: Duration = Duration::from_mins(15);

/// The load of all runs.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// Program and first arguments: `redis-benchmark`, or `carnelian benchmark`.
    pub(crate) program: Vec<String>,
    pub(crate) cpus: Vec<usize>,
    pub(crate) requests: u64,
    pub(crate) keys: u64,
    pub(crate) value_bytes: u64,
    pub(crate) clients: u32,
}

/// A test by the name that `-t` gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Test {
    pub(crate) name: &'static str,
    /// The test that fills what this one empties or reads.
    fill: Fill,
    /// The command, where `-t` would measure the filling along with it.
    command: &'static [&'static str],
}

/// What has to be there before a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fill {
    /// Whatever the tests before it left: SET, then GET.
    Kept,
    /// Nothing.
    Empty,
    /// As many elements as will be taken away.
    Equal(&'static str),
    /// A list of a thousand elements.
    Thousand,
}

const fn test(name: &'static str, fill: Fill) -> Test {
    Test { name, fill, command: &[] }
}

const fn range(name: &'static str, command: &'static [&'static str]) -> Test {
    Test { name, fill: Fill::Thousand, command }
}

const TESTS: &[Test] = &[
    test("ping_inline", Fill::Kept),
    test("ping_mbulk", Fill::Kept),
    test("set", Fill::Kept),
    test("get", Fill::Kept),
    test("incr", Fill::Empty),
    test("lpush", Fill::Empty),
    test("rpush", Fill::Empty),
    test("lpop", Fill::Equal("lpush")),
    test("rpop", Fill::Equal("lpush")),
    test("sadd", Fill::Empty),
    test("hset", Fill::Empty),
    test("spop", Fill::Equal("sadd")),
    test("zadd", Fill::Empty),
    test("zpopmin", Fill::Equal("zadd")),
    range("lrange_100", &["LRANGE", "mylist", "0", "99"]),
    range("lrange_300", &["LRANGE", "mylist", "0", "299"]),
    range("lrange_500", &["LRANGE", "mylist", "0", "499"]),
    range("lrange_600", &["LRANGE", "mylist", "0", "599"]),
    test("mset", Fill::Empty),
];

impl Test {
    /// The test of this name, in any case.
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        let wanted = name.to_lowercase();
        TESTS.iter().find(|test| test.name == wanted).copied().ok_or_else(|| {
            let names: Vec<&str> = TESTS.iter().map(|test| test.name).collect();
            format!("no such test; there are {}", names.join(", "))
        })
    }
}

/// What one run of one test came to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Sample {
    pub(crate) ops_per_s: f64,
    /// Processor time of the server per operation; None where it cannot be read.
    pub(crate) cpu_us_per_op: Option<f64>,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Sample {
    /// The median of each figure by itself; None of nothing.
    pub(crate) fn median(samples: &[Self]) -> Option<Self> {
        let of = |figure: fn(&Self) -> f64| median(samples.iter().map(figure).collect());
        Some(Self {
            ops_per_s: of(|sample| sample.ops_per_s)?,
            cpu_us_per_op: median(samples.iter().filter_map(|sample| sample.cpu_us_per_op).collect()),
            p50_ms: of(|sample| sample.p50_ms)?,
            p99_ms: of(|sample| sample.p99_ms)?,
        })
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        even if even % 2 == 0 => Some(f64::midpoint(values[middle - 1], values[middle])),
        _ => Some(values[middle]),
    }
}

impl Load {
    /// The number of requests at a pipeline: a fifth unpipelined, where each costs five times as much and more.
    pub(crate) fn requests_at(&self, pipeline: u32) -> u64 {
        if pipeline > 1 { self.requests } else { (self.requests / 5).max(100_000.min(self.requests)) }
    }

    /// Prepares `server` for `test` and measures it.
    pub(crate) fn measure(
        &self,
        server: &Server,
        test: Test,
        pipeline: u32,
        scratch: &Path,
    ) -> Result<Sample> {
        let requests = self.requests_at(pipeline);
        match test.fill {
            Fill::Kept => {}
            Fill::Empty => server.flush()?,
            Fill::Equal(other) => {
                server.flush()?;
                self.run(server, &["-t", other], requests, 64, scratch)?;
            }
            Fill::Thousand => {
                server.flush()?;
                self.run(server, &["-t", "lpush"], 1000, 1, scratch)?;
            }
        }
        let before = server.cpu_time();
        let what = if test.command.is_empty() { vec!["-t", test.name] } else { test.command.to_vec() };
        let row = self.run(server, &what, requests, pipeline, scratch)?;
        let cpu = before.and_then(|before| Ok(server.cpu_time()?.saturating_sub(before)));
        let cpu_us_per_op = cpu.ok().map(|cpu| cpu.as_secs_f64() * 1e6 / requests as f64);
        Ok(Sample { ops_per_s: row.ops_per_s, cpu_us_per_op, p50_ms: row.p50_ms, p99_ms: row.p99_ms })
    }

    /// Fills the key space, for a GET that no SET came before.
    pub(crate) fn fill(&self, server: &Server, scratch: &Path) -> Result<()> {
        self.run(server, &["-t", "set"], self.requests, 64, scratch).map(drop)
    }

    fn run(
        &self,
        server: &Server,
        what: &[&str],
        requests: u64,
        pipeline: u32,
        scratch: &Path,
    ) -> Result<Row> {
        let (program, first) = self.program.split_first().context("no load generator")?;
        let output = scratch.join("load.csv");
        let log = scratch.join("load.log");
        let mut command = Command::new(program);
        let port = server.port().to_string();
        command.args(first).args(["-h", "127.0.0.1", "-p", &port, "--csv"]);
        for (option, value) in [
            ("-n", requests),
            ("-P", u64::from(pipeline)),
            ("-r", self.keys),
            ("-d", self.value_bytes),
            ("-c", u64::from(self.clients)),
        ] {
            command.args([option, &value.to_string()]);
        }
        command.args(what).current_dir(scratch).stdin(Stdio::null());
        command.stdout(std::fs::File::create(&output)?).stderr(std::fs::File::create(&log)?);
        let mut process = Process::start(&mut command, &self.cpus)?;
        let status = process
            .wait_until(Instant::now() + LOAD_TIMEOUT)?
            .with_context(|| format!("the load took more than {} s", LOAD_TIMEOUT.as_secs()))?;
        if !status.success() {
            let errors = String::from_utf8_lossy(&std::fs::read(&log)?).trim().to_owned();
            bail!("the load failed ({status}): {errors}");
        }
        let csv = String::from_utf8_lossy(&std::fs::read(&output)?).into_owned();
        Row::last_of(&csv).with_context(|| format!("the load printed no result: {csv:?}"))
    }
}

/// What a row of the load's CSV says.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Row {
    ops_per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
}

impl Row {
    /// The last row that is not the header; progress lines may stand before it on the same line.
    fn last_of(csv: &str) -> Option<Self> {
        let line = csv.lines().rev().find(|line| line.contains("\",\"") && !line.contains("\"test\""))?;
        let fields: Vec<&str> = line.trim_end().trim_end_matches('"').rsplit("\",\"").collect();
        // From the end, because a title may hold anything: max, p99, p95, p50, min, avg, rps.
        let number =
            |index: usize| fields.get(index)?.parse::<f64>().ok().filter(|number| number.is_finite());
        Some(Self { ops_per_s: number(6)?, p50_ms: number(3)?, p99_ms: number(1)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_is_found_by_its_name() {
        for test in TESTS {
            assert_eq!(Test::named(&test.name.to_uppercase()), Ok(*test));
        }
        assert_eq!(Test::named("lrange_300").unwrap().command, ["LRANGE", "mylist", "0", "299"]);
        assert_eq!(Test::named("lrange_600").unwrap().command, ["LRANGE", "mylist", "0", "599"]);
        assert!(Test::named("nope").unwrap_err().contains("zpopmin"));
    }

    #[test]
    fn rows_are_read_from_their_end() {
        let csv = "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\"p95_latency_ms\",\
                   \"p99_latency_ms\",\"max_latency_ms\"\n\
                   \"SET a\",\"b\",\"37037.04\",\"0.873\",\"0.192\",\"0.759\",\"1.335\",\"4.623\",\"4.839\"\n";
        assert_eq!(Row::last_of(csv), Some(Row { ops_per_s: 37037.04, p50_ms: 0.759, p99_ms: 4.623 }));
        assert_eq!(Row::last_of(""), None);
        assert_eq!(Row::last_of("\"SET\",\"nan\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\"\n"), None);
    }

    #[test]
    fn medians_are_taken_of_each_figure() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
        assert_eq!(median(vec![]), None);
        let sample = |ops_per_s, cpu_us_per_op| Sample { ops_per_s, cpu_us_per_op, p50_ms: 1.0, p99_ms: 2.0 };
        let middle =
            Sample::median(&[sample(1.0, Some(9.0)), sample(3.0, None), sample(2.0, Some(7.0))]).unwrap();
        assert_eq!((middle.ops_per_s, middle.cpu_us_per_op), (2.0, Some(8.0)));
        assert_eq!(Sample::median(&[]), None);
    }
}
