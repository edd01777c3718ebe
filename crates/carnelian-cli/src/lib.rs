//! The interactive and one-shot command line client, as a library.
//!
//! A binary hands over its arguments and gets an exit code:
//!
//! ```no_run
//! # use std::process::ExitCode;
//! fn main() -> ExitCode {
//!     carnelian_cli::run("carnelian-cli", std::env::args_os().skip(1))
//! }
//! ```
//!
//! Options, prompt and output are those of `redis-cli` 7.0: replies are printed byte for byte alike in every format, so
//! that scripts can use either. What differs is said in `--help`: there is no cluster manager, Lua debugger or TLS.
//!
//! | file | topic |
//! |---|---|
//! | `options.rs`, `uri.rs`, `usage.rs` | the command line |
//! | `session.rs`, `connection.rs` | connecting, carrying out a command, following the state it leaves |
//! | `format.rs`, `quote.rs` | replies as text |
//! | `repl.rs`, `editor.rs`, `docs.rs`, `help.rs`, `interrupt.rs` | the prompt |
//! | `modes/` | everything else, such as `--pipe` or `--bigkeys` |
//!
//! # Invariants
//!
//! - Only [`Console`] touches the standard streams, apart from the line editor and the password question, which need
//!   the terminal itself. A reader of our output that goes away ends the run quietly.
//! - A run ends by returning, so it can be part of another program. The exceptions: Ctrl-C at the prompt while a
//!   command waits, and a second Ctrl-C in a scan, end the process.

mod connection;
mod console;
mod docs;
mod editor;
mod format;
mod help;
mod interrupt;
mod modes;
mod options;
mod quote;
mod repl;
mod session;
mod uri;
mod usage;

use std::ffi::OsString;
use std::process::ExitCode;

pub use console::Console;
pub use docs::CommandDoc;

use console::{Exit, err, io_error_text};
use options::{Mode, Options, Parsed};
use session::Session;

/// Run the client on the process's own streams. `program` is the name it was started under, without a folder;
/// `args` are the arguments after it.
pub fn run(program: &str, args: impl IntoIterator<Item = impl Into<OsString>>) -> ExitCode {
    run_with_docs(program, args, &[])
}

/// As [`run`]. `docs` serve `help`, hints and completion when the server has no documentation of its commands, or
/// when there is no server; their order does not matter.
pub fn run_with_docs(
    program: &str,
    args: impl IntoIterator<Item = impl Into<OsString>>,
    docs: &[CommandDoc],
) -> ExitCode {
    ExitCode::from(run_on(Console::process(), program, args, docs))
}

/// As [`run_with_docs`] on the given streams; gives the exit code.
pub fn run_on(
    mut console: Console,
    program: &str,
    args: impl IntoIterator<Item = impl Into<OsString>>,
    docs: &[CommandDoc],
) -> u8 {
    let args = args.into_iter().map(Into::into).collect();
    let exit = match Options::parse(args, console.is_for_a_person()) {
        Ok(Parsed::Help) => console.print(usage::help(program)).and_then(|()| console.flush()),
        Ok(Parsed::Version) => console.print(usage::version(program)).and_then(|()| console.flush()),
        Ok(Parsed::Run(options)) => start(console, *options, docs),
        Err(text) => {
            err!(console, "{text}");
            Err(Exit::FAILURE)
        }
    };
    exit.err().unwrap_or(Exit::SUCCESS).0
}

fn start(mut console: Console, mut options: Options, docs: &[CommandDoc]) -> Result<(), Exit> {
    if !options.warnings.is_empty() {
        console.complain(&options.warnings);
    }
    if options.ask_password {
        let password = editor::ask_password(&mut console, "Please input password: ").map_err(|error| {
            err!(console, "Cannot read the password: {}\n", io_error_text(&error));
            Exit::FAILURE
        })?;
        options.address.password = Some(password);
    } else if options.address.password.is_none() {
        options.address.password = console.variable("REDISCLI_AUTH").map(OsString::into_encoded_bytes);
    }
    let at_prompt = options.mode == Mode::Command && options.command.is_empty();
    let mut session = Session::new(console, options, docs);
    if at_prompt && session.console.input_is_terminal {
        // Without the handler Ctrl-C ends the process in the middle of a message stream; no reason not to start.
        let _ = session.interrupt.watch();
    }
    let ended = modes::run(&mut session);
    // Output that was held back still leaves; a reader that is gone has been noticed or does not matter any more.
    let flushed = session.console.flush();
    if ended == Ok(()) { flushed } else { ended }
}
