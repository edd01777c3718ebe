//! Changing lists in their middle: LSET, LINSERT, LTRIM, LREM.

use super::span;
use crate::ctx::{Ctx, TypedKeys};
use crate::cursor::integer;
use crate::error::{CommandError, CommandResult};
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};
use carnelian_engine::{End, EventClass};

const SHRUNK: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RW.or(KeyFlags::DELETE))];

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::run("lset", 4, Group::List, lset)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .keys(&[KeySpec::one(1, KeyFlags::RW.or(KeyFlags::UPDATE))])
        .docs(
            "1.0.0",
            "O(N), N being the length of the list; O(1) at the ends",
            "Replaces the element at an index of a list.",
            "LSET key index element",
        ),
    CommandSpec::run("linsert", 5, Group::List, linsert)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .keys(&[KeySpec::one(1, super::PUSHED)])
        .docs(
            "2.2.0",
            "O(N), N being the elements from the head to the pivot",
            "Inserts an element before or after the first one that equals a pivot.",
            "LINSERT key <BEFORE | AFTER> pivot element",
        ),
    CommandSpec::run("ltrim", 4, Group::List, ltrim).flags(&[Flags::WRITE]).keys(SHRUNK).docs(
        "1.0.0",
        "O(N), N being the number of elements removed",
        "Removes all elements of a list but those between two indexes.",
        "LTRIM key start stop",
    ),
    CommandSpec::run("lrem", 4, Group::List, lrem).flags(&[Flags::WRITE]).keys(SHRUNK).docs(
        "1.0.0",
        "O(N+M), N being the length of the list and M the number of elements removed",
        "Removes elements that equal a value.",
        "LREM key count element",
    ),
];

const _: () = check(COMMANDS);

fn lset(ctx: &mut Ctx) -> CommandResult {
    let (key, index, value) = (ctx.arg(1), ctx.arg(2), ctx.arg(3));
    let settings = ctx.keys.settings();
    let mut list = ctx.keys.list_mut(key)?.ok_or(CommandError::NO_SUCH_KEY)?;
    if !list.unpacked().set(integer(index)?, value, settings) {
        return Err(CommandError::INDEX_OUT_OF_RANGE);
    }
    drop(list);
    ctx.changed(EventClass::LIST, "lset", key);
    ctx.out.ok();
    Ok(())
}

fn linsert(ctx: &mut Ctx) -> CommandResult {
    let (key, place, pivot, value) = (ctx.arg(1), ctx.arg(2), ctx.arg(3), ctx.arg(4));
    let after = place.eq_ignore_ascii_case(b"after");
    if !after && !place.eq_ignore_ascii_case(b"before") {
        return Err(CommandError::SYNTAX);
    }
    let settings = ctx.keys.settings();
    let Some(mut list) = ctx.keys.list_mut(key)? else {
        ctx.out.integer(0);
        return Ok(());
    };
    let mut found = None;
    list.view().find(End::Left, pivot, usize::MAX, |index| {
        found = Some(index);
        false
    });
    let Some(index) = found else {
        ctx.out.integer(-1);
        return Ok(());
    };
    if after {
        list.unpacked().insert_after(index, value, settings);
    } else {
        list.unpacked().insert(index, value, settings);
    }
    let len = list.len();
    drop(list);
    ctx.changed(EventClass::LIST, "linsert", key);
    ctx.out.integer(len as i64);
    Ok(())
}

fn ltrim(ctx: &mut Ctx) -> CommandResult {
    let (key, start, stop) = (ctx.arg(1), integer(ctx.arg(2))?, integer(ctx.arg(3))?);
    let Some(mut list) = ctx.keys.list_mut(key)? else {
        ctx.out.ok();
        return Ok(());
    };
    let len = list.len();
    let (first, count) = span(len, start, stop).unwrap_or((0, 0));
    list.remove_range(first + count, len);
    list.remove_range(0, first);
    let removed = len - list.len();
    // Even a trim that removes nothing is announced, but only what is removed counts.
    drop(list);
    ctx.keys.changed(EventClass::LIST, "ltrim", key);
    ctx.dirty(removed as u64);
    if removed == len {
        ctx.remove_emptied(key);
    }
    ctx.out.ok();
    Ok(())
}

fn lrem(ctx: &mut Ctx) -> CommandResult {
    let (key, count, value) = (ctx.arg(1), integer(ctx.arg(2))?, ctx.arg(3));
    let Some(mut list) = ctx.keys.list_mut(key)? else {
        ctx.out.integer(0);
        return Ok(());
    };
    let from = if count < 0 { End::Right } else { End::Left };
    let limit = match count.unsigned_abs() {
        0 => usize::MAX,
        limit => limit as usize,
    };
    let removed = list.remove_matching(from, value, limit);
    let emptied = list.is_empty();
    drop(list);
    if removed > 0 {
        ctx.keys.changed(EventClass::LIST, "lrem", key);
        ctx.dirty(removed as u64);
    }
    if emptied {
        ctx.remove_emptied(key);
    }
    ctx.out.integer(removed as i64);
    Ok(())
}
