//! CLIENT TRACKING and what belongs to it: tracking can be off, and is.

use carnelian_commands::{CommandError, CommandResult, Ctx};

pub(super) fn tracking(ctx: &mut Ctx) -> CommandResult {
    match ctx.arg(2).to_ascii_lowercase().as_slice() {
        b"off" => {
            ctx.out.ok();
            Ok(())
        }
        b"on" => Err(CommandError::new("ERR Tracking is not supported yet")),
        _ => Err(CommandError::SYNTAX),
    }
}

pub(super) fn info(ctx: &mut Ctx) -> CommandResult {
    let out = &mut *ctx.out;
    out.map(3);
    out.bulk(b"flags");
    out.set(1);
    out.bulk(b"off");
    out.bulk(b"redirect");
    out.integer(-1);
    out.bulk(b"prefixes");
    out.array(0);
    Ok(())
}

pub(super) fn caching() -> CommandResult {
    Err(CommandError::new(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
    ))
}
