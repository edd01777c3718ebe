//! Pushing and popping: LPUSH, RPUSH, LPUSHX, RPUSHX, LPOP, RPOP, LMPOP.

use super::{POPPED, PUSHED, end, pop_event, push_event};
use crate::ctx::{Ctx, ElementReply};
use crate::cursor::{Cursor, integer};
use crate::error::{CommandError, CommandResult};
use crate::spec::{CommandSpec, Flags, Group, KeySpec, check};

use carnelian_engine::{End, EventClass, List};
use carnelian_resp::Args;

const PUSH: CommandSpec = CommandSpec::run("lpush", -3, Group::List, lpush)
    .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
    .keys(&[KeySpec::one(1, PUSHED)]);
const POP: CommandSpec = CommandSpec::run("lpop", -2, Group::List, lpop)
    .flags(&[Flags::WRITE, Flags::FAST])
    .keys(&[KeySpec::one(1, POPPED)])
    .history(&[("6.2.0", "Takes a count of elements.")]);
const PUSH_COST: &str = "O(N), N being the number of elements pushed";
const POP_COST: &str = "O(N), N being the number of elements returned";

pub(crate) const COMMANDS: &[CommandSpec] = &[
    PUSH.docs(
        "1.0.0",
        PUSH_COST,
        "Puts elements at the head of a list, one after the other.",
        "LPUSH key element [element ...]",
    )
    .history(&[("2.4.0", "Takes several elements.")]),
    PUSH.called("rpush", rpush)
        .docs("1.0.0", PUSH_COST, "Puts elements at the tail of a list.", "RPUSH key element [element ...]")
        .history(&[("2.4.0", "Takes several elements.")]),
    PUSH.called("lpushx", lpushx)
        .docs(
            "2.2.0",
            PUSH_COST,
            "Puts elements at the head of a list if it exists.",
            "LPUSHX key element [element ...]",
        )
        .history(&[("4.0.0", "Takes several elements.")]),
    PUSH.called("rpushx", rpushx)
        .docs(
            "2.2.0",
            PUSH_COST,
            "Puts elements at the tail of a list if it exists.",
            "RPUSHX key element [element ...]",
        )
        .history(&[("4.0.0", "Takes several elements.")]),
    POP.docs("1.0.0", POP_COST, "Removes and returns elements at the head of a list.", "LPOP key [count]"),
    POP.called("rpop", rpop).docs(
        "1.0.0",
        POP_COST,
        "Removes and returns elements at the tail of a list.",
        "RPOP key [count]",
    ),
    CommandSpec::run("lmpop", -4, Group::List, lmpop)
        .flags(&[Flags::WRITE])
        .keys(&[KeySpec::counted(1, POPPED)])
        .docs(
            "7.0.0",
            "O(N+M), N being the number of keys and M the number of elements returned",
            "Removes and returns elements of the first list that has any.",
            "LMPOP numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
        ),
];

const _: () = check(COMMANDS);

fn lpush(ctx: &mut Ctx) -> CommandResult {
    push(ctx, End::Left, false)
}

fn rpush(ctx: &mut Ctx) -> CommandResult {
    push(ctx, End::Right, false)
}

fn lpushx(ctx: &mut Ctx) -> CommandResult {
    push(ctx, End::Left, true)
}

fn rpushx(ctx: &mut Ctx) -> CommandResult {
    push(ctx, End::Right, true)
}

#[inline]
fn push(ctx: &mut Ctx, end: End, only_existing: bool) -> CommandResult {
    let (key, values) = (ctx.arg(1), ctx.cursor(2).rest());
    let settings = ctx.keys.settings();
    let mut entry = ctx.keys.entry(key);
    if only_existing && !entry.exists() {
        ctx.out.integer(0);
        return Ok(());
    }
    let mut list = entry.edit_or_insert(|| List::new(settings))?;
    for value in values {
        list.push(end, value, settings);
    }
    let len = list.len();
    drop(list);
    entry.changed(EventClass::LIST, push_event(end));
    ctx.dirty(values.len() as u64 - 1);
    ctx.out.integer(len as i64);
    Ok(())
}

fn lpop(ctx: &mut Ctx) -> CommandResult {
    pop(ctx, End::Left)
}

