//! Automation of the workspace: `cargo xtask <task>`.
//!
//! One task is one file. Each holds `Args`, which is what `cargo xtask <task> --help` teaches, and `run`. To add
//! a task, write its file, declare the module here, and add one line to [`Task`] and one to [`dispatch`].

// A task talks to the person who started it, and its output is its result.
#![allow(clippy::print_stdout)]

mod codegen;
mod conformance;
mod setup;
mod sh;
mod test;

use clap::{Parser, Subcommand};

/// Build, check, measure and package Carnelian.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Write the generated files from the tables they come from.
    Codegen(codegen::Args),
    /// Run the reference server's Tcl test suite against our server.
    Conformance(conformance::Args),
    /// Install what the checks need: packages, a Python environment, the reference server's source.
    Setup(setup::Args),
    /// Run the unit, model and documentation tests.
    Test(test::Args),
}

fn dispatch(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Codegen(args) => codegen::run(args),
        Task::Conformance(args) => conformance::run(args),
        Task::Setup(args) => setup::run(args),
        Task::Test(args) => test::run(args),
    }
}

fn main() -> std::process::ExitCode {
    match dispatch(Cli::parse().task) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
