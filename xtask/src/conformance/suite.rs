//! Running units of the suite: each by itself, in a scratch directory with our programs in place of theirs.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use super::output::{Outcome, Output};
use crate::sh;

/// The programs of the reference server that the suite starts.
const PROGRAMS: &[&str] =
    &["redis-server", "redis-cli", "redis-benchmark", "redis-check-rdb", "redis-check-aof", "redis-sentinel"];

/// Ports of one slot. The suite also asks that each port plus 10,000 is free, and takes the 32 below the first.
const PORTS_PER_SLOT: u16 = 400;

/// After this many hanging tests a unit is given up.
const HANGS_MAX: usize = 3;

/// What is the same for all units.
pub(crate) struct Suite {
    /// Where the suite's sources are.
    pub(crate) source: PathBuf,
    /// Where everything is written.
    pub(crate) scratch: PathBuf,
    pub(crate) base_port: u16,
    /// Without a sign of life for this long, a test counts as hanging.
    pub(crate) hang_limit: Duration,
    /// The longest that a unit may take.
    pub(crate) unit_limit: Duration,
    /// Run only the tests of these names, when there are any.
    pub(crate) only: Vec<String>,
}

/// A directory in which one unit at a time is run.
pub(crate) struct Slot<'a> {
    suite: &'a Suite,
    dir: PathBuf,
    base_port: u16,
    config: &'a [(&'static str, String)],
}

impl Suite {
    /// Prepares a slot: a copy of the tests beside links to the programs.
    ///
    /// A program is taken from `tools`, else from beside the server, else it is the server itself, which then is to
    /// tell by the name it was started under what it is to be. `config` is added to the suite's configuration.
    pub(crate) fn slot<'a>(
        &'a self,
        name: &str,
        index: u16,
        server: &Path,
        tools: Option<&Path>,
        config: &'a [(&'static str, String)],
    ) -> Result<Slot<'a>> {
        let dir = self.scratch.join(name);
        if dir.exists() {
            fs::remove_dir_all(&dir)?;
        }
        fs::create_dir_all(dir.join("src"))?;
        sh::check_quiet(sh::command("cp", ["-R"]).arg(self.source.join("tests")).arg(&dir))?;
        fs::create_dir_all(dir.join("tests/tmp"))?;
        let guard = fs::read(sh::root().join("conformance/guard.tcl")).context("conformance/guard.tcl")?;
        File::options().append(true).open(dir.join("tests/support/util.tcl"))?.write_all(&guard)?;
        for shared in ["redis.conf", "sentinel.conf", "utils"] {
            symlink(self.source.join(shared), dir.join(shared))?;
        }
        let beside = server.parent().context("the server has no directory")?;
        for program in PROGRAMS {
            let candidates = [tools.map(|tools| tools.join(program)), Some(beside.join(program))];
            let found = candidates.into_iter().flatten().find(|path| path.exists());
            let is_server = *program == "redis-server";
            let program_path =
                if is_server { server.to_owned() } else { found.unwrap_or_else(|| server.to_owned()) };
            symlink(program_path, dir.join("src").join(program))?;
        }
        Ok(Slot { suite: self, dir, base_port: self.base_port + index * PORTS_PER_SLOT, config })
    }

    /// Where the output of a unit is kept.
    pub(crate) fn log(&self, unit: &str) -> PathBuf {
        self.scratch.join("logs").join(format!("{}.log", unit.replace('/', "-")))
    }
}

impl Slot<'_> {
    /// Runs a unit, leaving out some tests. A test that hangs is left out when the unit is started again, so that the
    /// rest of the unit gets its turn.
    pub(crate) fn run(&self, unit: &str, skip: &[String]) -> Result<Output> {
        let log = self.suite.log(unit);
        let mut skip = skip.to_vec();
        let mut hung = Vec::new();
        loop {
            let mut output = self.once(unit, &log, &skip, &self.suite.only)?;
            let hangs = output.tests.iter().filter(|(_, test)| test.outcome == Outcome::Hung);
            let hangs: Vec<String> = hangs.map(|(name, _)| name.clone()).collect();
            hung.extend(hangs.iter().cloned());
            if hangs.is_empty() || hung.len() >= HANGS_MAX {
                for name in hung {
                    output.tests.remove(&name);
                    output.record(&name, Outcome::Hung, "hangs: nothing happened while it ran");
                }
                return Ok(output);
            }
            skip.extend(hangs);
        }
    }

    /// The names of the tests of a unit, with how often each occurs, found by having all of them left out. This needs
    /// a server that gets through the unit: the reference.
    pub(crate) fn names(&self, unit: &str) -> Result<Vec<(String, usize)>> {
        let log = self.dir.join("names.log");
        let output = self.once(unit, &log, &[], &["(none has this name)".to_owned()])?;
        let skipped = output.tests.into_iter().filter(|(_, test)| test.outcome == Outcome::Skipped);
        Ok(skipped.map(|(name, test)| (name, test.times)).collect())
    }

    fn once(&self, unit: &str, log: &Path, skip: &[String], only: &[String]) -> Result<Output> {
        let mut command = sh::command("tclsh", ["tests/test_helper.tcl", "--single", unit, "--clients", "1"]);
        command.current_dir(&self.dir).env("TERM", "dumb").env("LC_ALL", "C.UTF-8");
        // An exception in a test fails that test, and the unit goes on.
        command.args(["--durable", "--dump-logs", "--no-latency"]);
        command.args(["--baseport", &self.base_port.to_string()]);
        command.args(["--portcount", &(PORTS_PER_SLOT - 40).to_string()]);
        command.args(["--timeout", &self.suite.hang_limit.as_secs().to_string()]);
        for (key, value) in self.config {
            command.args(["--config", key, value]);
        }
        for test in skip {
            command.args(["--skiptest", test]);
        }
        for test in only {
            command.args(["--only", test]);
        }
        let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        command.stdout(file.try_clone()?).stderr(file);
        let mut group = sh::Group::spawn(&mut command)?;
        let status = group.wait(self.suite.unit_limit)?;
        drop(group);
        let mut output = Output::parse(&String::from_utf8_lossy(&fs::read(log)?));
        if status.is_none() && output.aborted.is_none() {
            output.aborted = Some(format!("it took longer than {} s", self.suite.unit_limit.as_secs()));
        } else if !output.done && output.aborted.is_none() && output.count(Outcome::Hung) == 0 {
            output.aborted = Some("the suite ended without a word".to_owned());
        }
        Ok(output)
    }
}
