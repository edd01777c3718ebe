//! The load generator as a program of its own.

fn main() -> std::process::ExitCode {
    carnelian_bench::run(std::env::args_os().skip(1))
}
