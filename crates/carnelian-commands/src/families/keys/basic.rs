//! Whether keys exist, what they hold, and removing them.

use crate::ctx::Ctx;
use crate::error::CommandResult;
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};
use carnelian_engine::{EventClass, Lookup, Removal, ValueRef};

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::run("del", -2, Group::Generic, del)
        .flags(&[Flags::WRITE])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RM.or(KeyFlags::DELETE))])
        .docs("1.0.0", "O(N), N being the number of keys", "Removes keys.", "DEL key [key ...]"),
    CommandSpec::run("exists", -2, Group::Generic, exists)
        .flags(&[Flags::READONLY, Flags::FAST])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO)])
        .docs(
            "1.0.0",
            "O(N), N being the number of keys",
            "Counts the keys that exist; one named twice counts twice.",
            "EXISTS key [key ...]",
        )
        .history(&[("3.0.3", "Takes several keys.")]),
    CommandSpec::run("touch", -2, Group::Generic, touch)
        .flags(&[Flags::READONLY, Flags::FAST])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO)])
        .docs(
            "3.2.1",
            "O(N), N being the number of keys",
            "Marks keys as used just now and counts those that exist.",
            "TOUCH key [key ...]",
        ),
    CommandSpec::run("type", 2, Group::Generic, type_of)
        .flags(&[Flags::READONLY, Flags::FAST])
        .looks()
        .keys(&[KeySpec::one(1, KeyFlags::RO)])
        .docs("1.0.0", "O(1)", "Returns the type of the value that a key holds, or none.", "TYPE key"),
    CommandSpec::run("unlink", -2, Group::Generic, unlink)
        .flags(&[Flags::WRITE, Flags::FAST])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RM.or(KeyFlags::DELETE))])
        .docs(
            "4.0.0",
            "O(N), N being the number of keys; memory is freed in the background",
            "Removes keys without waiting for their memory to be freed.",
            "UNLINK key [key ...]",
        ),
];

const _: () = check(COMMANDS);

fn del(ctx: &mut Ctx) -> CommandResult {
    remove(ctx, Removal::Deleted)
}

fn unlink(ctx: &mut Ctx) -> CommandResult {
    remove(ctx, Removal::Unlinked)
}

fn remove(ctx: &mut Ctx, removal: Removal) -> CommandResult {
    let mut removed = 0;
    for key in ctx.args.iter().skip(1) {
        if ctx.keys.remove_for(key, removal) {
            ctx.changed(EventClass::GENERIC, "del", key);
            removed += 1;
        }
    }
    ctx.out.integer(removed);
    Ok(())
}

fn exists(ctx: &mut Ctx) -> CommandResult {
    count_found(ctx, Lookup::NoTouch)
}

fn touch(ctx: &mut Ctx) -> CommandResult {
    count_found(ctx, Lookup::Use)
}

fn count_found(ctx: &mut Ctx, lookup: Lookup) -> CommandResult {
    let found = ctx.args.iter().skip(1).filter(|key| ctx.keys.read_with(key, lookup).is_some()).count();
    ctx.out.integer(found as i64);
    Ok(())
}

fn type_of(ctx: &mut Ctx) -> CommandResult {
    let value = ctx.keys.read_with(ctx.args.get(1).unwrap_or_default(), Lookup::NoTouch);
    ctx.out.simple(value.map_or("none", ValueRef::type_name));
    Ok(())
}
