//! Reading hashes: HGET, HMGET, HGETALL and their kin, HSCAN.

use crate::ctx::{Ctx, ElementReply, TypedKeys};
use crate::error::CommandResult;
use crate::families::scan::{ScanOptions, scan_cursor};
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};
use carnelian_engine::HashRef;

const FAST: &[Flags] = &[Flags::READONLY, Flags::FAST];
const SLOW: &[Flags] = &[Flags::READONLY];
const ACCESS: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RO.or(KeyFlags::ACCESS))];
const LOOK: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RO)];
const ALL: &str = "O(N), N being the number of fields";

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::run("hget", 3, Group::Hash, hget).flags(FAST).looks().keys(ACCESS).docs(
        "2.0.0",
        "O(1)",
        "Returns the value of a field of a hash.",
        "HGET key field",
    ),
    CommandSpec::run("hmget", -3, Group::Hash, hmget).flags(FAST).looks().keys(ACCESS).docs(
        "2.0.0",
        "O(N), N being the number of fields given",
        "Returns the values of several fields of a hash.",
        "HMGET key field [field ...]",
    ),
    CommandSpec::run("hgetall", 2, Group::Hash, hgetall)
        .flags(SLOW)
        .keys(ACCESS)
        .docs("2.0.0", ALL, "Returns every field of a hash with its value.", "HGETALL key")
        .tips(&["nondeterministic_output_order"]),
    CommandSpec::run("hkeys", 2, Group::Hash, hkeys)
        .flags(SLOW)
        .keys(ACCESS)
        .docs("2.0.0", ALL, "Returns the names of all fields of a hash.", "HKEYS key")
        .tips(&["nondeterministic_output_order"]),
    CommandSpec::run("hvals", 2, Group::Hash, hvals)
        .flags(SLOW)
        .keys(ACCESS)
        .docs("2.0.0", ALL, "Returns the values of all fields of a hash.", "HVALS key")
        .tips(&["nondeterministic_output_order"]),
    CommandSpec::run("hlen", 2, Group::Hash, hlen).flags(FAST).looks().keys(LOOK).docs(
        "2.0.0",
        "O(1)",
        "Returns how many fields a hash has.",
        "HLEN key",
    ),
    CommandSpec::run("hstrlen", 3, Group::Hash, hstrlen).flags(FAST).looks().keys(LOOK).docs(
        "3.2.0",
        "O(1)",
        "Returns the length in bytes of the value of a field.",
        "HSTRLEN key field",
    ),
    CommandSpec::run("hexists", 3, Group::Hash, hexists).flags(FAST).looks().keys(LOOK).docs(
        "2.0.0",
        "O(1)",
        "Tells whether a hash has a field.",
        "HEXISTS key field",
    ),
    CommandSpec::run("hscan", -3, Group::Hash, hscan)
        .flags(SLOW)
        .keys(ACCESS)
        .docs(
            "2.8.0",
            "O(1) for each call, O(N) for a whole iteration over N fields",
            "Iterates over the fields of a hash in steps.",
            "HSCAN key cursor [MATCH pattern] [COUNT count]",
        )
        .tips(&["nondeterministic_output"]),
];

const _: () = check(COMMANDS);

fn hget(ctx: &mut Ctx) -> CommandResult {
    let (key, field) = (ctx.arg(1), ctx.arg(2));
    match ctx.keys.hash(key)?.and_then(|hash| hash.get(field)) {
        Some(value) => ctx.out.element(value),
        None => ctx.out.null(),
    }
    Ok(())
}

fn hmget(ctx: &mut Ctx) -> CommandResult {
    let fields = ctx.cursor(2).rest();
    let hash = ctx.keys.hash(ctx.args.get(1).unwrap_or_default())?;
    ctx.out.array(fields.len());
    for field in fields {
        match hash.and_then(|hash| hash.get(field)) {
            Some(value) => ctx.out.element(value),
            None => ctx.out.null(),
        }
    }
    Ok(())
}

fn hgetall(ctx: &mut Ctx) -> CommandResult {
    let Some(hash) = ctx.keys.hash(ctx.args.get(1).unwrap_or_default())? else {
        ctx.out.map(0);
        return Ok(());
    };
    ctx.out.map(hash.len());
    for (field, value) in hash {
        ctx.out.element(field);
        ctx.out.element(value);
    }
    Ok(())
}

fn hkeys(ctx: &mut Ctx) -> CommandResult {
    let hash = ctx.keys.hash(ctx.args.get(1).unwrap_or_default())?;
    ctx.out.array(hash.map_or(0, HashRef::len));
    for (field, _) in hash.into_iter().flatten() {
        ctx.out.element(field);
    }
    Ok(())
}

fn hvals(ctx: &mut Ctx) -> CommandResult {
    let hash = ctx.keys.hash(ctx.args.get(1).unwrap_or_default())?;
    ctx.out.array(hash.map_or(0, HashRef::len));
    for (_, value) in hash.into_iter().flatten() {
        ctx.out.element(value);
    }
    Ok(())
}

fn hlen(ctx: &mut Ctx) -> CommandResult {
    let fields = ctx.keys.hash(ctx.arg(1))?.map_or(0, HashRef::len);
    ctx.out.integer(fields as i64);
    Ok(())
}

fn hstrlen(ctx: &mut Ctx) -> CommandResult {
    let field = ctx.arg(2);
    let length = ctx.keys.hash(ctx.arg(1))?.and_then(|hash| hash.get(field)).map_or(0, |value| value.len());
    ctx.out.integer(length as i64);
    Ok(())
}

fn hexists(ctx: &mut Ctx) -> CommandResult {
    let field = ctx.arg(2);
    let exists = ctx.keys.hash(ctx.arg(1))?.is_some_and(|hash| hash.contains(field));
    ctx.out.integer(i64::from(exists));
    Ok(())
}

fn hscan(ctx: &mut Ctx) -> CommandResult {
    let cursor = scan_cursor(ctx.arg(2))?;
    // A missing key is answered before the options are looked at.
    let options = ctx.cursor(3);
    let Some(hash) = ctx.keys.hash(ctx.args.get(1).unwrap_or_default())? else {
        ctx.out.array(2);
        ctx.out.bulk(b"0");
        ctx.out.array(0);
        return Ok(());
    };
    let options = ScanOptions::parse(options)?;
    let mut found = Vec::new();
    let next = hash.scan(cursor, options.count, |field, value| {
        if field.with_bytes(|name| options.matches(name)) {
            found.push((field, value));
        }
    });
    ctx.out.array(2);
    ctx.out.bulk(itoa::Buffer::new().format(next).as_bytes());
    ctx.out.array(found.len() * 2);
    for (field, value) in found {
        ctx.out.element(field);
        ctx.out.element(value);
    }
    Ok(())
}
