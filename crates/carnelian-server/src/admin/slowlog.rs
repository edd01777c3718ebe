//! SLOWLOG.

use crate::server::Server;
use carnelian_commands::{CommandError, CommandResult, Ctx};
use carnelian_encoding::number::parse_i64;

/// Entries that SLOWLOG GET shows when it is not told how many.
const DEFAULT_COUNT: usize = 10;

/// SLOWLOG GET, LEN, RESET: told apart by the subcommand's name.
pub(super) fn slowlog(server: &Server, ctx: &mut Ctx) -> CommandResult {
    match ctx.spec.name {
        "len" => ctx.out.integer(server.slowlog.len() as i64),
        "reset" => {
            server.slowlog.clear();
            ctx.out.ok();
        }
        _ => get(server, ctx)?,
    }
    Ok(())
}

fn get(server: &Server, ctx: &mut Ctx) -> CommandResult {
    let count = match ctx.args.len() {
        2 => DEFAULT_COUNT,
        3 => match parse_i64(ctx.arg(2)) {
            Some(-1) => usize::MAX,
            Some(count) if count >= 0 => count as usize,
            _ => return Err(CommandError::new("ERR count should be greater than or equal to -1")),
        },
        _ => return Err(CommandError::subcommand_syntax(ctx.arg(1), "slowlog")),
    };
    let entries = server.slowlog.latest(count);
    let out = &mut *ctx.out;
    out.array(entries.len());
    for entry in entries {
        out.array(6);
        out.integer(entry.id.cast_signed());
        out.integer(entry.time_s.cast_signed());
        out.integer(entry.duration_us.cast_signed());
        out.array(entry.args.len());
        entry.args.iter().for_each(|arg| out.bulk(arg));
        out.bulk(entry.address.as_bytes());
        out.bulk(&entry.name);
    }
    Ok(())
}
