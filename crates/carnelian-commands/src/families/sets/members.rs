//! Members of one set: SADD, SREM, SCARD, SISMEMBER, SMISMEMBER, SMEMBERS, SSCAN, and SMOVE between two.

use crate::ctx::{Ctx, ElementReply, TypedKeys};
use crate::error::{CommandError, CommandResult};
use crate::families::scan::{ScanOptions, scan_cursor};
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};
use carnelian_engine::{EventClass, Set, SetRef, ValueRef};

const READ_FAST: &[Flags] = &[Flags::READONLY, Flags::FAST];
const READ: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RO)];
const ACCESS: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RO.or(KeyFlags::ACCESS))];

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::run("sadd", -3, Group::Set, sadd)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .keys(&[KeySpec::one(1, KeyFlags::RW.or(KeyFlags::INSERT))])
        .docs(
            "1.0.0",
            "O(N), N being the number of members given",
            "Adds members to a set, which comes into being if need be.",
            "SADD key member [member ...]",
        )
        .history(&[("2.4.0", "Several `member` arguments.")]),
    CommandSpec::run("srem", -3, Group::Set, srem)
        .flags(&[Flags::WRITE, Flags::FAST])
        .keys(&[KeySpec::one(1, KeyFlags::RW.or(KeyFlags::DELETE))])
        .docs(
            "1.0.0",
            "O(N), N being the number of members given",
            "Removes members from a set, and the key with the last of them.",
            "SREM key member [member ...]",
        )
        .history(&[("2.4.0", "Several `member` arguments.")]),
    CommandSpec::run("scard", 2, Group::Set, scard).flags(READ_FAST).looks().keys(READ).docs(
        "1.0.0",
        "O(1)",
        "Returns how many members a set has.",
        "SCARD key",
    ),
    CommandSpec::run("sismember", 3, Group::Set, sismember).flags(READ_FAST).looks().keys(READ).docs(
        "1.0.0",
        "O(1)",
        "Tells whether a set has a member.",
        "SISMEMBER key member",
    ),
    CommandSpec::run("smismember", -3, Group::Set, smismember).flags(READ_FAST).looks().keys(ACCESS).docs(
        "6.2.0",
        "O(N), N being the number of members asked for",
        "Tells of several members whether a set has them.",
        "SMISMEMBER key member [member ...]",
    ),
    CommandSpec::run("smembers", 2, Group::Set, smembers)
        .flags(&[Flags::READONLY])
        .keys(ACCESS)
        .docs("1.0.0", "O(N), N being the size of the set", "Returns all members of a set.", "SMEMBERS key")
        .tips(&["nondeterministic_output_order"]),
    CommandSpec::run("smove", 4, Group::Set, smove)
        .flags(&[Flags::WRITE, Flags::FAST])
        .keys(&[
            KeySpec::one(1, KeyFlags::RW.or(KeyFlags::ACCESS).or(KeyFlags::DELETE)),
            KeySpec::one(2, KeyFlags::RW.or(KeyFlags::INSERT)),
        ])
        .docs("1.0.0", "O(1)", "Moves a member from one set to another.", "SMOVE source destination member"),
    CommandSpec::run("sscan", -3, Group::Set, sscan)
        .flags(&[Flags::READONLY])
        .keys(ACCESS)
        .docs(
            "2.8.0",
            "O(1) a call; O(N) for a whole iteration, N being the size of the set",
            "Iterates over the members of a set, some at a time.",
            "SSCAN key cursor [MATCH pattern] [COUNT count]",
        )
        .tips(&["nondeterministic_output"]),
];

const _: () = check(COMMANDS);

fn sadd(ctx: &mut Ctx) -> CommandResult {
    let (key, first) = (ctx.arg(1), ctx.arg(2));
    let members = ctx.cursor(2).rest();
    let settings = ctx.keys.settings();
    let mut entry = ctx.keys.entry(key);
    let mut set = entry.edit_or_insert(|| Set::for_member(first, members.len(), settings))?;
    let added = members.iter().filter(|member| set.add(member, settings)).count();
    drop(set);
    if added > 0 {
        entry.changed(EventClass::SET, "sadd");
        ctx.dirty(added as u64 - 1);
    }
    ctx.out.integer(added as i64);
    Ok(())
}

