//! `cargo xtask examples`.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::sh;

/// Run the examples of every crate.
///
/// An example is run without arguments and must end by itself, with success, within a minute.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only this example.
    name: Option<String>,
}

/// An example that takes longer waits for something that is not there.
const LIMIT: Duration = Duration::from_mins(1);

pub(crate) fn run(args: Args) -> Result<()> {
    let metadata = sh::read(&mut sh::cargo(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value =
        serde_json::from_str(&metadata).context("cannot read what `cargo metadata` says")?;
    let mut failed = Vec::new();
    let mut passed = 0;
    sh::check(&mut sh::cargo(["build", "--workspace", "--examples"]))?;
    for (package, example) in examples(&metadata) {
        if args.name.as_ref().is_some_and(|name| *name != example) {
            continue;
        }
        let mut command = sh::cargo(["run", "--quiet", "--package", &package, "--example", &example]);
        println!("$ {}", sh::display(&command));
        match sh::Group::spawn(&mut command)?.wait(LIMIT)? {
            Some(status) if status.success() => passed += 1,
            Some(status) => failed.push(format!("{package}/{example}: {status}")),
            None => failed.push(format!("{package}/{example}: not done after {} s", LIMIT.as_secs())),
        }
    }
    println!("{passed} passed, {} failed", failed.len());
    if !failed.is_empty() {
        bail!("{}", failed.join(", "));
    }
    Ok(())
}

/// (package, example) for all there are.
fn examples(metadata: &Value) -> Vec<(String, String)> {
    let mut examples = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        for target in package["targets"].as_array().into_iter().flatten() {
            let is_example =
                target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "example"));
            if let (true, Some(package), Some(name)) =
                (is_example, package["name"].as_str(), target["name"].as_str())
            {
                examples.push((package.to_owned(), name.to_owned()));
            }
        }
    }
    examples.sort();
    examples
}
