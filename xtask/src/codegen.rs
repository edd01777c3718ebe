//! `cargo xtask codegen`: files in the repository that are derived from tables in the code.

mod commands;

use anyhow::{Context, Result, bail};

use carnelian_server::config;

use crate::sh;

/// Write the generated files from the tables they come from.
///
/// The files are committed, so that they can be read without building anything; `cargo xtask tidy` fails when one
/// of them is stale.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Change nothing; fail if a file is not what it would be written as.
    #[arg(long)]
    check: bool,
}

/// A generated file: its path in the repository, and what makes its text.
type Generator = (&'static str, fn() -> String);

/// Every generated file.
const GENERATORS: &[Generator] = &[
    ("carnelian.conf", config::sample_conf),
    ("docs/commands.md", commands::reference),
    ("docs/config.md", config::reference_markdown),
];

pub(crate) fn run(args: Args) -> Result<()> {
    if args.check {
        let stale = stale();
        if !stale.is_empty() {
            bail!("stale, run `cargo xtask codegen`: {}", stale.join(", "));
        }
        return Ok(());
    }
    for (path, generate) in GENERATORS {
        std::fs::write(sh::root().join(path), generate()).with_context(|| format!("cannot write {path}"))?;
        println!("wrote {path}");
    }
    Ok(())
}

/// The generated files whose committed text is not what they would be written as.
pub(crate) fn stale() -> Vec<&'static str> {
    let fresh = |path: &str, generate: fn() -> String| {
        std::fs::read_to_string(sh::root().join(path)).is_ok_and(|text| text == generate())
    };
    GENERATORS.iter().filter(|(path, generate)| !fresh(path, *generate)).map(|(path, _)| *path).collect()
}
