//! AUTH and HELLO.

use crate::client::handle_of;
use crate::config::id;
use crate::server::Server;
use carnelian_commands::{CommandError, CommandResult, Ctx, integer};
use carnelian_resp::Protocol;

/// Compares without telling by its duration where the first difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

fn log_in(server: &Server, ctx: &mut Ctx, user: &[u8], password: &[u8]) -> CommandResult {
    let accepted = user == b"default"
        && match server.config.read().string(id::REQUIREPASS) {
            None => true,
            Some(required) => required.is_empty() || same(required, password),
        };
    if !accepted {
        server.totals.refused_logins.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        return Err(CommandError::WRONG_PASS);
    }
    ctx.session.authenticated = true;
    Ok(())
}

pub(super) fn auth(server: &Server, ctx: &mut Ctx) -> CommandResult {
    match ctx.args.len() {
        2 => {
            if !server.requires_password() {
                return Err(CommandError::new(
                    "ERR AUTH <password> called without any password configured for the default user. Are you sure your \
                     configuration is correct?",
                ));
            }
            log_in(server, ctx, b"default", ctx.arg(1))?;
        }
        3 => log_in(server, ctx, ctx.arg(1), ctx.arg(2))?,
        _ => return Err(CommandError::SYNTAX),
    }
    ctx.out.ok();
    Ok(())
}

/// Whether a client may have this name: no spaces, no line ends, nothing that cannot be printed.
pub(super) fn check_name(name: &[u8], what: &str) -> CommandResult {
    if name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        return Ok(());
    }
    Err(CommandError::new(format!("ERR {what} cannot contain spaces, newlines or special characters.")))
}

pub(super) fn hello(server: &Server, ctx: &mut Ctx) -> CommandResult {
    let mut args = ctx.cursor(1);
    let mut protocol = None;
    if let Some(version) = args.peek() {
        protocol = Some(match integer(version) {
            Ok(2) => Protocol::Resp2,
            Ok(3) => Protocol::Resp3,
            Ok(_) => return Err(CommandError::NO_PROTO),
            Err(_) => {
                return Err(CommandError::new("ERR Protocol version is not an integer or out of range"));
            }
        });
        args.take()?;
    }
    let mut credentials = None;
    let mut name = None;
    while let Some(option) = args.peek() {
        if args.remaining() >= 3 && args.word("auth") {
            credentials = Some((args.take()?, args.take()?));
        } else if let Some(given) = args.word_with("setname") {
            check_name(given, "Client names")?;
            name = Some(given);
        } else {
            return Err(CommandError::repeating("ERR Syntax error in HELLO option '", option, "'"));
        }
    }
    if let Some((user, password)) = credentials {
        log_in(server, ctx, user, password)?;
    }
    if !ctx.session.authenticated {
        return Err(CommandError::new(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> \
             option can be used to authenticate the client and select the RESP protocol version at the same time",
        ));
    }
    if let Some(name) = name {
        super::clients::rename(ctx, name);
    }
    if let Some(protocol) = protocol {
        ctx.out.set_protocol(protocol);
        if let Some(client) = handle_of(ctx.session) {
            let resp = if protocol == Protocol::Resp3 { 3 } else { 2 };
            client.resp.store(resp, std::sync::atomic::Ordering::Relaxed);
        }
    }
    let out = &mut *ctx.out;
    out.map(7);
    out.bulk(b"server");
    out.bulk(b"redis");
    out.bulk(b"version");
    out.bulk(crate::REDIS_VERSION.as_bytes());
    out.bulk(b"proto");
    out.integer(if out.protocol() == Protocol::Resp3 { 3 } else { 2 });
    out.bulk(b"id");
    out.integer(ctx.session.id as i64);
    out.bulk(b"mode");
    out.bulk(b"standalone");
    out.bulk(b"role");
    out.bulk(b"master");
    out.bulk(b"modules");
    out.array(0);
    Ok(())
}
