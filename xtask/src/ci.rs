//! `cargo xtask ci`: everything that must hold before a change is taken in.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::sh;

/// Run every check, the quick ones first, and end with a table.
///
/// The stages, in order: fmt, clippy, tidy, setup, test, docs, build, examples, clients, differential,
/// conformance, fuzz. It stops at the first stage that fails, unless told to go on. The last line counts the tests of all
/// stages; a stage that has no tests of its own counts as one.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run only this stage (repeatable).
    #[arg(long, value_name = "STAGE", value_parser = stage_names())]
    only: Vec<String>,
    /// Leave this stage out (repeatable).
    #[arg(long, value_name = "STAGE", value_parser = stage_names())]
    skip: Vec<String>,
    /// Run the other stages when one fails.
    #[arg(long)]
    keep_going: bool,
}

struct Stage {
    name: &'static str,
    /// What it runs: a task of ours, or a command of cargo.
    run: Run,
    /// Time after which it is ended and fails.
    limit: Duration,
}

enum Run {
    Task(&'static [&'static str]),
    Cargo(&'static [&'static str]),
}

const fn stage(name: &'static str, limit_min: u64, run: Run) -> Stage {
    Stage { name, run, limit: Duration::from_mins(limit_min) }
}

const STAGES: &[Stage] = &[
    stage("fmt", 5, Run::Cargo(&["fmt", "--all", "--check"])),
    stage("clippy", 30, Run::Cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])),
    stage("tidy", 5, Run::Task(&["tidy"])),
    stage("setup", 30, Run::Task(&["setup"])),
    stage("test", 45, Run::Task(&["test"])),
    stage("docs", 20, Run::Cargo(&["doc", "--workspace", "--no-deps"])),
    stage("build", 45, Run::Cargo(&["build", "--release"])),
    stage("examples", 20, Run::Task(&["examples"])),
    stage("clients", 30, Run::Task(&["clients"])),
    stage("differential", 20, Run::Task(&["differential", "--commands", "20000"])),
    stage("conformance", 45, Run::Task(&["conformance"])),
    stage("fuzz", 30, Run::Task(&["fuzz", "--smoke"])),
];

fn stage_names() -> Vec<&'static str> {
    STAGES.iter().map(|stage| stage.name).collect()
}

/// How a stage ended.
struct Outcome {
    name: &'static str,
    failure: Option<String>,
    seconds: f64,
    tests: Tests,
}

/// Tests that were counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tests {
    passed: u64,
    failed: u64,
}

