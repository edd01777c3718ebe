//! `cargo xtask bench --micro`: the criterion benches of all crates, in one table.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::sh;

/// What one bench measured.
struct Measured {
    name: String,
    median_ns: f64,
    /// How the median relates to that of the baseline: 0.1 is a tenth slower.
    change: Option<f64>,
}

/// Runs the benches whose names contain `filter`, keeps the results as the baseline `save` or compares them with
/// `baseline`, and prints the medians.
pub(super) fn run(filter: Option<&str>, save: Option<&str>, baseline: Option<&str>) -> Result<()> {
    let home = sh::target().join("criterion");
    let start = SystemTime::now();
    let mut bench = sh::cargo(["bench", "--workspace", "--bench", "*", "--"]);
    bench.arg("--noplot").args(filter);
    for (option, name) in [("--save-baseline", save), ("--baseline", baseline)] {
        if let Some(name) = name {
            bench.args([option, name]);
        }
    }
    sh::check(bench.env("CRITERION_HOME", &home))?;
    let mut measured = Vec::new();
    collect(&home, save.unwrap_or("new"), baseline.is_some(), start, &mut measured)?;
    measured.sort_by(|a, b| a.name.cmp(&b.name));
    print!("\n{}", table(&measured));
    Ok(())
}

/// Finds what criterion wrote since `start` in a directory and those below it.
fn collect(
    directory: &Path,
    result: &str,
    compared: bool,
    start: SystemTime,
    measured: &mut Vec<Measured>,
) -> Result<()> {
    let estimates = directory.join(result).join("estimates.json");
    if fs::metadata(&estimates).and_then(|file| file.modified()).is_ok_and(|written| written >= start) {
        let name = read(&directory.join(result).join("benchmark.json"))?;
        let name = name["full_id"].as_str().context("criterion's benchmark.json has no full_id")?;
        let change = if compared { Some(median(&directory.join("change/estimates.json"))?) } else { None };
        measured.push(Measured { name: name.to_owned(), median_ns: median(&estimates)?, change });
    }
    let entries = fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    for path in entries.map(|entry| entry.map(|entry| entry.path())) {
        let path: PathBuf = path?;
        if path.is_dir() {
            collect(&path, result, compared, start, measured)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))
}

fn median(estimates: &Path) -> Result<f64> {
    let median = &read(estimates)?["median"]["point_estimate"];
    median.as_f64().with_context(|| format!("{} has no median", estimates.display()))
}

fn table(measured: &[Measured]) -> String {
    let width = measured.iter().map(|bench| bench.name.chars().count()).max().unwrap_or(0);
    let mut text = format!("{:<width$} {:>10}\n", "bench", "median");
    for bench in measured {
        let change = bench.change.map_or(String::new(), |change| format!(" {:>+7.1}%", 100.0 * change));
        // Writing to a string does not fail.
        let _ = writeln!(text, "{:<width$} {:>10}{change}", bench.name, time(bench.median_ns));
    }
    text
}

/// A time with three digits and its unit.
fn time(ns: f64) -> String {
    let (value, unit) = match ns {
        0.0..1e3 => (ns, "ns"),
        1e3..1e6 => (ns / 1e3, "us"),
        1e6..1e9 => (ns / 1e6, "ms"),
        _ => (ns / 1e9, "s"),
    };
    let decimals = match value {
        0.0..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits() {
        for (ns, expected) in [
            (1.234, "1.23 ns"),
            (56.78, "56.8 ns"),
            (999.4, "999 ns"),
            (12_345.0, "12.3 us"),
            (3e6, "3.00 ms"),
        ] {
            assert_eq!(time(ns), expected);
        }
    }

    #[test]
    fn only_new_results_are_shown() {
        let home = std::env::temp_dir().join(format!("carnelian-micro-{}", std::process::id()));
        let bench = home.join("group/a bench");
        for (folder, file, text) in [
            ("new", "benchmark.json", r#"{"full_id":"group/a bench"}"#),
            ("new", "estimates.json", r#"{"median":{"point_estimate":12.5}}"#),
            ("change", "estimates.json", r#"{"median":{"point_estimate":-0.25}}"#),
        ] {
            fs::create_dir_all(bench.join(folder)).unwrap();
            fs::write(bench.join(folder).join(file), text).unwrap();
        }
        let found = |start| {
            let mut measured = Vec::new();
            collect(&home, "new", true, start, &mut measured).unwrap();
            table(&measured)
        };
        let shown = found(SystemTime::UNIX_EPOCH);
        let later = found(SystemTime::now() + std::time::Duration::from_hours(1));
        fs::remove_dir_all(&home).unwrap();
        assert_eq!(shown, "bench             median\ngroup/a bench    12.5 ns   -25.0%\n");
        assert_eq!(later.lines().count(), 1);
    }
}
