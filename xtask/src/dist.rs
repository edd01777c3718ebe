//! `cargo xtask dist`: what is handed to others.

mod notices;

use std::fs;
use std::os::unix::fs::symlink;

use anyhow::{Context, Result};

use crate::sh;

/// Build the release and pack it, with its checksum, under target/dist.
///
/// The archive holds the stripped multi-call binary, a link for every name it answers to, the documentation, and the
/// licences, those of the crates it is made of included. It is the same bytes for the same sources and toolchain:
/// names are sorted, times and owners are set.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Pack the release build that is there, without building it again.
    #[arg(long)]
    no_build: bool,
}

/// The names under which the binary is a certain program.
const NAMES: &[&str] = &["server", "cli", "benchmark", "check-rdb", "check-aof", "sentinel"];

/// What goes along, when it is there.
const PAGES: &[&str] = &[
    "README.md",
    "CHANGELOG.md",
    "ARCHITECTURE.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "carnelian.conf",
    "docs",
];

pub(crate) fn run(args: Args) -> Result<()> {
    if !args.no_build {
        sh::check(&mut sh::cargo(["build", "--release", "--package", "carnelian", "--bin", "carnelian"]))?;
    }
    let version = env!("CARGO_PKG_VERSION"); // All packages of the workspace share one version.
    let name = format!("carnelian-{version}-{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    let dist = sh::target().join("dist");
    let tree = dist.join(&name);
    if tree.exists() {
        fs::remove_dir_all(&tree)?;
    }
    fs::create_dir_all(tree.join("bin"))?;

    let binary = tree.join("bin/carnelian");
    fs::copy(sh::release_binary(), &binary)
        .with_context(|| format!("cannot copy {}", sh::release_binary().display()))?;
    sh::check_quiet(sh::command("strip", ["--strip-debug"]).arg(&binary))?;
    for tool in NAMES {
        for family in ["redis", "carnelian"] {
            symlink("carnelian", tree.join("bin").join(format!("{family}-{tool}")))?;
        }
    }
    for page in PAGES.iter().filter(|page| sh::root().join(page).exists()) {
        sh::check_quiet(sh::command("cp", ["-R", page]).arg(&tree))?;
    }

    fs::write(tree.join("THIRD-PARTY.txt"), notices::third_party()?)?;

    let archive = format!("{name}.tar.gz");
    let mut tar = sh::command("tar", ["--create", "--gzip", "--sort=name", "--owner=0", "--group=0"]);
    tar.args(["--numeric-owner", "--mtime=@0", "--file", &archive, &name])
        .current_dir(&dist)
        .env("GZIP", "-n9");
    sh::check_quiet(&mut tar)?;
    let sum = sh::read(sh::command("sha256sum", [&archive]).current_dir(&dist))?;
    fs::write(dist.join(format!("{archive}.sha256")), &sum)?;
    let size = fs::metadata(dist.join(&archive))?.len();
    println!("target/dist/{archive}: {:.1} MB\n{}", size as f64 / 1e6, sum.trim());
    Ok(())
}
