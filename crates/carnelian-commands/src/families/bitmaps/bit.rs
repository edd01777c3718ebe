//! Single bits: SETBIT and GETBIT.

use super::{bit_offset, string_for_bits};
use crate::ctx::{Ctx, TypedKeys};
use crate::error::{CommandError, CommandResult};
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};
use carnelian_encoding::number::parse_i64;
use carnelian_engine::EventClass;

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::run("setbit", 4, Group::Bitmap, setbit)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .keys(&[KeySpec::one(1, KeyFlags::RW.or(KeyFlags::ACCESS).or(KeyFlags::UPDATE))])
        .docs(
            "2.2.0",
            "O(1)",
            "Sets or clears a bit of a string and returns what it was.",
            "SETBIT key offset value",
        ),
    CommandSpec::run("getbit", 3, Group::Bitmap, getbit)
        .flags(&[Flags::READONLY, Flags::FAST])
        .looks()
        .keys(&[KeySpec::one(1, KeyFlags::RO.or(KeyFlags::ACCESS))])
        .docs("2.2.0", "O(1)", "Returns a bit of a string.", "GETBIT key offset"),
];

const _: () = check(COMMANDS);

fn setbit(ctx: &mut Ctx) -> CommandResult {
    let key = ctx.arg(1);
    let offset = bit_offset(ctx.arg(2), ctx.keys.settings())?;
    let on = match parse_i64(ctx.arg(3)) {
        Some(0) => false,
        Some(1) => true,
        _ => return Err(CommandError::BIT_VALUE),
    };
    let mut entry = ctx.keys.entry(key);
    let (mut bytes, grown) = string_for_bits(&mut entry, offset)?;
    let byte = &mut bytes[(offset >> 3) as usize];
    let mask = 0x80 >> (offset & 7);
    let before = *byte & mask != 0;
    if grown || before != on {
        *byte = if on { *byte | mask } else { *byte & !mask };
        drop(bytes);
        entry.changed(EventClass::STRING, "setbit");
    }
    ctx.out.integer(i64::from(before));
    Ok(())
}

fn getbit(ctx: &mut Ctx) -> CommandResult {
    let offset = bit_offset(ctx.arg(2), ctx.keys.settings())?;
    let byte = ctx.keys.string(ctx.arg(1))?.map_or(0, |string| {
        string.get().with_bytes(|bytes| bytes.get((offset >> 3) as usize).copied().unwrap_or(0))
    });
    ctx.out.integer(i64::from(byte >> (7 - (offset & 7)) & 1));
    Ok(())
}
