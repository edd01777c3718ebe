//! Commands that the server runs itself.

mod auth;
mod clients;
mod persist;
mod subscriptions;

use crate::server::Server;
use carnelian_commands::{CommandError, CommandResult, Ctx, HostCommand};
use std::sync::Arc;

/// Runs one of the server's commands.
pub(crate) fn run(server: &Arc<Server>, command: HostCommand, ctx: &mut Ctx) -> CommandResult {
    match command {
        HostCommand::Auth => auth::auth(server, ctx),
        HostCommand::Hello => auth::hello(server, ctx),
        HostCommand::Save => persist::save(server, ctx),
        HostCommand::BgSave => persist::background_save(server, ctx),
        HostCommand::LastSave => persist::last_save(server, ctx),
        HostCommand::BgRewriteAof => persist::rewrite_log(server, ctx),
        HostCommand::Shutdown => persist::shutdown(server, ctx),
        HostCommand::ClientId => clients::id(ctx),
        HostCommand::ClientSetName => clients::set_name(ctx),
        HostCommand::ClientGetName => clients::get_name(ctx),
        HostCommand::ClientList => clients::list(server, ctx),
        HostCommand::ClientInfo => clients::info(server, ctx),
        HostCommand::ClientKill => clients::kill(server, ctx),
        HostCommand::ClientSetInfo => clients::set_info(ctx),
        HostCommand::ClientNoEvict => clients::no_evict(ctx),
        HostCommand::ClientNoTouch => clients::no_touch(ctx),
        HostCommand::ClientReply => clients::reply(ctx),
        HostCommand::ClientUnblock => clients::unblock(server, ctx),
        HostCommand::ClientPause => clients::pause(server, ctx),
        HostCommand::ClientUnpause => clients::unpause(server, ctx),
        HostCommand::ClientGetRedir => clients::get_redir(ctx),
        HostCommand::Subscribe => subscriptions::subscribe(server, ctx),
        HostCommand::Unsubscribe => subscriptions::unsubscribe(server, ctx),
        HostCommand::PSubscribe => subscriptions::psubscribe(server, ctx),
        HostCommand::PUnsubscribe => subscriptions::punsubscribe(server, ctx),
        HostCommand::SSubscribe => subscriptions::ssubscribe(server, ctx),
        HostCommand::SUnsubscribe => subscriptions::sunsubscribe(server, ctx),
        HostCommand::Publish => subscriptions::publish(server, ctx),
        HostCommand::SPublish => subscriptions::spublish(server, ctx),
        HostCommand::PubSub => subscriptions::pubsub(server, ctx),
        _ => Err(CommandError::NO_SERVER),
    }
}
