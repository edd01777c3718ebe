//! Waiting for elements: BLPOP, BRPOP, BLMPOP, BLMOVE, BRPOPLPUSH.
//!
//! A blocked command runs again, by the same handler, when one of its keys becomes a list; see [`crate::block`].

use super::ends::{PopSome, pop_one, pop_some};
use super::moving::move_one;
use super::{POPPED, SOURCE_AND_DESTINATION, end};
use crate::ctx::{Ctx, TimeoutReply};
use crate::cursor::timeout;
use crate::error::CommandResult;
use crate::spec::{CommandSpec, Flags, Group, KeySpec, check};
use carnelian_engine::{End, ValueType};

const BLOCKING_POP: &[Flags] = &[Flags::WRITE, Flags::NOSCRIPT, Flags::BLOCKING];
const BLOCKING_MOVE: &[Flags] = &[Flags::WRITE, Flags::DENYOOM, Flags::NOSCRIPT, Flags::BLOCKING];
const FRACTIONS: &[(&str, &str)] = &[("6.0.0", "The timeout may have fractions of a second.")];

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::run("blpop", -3, Group::List, blpop)
        .flags(BLOCKING_POP)
        .keys(&[KeySpec::range(1, -2, 1, POPPED)])
        .docs(
            "2.0.0",
            "O(N), N being the number of keys",
            "Removes and returns the first element of the first list that has any, or waits for one.",
            "BLPOP key [key ...] timeout",
        )
        .history(FRACTIONS),
    CommandSpec::run("brpop", -3, Group::List, brpop)
        .flags(BLOCKING_POP)
        .keys(&[KeySpec::range(1, -2, 1, POPPED)])
        .docs(
            "2.0.0",
            "O(N), N being the number of keys",
            "Removes and returns the last element of the first list that has any, or waits for one.",
            "BRPOP key [key ...] timeout",
        )
        .history(FRACTIONS),
    CommandSpec::run("blmpop", -5, Group::List, blmpop)
        .flags(&[Flags::WRITE, Flags::BLOCKING])
        .keys(&[KeySpec::counted(2, POPPED)])
        .docs(
            "7.0.0",
            "O(N+M), N being the number of keys and M the number of elements returned",
            "Removes and returns elements of the first list that has any, or waits for some.",
            "BLMPOP timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
        ),
    CommandSpec::run("blmove", 6, Group::List, blmove)
        .flags(BLOCKING_MOVE)
        .keys(SOURCE_AND_DESTINATION)
        .docs(
            "6.2.0",
            "O(1)",
            "Moves an element from an end of one list to an end of another and returns it, or waits for one.",
            "BLMOVE source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout",
        ),
    CommandSpec::run("brpoplpush", 4, Group::List, brpoplpush)
        .flags(BLOCKING_MOVE)
        .keys(SOURCE_AND_DESTINATION)
        .docs(
            "2.2.0",
            "O(1)",
            "Moves the last element of one list to the head of another and returns it, or waits for one.",
            "BRPOPLPUSH source destination timeout",
        )
        .history(FRACTIONS)
        .deprecated("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments"),
];

const _: () = check(COMMANDS);

fn blpop(ctx: &mut Ctx) -> CommandResult {
    pop(ctx, End::Left)
}

fn brpop(ctx: &mut Ctx) -> CommandResult {
    pop(ctx, End::Right)
}

fn pop(ctx: &mut Ctx, end: End) -> CommandResult {
    if let Some(key) = ctx.ready_key {
        return served(ctx, |ctx| pop_one(ctx, key, end, true));
    }
    let last = ctx.args.len() - 1;
    let timeout_ms = timeout(ctx.arg(last))?;
    let keys = ctx.args.slice(1..last);
    for key in keys {
        if pop_one(ctx, key, end, true)? {
            return Ok(());
        }
    }
    let keys: Vec<&[u8]> = keys.iter().collect();
    ctx.block_on(&keys, ValueType::List, None, timeout_ms, TimeoutReply::NullArray);
    Ok(())
}

fn blmpop(ctx: &mut Ctx) -> CommandResult {
    let PopSome { keys, end, count } = PopSome::parse(ctx.cursor(2))?;
    if let Some(key) = ctx.ready_key {
        return served(ctx, |ctx| pop_some(ctx, key, end, count, true));
    }
    let timeout_ms = timeout(ctx.arg(1))?;
    for key in keys {
        if pop_some(ctx, key, end, count, true)? {
            return Ok(());
        }
    }
    let keys: Vec<&[u8]> = keys.iter().collect();
    ctx.block_on(&keys, ValueType::List, None, timeout_ms, TimeoutReply::NullArray);
    Ok(())
}

fn blmove(ctx: &mut Ctx) -> CommandResult {
    let (from, to) = (end(ctx.arg(3))?, end(ctx.arg(4))?);
    move_or_wait(ctx, from, to, 5)
}

fn brpoplpush(ctx: &mut Ctx) -> CommandResult {
    move_or_wait(ctx, End::Right, End::Left, 3)
}

fn move_or_wait(ctx: &mut Ctx, from: End, to: End, timeout_at: usize) -> CommandResult {
    if ctx.ready_key.is_some() {
        return served(ctx, |ctx| move_one(ctx, from, to));
    }
    let timeout_ms = timeout(ctx.arg(timeout_at))?;
    // Once for looking whether there is something to move, and then for moving it.
    ctx.keys.entry(ctx.arg(1)).used();
    if move_one(ctx, from, to)? {
        return Ok(());
    }
    if ctx.session.may_block() {
        let (source, destination) = (ctx.arg(1), ctx.arg(2));
        ctx.block_on(&[source], ValueType::List, Some(destination), timeout_ms, TimeoutReply::NullArray);
    } else {
        // What replies to the end of a wait is a null array, but where nothing can wait it is a plain null.
        ctx.out.null();
    }
    Ok(())
}

/// Runs a blocked command on the key that became ready. It is a list, or the command would not run.
fn served<'c, 'e>(
    ctx: &mut Ctx<'c, 'e>,
    take: impl FnOnce(&mut Ctx<'c, 'e>) -> CommandResult<bool>,
) -> CommandResult {
    if !take(ctx)? {
        ctx.out.null_array();
    }
    Ok(())
}
