//! `cargo xtask bench --instructions`: how many instructions a command takes, which no other load disturbs.

use anyhow::{Context, Result, bail};

use crate::sh;

/// Reads of the two runs that are compared.
const READS: [u32; 2] = [200, 1200];
const COMMANDS: &[&str] = &[
    "get",
    "set",
    "incr",
    "lpush",
    "rpush",
    "lpop",
    "rpop",
    "rpoplpush",
    "sadd",
    "spop",
    "hset",
    "lrange",
    "lpush-short",
    "rpush-short",
    "lpop-short",
    "rpop-short",
    "rpoplpush-short",
    "sadd-short",
    "spop-short",
    "hset-short",
    "hset-again-short",
];

/// Counts instructions in user space with callgrind: the dispatcher, the store and the protocol, without sockets. Of two
/// runs of different length the difference counts.
pub(super) fn run(pipelines: &[u32]) -> Result<()> {
    if !sh::on_path("valgrind") {
        bail!("there is no valgrind on the PATH");
    }
    let package = ["--release", "--package", "carnelian-commands", "--example", "instructions"];
    sh::check(sh::cargo(["build", "--quiet"]).args(package))?;
    println!("{:<18}{:>10}{:>14}", "command", "pipeline", "instructions");
    for command in COMMANDS {
        for &pipeline in pipelines {
            let mut totals = [0; 2];
            for (total, reads) in totals.iter_mut().zip(READS) {
                *total = count(command, reads, pipeline)?;
            }
            let commands = u64::from((READS[1] - READS[0]) * pipeline);
            println!("{command:<18}{pipeline:>10}{:>14}", totals[1].saturating_sub(totals[0]) / commands);
        }
    }
    Ok(())
}

/// Instructions of one run.
fn count(command: &str, reads: u32, pipeline: u32) -> Result<u64> {
    let mut valgrind = sh::command("valgrind", ["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.arg(sh::target().join("release/examples/instructions"));
    valgrind.args([command, &reads.to_string(), &pipeline.to_string()]);
    let output = valgrind.output().context("cannot run valgrind")?;
    let text = String::from_utf8_lossy(&output.stderr);
    let total = text.lines().rev().find_map(|line| line.split_once("Collected : "));
    let (_, total) = total.with_context(|| format!("valgrind counted nothing: {text}"))?;
    total.trim().parse().with_context(|| format!("not a number of instructions: {total}"))
}
