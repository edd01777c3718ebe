//! Giving a value another key or another database.

use crate::ctx::Ctx;
use crate::cursor::small_integer;
use crate::error::{CommandError, CommandResult};
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};
use carnelian_engine::{EventClass, ValueRef};

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::run("copy", -3, Group::Generic, copy)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .keys(&[
            KeySpec::one(1, KeyFlags::RO.or(KeyFlags::ACCESS)),
            KeySpec::one(2, KeyFlags::OW.or(KeyFlags::UPDATE)),
        ])
        .docs(
            "6.2.0",
            "O(N), N being the number of elements; O(1) for strings",
            "Copies a value to another key.",
            "COPY source destination [DB destination-db] [REPLACE]",
        ),
    CommandSpec::run("move", 3, Group::Generic, move_key)
        .flags(&[Flags::WRITE, Flags::FAST])
        .keys(&[KeySpec::one(1, KeyFlags::RW.or(KeyFlags::ACCESS).or(KeyFlags::UPDATE))])
        .docs("1.0.0", "O(1)", "Moves a key to another database, unless it exists there.", "MOVE key db"),
    CommandSpec::run("rename", 3, Group::Generic, rename)
        .flags(&[Flags::WRITE])
        .keys(&[
            KeySpec::one(1, KeyFlags::RW.or(KeyFlags::ACCESS).or(KeyFlags::DELETE)),
            KeySpec::one(2, KeyFlags::OW.or(KeyFlags::UPDATE)),
        ])
        .docs("1.0.0", "O(1)", "Renames a key, overwriting the new name.", "RENAME key newkey"),
    CommandSpec::run("renamenx", 3, Group::Generic, rename)
        .flags(&[Flags::WRITE, Flags::FAST])
        .keys(&[
            KeySpec::one(1, KeyFlags::RW.or(KeyFlags::ACCESS).or(KeyFlags::DELETE)),
            KeySpec::one(2, KeyFlags::OW.or(KeyFlags::INSERT)),
        ])
        .docs("1.0.0", "O(1)", "Renames a key unless the new name exists.", "RENAMENX key newkey")
        .history(&[("3.2.0", "The two names may be the same.")]),
];

const _: () = check(COMMANDS);

/// Reads the number of a database.
fn database(ctx: &Ctx, text: &[u8]) -> CommandResult<usize> {
    let db = usize::try_from(small_integer(text)?).ok().filter(|db| *db < ctx.node.engine().databases());
    db.ok_or(CommandError::DB_OUT_OF_RANGE)
}

fn rename(ctx: &mut Ctx) -> CommandResult {
    let (from, to) = (ctx.arg(1), ctx.arg(2));
    let only_new = ctx.is("renamenx");
    ctx.keys.entry(from).used();
    let Some(access) = ctx.keys.access_clock(from) else { return Err(CommandError::NO_SUCH_KEY) };
    let mut target = ctx.keys.entry(to);
    let exists = target.exists();
    if from != to {
        target.used();
    }
    if from != to && !(only_new && exists) {
        ctx.keys.remove(to);
        if let Some(taken) = ctx.keys.take(from) {
            ctx.keys.insert_with(to, taken.value, taken.expire_ms);
            ctx.keys.set_access_clock(to, access);
        }
        ctx.keys.changed(EventClass::GENERIC, "rename_from", from);
        ctx.changed(EventClass::GENERIC, "rename_to", to);
    }
    if only_new {
        ctx.out.integer(i64::from(!exists));
    } else {
        ctx.out.ok();
    }
    Ok(())
}

fn move_key(ctx: &mut Ctx) -> CommandResult {
    let key = ctx.arg(1);
    let (source, target) = (ctx.keys.db(), database(ctx, ctx.arg(2))?);
    if source == target {
        return Err(CommandError::SAME_OBJECT);
    }
    ctx.keys.entry(key).used();
    let Some(access) = ctx.keys.access_clock(key) else {
        ctx.out.integer(0);
        return Ok(());
    };
    ctx.keys.select(target);
    let mut there = ctx.keys.entry(key);
    if there.exists() {
        there.used();
        ctx.keys.select(source);
        ctx.out.integer(0);
        return Ok(());
    }
    ctx.keys.select(source);
    let taken = ctx.keys.take(key);
    ctx.keys.changed(EventClass::GENERIC, "move_from", key);
    ctx.keys.select(target);
    if let Some(taken) = taken {
        ctx.keys.insert_with(key, taken.value, taken.expire_ms);
        ctx.keys.set_access_clock(key, access);
    }
    ctx.changed(EventClass::GENERIC, "move_to", key);
    ctx.keys.select(source);
    ctx.out.integer(1);
    Ok(())
}

fn copy(ctx: &mut Ctx) -> CommandResult {
    let (from, to) = (ctx.arg(1), ctx.arg(2));
    let source = ctx.keys.db();
    let (mut target, mut replace) = (source, false);
    let mut options = ctx.cursor(3);
    while !options.is_done() {
        if options.word("REPLACE") {
            replace = true;
        } else if let Some(db) = options.word_with("DB") {
            target = database(ctx, db)?;
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    if source == target && from == to {
        return Err(CommandError::SAME_OBJECT);
    }
    let Some(value) = ctx.keys.read(from).map(ValueRef::to_value) else {
        ctx.out.integer(0);
        return Ok(());
    };
    let expire_ms = ctx.keys.expiry(from);
    ctx.keys.select(target);
    let mut there = ctx.keys.entry(to);
    let exists = there.exists();
    if exists && !replace {
        there.used();
        ctx.keys.select(source);
        ctx.out.integer(0);
        return Ok(());
    }
    if exists {
        ctx.keys.remove(to);
    }
    ctx.keys.insert_with(to, value, expire_ms);
    ctx.changed(EventClass::GENERIC, "copy_to", to);
    ctx.keys.select(source);
    ctx.out.integer(1);
    Ok(())
}
