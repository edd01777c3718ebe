//! ROLE, REPLICAOF, WAIT, FAILOVER: the server is a master without replicas.

use crate::server::Server;
use carnelian_commands::{CommandError, CommandResult, Ctx, TimeoutReply, integer};
use carnelian_encoding::number::parse_i64;

pub(super) fn role(ctx: &mut Ctx) -> CommandResult {
    ctx.out.array(3);
    ctx.out.bulk(b"master");
    ctx.out.integer(0);
    ctx.out.array(0);
    Ok(())
}

pub(super) fn replica_of(server: &Server, ctx: &mut Ctx) -> CommandResult {
    if ctx.arg(1).eq_ignore_ascii_case(b"no") && ctx.arg(2).eq_ignore_ascii_case(b"one") {
        server.config.write().set_replicaof(None);
        ctx.out.ok();
        return Ok(());
    }
    if !parse_i64(ctx.arg(2)).is_some_and(|port| (0..=65535).contains(&port)) {
        return Err(CommandError::new("ERR Invalid master port"));
    }
    Err(CommandError::new("ERR Being a replica is not supported yet"))
}

pub(super) fn wait(ctx: &mut Ctx) -> CommandResult {
    let replicas = integer(ctx.arg(1))?;
    let timeout = parse_i64(ctx.arg(2))
        .ok_or_else(|| CommandError::new("ERR timeout is not an integer or out of range"))?;
    let timeout_ms = u64::try_from(timeout).map_err(|_| CommandError::TIMEOUT_NEGATIVE)?;
    if replicas <= 0 {
        ctx.out.integer(0);
    } else {
        // No replica will ever answer: the client waits until its time is over, for ever when it said 0.
        ctx.wait_for_time((timeout_ms > 0).then_some(timeout_ms), TimeoutReply::Zero);
    }
    Ok(())
}

pub(super) fn failover(ctx: &mut Ctx) -> CommandResult {
    if ctx.args.len() == 2 && ctx.arg(1).eq_ignore_ascii_case(b"abort") {
        return Err(CommandError::new("ERR No failover in progress."));
    }
    Err(CommandError::new("ERR FAILOVER requires connected replicas."))
}

pub(super) fn sync() -> CommandResult {
    Err(CommandError::new("ERR Replicas are not supported yet"))
}
