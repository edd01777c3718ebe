//! `cargo xtask test`.

use anyhow::Result;

use crate::sh;

/// Run the unit, model and documentation tests of the workspace.
///
/// Uses `cargo nextest` where it is installed, because it runs every test in a process of its own and in parallel
/// across crates, and `cargo test` elsewhere. Documentation tests always run under `cargo test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only this package (repeatable); all of them otherwise.
    #[arg(short, long, value_name = "CRATE")]
    package: Vec<String>,
    /// Only tests whose name contains this; leaves the documentation tests out.
    filter: Option<String>,
}

pub(crate) fn run(args: Args) -> Result<()> {
    let packages: Vec<String> = if args.package.is_empty() {
        vec!["--workspace".into()]
    } else {
        args.package.iter().flat_map(|name| ["--package".to_owned(), name.clone()]).collect()
    };
    let mut tests = if sh::on_path("cargo-nextest") {
        let mut command = sh::cargo(["nextest", "run", "--no-tests", "pass", "--no-fail-fast"]);
        command.args(&packages);
        command
    } else {
        let mut command = sh::cargo(["test", "--tests", "--no-fail-fast"]);
        command.args(&packages);
        command
    };
    sh::check(tests.args(&args.filter))?;
    if args.filter.is_none() {
        let with_library = |name: &String| sh::root().join("crates").join(name).join("src/lib.rs").exists();
        if args.package.is_empty() || args.package.iter().any(with_library) {
            sh::check(sh::cargo(["test", "--doc"]).args(&packages))?;
        }
    }
    Ok(())
}
