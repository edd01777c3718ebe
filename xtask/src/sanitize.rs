//! `cargo xtask sanitize`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::sh;

/// Run the tests of the crates that own memory under checkers of memory errors.
///
/// `address` is the address sanitizer, for which a nightly toolchain must be there; with its component `rust-src` the
/// standard library is built with the sanitizer too. `valgrind` runs the same test binaries, built as always, under
/// memcheck. A checker that is not installed is left out, and fails if it was asked for by name. Property tests try
/// fewer cases than usual, as both are slow. Models of concurrency are left out: they switch stacks, which the checkers
/// take for errors. UNSAFE.md says which blocks this covers.
///
/// `cargo xtask sanitize address --package carnelian-engine`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these checkers.
    #[arg(value_enum)]
    checker: Vec<Checker>,
    /// Only this package (repeatable).
    #[arg(short, long, value_name = "CRATE", default_values = PACKAGES)]
    package: Vec<String>,
    /// Only tests whose name contains this.
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Cases of each property test.
    #[arg(long, value_name = "N", default_value_t = 16)]
    cases: u32,
}

/// Those with islands of `unsafe`, and those whose values these keep.
const PACKAGES: [&str; 2] = ["carnelian-encoding", "carnelian-engine"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Checker {
    Address,
    Valgrind,
}

/// What memcheck's exit code is when it has found something.
const VALGRIND_FOUND: &str = "99";

pub(crate) fn run(args: Args) -> Result<()> {
    let (mut passed, mut failed) = (0, 0);
    for checker in [Checker::Address, Checker::Valgrind] {
        let named = args.checker.contains(&checker);
        if !named && !args.checker.is_empty() {
            continue;
        }
        if let Some(missing) = missing(checker) {
            if named {
                bail!("{missing}");
            }
            println!("sanitize: {missing}; left out");
            continue;
        }
        for binary in binaries(checker, &args)? {
            let name = binary.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match sh::check_quiet(&mut command(checker, &binary, &args)) {
                Ok(()) => {
                    println!("sanitize: {checker:?}: {name}: nothing found");
                    passed += 1;
                }
                Err(error) => {
                    println!("sanitize: {checker:?}: {name}: {error:#}");
                    failed += 1;
                }
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed > 0 {
        bail!("{failed} test binaries failed");
    }
    Ok(())
}

/// Why a checker cannot run here.
fn missing(checker: Checker) -> Option<&'static str> {
    match checker {
        Checker::Address => sh::read(sh::command("rustup", ["run", "nightly", "cargo"]).arg("--version"))
            .is_err()
            .then_some("the address sanitizer needs a nightly toolchain"),
        Checker::Valgrind => (!sh::on_path("valgrind")).then_some("valgrind is not installed"),
    }
}

/// Builds the tests for a checker and returns their binaries.
fn binaries(checker: Checker, args: &Args) -> Result<Vec<PathBuf>> {
    let mut build = match checker {
        Checker::Address => {
            let mut build = sh::command("rustup", ["run", "nightly", "cargo"]);
            build.args(["test", "--target", &host()?]);
            if has_library_source() {
                build.arg("-Zbuild-std");
            } else {
                println!("sanitize: no component rust-src, so the standard library is not checked");
            }
            for inherited in ["CARGO", "RUSTC", "RUSTDOC", "CARGO_ENCODED_RUSTFLAGS"] {
                build.env_remove(inherited);
            }
            build.env("RUSTFLAGS", "-Zsanitizer=address");
            build
        }
        Checker::Valgrind => sh::cargo(["test"]),
    };
    build.args(["--locked", "--tests", "--no-run", "--message-format", "json-render-diagnostics"]);
    for package in &args.package {
        build.args(["--package", package]);
    }
    let folder = if checker == Checker::Address { "sanitize" } else { "valgrind" };
    // As in CI's tests, but with the speed that the checkers take away given back.
    build.env("CARGO_PROFILE_TEST_OPT_LEVEL", "1").env("CARGO_TARGET_DIR", sh::target().join(folder));
    println!("$ {}", sh::display(&build));
    let binaries: Vec<PathBuf> = sh::read(&mut build)?.lines().filter_map(test_binary).collect();
    if binaries.is_empty() {
        bail!("these packages have no tests");
    }
    Ok(binaries)
}

/// How the names of the tests end that are models of concurrency.
const MODELS: &str = "_models";

/// The binary that a line of cargo's messages tells of, if it is that of tests.
fn test_binary(line: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    let is_test = message["profile"]["test"].as_bool()?;
    let is_model = message["target"]["name"].as_str().is_some_and(|name| name.ends_with(MODELS));
    message["executable"].as_str().filter(|_| is_test && !is_model).map(PathBuf::from)
}

fn command(checker: Checker, binary: &PathBuf, args: &Args) -> Command {
    let mut command = match checker {
        Checker::Address => sh::command(binary, [""; 0]),
        Checker::Valgrind => {
            let exit = format!("--error-exitcode={VALGRIND_FOUND}");
            // What lives until the end, as the tables of threads do, is not lost.
            let options = ["--quiet", "--leak-check=full", "--errors-for-leak-kinds=definite", &exit];
            let mut command = sh::command("valgrind", options);
            command.arg(binary);
            command
        }
    };
    command.args(&args.filter).arg("--quiet");
    command.env("PROPTEST_CASES", args.cases.to_string()).env("ASAN_OPTIONS", "detect_leaks=1");
    command
}

fn host() -> Result<String> {
    let about = sh::read(&mut sh::command("rustc", ["--version", "--verbose"]))?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc names no host")
}

fn has_library_source() -> bool {
    sh::read(&mut sh::command("rustup", ["run", "nightly", "rustc", "--print", "sysroot"]))
        .is_ok_and(|root| PathBuf::from(root.trim()).join("lib/rustlib/src/rust/library/Cargo.lock").exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binaries_of_tests_are_found() {
        for (line, expected) in [
            (
                r#"{"reason":"compiler-artifact","profile":{"test":true},"executable":"/t/a-1"}"#,
                Some("/t/a-1"),
            ),
            (r#"{"reason":"compiler-artifact","profile":{"test":false},"executable":"/t/a"}"#, None),
            (r#"{"reason":"compiler-artifact","profile":{"test":true},"executable":null}"#, None),
            (
                r#"{"reason":"compiler-artifact","target":{"name":"a_models"},"profile":{"test":true},"executable":"/t/a"}"#,
                None,
            ),
            (r#"{"reason":"build-finished","success":true}"#, None),
            ("warning: text", None),
        ] {
            assert_eq!(test_binary(line), expected.map(PathBuf::from), "{line}");
        }
    }
}
