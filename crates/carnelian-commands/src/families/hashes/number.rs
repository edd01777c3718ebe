//! Fields as numbers: HINCRBY and HINCRBYFLOAT.

use crate::ctx::{Ctx, TypedKeys};
use crate::cursor::integer;
use crate::error::{CommandError, CommandResult};
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};
use carnelian_encoding::{LongDouble, number::format_i64};
use carnelian_engine::{Element, EventClass};

const FLAGS: &[Flags] = &[Flags::WRITE, Flags::DENYOOM, Flags::FAST];
const KEYS: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RW.or(KeyFlags::ACCESS).or(KeyFlags::UPDATE))];

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::run("hincrby", 4, Group::Hash, hincrby).flags(FLAGS).keys(KEYS).docs(
        "2.0.0",
        "O(1)",
        "Adds to the integer in a field of a hash; a missing field counts from 0.",
        "HINCRBY key field increment",
    ),
    CommandSpec::run("hincrbyfloat", 4, Group::Hash, hincrbyfloat).flags(FLAGS).keys(KEYS).docs(
        "2.6.0",
        "O(1)",
        "Adds to the number in a field of a hash, in extended precision; a missing field counts from 0.",
        "HINCRBYFLOAT key field increment",
    ),
];

const _: () = check(COMMANDS);

fn hincrby(ctx: &mut Ctx) -> CommandResult {
    let (key, field) = (ctx.arg(1), ctx.arg(2));
    let increment = integer(ctx.arg(3))?;
    let settings = ctx.keys.settings();
    let mut hash = ctx.keys.hash_or_new(key)?;
    let value = match hash.view().get(field) {
        Some(value) => value.as_i64().ok_or(CommandError::HASH_NOT_INTEGER)?,
        None => 0,
    };
    let sum = value.checked_add(increment).ok_or(CommandError::INCREMENT_OVERFLOW)?;
    hash.set(field, format_i64(sum).as_bytes(), settings);
    drop(hash);
    ctx.changed(EventClass::HASH, "hincrby", key);
    ctx.out.integer(sum);
    Ok(())
}

fn hincrbyfloat(ctx: &mut Ctx) -> CommandResult {
    let (key, field) = (ctx.arg(1), ctx.arg(2));
    let increment = LongDouble::parse(ctx.arg(3)).ok_or(CommandError::NOT_FLOAT)?;
    if increment.is_infinite() {
        return Err(CommandError::NAN_OR_INFINITY);
    }
    let settings = ctx.keys.settings();
    let mut hash = ctx.keys.hash_or_new(key)?;
    let value = match hash.view().get(field) {
        Some(Element::Int(value)) => LongDouble::from_i64(value),
        Some(Element::Str(text)) => LongDouble::parse(text).ok_or(CommandError::HASH_NOT_FLOAT)?,
        None => LongDouble::ZERO,
    };
    let sum = value
        .checked_add(increment)
        .filter(|sum| !sum.is_infinite())
        .ok_or(CommandError::INCREMENT_NAN)?
        .to_vec();
    hash.set(field, &sum, settings);
    drop(hash);
    ctx.changed(EventClass::HASH, "hincrbyfloat", key);
    ctx.out.bulk(&sum);
    Ok(())
}
