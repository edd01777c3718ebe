//! From one list to another: LMOVE, RPOPLPUSH.

use super::{SOURCE_AND_DESTINATION, end, pop_event, push_event};
use crate::ctx::{Ctx, ElementReply, TypedKeys};
use crate::error::{CommandError, CommandResult};
use crate::spec::{CommandSpec, Flags, Group, check};
use carnelian_engine::{End, EventClass, List, ValueRef};

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::run("lmove", 5, Group::List, lmove)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .keys(SOURCE_AND_DESTINATION)
        .docs(
            "6.2.0",
            "O(1)",
            "Moves an element from an end of one list to an end of another and returns it.",
            "LMOVE source destination <LEFT | RIGHT> <LEFT | RIGHT>",
        ),
    CommandSpec::run("rpoplpush", 3, Group::List, rpoplpush)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .keys(SOURCE_AND_DESTINATION)
        .docs(
            "1.2.0",
            "O(1)",
            "Moves the last element of one list to the head of another and returns it.",
            "RPOPLPUSH source destination",
        )
        .deprecated("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments"),
];

const _: () = check(COMMANDS);

fn lmove(ctx: &mut Ctx) -> CommandResult {
    let (from, to) = (end(ctx.arg(3))?, end(ctx.arg(4))?);
    if !move_one(ctx, from, to)? {
        ctx.out.null();
    }
    Ok(())
}

fn rpoplpush(ctx: &mut Ctx) -> CommandResult {
    if !move_one(ctx, End::Right, End::Left)? {
        ctx.out.null();
    }
    Ok(())
}

/// Moves an element from the list at the first argument to the list at the second and replies with it. False, without a
/// reply, when there is no source.
pub(super) fn move_one(ctx: &mut Ctx, from: End, to: End) -> CommandResult<bool> {
    let (source, destination) = (ctx.arg(1), ctx.arg(2));
    if source == destination {
        return rotate(ctx, source, from, to);
    }
    // Both types are known before anything changes. It is the change that counts as a use.
    if !is_list(ctx, source)? {
        return Ok(false);
    }
    is_list(ctx, destination)?;
    let settings = ctx.keys.settings();
    let Some(mut list) = ctx.keys.list_mut(source)? else { return Ok(false) };
    let len = list.pop_with(from, |element| {
        ctx.out.element(element);
        element.len()
    });
    let emptied = list.is_empty();
    // The reply just written holds the element, which spares a copy.
    let value = bulk_at_end(ctx.out.buf(), len.unwrap_or_default());
    drop(list);
    ctx.keys.list_or_new(destination)?.push(to, value, settings);
    ctx.keys.changed(EventClass::LIST, push_event(to), destination);
    ctx.changed(EventClass::LIST, pop_event(from), source);
    if emptied {
        ctx.remove_emptied(source);
    }
    Ok(true)
}

/// As [`move_one`], from one end of a list to an end of the same.
fn rotate(ctx: &mut Ctx, key: &[u8], from: End, to: End) -> CommandResult<bool> {
    let settings = ctx.keys.settings();
    let mut entry = ctx.keys.entry(key);
    match entry.value() {
        None => return Ok(false),
        Some(ValueRef::List(_)) => {}
        Some(_) => return Err(CommandError::WRONG_TYPE),
    }
    // Of source and destination, which Redis looks up one after the other.
    entry.touch();
    let Some(mut list) = entry.edit::<List>()? else { return Ok(false) };
    let len = list.pop_with(from, |element| {
        ctx.out.element(element);
        element.len()
    });
    list.push(to, bulk_at_end(ctx.out.buf(), len.unwrap_or_default()), settings);
    drop(list);
    entry.event(EventClass::LIST, push_event(to));
    entry.changed(EventClass::LIST, pop_event(from));
    Ok(true)
}

/// Whether there is a list at `key`, without a trace of looking.
fn is_list(ctx: &mut Ctx, key: &[u8]) -> CommandResult<bool> {
    match ctx.keys.entry(key).value() {
        None => Ok(false),
        Some(ValueRef::List(_)) => Ok(true),
        Some(_) => Err(CommandError::WRONG_TYPE),
    }
}

/// The text of the bulk string of `len` bytes that ends `wire`.
fn bulk_at_end(wire: &[u8], len: usize) -> &[u8] {
    let end = wire.len().saturating_sub(b"\r\n".len());
    &wire[end.saturating_sub(len)..end]
}
