//! `cargo xtask fuzz`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::sh;

/// Fuzz what reads bytes from outside.
///
/// The targets are in fuzz/, with inputs to start from in fuzz/seeds. They are built with libFuzzer, and with the
/// address sanitizer when a nightly toolchain is there. What a run discovers is kept in target/fuzz/corpus, so that
/// the next one starts from it; an input that fails is kept in fuzz/artifacts, and given again as the argument of the
/// target's binary, or as a seed.
///
/// `cargo xtask fuzz request_parser --seconds 600`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these targets.
    target: Vec<String>,
    /// Time for each target.
    #[arg(long, value_name = "S", default_value_t = 60)]
    seconds: u64,
    /// A short run from the seeds alone, the same each time: what CI does. Where there is no C++ compiler for
    /// libFuzzer, the seeds are run without it.
    #[arg(long)]
    smoke: bool,
}

/// A smoke run ends after this many inputs, or after this much time on a busy machine.
const SMOKE_RUNS: u64 = 100_000;
const SMOKE_SECONDS: u64 = 20;

/// Longest input that is made up, in bytes.
const INPUT_MAX: u64 = 4096;

/// What cargo-fuzz also asks for: counters for every edge and the operands of every comparison.
const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                        -Cllvm-args=-sanitizer-coverage-pc-table \
                        -Cllvm-args=-sanitizer-coverage-trace-compares";

pub(crate) fn run(args: Args) -> Result<()> {
    let all = targets()?;
    if let Some(unknown) = args.target.iter().find(|target| !all.contains(target)) {
        bail!("there is no target {unknown}; there are: {}", all.join(", "));
    }
    let wanted = if args.target.is_empty() { all } else { args.target.clone() };
    sh::check(sh::cargo(["fmt", "--check"]).current_dir(sh::root().join("fuzz")))?;
    if args.smoke && !sh::on_path("c++") {
        println!("fuzz: no C++ compiler, so the seeds are run without a fuzzer");
        let mut replay =
            sh::cargo(["test", "--locked", "--no-default-features", "--manifest-path", "fuzz/Cargo.toml"]);
        return sh::check(replay.env("CARGO_TARGET_DIR", sh::target().join("fuzz")));
    }
    let binaries = build()?;
    let mut failed = Vec::new();
    for target in &wanted {
        if let Err(error) = fuzz(&args, &binaries.join(target), target) {
            println!("{error:#}");
            failed.push(target.clone());
        }
    }
    println!("{} passed, {} failed", wanted.len() - failed.len(), failed.len());
    if !failed.is_empty() {
        bail!("{} failed; the inputs are in fuzz/artifacts", failed.join(", "));
    }
    Ok(())
}

/// The names of the targets.
fn targets() -> Result<Vec<String>> {
    let dir = sh::root().join("fuzz/fuzz_targets");
    let files = fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let paths = files.map(|file| file.map(|file| file.path())).collect::<Result<Vec<_>, _>>()?;
    let mut names: Vec<_> =
        paths.iter().filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect();
    names.sort();
    Ok(names)
}

/// Builds all targets and returns the directory of their binaries.
fn build() -> Result<PathBuf> {
    let host = sh::read(&mut sh::command("rustc", ["--version", "--verbose"]))?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    let nightly = ["run", "nightly", "cargo"];
    let has_nightly = sh::read(sh::command("rustup", nightly).arg("--version")).is_ok();
    let mut command = if has_nightly { sh::command("rustup", nightly) } else { sh::cargo([""; 0]) };
    let flags = if has_nightly { format!("{COVERAGE} -Zsanitizer=address") } else { COVERAGE.to_owned() };
    println!(
        "fuzz: {}",
        if has_nightly { "nightly, with the address sanitizer" } else { "no nightly, no sanitizer" }
    );
    // Naming the target keeps the flags away from build scripts and procedural macros.
    command.args([
        "build",
        "--release",
        "--locked",
        "--bins",
        "--manifest-path",
        "fuzz/Cargo.toml",
        "--target",
        host,
    ]);
    let dir = sh::target().join("fuzz");
    for inherited in ["CARGO", "RUSTC", "RUSTDOC", "CARGO_ENCODED_RUSTFLAGS"] {
        command.env_remove(inherited);
    }
    sh::check(command.env("RUSTFLAGS", flags).env("CARGO_TARGET_DIR", &dir))?;
    Ok(dir.join(host).join("release"))
}

fn fuzz(args: &Args, binary: &PathBuf, target: &str) -> Result<()> {
    let seeds = sh::root().join("fuzz/seeds").join(target);
    let artifacts = sh::root().join("fuzz/artifacts").join(target);
    let kept = sh::target().join("fuzz").join(if args.smoke { "smoke" } else { "corpus" }).join(target);
    if args.smoke && kept.exists() {
        fs::remove_dir_all(&kept)?;
    }
    fs::create_dir_all(&kept)?;
    fs::create_dir_all(&artifacts)?;
    let mut command = sh::command(binary, [format!("-max_len={INPUT_MAX}")]);
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.args(["-rss_limit_mb=1024", "-timeout=10", "-print_final_stats=0", "-verbosity=0"]);
    if args.smoke {
        command.args(["-seed=1".to_owned(), format!("-runs={SMOKE_RUNS}")]);
        command.arg(format!("-max_total_time={SMOKE_SECONDS}"));
    } else {
        command.arg(format!("-max_total_time={}", args.seconds));
    }
    command.arg(&kept).arg(&seeds);
    if !args.smoke {
        return sh::check(&mut command);
    }
    // libFuzzer talks a lot; a run that finds nothing need not be read.
    match sh::check_quiet(&mut command) {
        Ok(()) => println!("fuzz: {target}: nothing found"),
        Err(error) => bail!("fuzz: {target}: {error:#}"),
    }
    Ok(())
}
