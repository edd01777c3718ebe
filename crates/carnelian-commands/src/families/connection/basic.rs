//! PING, ECHO, SELECT, QUIT, RESET, and the specs of AUTH and HELLO.

use crate::ctx::Ctx;
use crate::cursor::small_integer;
use crate::error::{CommandError, CommandResult};
use crate::host::HostCommand;
use crate::session::ReplyMode;
use crate::spec::{CommandSpec, Flags, Group, check};
use carnelian_resp::Protocol;

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::host("auth", -2, Group::Connection, HostCommand::Auth)
        .flags(&[
            Flags::NOSCRIPT,
            Flags::LOADING,
            Flags::STALE,
            Flags::FAST,
            Flags::NO_AUTH,
            Flags::ALLOW_BUSY,
        ])
        .docs(
            "1.0.0",
            "O(N), N being the number of passwords of the user",
            "Authenticates the connection.",
            "AUTH [username] password",
        )
        .history(&[("6.0.0", "Takes a user name, too.")]),
    CommandSpec::run("echo", 2, Group::Connection, echo)
        .flags(&[Flags::LOADING, Flags::STALE, Flags::FAST])
        .docs("1.0.0", "O(1)", "Returns its argument.", "ECHO message"),
    CommandSpec::host("hello", -1, Group::Connection, HostCommand::Hello)
        .flags(&[
            Flags::NOSCRIPT,
            Flags::LOADING,
            Flags::STALE,
            Flags::FAST,
            Flags::NO_AUTH,
            Flags::ALLOW_BUSY,
        ])
        .docs(
            "6.0.0",
            "O(1)",
            "Chooses the protocol, authenticates and names the connection in one step; describes the server.",
            "HELLO [protover [AUTH username password] [SETNAME clientname]]",
        )
        .history(&[("6.2.0", "The protocol version can be left out; then nothing changes.")]),
    CommandSpec::run("ping", -1, Group::Connection, ping)
        .flags(&[Flags::FAST])
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .docs(
            "1.0.0",
            "O(1)",
            "Returns PONG, or its argument: shows that the server answers.",
            "PING [message]",
        ),
    CommandSpec::run("quit", -1, Group::Connection, quit)
        .flags(&[
            Flags::ALLOW_BUSY,
            Flags::NOSCRIPT,
            Flags::LOADING,
            Flags::STALE,
            Flags::FAST,
            Flags::NO_AUTH,
        ])
        .docs("1.0.0", "O(1)", "Closes the connection.", "QUIT"),
    CommandSpec::run("reset", 1, Group::Connection, reset)
        .flags(&[
            Flags::NOSCRIPT,
            Flags::LOADING,
            Flags::STALE,
            Flags::FAST,
            Flags::NO_AUTH,
            Flags::ALLOW_BUSY,
        ])
        .docs("6.2.0", "O(1)", "Puts the connection back into the state of a new one.", "RESET"),
    CommandSpec::run("select", 2, Group::Connection, select)
        .flags(&[Flags::LOADING, Flags::STALE, Flags::FAST])
        .docs("1.0.0", "O(1)", "Selects the database that the connection works on.", "SELECT index"),
];

const _: () = check(COMMANDS);

fn ping(ctx: &mut Ctx) -> CommandResult {
    if ctx.args.len() > 2 {
        return Err(CommandError::arity("ping"));
    }
    let message = ctx.args.get(1);
    let subscribed = ctx.session.subscriptions + ctx.session.shard_subscriptions > 0;
    if subscribed && ctx.out.protocol() == Protocol::Resp2 {
        // Such a client reads nothing but messages, so the answer has the form of one.
        ctx.out.array(2);
        ctx.out.bulk(b"pong");
        ctx.out.bulk(message.unwrap_or_default());
    } else {
        match message {
            Some(message) => ctx.out.bulk(message),
            None => ctx.out.simple("PONG"),
        }
    }
    Ok(())
}

fn echo(ctx: &mut Ctx) -> CommandResult {
    ctx.out.bulk(ctx.arg(1));
    Ok(())
}

fn quit(ctx: &mut Ctx) -> CommandResult {
    ctx.session.close = true;
    ctx.out.ok();
    Ok(())
}

fn select(ctx: &mut Ctx) -> CommandResult {
    let index = small_integer(ctx.arg(1))?;
    let Some(db) = usize::try_from(index).ok().filter(|db| *db < ctx.node.engine().databases()) else {
        return Err(CommandError::DB_OUT_OF_RANGE);
    };
    ctx.session.db = db;
    ctx.out.ok();
    Ok(())
}

fn reset(ctx: &mut Ctx) -> CommandResult {
    let session = &mut *ctx.session;
    ctx.node.discard(session);
    session.db = 0;
    session.name.clear();
    if session.reply_mode != ReplyMode::Skip {
        session.reply_mode = ReplyMode::On;
    }
    ctx.node.host().reset(session);
    ctx.out.set_protocol(Protocol::Resp2);
    ctx.out.simple("RESET");
    Ok(())
}
