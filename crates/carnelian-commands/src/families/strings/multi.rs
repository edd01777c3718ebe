//! Several strings at once: MGET, MSET, MSETNX.

use crate::ctx::{Ctx, ElementReply};
use crate::error::{CommandError, CommandResult};
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};
use carnelian_engine::{EventClass, Expiry, ValueRef};

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::run("mget", -2, Group::String, mget)
        .flags(&[Flags::READONLY, Flags::FAST])
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO.or(KeyFlags::ACCESS))])
        .docs(
            "1.0.0",
            "O(N), N being the number of keys",
            "Returns the strings of several keys.",
            "MGET key [key ...]",
        )
        .tips(&["request_policy:multi_shard"]),
    CommandSpec::run("mset", -3, Group::String, mset)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .keys(&[KeySpec::range(1, -1, 2, KeyFlags::OW.or(KeyFlags::UPDATE))])
        .docs(
            "1.0.1",
            "O(N), N being the number of keys",
            "Sets several keys to strings, as one step.",
            "MSET key value [key value ...]",
        )
        .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"]),
    CommandSpec::run("msetnx", -3, Group::String, msetnx)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .keys(&[KeySpec::range(1, -1, 2, KeyFlags::OW.or(KeyFlags::INSERT))])
        .docs(
            "1.0.1",
            "O(N), N being the number of keys",
            "Sets several keys to strings, but only if none of them exists.",
            "MSETNX key value [key value ...]",
        )
        .tips(&["request_policy:multi_shard", "response_policy:agg_min"]),
];

const _: () = check(COMMANDS);

fn mget(ctx: &mut Ctx) -> CommandResult {
    ctx.out.array(ctx.args.len() - 1);
    for key in ctx.cursor(1).rest() {
        // A key of another type reads as none here.
        match ctx.keys.read(key) {
            Some(ValueRef::String(value)) => ctx.out.string(value),
            _ => ctx.out.null(),
        }
    }
    Ok(())
}

fn mset(ctx: &mut Ctx) -> CommandResult {
    set_all(ctx)?;
    ctx.out.ok();
    Ok(())
}

fn msetnx(ctx: &mut Ctx) -> CommandResult {
    check_pairs(ctx)?;
    let none = ctx.args.iter().skip(1).step_by(2).all(|key| {
        let mut entry = ctx.keys.entry(key);
        entry.used();
        !entry.exists()
    });
    if none {
        set_all(ctx)?;
    }
    ctx.out.integer(i64::from(none));
    Ok(())
}

fn check_pairs(ctx: &Ctx) -> CommandResult {
    if ctx.args.len().is_multiple_of(2) { Err(CommandError::arity(ctx.spec.name)) } else { Ok(()) }
}

fn set_all(ctx: &mut Ctx) -> CommandResult {
    check_pairs(ctx)?;
    let mut args = ctx.args.iter().skip(1);
    while let (Some(key), Some(value)) = (args.next(), args.next()) {
        let mut entry = ctx.keys.entry(key);
        entry.store_string(value, Expiry::Never);
        entry.changed(EventClass::STRING, "set");
    }
    Ok(())
}
