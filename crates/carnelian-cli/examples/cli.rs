//! The client by itself: `cargo run -p carnelian-cli --example cli -- -p 6379 ping`.

use std::process::ExitCode;

fn main() -> ExitCode {
    carnelian_cli::run("carnelian-cli", std::env::args_os().skip(1))
}
