//! `cargo xtask differential`.

mod commands;
mod compare;
mod dataset;
mod grammar;
mod payloads;
mod replay;
mod reply;
mod rng;
mod sequence;
mod server;
mod shrink;
mod slots;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use self::replay::{Arena, SETTINGS, show};
use self::rng::Rng;
use self::sequence::Generator;
use self::server::Server;
use self::shrink::Shrunk;
use crate::sh;

/// Send random commands to a real redis-server and to Carnelian, and compare the replies byte by byte.
///
/// Commands come from a table of syntaxes, with right and wrong types, edge values and all options, on several
/// connections that speak both protocols. After each round everything that the servers hold is compared too. A
/// sequence that shows a difference is made as short as possible and printed as lines for `redis-cli`. All of it
/// follows from the seed.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The server under test: the multi-call binary, or any redis-server.
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// The server that is right.
    #[arg(long, value_name = "PATH", default_value = "redis-server")]
    reference: PathBuf,
    /// How many shards the server under test has (its `--shards`).
    #[arg(long, value_name = "N")]
    shards: Option<usize>,
    /// How many commands to send.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    commands: usize,
    /// Where the random numbers begin.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many commands are sent between two comparisons of everything.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    round: usize,
    /// How many different failures to find before giving up.
    #[arg(long, value_name = "N", default_value_t = 10)]
    failures: usize,
}

/// How often a round is run again, each time without the step that failed last.
const REPEATS_MAX: usize = 20;

pub(crate) fn run(args: Args) -> Result<()> {
    let program = args.server.clone().unwrap_or_else(sh::release_binary);
    let scratch = sh::target().join("differential");
    let options: Vec<String> =
        args.shards.iter().flat_map(|n| ["--shards".to_owned(), n.to_string()]).collect();
    let pid = std::process::id();
    let mut arena = Arena {
        // Blocked commands that nothing serves end at the next tick of the clock, so let it tick often.
        reference: Server::start(
            &args.reference,
            &["--hz".into(), "500".into()],
            &scratch.join(format!("{pid}-theirs")),
        )?,
        subject: Server::start(&program, &options, &scratch.join(format!("{pid}-ours")))?,
    };
    let generator = Generator::new();
    let started = Instant::now();
    let (mut sent, mut round) = (0, 0_u64);
    let mut seen = BTreeSet::new();
    while sent < args.commands && seen.len() < args.failures {
        // A round has a generator of its own, so that one can be run again without those before it.
        let mut rng = Rng::new(args.seed.wrapping_mul(0x1_0000_0001).wrapping_add(round));
        let settings = SETTINGS[rng.below(SETTINGS.len())];
        let mut steps = generator.sequence(&mut rng, args.round.max(1).min(args.commands - sent));
        sent += steps.len();
        for _ in 0..REPEATS_MAX {
            let Some(failure) = arena.replay(settings, &steps)? else { break };
            let at = failure.step;
            if seen.insert(failure.class()) {
                let shrunk = shrink::shrink(&mut arena, settings, &steps, failure)?;
                let script = script(&shrunk, args.seed, round);
                let path = scratch.join(format!("seed-{}-{}.redis", args.seed, seen.len()));
                std::fs::write(&path, &script).with_context(|| format!("cannot write {}", path.display()))?;
                println!("{script}");
            }
            // What comes after a difference is worth seeing too, so the round goes on without the step that showed it.
            match at {
                Some(at) if seen.len() < args.failures => drop(steps.remove(at)),
                _ => break,
            }
        }
        round += 1;
    }
    println!(
        "{sent} commands in {round} rounds from seed {}, {:.1} s: {} kinds of difference",
        args.seed,
        started.elapsed().as_secs_f64(),
        seen.len(),
    );
    for class in &seen {
        println!("  {class}");
    }
    drop(arena);
    for side in ["ours", "theirs"] {
        // Only logs are left there; a failure to remove them harms nothing.
        let _ = std::fs::remove_dir_all(scratch.join(format!("{pid}-{side}")));
    }
    if !seen.is_empty() {
        bail!("the servers differ");
    }
    Ok(())
}

/// A sequence as lines for `redis-cli`, with both replies to the last.
fn script(shrunk: &Shrunk, seed: u64, round: u64) -> String {
    let mut out = String::new();
    let failure = &shrunk.failure;
    let _ = writeln!(out, "# seed {seed}, round {round}: {} commands on an empty server", shrunk.steps.len());
    if shrunk.settings != SETTINGS[0] {
        for (name, value) in shrunk.settings {
            let _ = writeln!(out, "CONFIG SET {name} {value}");
        }
    }
    let mut connection = None;
    for step in &shrunk.steps {
        if connection != Some(step.connection) {
            let protocol = if step.connection % 2 == 0 { 2 } else { 3 };
            let _ = writeln!(out, "# connection {} (HELLO {protocol})", step.connection);
            connection = Some(step.connection);
        }
        let _ = writeln!(out, "{}", show(step));
    }
    if failure.step.is_none() {
        let _ = writeln!(out, "# then, about what is held\n{}", failure.command);
    }
    let _ = writeln!(out, "#   reference: {}\n#   tested:    {}", failure.expected, failure.actual);
    out
}
