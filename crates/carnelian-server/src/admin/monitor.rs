//! MONITOR.

use crate::client::shared_handle_of;
use crate::server::Server;
use carnelian_commands::{CommandError, CommandResult, Ctx};
use std::sync::atomic::Ordering::Relaxed;

pub(super) fn monitor(server: &Server, ctx: &mut Ctx) -> CommandResult {
    if ctx.session.in_exec {
        return Err(CommandError::new("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    let client = shared_handle_of(ctx.session).ok_or(CommandError::NO_SERVER)?;
    if !ctx.session.monitoring {
        ctx.session.monitoring = true;
        client.monitoring.store(true, Relaxed);
        server.monitors.add(client, server);
    }
    ctx.out.ok();
    Ok(())
}
