//! Strings as numbers: INCR, DECR and their kin.

use crate::ctx::{Ctx, ElementReply};
use crate::cursor::integer;
use crate::error::{CommandError, CommandResult};
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};
use carnelian_encoding::LongDouble;
use carnelian_engine::{Element, EventClass, Expiry, StringValue, ValueRef};

const FLAGS: &[Flags] = &[Flags::WRITE, Flags::DENYOOM, Flags::FAST];
const KEYS: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RW.or(KeyFlags::ACCESS).or(KeyFlags::UPDATE))];

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::run("incr", 2, Group::String, incr).flags(FLAGS).keys(KEYS).docs(
        "1.0.0",
        "O(1)",
        "Adds one to the integer a key holds; a missing key counts from 0.",
        "INCR key",
    ),
    CommandSpec::run("decr", 2, Group::String, decr).flags(FLAGS).keys(KEYS).docs(
        "1.0.0",
        "O(1)",
        "Takes one from the integer a key holds; a missing key counts from 0.",
        "DECR key",
    ),
    CommandSpec::run("incrby", 3, Group::String, incrby).flags(FLAGS).keys(KEYS).docs(
        "1.0.0",
        "O(1)",
        "Adds to the integer a key holds; a missing key counts from 0.",
        "INCRBY key increment",
    ),
    CommandSpec::run("decrby", 3, Group::String, decrby).flags(FLAGS).keys(KEYS).docs(
        "1.0.0",
        "O(1)",
        "Subtracts from the integer a key holds; a missing key counts from 0.",
        "DECRBY key decrement",
    ),
    CommandSpec::run("incrbyfloat", 3, Group::String, incrbyfloat).flags(FLAGS).keys(KEYS).docs(
        "2.6.0",
        "O(1)",
        "Adds to the number a key holds, in extended precision; a missing key counts from 0.",
        "INCRBYFLOAT key increment",
    ),
];

const _: () = check(COMMANDS);

fn incr(ctx: &mut Ctx) -> CommandResult {
    add(ctx, 1)
}

fn decr(ctx: &mut Ctx) -> CommandResult {
    add(ctx, -1)
}

fn incrby(ctx: &mut Ctx) -> CommandResult {
    add(ctx, integer(ctx.arg(2))?)
}

fn decrby(ctx: &mut Ctx) -> CommandResult {
    let decrement = integer(ctx.arg(2))?;
    add(ctx, decrement.checked_neg().ok_or(CommandError::DECREMENT_OVERFLOW)?)
}

fn add(ctx: &mut Ctx, increment: i64) -> CommandResult {
    let key = ctx.arg(1);
    let mut entry = ctx.keys.entry(key);
    let value = match entry.value() {
        Some(ValueRef::String(string)) => string.as_int().ok_or(CommandError::NOT_INTEGER),
        Some(_) => Err(CommandError::WRONG_TYPE),
        None => Ok(0),
    };
    let value = value.inspect_err(|_| entry.used())?;
    let sum = value.checked_add(increment).ok_or(CommandError::INCREMENT_OVERFLOW)?;
    entry.store_int(sum, Expiry::Keep);
    entry.changed(EventClass::STRING, "incrby");
    ctx.out.integer(sum);
    Ok(())
}

fn incrbyfloat(ctx: &mut Ctx) -> CommandResult {
    let (key, increment) = (ctx.arg(1), ctx.arg(2));
    let mut entry = ctx.keys.entry(key);
    let value = match entry.value() {
        Some(ValueRef::String(string)) => match string.get() {
            Element::Int(value) => LongDouble::from_i64(value),
            Element::Str(text) => LongDouble::parse(text).ok_or(CommandError::NOT_FLOAT)?,
        },
        Some(_) => return Err(CommandError::WRONG_TYPE),
        None => LongDouble::ZERO,
    };
    let increment = LongDouble::parse(increment).ok_or(CommandError::NOT_FLOAT)?;
    let sum = value
        .checked_add(increment)
        .filter(|sum| !sum.is_infinite())
        .ok_or(CommandError::INCREMENT_NAN)?
        .to_vec();
    entry.store(StringValue::from_text(&sum).into(), Expiry::Keep);
    entry.changed(EventClass::STRING, "incrbyfloat");
    ctx.out.element(Element::Str(&sum));
    Ok(())
}
