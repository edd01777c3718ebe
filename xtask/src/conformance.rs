//! `cargo xtask conformance`: the reference server's own test suite, against ours.

mod expected;
mod output;
mod suite;

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use self::expected::{Difference, Expected};
use self::output::{OUTSIDE, Outcome, Output};
use self::suite::{Slot, Suite};
use crate::sh;

/// Run the reference server's Tcl test suite against our server.
///
/// Every unit runs by itself, in a scratch directory with its own ports and with our programs in the place of the
/// suite's. The results are compared with conformance/expected-failures.tsv: a failure that is not on the list is an
/// error, and so is an entry whose test passes, because the list may only shrink.
///
/// A test that throws fails and the unit goes on; a test that hangs is left out and the unit is started again. When a
/// unit ends early all the same, the tests it did not get to are counted as failures "not run"; their names come from
/// the reference server, if there is one on this machine.
///
/// Carnelian runs with `set-max-listpack-entries 0`: the suite is that of 7.0.15, where a small set that is not of
/// integers is a hash table. It has one thread, `io-threads 1`: some tests send a command on one connection and the next
/// on another without waiting, and rely on the order. `--shards` is handed on in the same way, as configuration.
///
/// To see one test fail: `cargo xtask conformance --unit unit/expire --test "EXPIRE - set timeouts multiple times"`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run this unit, such as `unit/type/string` (repeatable); those of conformance/units.txt otherwise.
    #[arg(long, value_name = "UNIT")]
    unit: Vec<String>,
    /// Run only the tests of this name, or with a leading `/` of this pattern (repeatable). Leaves the comparison with
    /// the list out.
    #[arg(long, value_name = "NAME")]
    test: Vec<String>,
    /// The server to test. Our own release build if not given.
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// Take redis-cli and the other tools from this directory, instead of from beside the server or from the server.
    #[arg(long, value_name = "DIR")]
    tools: Option<PathBuf>,
    /// A checkout of the suite. What `cargo xtask setup` fetched if not given.
    #[arg(long, value_name = "DIR")]
    suite: Option<PathBuf>,
    /// The server that knows all tests, to tell which of them were not run.
    #[arg(long, value_name = "PATH", default_value = "/usr/bin/redis-server")]
    reference: PathBuf,
    /// Units at a time; one per core if not given.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// The number of shards the server is started with.
    #[arg(long, value_name = "N")]
    shards: Option<u16>,
    /// The first port to use; every slot takes 400 from here on, and the same ones 10,000 above.
    #[arg(long, value_name = "PORT", default_value_t = 21_111)]
    base_port: u16,
    /// A test that gives no sign of life for this many seconds hangs.
    #[arg(long, value_name = "S", default_value_t = 60)]
    hang_s: u64,
    /// A unit that takes more than this many seconds is ended.
    #[arg(long, value_name = "S", default_value_t = 600)]
    unit_s: u64,
    /// Rewrite the list of expected failures to what this run found.
    #[arg(long, conflicts_with_all = ["test", "no_list"])]
    update: bool,
    /// Compare with an empty list, as for a run against the reference server itself.
    #[arg(long)]
    no_list: bool,
}

/// A unit that has been run.
struct Finished {
    unit: String,
    output: Output,
    seconds: f64,
}

pub(crate) fn run(args: Args) -> Result<()> {
    let source = args.suite.clone().unwrap_or_else(sh::redis_source);
    if !source.join("tests/test_helper.tcl").exists() {
        bail!("there is no test suite in {}; run `cargo xtask setup`", source.display());
    }
    let server = args.server.clone().unwrap_or_else(sh::release_binary);
    if !server.exists() {
        bail!("there is no server at {}; run `cargo build --release`", server.display());
    }
    // Not the target of a link: the name tells the multi-call binaries what to be.
    let server = std::path::absolute(server)?;
    let suite = Suite {
        source: fs::canonicalize(source)?,
        scratch: sh::target().join("conformance"),
        base_port: args.base_port,
        hang_limit: Duration::from_secs(args.hang_s),
        unit_limit: Duration::from_secs(args.unit_s),
        only: args.test.clone(),
    };
    let list_path = sh::root().join("conformance/expected-failures.tsv");
    let mut list = if args.no_list { Expected::default() } else { Expected::read(&list_path)? };
    let units = units(&args)?;

    fs::create_dir_all(suite.scratch.join("logs"))?;
    println!("conformance: {} units against {}", units.len(), server.display());
    let finished = run_units(&args, &suite, &server, &units, &list)?;

    let mut difference = Difference::default();
    let mut passed = 0;
    println!(
        "\n{:<28} {:>7} {:>7} {:>8} {:>8} {:>8}",
        "unit", "passed", "failed", "not run", "left out", "seconds"
    );
    for Finished { unit, output, seconds } in &finished {
        let failed = output.count(Outcome::Failed) + output.count(Outcome::Hung);
        let left_out = output.count(Outcome::Skipped) + output.count(Outcome::Ignored);
        let left_out = if args.test.is_empty() { left_out } else { 0 };
        let (ok, not_run) = (output.count(Outcome::Passed), output.count(Outcome::NotRun));
        println!("{unit:<28} {ok:>7} {failed:>7} {not_run:>8} {left_out:>8} {seconds:>8.1}");
        passed += ok;
        list.compare(unit, output, &mut difference);
    }
    for Finished { unit, output, .. } in &finished {
        if let Some(why) = &output.aborted {
            println!("\n{unit} ENDED EARLY: {why}");
        }
    }
    if !args.test.is_empty() {
        difference.stale.clear();
    }
    report(&suite, &difference);
    if args.update {
        list.update(&difference);
        fs::write(&list_path, list.render())?;
        println!("wrote conformance/expected-failures.tsv");
        return Ok(());
    }
    let wrong = difference.new.len() + difference.stale.len();
    println!("\n{} failed as expected\n{passed} passed, {wrong} failed", difference.known);
    if wrong > 0 {
        bail!(
            "{} failures that are not on the list, {} entries of the list that do not fail",
            difference.new.len(),
            difference.stale.len()
        );
    }
    Ok(())
}

