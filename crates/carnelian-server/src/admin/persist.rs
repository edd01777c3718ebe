//! SAVE, BGSAVE, LASTSAVE, SHUTDOWN.

use crate::server::Server;
use crate::snapshot::{self, SaveWish};
use carnelian_commands::{CommandError, CommandResult, Ctx};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

fn in_progress() -> CommandError {
    CommandError::new("ERR Background save already in progress")
}

pub(super) fn save(server: &Server, ctx: &mut Ctx) -> CommandResult {
    if server.persistence.running.load(Relaxed) {
        return Err(in_progress());
    }
    snapshot::save(server, ctx.node.engine(), ctx.keys.shards()).map_err(|_| CommandError::new("ERR"))?;
    server.refresh_gate();
    ctx.out.ok();
    Ok(())
}

pub(super) fn background_save(server: &Arc<Server>, ctx: &mut Ctx) -> CommandResult {
    let mut args = ctx.cursor(1);
    let schedule = args.word("schedule");
    args.finish()?;
    let node = server.node().ok_or(CommandError::NO_SERVER)?;
    if snapshot::background_save(server, &node, ctx.keys.shards()) {
        ctx.out.simple("Background saving started");
    } else if schedule {
        server.persistence.scheduled.store(true, Relaxed);
        ctx.out.simple("Background saving scheduled");
    } else {
        return Err(in_progress());
    }
    Ok(())
}

pub(super) fn last_save(server: &Server, ctx: &mut Ctx) -> CommandResult {
    ctx.out.integer(server.persistence.last_save_s.load(Relaxed) as i64);
    Ok(())
}

pub(super) fn rewrite_log(_: &Server, _: &mut Ctx) -> CommandResult {
    Err(CommandError::new("ERR The append-only file is not built yet"))
}

pub(super) fn shutdown(server: &Arc<Server>, ctx: &mut Ctx) -> CommandResult {
    let mut args = ctx.cursor(1);
    let (mut wish, mut force, mut abort) = (SaveWish::IfConfigured, false, false);
    while !args.is_done() {
        if args.word("nosave") && wish != SaveWish::Always {
            wish = SaveWish::Never;
        } else if args.word("save") && wish != SaveWish::Never {
            wish = SaveWish::Always;
        } else if args.word("force") {
            force = true;
        } else if args.word("abort") {
            abort = true;
        } else if !args.word("now") {
            return Err(CommandError::SYNTAX);
        }
    }
    if abort {
        // Ending takes no time here that could be cut short, since no replica is waited for.
        if ctx.args.len() > 2 {
            return Err(CommandError::SYNTAX);
        }
        return Err(CommandError::new("ERR No shutdown in progress."));
    }
    let node = server.node().ok_or(CommandError::NO_SERVER)?;
    if !snapshot::prepare_shutdown_locked(server, &node, ctx.keys.shards(), wish, force) {
        return Err(CommandError::new("ERR Errors trying to SHUTDOWN. Check logs."));
    }
    server.request_exit();
    ctx.session.close = true;
    Ok(())
}
