//! Strings as arrays of bits.

pub(crate) mod bit;
pub(crate) mod field;
pub(crate) mod operation;
pub(crate) mod range;

use crate::error::{CommandError, CommandResult};
use carnelian_encoding::number::parse_i64;
use carnelian_engine::{KeyEntry, Settings, TextEdit};

/// Reads a bit offset; it must lie in a string that is not longer than allowed.
fn bit_offset(text: &[u8], settings: &Settings) -> CommandResult<u64> {
    parse_i64(text).and_then(|offset| offset_in_limit(offset, settings)).ok_or(CommandError::BIT_OFFSET)
}

fn offset_in_limit(offset: i64, settings: &Settings) -> Option<u64> {
    u64::try_from(offset).ok().filter(|offset| offset >> 3 < settings.max_bulk_len() as u64)
}

/// The string for writing bits, made long enough for the bit at `last`; whether that changed it comes with it.
fn string_for_bits<'a>(entry: &'a mut KeyEntry<'_, '_>, last: u64) -> CommandResult<(TextEdit<'a>, bool)> {
    let needed = (last >> 3) as usize + 1;
    let mut bytes = entry.edit_text()?;
    let grown = bytes.len() < needed;
    if grown {
        bytes.resize(needed, 0);
    }
    Ok((bytes, grown))
}