/// What the server is told besides the suite's own configuration. The reference server would not start with it.
fn config(args: &Args, server: &Path) -> Vec<(&'static str, String)> {
    let program = fs::canonicalize(server).unwrap_or_else(|_| server.to_owned());
    let mut config = Vec::new();
    if program.file_stem().is_some_and(|stem| stem == "carnelian") {
        config.push(("set-max-listpack-entries", "0".to_owned()));
        config.push(("io-threads", "1".to_owned()));
    }
    config.extend(args.shards.map(|shards| ("shards", shards.to_string())));
    config
}

fn units(args: &Args) -> Result<Vec<String>> {
    if !args.unit.is_empty() {
        return Ok(args.unit.iter().map(|unit| unit.trim_end_matches(".tcl").to_owned()).collect());
    }
    let path = sh::root().join("conformance/units.txt");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let units = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(units.map(str::to_owned).collect())
}

/// Runs all units, as many at a time as asked for, and returns them in their order.
fn run_units(
    args: &Args,
    suite: &Suite,
    server: &Path,
    units: &[String],
    list: &Expected,
) -> Result<Vec<Finished>> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let jobs = args.jobs.unwrap_or(cores).clamp(1, 24).min(units.len().max(1)) as u16;
    let queue = Mutex::new(units.iter().enumerate().collect::<VecDeque<_>>());
    let finished = Mutex::new(BTreeMap::new());
    let config = config(args, server);
    let config = &config;
    let work = |index: u16| -> Result<()> {
        let slot = suite.slot(&format!("slot-{index}"), 2 * index, server, args.tools.as_deref(), config)?;
        let reference = args.reference.exists() && args.test.is_empty();
        let reference = reference.then(|| {
            let name = format!("reference-{index}");
            suite.slot(&name, 2 * index + 1, &args.reference, args.reference.parent(), &[])
        });
        let reference = reference.transpose()?;
        loop {
            let next = queue.lock().expect("no holder panics").pop_front();
            let Some((order, unit)) = next else { return Ok(()) };
            let start = Instant::now();
            let mut output = slot.run(unit, &list.left_out(unit))?;
            if let Some(reference) = &reference {
                add_not_run(&mut output, &names(suite, reference, unit)?);
            }
            if let Some(why) = &output.aborted
                && args.test.is_empty()
            {
                output.record(OUTSIDE, Outcome::Failed, &why.clone());
            }
            let seconds = start.elapsed().as_secs_f64();
            println!("  {unit}: {} passed, {seconds:.1} s", output.count(Outcome::Passed));
            let done = Finished { unit: unit.clone(), output, seconds };
            finished.lock().expect("no holder panics").insert(order, done);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|index| scope.spawn(move || work(index))).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a worker panicked"))
    })?;
    Ok(finished.into_inner().expect("no holder panics").into_values().collect())
}

/// The names of a unit's tests according to the reference; they are found once and kept.
fn names(suite: &Suite, reference: &Slot, unit: &str) -> Result<Vec<String>> {
    let path = suite.scratch.join("names").join(format!("{}.txt", unit.replace('/', "-")));
    let head = format!("# {}\n", suite.source.display());
    let kept = fs::read_to_string(&path).unwrap_or_default();
    if let Some(names) = kept.strip_prefix(&head) {
        return Ok(names.lines().map(str::to_owned).collect());
    }
    let names: Vec<String> = reference.names(unit)?.into_iter().map(|(name, _)| name).collect();
    fs::create_dir_all(suite.scratch.join("names"))?;
    fs::write(&path, format!("{head}{}\n", names.join("\n")))?;
    Ok(names)
}

fn add_not_run(output: &mut Output, names: &[String]) {
    for name in names {
        if !output.tests.contains_key(name) {
            output.record(name, Outcome::NotRun, "not run: the unit does not get there");
        }
    }
}

fn report(suite: &Suite, difference: &Difference) {
    for (unit, test, detail) in &difference.new {
        println!("\nNEW FAILURE {unit}: {test}");
        for line in detail.lines() {
            println!("    {line}");
        }
        println!("    log: {}", suite.log(unit).display());
    }
    for (unit, test) in &difference.stale {
        println!("\nNO LONGER FAILS {unit}: {test}\n    remove it from conformance/expected-failures.tsv");
    }
}
