//! CONFIG.

use crate::apply;
use crate::client::handle_of;
use crate::config::{RewriteError, SetContext, SetError};
use crate::log::Level;
use crate::server::Server;
use carnelian_commands::{CommandError, CommandResult, Ctx};
use std::sync::atomic::Ordering::Relaxed;

pub(super) fn get(server: &Server, ctx: &mut Ctx) -> CommandResult {
    let patterns: Vec<&[u8]> = ctx.args.iter().skip(2).collect();
    let found = server.config.read().get_matching(&patterns);
    ctx.out.map(found.len());
    for (name, value) in found {
        ctx.out.bulk(&name);
        ctx.out.bulk(&value);
    }
    Ok(())
}

pub(super) fn set(server: &Server, ctx: &mut Ctx) -> CommandResult {
    if !ctx.args.len().is_multiple_of(2) {
        return Err(CommandError::SYNTAX);
    }
    let args: Vec<&[u8]> = ctx.args.iter().skip(2).collect();
    let pairs: Vec<(&[u8], &[u8])> = args.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    let local_client = handle_of(ctx.session).is_some_and(|client| client.is_local);
    let context = SetContext { local_client, loading: server.loading.is_active() };
    let result = server
        .config
        .write()
        .set(&pairs, context, &mut |id, config| apply::one(server, ctx.node, config, id));
    // What depends on several parameters looks at the configuration itself, which is free again.
    server.refresh_gate();
    result.map_err(|error| {
        let code: &[u8] = if error == SetError::Loading { b"LOADING " } else { b"ERR " };
        CommandError::new([code, &error.text()].concat())
    })?;
    ctx.out.ok();
    Ok(())
}

pub(super) fn rewrite(server: &Server, ctx: &mut Ctx) -> CommandResult {
    let result = server.config.read().rewrite(None);
    match result {
        Ok(()) => {
            server.log.warning("CONFIG REWRITE executed with success.");
            ctx.out.ok();
            Ok(())
        }
        Err(RewriteError::NoFile) => {
            Err(CommandError::new("ERR The server is running without a config file"))
        }
        Err(RewriteError::Io(error)) => {
            let reason = crate::listen::error_text(&error);
            server.log.write(Level::Warning, format_args!("CONFIG REWRITE failed: {reason}"));
            Err(CommandError::new(format!("ERR Rewriting config file: {reason}")))
        }
    }
}

pub(super) fn reset_stat(server: &Server, ctx: &mut Ctx) -> CommandResult {
    for worker in server.workers.read().iter() {
        worker.stats.reset();
        worker.counters.reset();
    }
    let totals = &server.totals;
    for counter in [
        &totals.connections,
        &totals.rejected_connections,
        &totals.protocol_errors,
        &totals.output_limit_disconnections,
        &totals.query_limit_disconnections,
        &totals.evicted_clients,
        &totals.lazily_freed,
        &totals.refused_logins,
    ] {
        counter.store(0, Relaxed);
    }
    server.defrag.reset();
    ctx.node.errors().reset();
    ctx.out.ok();
    Ok(())
}