fn rpop(ctx: &mut Ctx) -> CommandResult {
    pop(ctx, End::Right)
}

fn pop(ctx: &mut Ctx, end: End) -> CommandResult {
    let key = ctx.arg(1);
    let Some(count) = ctx.args.get(2) else {
        if !pop_one(ctx, key, end, false)? {
            ctx.out.null();
        }
        return Ok(());
    };
    if ctx.args.len() > 3 {
        return Err(CommandError::arity(ctx.spec.name));
    }
    let count = integer(count).ok().and_then(|count| usize::try_from(count).ok());
    if !pop_some(ctx, key, end, count.ok_or(CommandError::NOT_POSITIVE)?, false)? {
        ctx.out.null_array();
    }
    Ok(())
}

/// Pops one element and replies with it, in an array behind the key if it is to be `named`. False, without a reply, when
/// there is no list.
#[inline]
pub(super) fn pop_one(ctx: &mut Ctx, key: &[u8], end: End, named: bool) -> CommandResult<bool> {
    let mut entry = ctx.keys.entry(key);
    let Some(mut list) = entry.edit::<List>()? else { return Ok(false) };
    if named {
        ctx.out.array(2);
        ctx.out.bulk(key);
    }
    list.pop_with(end, |element| ctx.out.element(element));
    let emptied = list.is_empty();
    drop(list);
    entry.changed(EventClass::LIST, pop_event(end));
    if emptied {
        entry.remove_emptied();
    }
    Ok(true)
}

/// Pops up to `count` elements and replies with an array of them, in an array behind the key if it is to be `named`.
/// False, without a reply, when there is no list.
pub(super) fn pop_some(
    ctx: &mut Ctx,
    key: &[u8],
    end: End,
    count: usize,
    named: bool,
) -> CommandResult<bool> {
    let mut entry = ctx.keys.entry(key);
    let Some(mut list) = entry.edit::<List>()? else { return Ok(false) };
    let count = count.min(list.len());
    if named {
        ctx.out.array(2);
        ctx.out.bulk(key);
    }
    ctx.out.array(count);
    if count == 0 {
        return Ok(true);
    }
    match end {
        End::Left => {
            list.view().for_range(0, count, |element| ctx.out.element(element));
            list.remove_range(0, count);
        }
        End::Right => {
            list.view().walk(End::Right, count, |_, element| {
                ctx.out.element(element);
                true
            });
            let rest = list.len() - count;
            list.remove_range(rest, count);
        }
    }
    let emptied = list.is_empty();
    drop(list);
    entry.changed(EventClass::LIST, pop_event(end));
    if emptied {
        entry.remove_emptied();
    }
    ctx.dirty(count as u64 - 1);
    Ok(true)
}

/// What LMPOP and BLMPOP are asked for, `numkeys key [key ...] <LEFT | RIGHT> [COUNT count]`.
pub(super) struct PopSome<'c> {
    pub(super) keys: Args<'c>,
    pub(super) end: End,
    pub(super) count: usize,
}

impl<'c> PopSome<'c> {
    pub(super) fn parse(mut args: Cursor<'c>) -> CommandResult<Self> {
        let positive = |arg: &[u8], error| {
            let value = integer(arg).ok().and_then(|value| usize::try_from(value).ok());
            value.filter(|value| *value > 0).ok_or(error)
        };
        let numkeys = positive(args.take()?, CommandError::NUMKEYS)?;
        if numkeys >= args.remaining() {
            return Err(CommandError::SYNTAX);
        }
        let keys = args.rest().slice(..numkeys);
        for _ in 0..numkeys {
            args.take()?;
        }
        let end = end(args.take()?)?;
        let count = match args.word_with("count") {
            Some(count) => positive(count, CommandError::COUNT_NOT_POSITIVE)?,
            None => 1,
        };
        args.finish()?;
        Ok(Self { keys, end, count })
    }
}

fn lmpop(ctx: &mut Ctx) -> CommandResult {
    let wanted = PopSome::parse(ctx.cursor(1))?;
    for key in wanted.keys {
        if pop_some(ctx, key, wanted.end, wanted.count, true)? {
            return Ok(());
        }
    }
    ctx.out.null_array();
    Ok(())
}
