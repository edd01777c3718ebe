//! Whole databases.

use crate::ctx::Ctx;
use crate::cursor::small_integer;
use crate::error::{CommandError, CommandResult};
use crate::spec::{Categories, CommandSpec, Flags, Group, check};

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::run("dbsize", 1, Group::Server, dbsize)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::KEYSPACE])
        .tips(&["request_policy:all_shards", "response_policy:agg_sum"])
        .docs("1.0.0", "O(1)", "Returns the number of keys in the selected database.", "DBSIZE")
        .all_shards(),
    CommandSpec::run("flushall", -1, Group::Server, flushall)
        .flags(&[Flags::WRITE])
        .categories(&[Categories::KEYSPACE, Categories::DANGEROUS])
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .docs(
            "1.0.0",
            "O(N), N being the number of keys",
            "Removes every key of every database.",
            "FLUSHALL [ASYNC | SYNC]",
        )
        .history(&[("4.0.0", "Option `ASYNC`."), ("6.2.0", "Option `SYNC`.")])
        .all_shards(),
    CommandSpec::run("flushdb", -1, Group::Server, flushdb)
        .flags(&[Flags::WRITE])
        .categories(&[Categories::KEYSPACE, Categories::DANGEROUS])
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .docs(
            "1.0.0",
            "O(N), N being the number of keys",
            "Removes every key of the selected database.",
            "FLUSHDB [ASYNC | SYNC]",
        )
        .history(&[("4.0.0", "Option `ASYNC`."), ("6.2.0", "Option `SYNC`.")])
        .all_shards(),
    CommandSpec::run("randomkey", 1, Group::Generic, randomkey)
        .flags(&[Flags::READONLY])
        .tips(&["request_policy:all_shards", "nondeterministic_output"])
        .docs("1.0.0", "O(1)", "Returns some key of the selected database.", "RANDOMKEY")
        .all_shards(),
    CommandSpec::run("swapdb", 3, Group::Server, swapdb)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::KEYSPACE, Categories::DANGEROUS])
        .docs(
            "4.0.0",
            "O(N), N being the number of clients that watch or wait for keys",
            "Exchanges the contents of two databases.",
            "SWAPDB index1 index2",
        )
        .all_shards(),
];

const _: () = check(COMMANDS);

fn dbsize(ctx: &mut Ctx) -> CommandResult {
    ctx.out.integer(ctx.keys.len() as i64);
    Ok(())
}

fn randomkey(ctx: &mut Ctx) -> CommandResult {
    match ctx.keys.random_key() {
        Some(key) => ctx.out.bulk(&key),
        None => ctx.out.null(),
    }
    Ok(())
}

/// Whether the memory is to be freed in the background.
fn flushes_lazily(ctx: &Ctx) -> CommandResult<bool> {
    let mut options = ctx.cursor(1);
    let lazily = if options.is_done() {
        ctx.keys.settings().lazy_user_flush()
    } else if options.word("ASYNC") {
        true
    } else if options.word("SYNC") {
        false
    } else {
        return Err(CommandError::SYNTAX);
    };
    options.finish()?;
    Ok(lazily)
}

fn flushdb(ctx: &mut Ctx) -> CommandResult {
    let lazily = flushes_lazily(ctx)?;
    let removed = ctx.keys.flush(lazily);
    ctx.dirty(removed);
    ctx.out.ok();
    Ok(())
}

fn flushall(ctx: &mut Ctx) -> CommandResult {
    let lazily = flushes_lazily(ctx)?;
    let selected = ctx.keys.db();
    let mut removed = 0;
    for db in 0..ctx.node.engine().databases() {
        ctx.keys.select(db);
        removed += ctx.keys.flush(lazily);
    }
    ctx.keys.select(selected);
    if ctx.node.host().flushed_all(ctx.keys) {
        ctx.keys.effects.dirty = 0;
    } else {
        ctx.dirty(removed);
    }
    ctx.out.ok();
    Ok(())
}

fn swapdb(ctx: &mut Ctx) -> CommandResult {
    let index = |text: &[u8], error: CommandError| small_integer(text).map_err(|_| error);
    let first = index(ctx.arg(1), CommandError::INVALID_FIRST_DB)?;
    let second = index(ctx.arg(2), CommandError::INVALID_SECOND_DB)?;
    let databases = ctx.node.engine().databases();
    let checked = |index| usize::try_from(index).ok().filter(|db| *db < databases);
    let (Some(first), Some(second)) = (checked(first), checked(second)) else {
        return Err(CommandError::DB_OUT_OF_RANGE);
    };
    if first != second {
        ctx.keys.swap(first, second);
    }
    ctx.dirty(1);
    ctx.out.ok();
    Ok(())
}
