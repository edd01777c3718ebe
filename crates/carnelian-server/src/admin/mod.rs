//! Commands that the server runs itself.

mod acl;
mod auth;
mod clients;
mod config;
mod debug;
mod info;
mod latency;
mod lolwut;
mod memory;
mod monitor;
mod persist;
mod replication;
mod slowlog;
mod subscriptions;
mod tracking;

use crate::server::Server;
use carnelian_commands::{CommandResult, Ctx, HostCommand};
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
        HostCommand::ConfigGet => config::get(server, ctx),
        HostCommand::ConfigSet => config::set(server, ctx),
        HostCommand::ConfigRewrite => config::rewrite(server, ctx),
        HostCommand::ConfigResetStat => config::reset_stat(server, ctx),
        HostCommand::Info => info::info(server, ctx),
        HostCommand::Subscribe => subscriptions::subscribe(server, ctx),
        HostCommand::Unsubscribe => subscriptions::unsubscribe(server, ctx),
        HostCommand::PSubscribe => subscriptions::psubscribe(server, ctx),
        HostCommand::PUnsubscribe => subscriptions::punsubscribe(server, ctx),
        HostCommand::SSubscribe => subscriptions::ssubscribe(server, ctx),
        HostCommand::SUnsubscribe => subscriptions::sunsubscribe(server, ctx),
        HostCommand::Publish => subscriptions::publish(server, ctx),
        HostCommand::SPublish => subscriptions::spublish(server, ctx),
        HostCommand::PubSub => subscriptions::pubsub(server, ctx),
        HostCommand::ClientTracking => tracking::tracking(ctx),
        HostCommand::ClientTrackingInfo => tracking::info(ctx),
        HostCommand::ClientCaching => tracking::caching(),
        HostCommand::Debug => debug::debug(server, ctx),
        HostCommand::Latency => latency::latency(server, ctx),
        HostCommand::Slowlog => slowlog::slowlog(server, ctx),
        HostCommand::Lolwut => lolwut::lolwut(ctx),
        HostCommand::Monitor => monitor::monitor(server, ctx),
        HostCommand::ReplicaOf => replication::replica_of(server, ctx),
        HostCommand::Role => replication::role(ctx),
        HostCommand::Wait => replication::wait(ctx),
        HostCommand::Failover => replication::failover(ctx),
        HostCommand::Sync => replication::sync(),
        HostCommand::MemoryDoctor => memory::doctor(server, ctx),
        HostCommand::MemoryMallocStats => memory::malloc_stats(server, ctx),
        HostCommand::MemoryPurge => memory::purge(server, ctx),
        HostCommand::MemoryStats => memory::stats(server, ctx),
        HostCommand::Acl => acl::acl(server, ctx),
        HostCommand::Module => {
            ctx.out.array(0);
            Ok(())
        }
    }
}
