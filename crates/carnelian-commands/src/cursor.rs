//! Reading arguments one after the other.

use crate::error::{CommandError, CommandResult};
use carnelian_encoding::number::{parse_f64, parse_i64};
use carnelian_resp::Args;

/// A place among the arguments of a command.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    args: Args<'a>,
    at: usize,
}

/// Reads a 64-bit integer, with the error that commands reply with.
pub fn integer(arg: &[u8]) -> CommandResult<i64> {
    parse_i64(arg).ok_or(CommandError::NOT_INTEGER)
}

/// Reads a 32-bit integer, such as the number of a database, with the errors that commands reply with.
pub(crate) fn small_integer(arg: &[u8]) -> CommandResult<i32> {
    i32::try_from(integer(arg)?).map_err(|_| CommandError::NOT_INT32)
}

/// Reads a floating-point number, with the error that commands reply with.
pub fn float(arg: &[u8]) -> CommandResult<f64> {
    parse_f64(arg).ok_or(CommandError::NOT_FLOAT)
}

/// Reads the time-out of a blocking command, in seconds: milliseconds, or `None` (0) for ever.
pub(crate) fn timeout(arg: &[u8]) -> CommandResult<Option<u64>> {
    let seconds = parse_f64(arg).ok_or(CommandError::TIMEOUT_NOT_FLOAT)?;
    let millis = (seconds * 1000.0).ceil();
    // What does not fit 63 bits is called negative, too: Redis' clients know it so.
    if millis < 0.0 || millis >= i64::MAX as f64 {
        return Err(CommandError::TIMEOUT_NEGATIVE);
    }
    Ok((millis > 0.0).then_some(millis as u64))
}

impl<'a> Cursor<'a> {
    /// Begins at argument `at`.
    pub fn new(args: Args<'a>, at: usize) -> Self {
        Self { args, at }
    }

    /// Whether every argument has been read.
    pub fn is_done(&self) -> bool {
        self.at >= self.args.len()
    }

    /// Arguments not read yet.
    pub fn remaining(&self) -> usize {
        self.args.len().saturating_sub(self.at)
    }

    /// Position of the next argument.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The next argument, not taken.
    pub fn peek(&self) -> Option<&'a [u8]> {
        self.args.get(self.at)
    }

    /// Takes the next argument; a syntax error when there is none.
    pub fn take(&mut self) -> CommandResult<&'a [u8]> {
        let arg = self.args.get(self.at).ok_or(CommandError::SYNTAX)?;
        self.at += 1;
        Ok(arg)
    }

    /// Takes an integer.
    pub fn integer(&mut self) -> CommandResult<i64> {
        integer(self.take()?)
    }

    /// Takes the next argument if it is this word, in any case.
    pub fn word(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
        self.at += usize::from(found);
        found
    }

    /// Takes the next two arguments if the first is this word, in any case, and gives the second. A word without its
    /// operand is left alone.
    pub fn word_with(&mut self, word: &str) -> Option<&'a [u8]> {
        if self.remaining() >= 2 && self.word(word) {
            self.at += 1;
            return self.args.get(self.at - 1);
        }
        None
    }

    /// The arguments not read yet.
    pub fn rest(&self) -> Args<'a> {
        self.args.slice(self.at.min(self.args.len())..)
    }

    /// A syntax error unless every argument has been read.
    pub fn finish(&self) -> CommandResult {
        if self.is_done() { Ok(()) } else { Err(CommandError::SYNTAX) }
    }
}
