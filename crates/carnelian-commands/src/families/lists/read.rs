//! Looking into lists: LLEN, LINDEX, LRANGE, LPOS.

use super::span;
use crate::ctx::{Ctx, ElementReply, TypedKeys};
use crate::cursor::integer;
use crate::error::{CommandError, CommandResult};
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};
use carnelian_engine::{End, ListRef};

const ACCESSED: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RO.or(KeyFlags::ACCESS))];

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::run("llen", 2, Group::List, llen)
        .flags(&[Flags::READONLY, Flags::FAST])
        .looks()
        .keys(&[KeySpec::one(1, KeyFlags::RO)])
        .docs("1.0.0", "O(1)", "Returns the number of elements in a list.", "LLEN key"),
    CommandSpec::run("lindex", 3, Group::List, lindex).flags(&[Flags::READONLY]).keys(ACCESSED).docs(
        "1.0.0",
        "O(N), N being the elements between the index and the nearer end; O(1) at the ends",
        "Returns the element at an index of a list.",
        "LINDEX key index",
    ),
    CommandSpec::run("lrange", 4, Group::List, lrange).flags(&[Flags::READONLY]).keys(ACCESSED).docs(
        "1.0.0",
        "O(S+N), S being the distance of the start from the nearer end and N the number of elements returned",
        "Returns the elements between two indexes of a list.",
        "LRANGE key start stop",
    ),
    CommandSpec::run("lpos", -3, Group::List, lpos).flags(&[Flags::READONLY]).keys(ACCESSED).docs(
        "6.0.6",
        "O(N), N being the number of elements; less when a match is near the end that the search begins at, or with MAXLEN",
        "Returns the indexes of elements that equal a value.",
        "LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]",
    ),
];

const _: () = check(COMMANDS);

fn llen(ctx: &mut Ctx) -> CommandResult {
    let len = ctx.keys.list(ctx.arg(1))?.map_or(0, ListRef::len);
    ctx.out.integer(len as i64);
    Ok(())
}

fn lindex(ctx: &mut Ctx) -> CommandResult {
    let (key, index) = (ctx.arg(1), ctx.arg(2));
    let Some(list) = ctx.keys.list(key)? else {
        // The index is not even looked at when there is no list.
        ctx.out.null();
        return Ok(());
    };
    if list.get_with(integer(index)?, |element| ctx.out.element(element)).is_none() {
        ctx.out.null();
    }
    Ok(())
}

fn lrange(ctx: &mut Ctx) -> CommandResult {
    let (key, start, stop) = (ctx.arg(1), integer(ctx.arg(2))?, integer(ctx.arg(3))?);
    let list = ctx.keys.list(key)?;
    let Some((list, (first, count))) = list.and_then(|list| Some((list, span(list.len(), start, stop)?)))
    else {
        ctx.out.array(0);
        return Ok(());
    };
    ctx.out.array(count);
    list.for_range(first, count, |element| ctx.out.element(element));
    Ok(())
}

/// The options of LPOS.
struct Search {
    from: End,
    /// The first match that counts, from 1.
    rank: i64,
    /// Most matches to return, 0 for all of them; without it one is returned on its own.
    count: Option<u64>,
    /// Most elements to look at.
    limit: usize,
}

impl Search {
    fn parse(ctx: &Ctx) -> CommandResult<Self> {
        let mut search = Self { from: End::Left, rank: 1, count: None, limit: usize::MAX };
        let mut options = ctx.cursor(3);
        while !options.is_done() {
            if let Some(rank) = options.word_with("rank") {
                let rank = integer(rank)?;
                if rank == 0 {
                    return Err(CommandError::RANK_ZERO);
                }
                search.from = if rank < 0 { End::Right } else { End::Left };
                // The lowest number has no counterpart and stays below zero: every match counts then.
                search.rank = rank.wrapping_abs();
            } else if let Some(count) = options.word_with("count") {
                search.count = Some(at_least_zero(count, CommandError::COUNT_NEGATIVE)?);
            } else if let Some(limit) = options.word_with("maxlen") {
                search.limit = match at_least_zero(limit, CommandError::MAXLEN_NEGATIVE)? {
                    0 => usize::MAX,
                    limit => limit as usize,
                };
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(search)
    }
}

fn at_least_zero(arg: &[u8], error: CommandError) -> CommandResult<u64> {
    integer(arg).ok().and_then(|value| u64::try_from(value).ok()).ok_or(error)
}

fn lpos(ctx: &mut Ctx) -> CommandResult {
    let (key, value) = (ctx.arg(1), ctx.arg(2));
    let search = Search::parse(ctx)?;
    let Some(list) = ctx.keys.list(key)? else {
        match search.count {
            Some(_) => ctx.out.array(0),
            None => ctx.out.null(),
        }
        return Ok(());
    };
    let mut rank = 0;
    let mut counts = || {
        rank += 1;
        rank >= search.rank
    };
    let Some(count) = search.count else {
        let mut first = None;
        list.find(search.from, value, search.limit, |index| {
            if counts() {
                first = Some(index);
            }
            first.is_none()
        });
        match first {
            Some(index) => ctx.out.integer(index as i64),
            None => ctx.out.null(),
        }
        return Ok(());
    };
    let mut matches = 0;
    let array = ctx.out.begin_array();
    list.find(search.from, value, search.limit, |index| {
        if counts() {
            ctx.out.integer(index as i64);
            matches += 1;
        }
        matches != count || count == 0
    });
    ctx.out.end_array(array, matches as usize);
    Ok(())
}
