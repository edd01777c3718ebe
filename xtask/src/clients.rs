//! `cargo xtask clients`.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::sh;

/// Drive the server with clients other than our own: redis-py, the real redis-cli, redis-benchmark and redis-check-rdb.
///
/// The tests are in conformance/clients and run under pytest in the environment that `cargo xtask setup` makes. They
/// start every server themselves, on free ports of the loopback interface and in directories of their own; only the
/// test of the tutorial's configuration file needs port 6379, and says so when it is taken. Words after `--` go to
/// pytest: `cargo xtask clients -- -k watcher`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The server under test: the multi-call binary (our own release build if not given), or any redis-server.
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// Where the real redis-server, redis-cli, redis-benchmark and redis-check-rdb are.
    #[arg(long, value_name = "DIR", default_value = "/usr/bin")]
    reference: PathBuf,
    /// How many shards the server under test has (its `--shards`).
    #[arg(long, value_name = "N")]
    shards: Option<usize>,
    /// Passed on to pytest.
    #[arg(last = true)]
    pytest: Vec<String>,
}

pub(crate) fn run(args: Args) -> Result<()> {
    let server = args.server.unwrap_or_else(sh::release_binary);
    let python = sh::python();
    if !python.exists() {
        bail!("there is no Python environment; `cargo xtask setup` makes it");
    }
    let mut command = sh::command(python, ["-m", "pytest", "-p", "no:cacheprovider", "--tb=short", "-q"]);
    command.arg(sh::root().join("conformance/clients"));
    command.arg("--server").arg(server).arg("--reference").arg(args.reference);
    if let Some(shards) = args.shards {
        command.args(["--shards", &shards.to_string()]);
    }
    // Nothing is written beside the tests.
    command.args(args.pytest).env("PYTHONDONTWRITEBYTECODE", "1");
    sh::check(&mut command)
}
