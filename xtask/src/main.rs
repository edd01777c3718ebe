//! Automation of the workspace: `cargo xtask <task>`.
//!
//! One task is one file. Each holds `Args`, which is what `cargo xtask <task> --help` teaches, and `run`. To add
//! a task, write its file, declare the module here, and add one line to [`Task`] and one to [`dispatch`].

// A task talks to the person who started it, and its output is its result.
#![allow(clippy::print_stdout)]

mod bench;
mod ci;
mod clients;
mod codegen;
mod conformance;
mod differential;
mod dist;
mod examples;
mod fuzz;
mod sanitize;
mod setup;
mod sh;
mod test;
mod tidy;

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
    Bench(bench::Args),
    Ci(ci::Args),
    Clients(clients::Args),
    Codegen(codegen::Args),
    Conformance(conformance::Args),
    Differential(differential::Args),
    Dist(dist::Args),
    Examples(examples::Args),
    Fuzz(fuzz::Args),
    Sanitize(sanitize::Args),
    Setup(setup::Args),
    Test(test::Args),
    Tidy(tidy::Args),
}

fn dispatch(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Bench(args) => bench::run(args),
        Task::Ci(args) => ci::run(args),
        Task::Clients(args) => clients::run(args),
        Task::Codegen(args) => codegen::run(args),
        Task::Conformance(args) => conformance::run(args),
        Task::Differential(args) => differential::run(args),
        Task::Dist(args) => dist::run(args),
        Task::Examples(args) => examples::run(args),
        Task::Fuzz(args) => fuzz::run(args),
        Task::Sanitize(args) => sanitize::run(args),
        Task::Setup(args) => setup::run(args),
        Task::Test(args) => test::run(args),
        Task::Tidy(args) => tidy::run(args),
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
