//! Setting and removing fields: HSET, HMSET, HSETNX, HDEL.

use crate::ctx::{Ctx, TypedKeys};
use crate::error::{CommandError, CommandResult};
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};
use carnelian_engine::{EventClass, Hash};

const ADD: &[Flags] = &[Flags::WRITE, Flags::DENYOOM, Flags::FAST];
const UPDATE: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RW.or(KeyFlags::UPDATE))];
const PER_FIELD: &str = "O(N), N being the number of fields given";

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::run("hset", -4, Group::Hash, hset)
        .flags(ADD)
        .keys(UPDATE)
        .docs(
            "2.0.0",
            PER_FIELD,
            "Sets fields of a hash and returns how many of them are new.",
            "HSET key field value [field value ...]",
        )
        .history(&[("4.0.0", "Several fields at once.")]),
    CommandSpec::run("hmset", -4, Group::Hash, hset)
        .flags(ADD)
        .keys(UPDATE)
        .docs("2.0.0", PER_FIELD, "Sets fields of a hash.", "HMSET key field value [field value ...]")
        .deprecated("4.0.0", "`HSET` with several fields"),
    CommandSpec::run("hsetnx", 4, Group::Hash, hsetnx)
        .flags(ADD)
        .keys(&[KeySpec::one(1, KeyFlags::RW.or(KeyFlags::INSERT))])
        .docs("2.0.0", "O(1)", "Sets a field of a hash unless it exists.", "HSETNX key field value"),
    CommandSpec::run("hdel", -3, Group::Hash, hdel)
        .flags(&[Flags::WRITE, Flags::FAST])
        .keys(&[KeySpec::one(1, KeyFlags::RW.or(KeyFlags::DELETE))])
        .docs(
            "2.0.0",
            PER_FIELD,
            "Removes fields of a hash; the key goes with its last field.",
            "HDEL key field [field ...]",
        )
        .history(&[("2.4.0", "Several fields at once.")]),
];

const _: () = check(COMMANDS);

fn hset(ctx: &mut Ctx) -> CommandResult {
    if !ctx.args.len().is_multiple_of(2) {
        return Err(CommandError::arity(ctx.spec.name));
    }
    let key = ctx.arg(1);
    let settings = ctx.keys.settings();
    let mut entry = ctx.keys.entry(key);
    let mut hash = entry.edit_or_insert(Hash::new)?;
    let mut args = ctx.args.iter().skip(2);
    let (mut new, mut pairs) = (0, 0);
    while let (Some(field), Some(value)) = (args.next(), args.next()) {
        new += i64::from(hash.set(field, value, settings));
        pairs += 1;
    }
    drop(hash);
    entry.changed(EventClass::HASH, "hset");
    ctx.dirty(pairs - 1);
    if ctx.is("hset") {
        ctx.out.integer(new);
    } else {
        ctx.out.ok();
    }
    Ok(())
}

fn hsetnx(ctx: &mut Ctx) -> CommandResult {
    let (key, field) = (ctx.arg(1), ctx.arg(2));
    let settings = ctx.keys.settings();
    let mut hash = ctx.keys.hash_or_new(key)?;
    let new = !hash.view().contains(field);
    if new {
        hash.set(field, ctx.args.get(3).unwrap_or_default(), settings);
        drop(hash);
        ctx.changed(EventClass::HASH, "hset", key);
    }
    ctx.out.integer(i64::from(new));
    Ok(())
}

fn hdel(ctx: &mut Ctx) -> CommandResult {
    let key = ctx.arg(1);
    let (mut removed, mut emptied) = (0, false);
    let mut entry = ctx.keys.entry(key);
    if let Some(mut hash) = entry.edit::<Hash>()? {
        for field in ctx.args.iter().skip(2) {
            removed += u64::from(hash.remove(field));
            emptied = hash.is_empty();
            if emptied {
                break;
            }
        }
    }
    if removed > 0 {
        entry.changed(EventClass::HASH, "hdel");
        if emptied {
            entry.remove_emptied();
        }
        ctx.dirty(removed - 1);
    }
    ctx.out.integer(removed as i64);
    Ok(())
}
