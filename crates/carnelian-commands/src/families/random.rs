//! What commands that pick elements at random share.

use crate::cursor::integer;
use crate::error::{CommandError, CommandResult};

/// Bytes from which the reply to a request for elements with repetition is refused. One short request could otherwise
/// ask for more than any memory holds.
const REPLY_MAX: usize = 1 << 30;
/// Bytes of the shortest bulk string.
const BULK_MIN: usize = 6;

/// How many elements a command is to pick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Picks {
    /// So many different ones, or all when there are no more.
    Different(usize),
    /// So many, each of which may be any element.
    Repeated(usize),
}

impl Picks {
    /// Reads a count; a negative one asks for repetition.
    pub(crate) fn parse(arg: &[u8]) -> CommandResult<Self> {
        match integer(arg)? {
            i64::MIN => Err(CommandError::COUNT_BETWEEN),
            count if count >= 0 => Ok(Self::Different(count as usize)),
            count => Ok(Self::Repeated(count.unsigned_abs() as usize)),
        }
    }
}

/// An error when `elements` more bulk strings can only exceed what a reply with repetition may have, of which `bytes` are
/// written.
pub(crate) fn check_reply(bytes: usize, elements: usize) -> CommandResult {
    if elements.saturating_mul(BULK_MIN).saturating_add(bytes) > REPLY_MAX {
        return Err(CommandError::OUT_OF_RANGE);
    }
    Ok(())
}
