//! Parts of strings: APPEND, STRLEN, GETRANGE, SETRANGE.

use crate::ctx::{Ctx, TypedKeys};
use crate::cursor::integer;
use crate::error::{CommandError, CommandResult};
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};
use carnelian_engine::{Content, EventClass, Expiry, Settings, ValueRef};
use std::ops::Range;

const PART: &str = "O(N), N being the length of the part";
const READ: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RO.or(KeyFlags::ACCESS))];

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::run("append", 3, Group::String, append)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .keys(&[KeySpec::one(1, KeyFlags::RW.or(KeyFlags::INSERT))])
        .docs(
            "2.0.0",
            "O(1) amortised, for appended strings that are short",
            "Adds to the end of a string; a missing key is an empty one.",
            "APPEND key value",
        ),
    CommandSpec::run("strlen", 2, Group::String, strlen)
        .flags(&[Flags::READONLY, Flags::FAST])
        .looks()
        .keys(&[KeySpec::one(1, KeyFlags::RO)])
        .docs("2.2.0", "O(1)", "Returns the length of a string in bytes.", "STRLEN key"),
    CommandSpec::run("getrange", 4, Group::String, getrange)
        .flags(&[Flags::READONLY])
        .looks()
        .keys(READ)
        .docs(
            "2.4.0",
            PART,
            "Returns part of a string; negative positions count from its end.",
            "GETRANGE key start end",
        ),
    CommandSpec::run("substr", 4, Group::String, getrange)
        .flags(&[Flags::READONLY])
        .looks()
        .keys(READ)
        .docs("1.0.0", PART, "The old name of `GETRANGE`.", "SUBSTR key start end")
        .deprecated("2.0.0", "`GETRANGE`"),
    CommandSpec::run("setrange", 4, Group::String, setrange)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .keys(&[KeySpec::one(1, KeyFlags::RW.or(KeyFlags::UPDATE))])
        .docs(
            "2.2.0",
            "O(M), M being the length of the value; O(N) the first time a short string is edited",
            "Overwrites part of a string, filling up with zero bytes where it is too short.",
            "SETRANGE key offset value",
        ),
];

const _: () = check(COMMANDS);

/// Checks the length that a string would have, before memory is reserved for it.
fn check_length(settings: &Settings, base: usize, more: usize) -> CommandResult<usize> {
    base.checked_add(more)
        .filter(|length| *length <= settings.max_bulk_len())
        .ok_or(CommandError::STRING_TOO_LONG)
}

fn append(ctx: &mut Ctx) -> CommandResult {
    let (key, more) = (ctx.arg(1), ctx.arg(2));
    let settings = ctx.keys.settings();
    let mut entry = ctx.keys.entry(key);
    let length = match entry.value() {
        Some(ValueRef::String(string)) => {
            let length = check_length(settings, string.len(), more.len())?;
            entry.edit_text()?.extend_from_slice(more);
            length
        }
        Some(_) => {
            entry.used();
            return Err(CommandError::WRONG_TYPE);
        }
        None => {
            entry.store_string(more, Expiry::Keep);
            more.len()
        }
    };
    entry.changed(EventClass::STRING, "append");
    ctx.out.integer(length as i64);
    Ok(())
}

fn strlen(ctx: &mut Ctx) -> CommandResult {
    let length = ctx.keys.string(ctx.arg(1))?.map_or(0, |string| string.len());
    ctx.out.integer(length as i64);
    Ok(())
}

fn getrange(ctx: &mut Ctx) -> CommandResult {
    let (start, end) = (integer(ctx.arg(2))?, integer(ctx.arg(3))?);
    let Some(string) = ctx.keys.string(ctx.arg(1))? else {
        ctx.out.bulk(b"");
        return Ok(());
    };
    let part = part(string.len(), start, end);
    match string.content() {
        Content::Blob(blob) => ctx.out.bulk_shared(blob, part),
        Content::Bytes(_) | Content::Int(_) => string.get().with_bytes(|bytes| ctx.out.bulk(&bytes[part])),
    }
    Ok(())
}

/// The bytes from `start` to `end`, both included, of `length`; negative ones count from the end, and what lies beyond is
/// cut off.
fn part(length: usize, start: i64, end: i64) -> Range<usize> {
    let length = length as i64;
    let from_start = |position: i64| if position < 0 { (length + position).max(0) } else { position };
    if start < 0 && end < 0 && start > end {
        return 0..0;
    }
    let (start, end) = (from_start(start), from_start(end).min(length - 1));
    if start > end { 0..0 } else { start as usize..end as usize + 1 }
}

fn setrange(ctx: &mut Ctx) -> CommandResult {
    let (key, value) = (ctx.arg(1), ctx.arg(3));
    let offset = usize::try_from(integer(ctx.arg(2))?).map_err(|_| CommandError::OFFSET_OUT_OF_RANGE)?;
    let settings = ctx.keys.settings();
    let mut entry = ctx.keys.entry(key);
    let length = match entry.value() {
        Some(ValueRef::String(string)) => string.len(),
        Some(_) => {
            entry.used();
            return Err(CommandError::WRONG_TYPE);
        }
        None => 0,
    };
    if value.is_empty() {
        entry.used();
        ctx.out.integer(length as i64);
        return Ok(());
    }
    let end = check_length(settings, offset, value.len())?;
    let mut bytes = entry.edit_text()?;
    bytes.resize(length.max(end), 0);
    bytes[offset..end].copy_from_slice(value);
    drop(bytes);
    entry.changed(EventClass::STRING, "setrange");
    ctx.out.integer(length.max(end) as i64);
    Ok(())
}
