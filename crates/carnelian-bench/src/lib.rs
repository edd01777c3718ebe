//! The load generator, as a library: `carnelian benchmark`, or `redis-benchmark` by name.
//!
//! The options, the default tests and the layout of the reports are those of redis-benchmark 7.0.15, so that
//! scripts that drive it and programs that read its CSV work unchanged. What differs is deliberate:
//!
//! - The progress line is written only to a terminal, never into a file or a pipe.
//! - A server that cannot be reached, or that goes away, ends the run at once with exit status 1.
//! - An option whose number does not read as a number is refused instead of being taken for zero.
//! - `__data__` in a command of one's own stands for `-d` bytes, and `--seed` makes the random keys repeatable.
//!
//! The life of a run: `options` reads the command line, `suite` names the commands, `template` encodes each
//! of them once, as many times as the pipeline is deep, `load` sends that buffer over and over with only the
//! digits of `__rand_int__` rewritten in place, `skip` counts the replies without building them, and `report`
//! lays out what `latency` has counted.

mod latency;
mod load;
mod options;
mod probe;
mod report;
mod rng;
mod skip;
mod stream;
mod suite;
mod template;

use std::io::{IsTerminal, Read, Write};
use std::process::ExitCode;

pub use options::{Command, Options, Target};
pub use rng::SplitMix64;
pub use skip::{ReplySkipper, SkipError, Skipped};
pub use template::Template;

/// Runs the load generator with `args`, the command line without the program's name, and writes to the standard
/// output and the standard error. The status is 0 when every reply came and none was an error, and 1 otherwise.
pub fn run<I>(args: I) -> ExitCode
where
    I: IntoIterator,
    I::Item: Into<std::ffi::OsString>,
{
    let args: Vec<_> = args.into_iter().map(Into::into).collect();
    let terminal = std::io::stdout().is_terminal();
    run_with(&args, terminal, &mut std::io::stdin().lock(), &mut std::io::stdout(), &mut std::io::stderr())
}

/// [`run`] with its input and outputs given; `terminal` says whether a progress line is wanted.
pub fn run_with(
    args: &[std::ffi::OsString],
    terminal: bool,
    input: &mut dyn Read,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitCode {
    let args = match options::to_bytes(args) {
        Ok(args) => args,
        Err(refusal) => return fail(err, &refusal),
    };
    let written = match Options::parse(&args) {
        Ok(Command::Run(options)) => return conduct(*options, terminal, input, out, err),
        Ok(Command::Help) => return finish(out.write_all(options::usage().as_bytes()), ExitCode::SUCCESS),
        Ok(Command::Version) => {
            return finish(
                writeln!(
                    out,
                    "carnelian-benchmark {} (options and reports of redis-benchmark 7.0.15)",
                    env!("CARGO_PKG_VERSION")
                ),
                ExitCode::SUCCESS,
            );
        }
        Err(refusal @ options::Refusal::Unknown(_)) => {
            write!(out, "{refusal}\n\n").and_then(|()| out.write_all(options::usage().as_bytes()))
        }
        Err(refusal) => return fail(err, &refusal),
    };
    finish(written, ExitCode::FAILURE)
}

/// A reader that went away (`| head`) is no failure of the run, any other failed write is.
fn finish(written: std::io::Result<()>, code: ExitCode) -> ExitCode {
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => code,
    }
}

fn fail(err: &mut dyn Write, cause: &dyn std::fmt::Display) -> ExitCode {
    // There is nowhere left to say that standard error is closed.
    let _ = writeln!(err, "{cause}");
    ExitCode::FAILURE
}

fn conduct(
    options: Options,
    terminal: bool,
    input: &mut dyn Read,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitCode {
    for warning in &options.warnings {
        let _ = writeln!(err, "WARNING: {warning}");
    }
    let host = match probe::host_config(&options) {
        Ok(host) => Some(host),
        Err(probe::ProbeError::Refused(message)) => {
            return fail(err, &format_args!("Node {} replied with error:\n{message}", options.target));
        }
        // Without a server there is nothing to measure; a server that merely hides its configuration is fine.
        Err(probe::ProbeError::Connect(error)) => return fail(err, &error),
        Err(probe::ProbeError::Unanswered) => {
            let _ = writeln!(err, "WARNING: Could not fetch server CONFIG");
            None
        }
    };
    if !options.keep_alive {
        let _ = writeln!(
            err,
            "WARNING: Keepalive disabled. Every request opens a connection: the ports of this machine may run out \
             (net.ipv4.tcp_tw_reuse and net.ipv4.ip_local_port_range decide when)."
        );
    }
    if options.idle {
        return match load::idle(&options, terminal, out) {
            Ok(never) => match never {},
            Err(error) => fail(err, &error),
        };
    }
    let mut last_argument = Vec::new();
    if options.last_argument_from_stdin && !options.command.is_empty() {
        let limit = template::BUFFER_BYTES_MAX as u64 + 1;
        if let Err(error) = input.take(limit).read_to_end(&mut last_argument) {
            return fail(err, &format_args!("Error reading the last argument: {error}"));
        }
    }
    let mut report = report::Report::new(&options, host.as_ref(), terminal, out);
    match session(&options, last_argument, &mut report) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Load(error)) => {
            let _ = report.clear_progress();
            fail(err, &error)
        }
        Err(Failure::Output(error)) => finish(Err(error), ExitCode::SUCCESS),
    }
}

enum Failure {
    Load(load::LoadError),
    Output(std::io::Error),
}

impl From<load::LoadError> for Failure {
    fn from(error: load::LoadError) -> Self {
        Self::Load(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Output(error)
    }
}

/// Every test of the command line, once, or for ever with `-l`.
fn session(
    options: &Options,
    last_argument: Vec<u8>,
    report: &mut report::Report<'_>,
) -> Result<(), Failure> {
    report.csv_header()?;
    let mut data = suite::Data::new();
    loop {
        let own = !options.command.is_empty();
        let tests = if own {
            let last = options.last_argument_from_stdin.then_some(last_argument.as_slice());
            vec![suite::own(options, &mut data, last)]
        } else {
            suite::selected(options, &mut data)
        };
        for test in tests {
            let template = Template::new(&test.command, options.pipeline, options.random_keys.is_some())
                .ok_or(load::LoadError::TooBig)?;
            // Like the reference, a command of one's own counts all of its encoded bytes as payload.
            let payload_bytes =
                if own { template.len() / options.pipeline as usize } else { options.data_bytes };
            let outcome =
                load::measure(options, &template, &mut |progress| report.progress(&test.title, progress))?;
            report.test(&test.title, payload_bytes, &outcome)?;
        }
        if !own {
            report.suite_end()?;
        }
        if !options.repeat {
            return Ok(());
        }
    }
}