fn srem(ctx: &mut Ctx) -> CommandResult {
    let key = ctx.arg(1);
    let mut entry = ctx.keys.entry(key);
    let Some(mut set) = entry.edit::<Set>()? else {
        ctx.out.integer(0);
        return Ok(());
    };
    let removed = ctx.args.iter().skip(2).filter(|member| set.remove(member)).count();
    let emptied = set.is_empty();
    drop(set);
    if removed > 0 {
        entry.changed(EventClass::SET, "srem");
    }
    if emptied {
        entry.remove_emptied();
    }
    ctx.dirty(removed.saturating_sub(1) as u64);
    ctx.out.integer(removed as i64);
    Ok(())
}

fn scard(ctx: &mut Ctx) -> CommandResult {
    let len = ctx.keys.set(ctx.arg(1))?.map_or(0, SetRef::len);
    ctx.out.integer(len as i64);
    Ok(())
}

fn sismember(ctx: &mut Ctx) -> CommandResult {
    let (key, member) = (ctx.arg(1), ctx.arg(2));
    let found = ctx.keys.set(key)?.is_some_and(|set| set.contains(member));
    ctx.out.integer(i64::from(found));
    Ok(())
}

fn smismember(ctx: &mut Ctx) -> CommandResult {
    let members = ctx.cursor(2).rest();
    let set = ctx.keys.set(ctx.arg(1))?;
    ctx.out.array(members.len());
    for member in members {
        ctx.out.integer(i64::from(set.is_some_and(|set| set.contains(member))));
    }
    Ok(())
}

fn smembers(ctx: &mut Ctx) -> CommandResult {
    match ctx.keys.set(ctx.arg(1))? {
        Some(set) => {
            ctx.out.set(set.len());
            set.iter().for_each(|member| ctx.out.element(member));
        }
        None => ctx.out.set(0),
    }
    Ok(())
}

fn smove(ctx: &mut Ctx) -> CommandResult {
    let (source, destination, member) = (ctx.arg(1), ctx.arg(2), ctx.arg(3));
    let found = match ctx.keys.entry(source).value() {
        None => {
            ctx.out.integer(0);
            return Ok(());
        }
        Some(ValueRef::Set(set)) => set.contains(member),
        Some(_) => return Err(CommandError::WRONG_TYPE),
    };
    if !matches!(ctx.keys.entry(destination).value(), None | Some(ValueRef::Set(_))) {
        return Err(CommandError::WRONG_TYPE);
    }
    if found && source != destination {
        let emptied = ctx.keys.set_mut(source)?.is_some_and(|mut set| {
            set.remove(member);
            set.is_empty()
        });
        ctx.changed(EventClass::SET, "srem", source);
        if emptied {
            ctx.remove_emptied(source);
        }
        let settings = ctx.keys.settings();
        if ctx.keys.set_or_new(destination, member, 1)?.add(member, settings) {
            ctx.changed(EventClass::SET, "sadd", destination);
        }
    } else {
        ctx.keys.entry(source).used();
        ctx.keys.entry(destination).used();
    }
    ctx.out.integer(i64::from(found));
    Ok(())
}

fn sscan(ctx: &mut Ctx) -> CommandResult {
    let cursor = scan_cursor(ctx.arg(2))?;
    let options = ctx.cursor(3);
    let Some(set) = ctx.keys.set(ctx.arg(1))? else {
        ctx.out.array(2);
        ctx.out.bulk(b"0");
        ctx.out.array(0);
        return Ok(());
    };
    let options = ScanOptions::parse(options)?;
    let mut members = Vec::new();
    let next = set.scan(cursor, options.count, |member| {
        if member.with_bytes(|member| options.matches(member)) {
            members.push(member);
        }
    });
    ctx.out.array(2);
    ctx.out.bulk(next.to_string().as_bytes());
    ctx.out.array(members.len());
    for member in members {
        ctx.out.element(member);
    }
    Ok(())
}
