//! What SCAN, HSCAN and SSCAN share.

use crate::cursor::Cursor;
use crate::error::{CommandError, CommandResult};
use carnelian_encoding::glob_match;

/// Options of a scan.
pub(crate) struct ScanOptions<'a> {
    /// About how many elements one call visits, at least 1.
    pub(crate) count: usize,
    pattern: Option<&'a [u8]>,
}

impl Default for ScanOptions<'_> {
    fn default() -> Self {
        Self { count: 10, pattern: None }
    }
}

impl<'a> ScanOptions<'a> {
    /// Parses all arguments that are left.
    pub(crate) fn parse(mut cursor: Cursor<'a>) -> CommandResult<Self> {
        let mut options = Self::default();
        while !cursor.is_done() {
            if !options.take(&mut cursor)? {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(options)
    }

    /// Takes one option, MATCH or COUNT; false when the next argument is none.
    pub(crate) fn take(&mut self, cursor: &mut Cursor<'a>) -> CommandResult<bool> {
        if let Some(count) = cursor.word_with("COUNT") {
            let count = crate::cursor::integer(count)?;
            self.count = usize::try_from(count).ok().filter(|n| *n > 0).ok_or(CommandError::SYNTAX)?;
        } else if let Some(pattern) = cursor.word_with("MATCH") {
            self.pattern = (pattern != b"*").then_some(pattern);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Whether an element passes the pattern.
    pub(crate) fn matches(&self, element: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob_match(pattern, element, false))
    }
}

/// Reads a cursor as C's `strtoul` does: a sign and leading zeros are fine, leading space and anything behind are not.
pub(crate) fn scan_cursor(text: &[u8]) -> CommandResult<u64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    // No digits at all read as 0, but a sign alone is left over.
    if digits.is_empty() && !text.is_empty() {
        return Err(CommandError::INVALID_CURSOR);
    }
    let mut value = 0u64;
    for byte in digits {
        value = Some(byte.wrapping_sub(b'0'))
            .filter(|digit| *digit <= 9)
            .and_then(|digit| value.checked_mul(10)?.checked_add(u64::from(digit)))
            .ok_or(CommandError::INVALID_CURSOR)?;
    }
    Ok(if negative { value.wrapping_neg() } else { value })
}
