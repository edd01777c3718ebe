//! One command from the command line, or one script from a file.

use std::fs;
use std::io::Read;
use std::path::Path;

use crate::console::{Exit, err, io_error_text};
use crate::options::{StdinArgument, unquoted};
use crate::session::{Failure, Session};

/// Send the command of the command line, as often as `-r` says.
pub(crate) fn command(session: &mut Session<'_>) -> Result<(), Exit> {
    let mut args = std::mem::take(&mut session.options.command);
    if session.options.quoted_input {
        let Some(plain) = args.iter().map(|arg| unquoted(arg)).collect() else {
            session.console.print("Invalid quoted string\n")?;
            return Err(Exit::FAILURE);
        };
        args = plain;
    }
    match session.options.stdin.clone() {
        StdinArgument::None | StdinArgument::Conflict => {}
        StdinArgument::Last => args.push(read_input(session)?),
        StdinArgument::Tag(tag) => {
            let Some(place) = args.iter().position(|arg| *arg == tag) else {
                err!(session.console, "Using -X option but stdin tag not match.\n");
                return Err(Exit::FAILURE);
            };
            args[place] = read_input(session)?;
        }
    }
    session.connect(true);
    send(session, &args)
}

fn read_input(session: &mut Session<'_>) -> Result<Vec<u8>, Exit> {
    let mut input = Vec::new();
    match session.console.take_input().read_to_end(&mut input) {
        Ok(_) => Ok(input),
        Err(error) => {
            err!(session.console, "Reading from standard input: {}\n", io_error_text(&error));
            Err(Exit::FAILURE)
        }
    }
}

fn send(session: &mut Session<'_>, args: &[Vec<u8>]) -> Result<(), Exit> {
    let repeat = session.options.repeat;
    session.run_command(args, repeat).map_err(|failure| match failure {
        Failure::Exit(exit) => exit,
        Failure::Disconnected => Exit::FAILURE,
    })
}

/// Send EVAL with the script in `path`; in the arguments a lone comma ends the keys.
pub(crate) fn eval(session: &mut Session<'_>, path: &Path) -> Result<(), Exit> {
    session.require_connection()?;
    let script = fs::read(path).map_err(|error| {
        err!(session.console, "Can't open file '{}': {}\n", path.display(), io_error_text(&error));
        Exit::FAILURE
    })?;
    let mut words = std::mem::take(&mut session.options.command);
    let keys = words.iter().position(|word| word == b",").unwrap_or(words.len());
    if keys < words.len() {
        words.remove(keys);
    }
    let mut args = vec![b"EVAL".to_vec(), script, keys.to_string().into_bytes()];
    args.append(&mut words);
    send(session, &args)
}
