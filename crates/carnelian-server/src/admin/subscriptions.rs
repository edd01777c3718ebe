//! SUBSCRIBE, PUBLISH and their kin.

use crate::client::{ClientHandle, shared_handle_of};
use crate::pubsub::{Kind, PubSub};
use crate::server::Server;
use carnelian_commands::{CommandError, CommandResult, Ctx};

fn word(kind: Kind, subscribe: bool) -> &'static [u8] {
    match (kind, subscribe) {
        (Kind::Channel, true) => b"subscribe",
        (Kind::Pattern, true) => b"psubscribe",
        (Kind::ShardChannel, true) => b"ssubscribe",
        (Kind::Channel, false) => b"unsubscribe",
        (Kind::Pattern, false) => b"punsubscribe",
        (Kind::ShardChannel, false) => b"sunsubscribe",
    }
}

/// Brings the session's counts up to date and returns the one that replies to this kind give.
fn count(ctx: &mut Ctx, kind: Kind, client: &ClientHandle) -> usize {
    let own = client.subscriptions.lock();
    ctx.session.subscriptions = own.channels.len() + own.patterns.len();
    ctx.session.shard_subscriptions = own.shard_channels.len();
    if kind == Kind::ShardChannel { ctx.session.shard_subscriptions } else { ctx.session.subscriptions }
}

fn add(server: &Server, ctx: &mut Ctx, kind: Kind) -> CommandResult {
    let client = shared_handle_of(ctx.session).ok_or(CommandError::NO_SERVER)?;
    // The form of messages is the one of this connection from its first subscription on.
    let resp = if ctx.out.protocol() == carnelian_resp::Protocol::Resp3 { 3 } else { 2 };
    client.resp.store(resp, std::sync::atomic::Ordering::Relaxed);
    for name in ctx.args.iter().skip(1) {
        server.pubsub.subscribe(kind, name, &client);
        let count = count(ctx, kind, &client);
        ctx.out.push(3);
        ctx.out.bulk(word(kind, true));
        ctx.out.bulk(name);
        ctx.out.integer(count as i64);
    }
    ctx.session.wrote_messages(ctx.out.len());
    Ok(())
}

fn remove(server: &Server, ctx: &mut Ctx, kind: Kind) -> CommandResult {
    let client = shared_handle_of(ctx.session).ok_or(CommandError::NO_SERVER)?;
    let mut names: Vec<Box<[u8]>> = ctx.args.iter().skip(1).map(Box::from).collect();
    if names.is_empty() {
        names = PubSub::names_of(kind, &client);
        if names.is_empty() {
            let count = count(ctx, kind, &client);
            ctx.out.push(3);
            ctx.out.bulk(word(kind, false));
            ctx.out.null();
            ctx.out.integer(count as i64);
            ctx.session.wrote_messages(ctx.out.len());
            return Ok(());
        }
    }
    for name in names {
        server.pubsub.unsubscribe(kind, &name, &client);
        let count = count(ctx, kind, &client);
        ctx.out.push(3);
        ctx.out.bulk(word(kind, false));
        ctx.out.bulk(&name);
        ctx.out.integer(count as i64);
    }
    ctx.session.wrote_messages(ctx.out.len());
    Ok(())
}

pub(super) fn subscribe(server: &Server, ctx: &mut Ctx) -> CommandResult {
    add(server, ctx, Kind::Channel)
}

pub(super) fn psubscribe(server: &Server, ctx: &mut Ctx) -> CommandResult {
    add(server, ctx, Kind::Pattern)
}

pub(super) fn ssubscribe(server: &Server, ctx: &mut Ctx) -> CommandResult {
    add(server, ctx, Kind::ShardChannel)
}

pub(super) fn unsubscribe(server: &Server, ctx: &mut Ctx) -> CommandResult {
    remove(server, ctx, Kind::Channel)
}

pub(super) fn punsubscribe(server: &Server, ctx: &mut Ctx) -> CommandResult {
    remove(server, ctx, Kind::Pattern)
}

pub(super) fn sunsubscribe(server: &Server, ctx: &mut Ctx) -> CommandResult {
    remove(server, ctx, Kind::ShardChannel)
}

pub(super) fn publish(server: &Server, ctx: &mut Ctx) -> CommandResult {
    // In a transaction the reply is an array being written: a message cannot stand in the middle of it.
    let own = (!ctx.session.in_exec).then_some(ctx.session.id);
    let start = ctx.out.len();
    let own = own.map(|id| (id, &mut *ctx.out));
    let receivers = server.pubsub.publish(&ctx.args[1], &ctx.args[2], own);
    if ctx.out.len() > start {
        ctx.session.wrote_messages(ctx.out.len());
    }
    ctx.out.integer(receivers as i64);
    Ok(())
}

pub(super) fn spublish(server: &Server, ctx: &mut Ctx) -> CommandResult {
    let own = (!ctx.session.in_exec).then_some(ctx.session.id);
    let start = ctx.out.len();
    let own = own.map(|id| (id, &mut *ctx.out));
    let receivers = server.pubsub.shard_publish(&ctx.args[1], &ctx.args[2], own);
    if ctx.out.len() > start {
        ctx.session.wrote_messages(ctx.out.len());
    }
    ctx.out.integer(receivers as i64);
    Ok(())
}

/// PUBSUB CHANNELS, NUMSUB, NUMPAT, SHARDCHANNELS, SHARDNUMSUB: told apart by the subcommand's name.
pub(super) fn pubsub(server: &Server, ctx: &mut Ctx) -> CommandResult {
    let (kind, lists) = match ctx.spec.name {
        "numpat" => {
            ctx.out.integer(server.pubsub.counts().1 as i64);
            return Ok(());
        }
        "channels" => (Kind::Channel, true),
        "shardchannels" => (Kind::ShardChannel, true),
        "shardnumsub" => (Kind::ShardChannel, false),
        _ => (Kind::Channel, false),
    };
    if lists {
        let channels = server.pubsub.channels(kind, ctx.args.get(2));
        ctx.out.array(channels.len());
        for channel in &channels {
            ctx.out.bulk(channel);
        }
    } else {
        ctx.out.array((ctx.args.len() - 2) * 2);
        for channel in ctx.args.iter().skip(2) {
            ctx.out.bulk(channel);
            ctx.out.integer(server.pubsub.subscribers(kind, channel) as i64);
        }
    }
    Ok(())
}