impl std::ops::AddAssign for Tests {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

pub(crate) fn run(args: Args) -> Result<()> {
    let wanted = |name: &str| {
        (args.only.is_empty() || args.only.iter().any(|only| only == name))
            && !args.skip.iter().any(|skip| skip == name)
    };
    let stages: Vec<_> = STAGES.iter().filter(|stage| wanted(stage.name)).collect();
    if stages.is_empty() {
        bail!("no stage is left to run");
    }
    // A stage may rebuild this program, after which the system no longer knows its path.
    let this = std::env::current_exe()?;
    let mut outcomes = Vec::new();
    for stage in &stages {
        println!("\n==== {} ====", stage.name);
        let mut command = match stage.run {
            Run::Task(words) => sh::command(&this, words),
            Run::Cargo(words) => sh::cargo(words),
        };
        let outcome = follow(stage, &mut command);
        let failed = outcome.failure.is_some();
        outcomes.push(outcome);
        if failed && !args.keep_going {
            break;
        }
    }

    println!("\n{:<14} {:<8} {:>8} {:>8} {:>8}", "stage", "result", "passed", "failed", "seconds");
    let mut total = Tests::default();
    for Outcome { name, failure, seconds, tests } in &outcomes {
        let result = if failure.is_some() { "FAILED" } else { "ok" };
        println!("{name:<14} {result:<8} {:>8} {:>8} {seconds:>8.1}", tests.passed, tests.failed);
        total += *tests;
    }
    for stage in &stages[outcomes.len()..] {
        println!("{:<14} not run", stage.name);
    }
    for Outcome { name, failure, .. } in &outcomes {
        if let Some(why) = failure {
            println!("\n{name} failed: {why}; run it alone with `cargo xtask ci --only {name}`");
        }
    }
    println!("\n{} passed, {} failed", total.passed, total.failed);
    if outcomes.iter().any(|outcome| outcome.failure.is_some()) {
        // The counts are the last line that is printed, so no error is passed up to be printed after it.
        std::process::exit(1);
    }
    Ok(())
}

/// Runs a stage, shows what it prints and counts the tests in it.
fn follow(stage: &Stage, command: &mut Command) -> Outcome {
    println!("$ {}", sh::display(command));
    let start = Instant::now();
    // Colours would have to be taken out again before counting.
    command.env("CARGO_TERM_COLOR", "never").env("RUSTDOCFLAGS", "-D warnings");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let tests = Mutex::new(Tests::default());
    let failure = match sh::Group::spawn(command) {
        Err(error) => Some(format!("{error:#}")),
        Ok(mut group) => std::thread::scope(|scope| {
            let (out, err) = group.take_output();
            scope.spawn(|| show_and_count(out, &tests));
            scope.spawn(|| show_and_count(err, &tests));
            let ended = group.wait(stage.limit);
            // Ends whatever a stage left behind, which also closes the pipes that the readers wait on.
            drop(group);
            match ended {
                Ok(Some(status)) if status.success() => None,
                Ok(Some(status)) => Some(status.to_string()),
                Ok(None) => Some(format!("not done after {} min", stage.limit.as_secs() / 60)),
                Err(error) => Some(format!("{error:#}")),
            }
        }),
    };
    let mut tests = tests.into_inner().unwrap_or_default();
    match &failure {
        Some(_) if tests.failed == 0 => tests.failed = 1,
        None if tests == Tests::default() => tests.passed = 1,
        _ => {}
    }
    Outcome { name: stage.name, failure, seconds: start.elapsed().as_secs_f64(), tests }
}

fn show_and_count(stream: Option<impl Read>, tests: &Mutex<Tests>) {
    let Some(stream) = stream else { return };
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        println!("{text}");
        if let (Some(counted), Ok(mut tests)) = (counts(text), tests.lock()) {
            *tests += counted;
        }
        line.clear();
    }
}

/// The counts in a line that sums up tests: that of `cargo test`, of `cargo nextest`, of pytest, or of a task of ours.
fn counts(line: &str) -> Option<Tests> {
    // `cargo nextest` shows what a failing test printed, which ends with a sum of its own, indented.
    let cargo_test = line.starts_with("test result: ");
    let line = line.trim();
    let number_before = |word: &str| {
        let words: Vec<&str> = line.split([' ', ';', ',']).filter(|word| !word.is_empty()).collect();
        let at = words.iter().position(|found| *found == word)?;
        words.get(at.checked_sub(1)?)?.parse::<u64>().ok()
    };
    let passed = number_before("passed")?;
    let failed = number_before("failed");
    let ours = || failed.is_some_and(|failed| line == format!("{passed} passed, {failed} failed"));
    let seconds =
        |text: &str| text.split_once('s').is_some_and(|(seconds, _)| seconds.parse::<f64>().is_ok());
    let pytest = || line.split_once(" in ").is_some_and(|(_, time)| seconds(time));
    let sums_up = cargo_test || line.starts_with("Summary [") || ours() || pytest();
    sums_up.then(|| Tests { passed, failed: failed.unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_runners_are_counted() {
        let tests = |passed, failed| Some(Tests { passed, failed });
        for (line, expected) in [
            ("test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out", tests(12, 0)),
            ("test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured", tests(1, 2)),
            ("     Summary [   0.051s] 20 tests run: 20 passed, 1 skipped", tests(20, 0)),
            ("     Summary [   1.000s] 20 tests run: 18 passed (1 slow), 2 failed, 0 skipped", tests(18, 2)),
            ("    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured", None),
            ("991 passed, 3 failed", tests(991, 3)),
            ("196 passed in 9.83s", tests(196, 0)),
            ("10 failed, 186 passed in 82.83s (0:01:22)", tests(186, 10)),
            ("12 passed in all", None),
            ("  unit/type/list: 235 passed, 14.9 s", None),
            ("5 passed, 1 failed so far", None),
            ("Compiling carnelian", None),
        ] {
            assert_eq!(counts(line), expected, "{line}");
        }
    }
}
