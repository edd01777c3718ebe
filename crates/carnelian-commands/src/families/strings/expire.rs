//! The options that SET and GETEX share.

use crate::ctx::Ctx;
use crate::cursor::{Cursor, integer};
use crate::error::{CommandError, CommandResult};

/// An expiry as the client gave it, not yet looked at.
#[derive(Clone, Copy)]
pub(super) enum Time<'a> {
    /// From now on.
    Seconds(&'a [u8]),
    /// From now on.
    Millis(&'a [u8]),
    /// Since 1970.
    AtSeconds(&'a [u8]),
    /// Since 1970.
    AtMillis(&'a [u8]),
}

impl Time<'_> {
    pub(super) fn is_absolute(self) -> bool {
        matches!(self, Self::AtSeconds(_) | Self::AtMillis(_))
    }

    /// The moment in milliseconds since 1970.
    pub(super) fn moment(self, ctx: &Ctx) -> CommandResult<u64> {
        let (text, factor) = match self {
            Self::Seconds(text) | Self::AtSeconds(text) => (text, 1000),
            Self::Millis(text) | Self::AtMillis(text) => (text, 1),
        };
        let base = if self.is_absolute() { 0 } else { ctx.keys.now_ms() as i64 };
        let number = integer(text)?;
        Some(number)
            .filter(|number| *number > 0)
            .and_then(|number| number.checked_mul(factor)?.checked_add(base))
            .map(i64::unsigned_abs)
            .ok_or_else(|| CommandError::invalid_expire(ctx.spec.name))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    Absent,
    Present,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Seconds,
    Millis,
    AtSeconds,
    AtMillis,
    Keep,
    Persist,
}

#[derive(Default)]
pub(super) struct Options<'a> {
    pub(super) condition: Option<Condition>,
    pub(super) get: bool,
    pub(super) time: Option<Time<'a>>,
    pub(super) keep: bool,
    pub(super) persist: bool,
}

impl<'a> Options<'a> {
    pub(super) fn of_set(mut cursor: Cursor<'a>) -> CommandResult<Self> {
        let mut options = Self::default();
        let mut kind = None;
        while !cursor.is_done() {
            if cursor.word("GET") {
                options.get = true;
            } else if let Some(condition) = condition(&mut cursor) {
                if options.condition.is_some_and(|other| other != condition) {
                    return Err(CommandError::SYNTAX);
                }
                options.condition = Some(condition);
            } else if cursor.word("KEEPTTL") {
                only(&mut kind, Kind::Keep)?;
                options.keep = true;
            } else {
                options.time = Some(time(&mut cursor, &mut kind)?);
            }
        }
        Ok(options)
    }

    pub(super) fn of_get(mut cursor: Cursor<'a>) -> CommandResult<Self> {
        let mut options = Self::default();
        let mut kind = None;
        while !cursor.is_done() {
            if cursor.word("PERSIST") {
                only(&mut kind, Kind::Persist)?;
                options.persist = true;
            } else {
                options.time = Some(time(&mut cursor, &mut kind)?);
            }
        }
        Ok(options)
    }
}

fn condition(cursor: &mut Cursor<'_>) -> Option<Condition> {
    if cursor.word("NX") {
        Some(Condition::Absent)
    } else if cursor.word("XX") {
        Some(Condition::Present)
    } else {
        None
    }
}

/// The same kind of expiry may be given again, and the last one counts; another kind may not.
fn only(seen: &mut Option<Kind>, kind: Kind) -> CommandResult {
    match seen.replace(kind) {
        Some(other) if other != kind => Err(CommandError::SYNTAX),
        _ => Ok(()),
    }
}

fn time<'a>(cursor: &mut Cursor<'a>, seen: &mut Option<Kind>) -> CommandResult<Time<'a>> {
    type Make<'a> = fn(&'a [u8]) -> Time<'a>;
    let words: [(&str, Kind, Make<'a>); 4] = [
        ("EX", Kind::Seconds, Time::Seconds),
        ("PX", Kind::Millis, Time::Millis),
        ("EXAT", Kind::AtSeconds, Time::AtSeconds),
        ("PXAT", Kind::AtMillis, Time::AtMillis),
    ];
    for (word, kind, make) in words {
        if let Some(operand) = cursor.word_with(word) {
            only(seen, kind)?;
            return Ok(make(operand));
        }
    }
    Err(CommandError::SYNTAX)
}
