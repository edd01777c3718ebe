//! TIME.

use crate::ctx::Ctx;
use crate::error::CommandResult;
use crate::spec::{CommandSpec, Flags, Group, check};

pub(crate) const COMMANDS: &[CommandSpec] = &[CommandSpec::run("time", 1, Group::Server, time)
    .flags(&[Flags::LOADING, Flags::STALE, Flags::FAST])
    .tips(&["nondeterministic_output"])
    .docs("2.6.0", "O(1)", "Returns the server's time: seconds since 1970, and microseconds.", "TIME")];

const _: () = check(COMMANDS);

fn time(ctx: &mut Ctx) -> CommandResult {
    let now_us = ctx.node.host().unix_us(ctx.keys.now_ms());
    ctx.out.array(2);
    ctx.out.bulk_integer((now_us / 1_000_000).cast_signed());
    ctx.out.bulk_integer((now_us % 1_000_000).cast_signed());
    Ok(())
}
