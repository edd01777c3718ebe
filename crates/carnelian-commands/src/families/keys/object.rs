//! OBJECT: how values are kept.

use crate::ctx::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::families::help;
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};
use carnelian_engine::{Lookup, ValueRef};

const SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec::run("encoding", 3, Group::Generic, encoding)
        .flags(&[Flags::READONLY])
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::one(2, KeyFlags::RO)])
        .docs("2.2.3", "O(1)", "Returns how the value of a key is kept in memory.", "OBJECT ENCODING key"),
    CommandSpec::run("freq", 3, Group::Generic, freq)
        .flags(&[Flags::READONLY])
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::one(2, KeyFlags::RO)])
        .docs("4.0.0", "O(1)", "Returns how often a key is used, on a logarithmic scale.", "OBJECT FREQ key"),
    CommandSpec::run("idletime", 3, Group::Generic, idletime)
        .flags(&[Flags::READONLY])
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::one(2, KeyFlags::RO)])
        .docs("2.2.3", "O(1)", "Returns the seconds since a key was last used.", "OBJECT IDLETIME key"),
    CommandSpec::run("refcount", 3, Group::Generic, refcount)
        .flags(&[Flags::READONLY])
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::one(2, KeyFlags::RO)])
        .docs(
            "2.2.3",
            "O(1)",
            "Returns how many references there are to the value of a key.",
            "OBJECT REFCOUNT key",
        ),
    help::spec("6.2.0", "OBJECT HELP", Group::Generic),
];

pub(crate) const COMMANDS: &[CommandSpec] = &[CommandSpec::container("object", Group::Generic, SUBCOMMANDS)
    .docs("2.2.3", "Depends on the subcommand", "Commands about how values are kept.", "OBJECT")];

const _: () = check(COMMANDS);

/// Integers below this are shared objects in Redis, whose reference count is fixed.
const SHARED_INTEGERS: i64 = 10_000;

/// Finds the value without marking it as used. Counts as a look-up, but a miss is no event.
fn look_up<'k>(ctx: &'k mut Ctx) -> Option<ValueRef<'k>> {
    let key = ctx.args.get(2).unwrap_or_default();
    let found = ctx.keys.entry(key).exists();
    let effects = &mut ctx.keys.effects;
    *if found { &mut effects.hits } else { &mut effects.misses } += 1;
    ctx.keys.read_with(key, Lookup::Silent)
}

fn encoding(ctx: &mut Ctx) -> CommandResult {
    match look_up(ctx).map(ValueRef::encoding) {
        Some(name) => ctx.out.bulk(name.as_bytes()),
        None => ctx.out.null(),
    }
    Ok(())
}

fn refcount(ctx: &mut Ctx) -> CommandResult {
    let shared = look_up(ctx).map(|value| match value {
        ValueRef::String(string) => string.as_int().is_some_and(|int| (0..SHARED_INTEGERS).contains(&int)),
        _ => false,
    });
    match shared {
        Some(true) => ctx.out.integer(i64::from(i32::MAX)),
        Some(false) => ctx.out.integer(1),
        None => ctx.out.null(),
    }
    Ok(())
}

fn idletime(ctx: &mut Ctx) -> CommandResult {
    if look_up(ctx).is_none() {
        ctx.out.null();
        return Ok(());
    }
    if ctx.keys.settings().track_frequency() {
        return Err(CommandError::NO_IDLE_TIME);
    }
    let clock = ctx.keys.access_clock(ctx.arg(2)).unwrap_or_default();
    ctx.out.integer(clock.idle_seconds(ctx.keys.now_ms()).cast_signed());
    Ok(())
}

fn freq(ctx: &mut Ctx) -> CommandResult {
    if look_up(ctx).is_none() {
        ctx.out.null();
        return Ok(());
    }
    if !ctx.keys.settings().track_frequency() {
        return Err(CommandError::NO_FREQUENCY);
    }
    let clock = ctx.keys.access_clock(ctx.arg(2)).unwrap_or_default();
    ctx.out.integer(clock.frequency(ctx.keys.settings(), ctx.keys.now_ms()).into());
    Ok(())
}
