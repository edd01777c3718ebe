//! GET and SET with their kin.

use crate::ctx::{Ctx, ElementReply, TypedKeys};
use crate::error::CommandResult;
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};

pub(crate) const COMMANDS: &[CommandSpec] = &[CommandSpec::run("get", 2, Group::String, get)
    .flags(&[Flags::READONLY, Flags::FAST])
    .keys(&[KeySpec::one(1, KeyFlags::RO.or(KeyFlags::ACCESS))])
    .docs("1.0.0", "O(1)", "Returns the string a key holds.", "GET key")];

const _: () = check(COMMANDS);

fn get(ctx: &mut Ctx) -> CommandResult {
    match ctx.keys.string(ctx.args.get(1).unwrap_or_default())? {
        Some(value) => ctx.out.element(value),
        None => ctx.out.null(),
    }
    Ok(())
}
