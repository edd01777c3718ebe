//! CLIENT: who is connected, and what to do with them.

use super::auth::check_name;
use crate::client::{ClientHandle, handle_of};
use crate::inbox::Mail;
use crate::server::Server;
use carnelian_commands::{CommandError, CommandResult, Ctx, Cursor, ReplyMode, integer};
use carnelian_encoding::number::parse_i64;
use std::sync::atomic::Ordering::Relaxed;

/// The classes of clients that CLIENT LIST and KILL select by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Normal,
    PubSub,
    Primary,
    Replica,
}

impl Class {
    fn parse(name: &[u8]) -> CommandResult<Self> {
        let classes: [(&str, Self); 5] = [
            ("normal", Self::Normal),
            ("slave", Self::Replica),
            ("replica", Self::Replica),
            ("pubsub", Self::PubSub),
            ("master", Self::Primary),
        ];
        classes
            .iter()
            .find(|(word, _)| name.eq_ignore_ascii_case(word.as_bytes()))
            .map(|(_, class)| *class)
            .ok_or_else(|| CommandError::repeating("ERR Unknown client type '", name, "'"))
    }

    fn of(client: &ClientHandle) -> Self {
        if client.is_subscriber() { Self::PubSub } else { Self::Normal }
    }
}

pub(super) fn id(ctx: &mut Ctx) -> CommandResult {
    ctx.out.integer(ctx.session.id as i64);
    Ok(())
}

/// Gives the client a name everywhere it is known.
pub(super) fn rename(ctx: &mut Ctx, name: &[u8]) {
    ctx.session.name = name.to_vec();
    if let Some(client) = handle_of(ctx.session) {
        client.details.lock().name = name.to_vec();
    }
}

pub(super) fn set_name(ctx: &mut Ctx) -> CommandResult {
    let name = ctx.arg(2);
    check_name(name, "Client names")?;
    rename(ctx, name);
    ctx.out.ok();
    Ok(())
}

pub(super) fn get_name(ctx: &mut Ctx) -> CommandResult {
    if ctx.session.name.is_empty() {
        ctx.out.null();
    } else {
        ctx.out.bulk(&ctx.session.name);
    }
    Ok(())
}

pub(super) fn set_info(ctx: &mut Ctx) -> CommandResult {
    let (attribute, value) = (ctx.arg(2), ctx.arg(3));
    let known = [("lib-name", true), ("lib-ver", false)];
    let Some((attribute, is_name)) =
        known.into_iter().find(|(word, _)| attribute.eq_ignore_ascii_case(word.as_bytes()))
    else {
        let mut text = b"ERR Unrecognized option '".to_vec();
        text.extend_from_slice(attribute);
        text.push(b'\'');
        return Err(CommandError::new(text));
    };
    check_name(value, attribute)?;
    let session = &mut *ctx.session;
    let field = if is_name { &mut session.lib_name } else { &mut session.lib_version };
    *field = value.to_vec();
    if let Some(client) = handle_of(session) {
        let mut details = client.details.lock();
        let field = if is_name { &mut details.lib_name } else { &mut details.lib_version };
        *field = value.to_vec();
    }
    ctx.out.ok();
    Ok(())
}

/// One line of CLIENT LIST.
fn describe(server: &Server, client: &ClientHandle, ctx: &Ctx) -> Vec<u8> {
    let now_ms = server.clock.unix_ms();
    let own = ctx.session.id == client.id;
    let details = client.details.lock().clone();
    let subscriptions = client.subscriptions.lock();
    let (channels, patterns, shard_channels) =
        (subscriptions.channels.len(), subscriptions.patterns.len(), subscriptions.shard_channels.len());
    drop(subscriptions);
    // The connection has not reported what this very command belongs to yet.
    let queued = if own {
        ctx.session.transaction.as_ref().map_or(-1, |transaction| transaction.queue.len() as i64)
    } else {
        client.queued.load(Relaxed)
    };
    let mut flags = String::new();
    for (mark, set) in [
        ('O', client.monitoring.load(Relaxed)),
        ('P', channels + patterns > 0),
        ('x', queued >= 0),
        ('b', client.blocked.load(Relaxed)),
        ('c', client.closing.load(Relaxed)),
        ('U', client.is_unix),
        ('e', client.no_evict.load(Relaxed)),
        ('T', client.no_touch.load(Relaxed)),
    ] {
        if set {
            flags.push(mark);
        }
    }
    if flags.is_empty() {
        flags.push('N');
    }
    let last =
        if own { ctx.session.last_command } else { usize::try_from(client.last_command.load(Relaxed)).ok() };
    let command = last
        .and_then(|id| ctx.node.table().entries().get(id))
        .map_or_else(|| "NULL".to_owned(), carnelian_commands::table::Entry::full_name);
    let db = if own { ctx.session.db } else { client.db.load(Relaxed) };
    let last_active_ms = if own { now_ms } else { client.last_active_ms.load(Relaxed) };
    let resp = match (own, ctx.out.protocol()) {
        (true, carnelian_resp::Protocol::Resp3) => 3,
        (true, carnelian_resp::Protocol::Resp2) => 2,
        (false, _) => client.resp.load(Relaxed).max(2),
    };
    let (query, output) = (client.query_bytes.load(Relaxed), client.output_bytes.load(Relaxed));
    let queued_bytes = client.queued_bytes.load(Relaxed);
    let argument_bytes =
        if own { ctx.args.iter().map(<[u8]>::len).sum() } else { client.argument_bytes.load(Relaxed) };
    let events = if output > 0 { "rw" } else { "r" };
    let mut line = format!(
        "id={} addr={} laddr={} fd={} name=",
        client.id, client.address, client.local_address, client.fd
    )
    .into_bytes();
    line.extend_from_slice(&details.name);
    line.extend_from_slice(
        format!(
            " age={} idle={} flags={flags} db={db} sub={channels} psub={patterns} ssub={shard_channels} multi={queued} \
             qbuf={query} qbuf-free=0 argv-mem={argument_bytes} multi-mem={queued_bytes} rbs=0 rbp=0 obl=0 oll=0 omem={output} \
             tot-mem={} events={events} cmd={command} user={} redir=-1 resp={resp} lib-name=",
            (now_ms.saturating_sub(client.created_ms)) / 1000,
            (now_ms.saturating_sub(last_active_ms)) / 1000,
            client.memory_bytes() + if own { query } else { 0 },
            if details.user.is_empty() { "default" } else { &details.user },
        )
        .as_bytes(),
    );
    line.extend_from_slice(&details.lib_name);
    line.extend_from_slice(b" lib-ver=");
    line.extend_from_slice(&details.lib_version);
    line.push(b'\n');
    line
}

pub(super) fn info(server: &Server, ctx: &mut Ctx) -> CommandResult {
    let client = handle_of(ctx.session).ok_or(CommandError::NO_SERVER)?;
    let line = describe(server, client, ctx);
    ctx.out.verbatim("txt", &line);
    Ok(())
}

pub(super) fn list(server: &Server, ctx: &mut Ctx) -> CommandResult {
    let mut args = ctx.cursor(2);
    let mut class = None;
    let mut ids = None;
    if let Some(name) = args.word_with("type") {
        class = Some(Class::parse(name)?);
        args.finish()?;
    } else if args.remaining() >= 2 && args.word("id") {
        let parsed: Result<Vec<u64>, _> = args
            .rest()
            .iter()
            .map(|id| parse_i64(id).filter(|id| *id > 0).map(i64::unsigned_abs).ok_or(()))
            .collect();
        ids = Some(parsed.map_err(|()| CommandError::new("ERR Invalid client ID"))?);
    } else {
        args.finish()?;
    }
    let clients = match &ids {
        Some(ids) => ids.iter().filter_map(|id| server.clients.get(*id)).collect(),
        None => server.clients.all(),
    };
    let mut text = Vec::new();
    for client in clients {
        if class.is_none_or(|class| Class::of(&client) == class) {
            text.extend(describe(server, &client, ctx));
        }
    }
    ctx.out.verbatim("txt", &text);
    Ok(())
}

/// Which clients CLIENT KILL means.
#[derive(Default)]
struct Filter<'a> {
    id: Option<u64>,
    class: Option<Class>,
    user: Option<&'a [u8]>,
    address: Option<&'a [u8]>,
    local_address: Option<&'a [u8]>,
    skip_me: bool,
}

impl<'a> Filter<'a> {
    fn parse(mut args: Cursor<'a>) -> CommandResult<Self> {
        let mut filter = Self { skip_me: true, ..Self::default() };
        while !args.is_done() {
            if let Some(id) = args.word_with("id") {
                let id = parse_i64(id).filter(|id| *id > 0);
                let id = id.ok_or_else(|| CommandError::new("ERR client-id should be greater than 0"))?;
                filter.id = Some(id.unsigned_abs());
            } else if let Some(class) = args.word_with("type") {
                filter.class = Some(Class::parse(class)?);
            } else if let Some(address) = args.word_with("addr") {
                filter.address = Some(address);
            } else if let Some(address) = args.word_with("laddr") {
                filter.local_address = Some(address);
            } else if let Some(user) = args.word_with("user") {
                if user != b"default" {
                    let mut text = b"ERR No such user '".to_vec();
                    text.extend_from_slice(user);
                    text.push(b'\'');
                    return Err(CommandError::new(text));
                }
                filter.user = Some(user);
            } else if let Some(answer) = args.word_with("skipme") {
                filter.skip_me = match answer.to_ascii_lowercase().as_slice() {
                    b"yes" => true,
                    b"no" => false,
                    _ => return Err(CommandError::SYNTAX),
                };
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(filter)
    }

    fn matches(&self, client: &ClientHandle) -> bool {
        self.id.is_none_or(|id| client.id == id)
            && self.class.is_none_or(|class| Class::of(client) == class)
            && self.address.is_none_or(|address| client.address.as_bytes() == address)
            && self.local_address.is_none_or(|address| client.local_address.as_bytes() == address)
            && (self.user.is_none() || client.authenticated.load(Relaxed))
    }
}

pub(super) fn kill(server: &Server, ctx: &mut Ctx) -> CommandResult {
    let old_form = ctx.args.len() == 3;
    let filter = if old_form {
        Filter { address: Some(ctx.arg(2)), ..Filter::default() }
    } else {
        Filter::parse(ctx.cursor(2))?
    };
    let mut killed = 0;
    for client in server.clients.all() {
        let own = client.id == ctx.session.id;
        if !filter.matches(&client) || (own && filter.skip_me) {
            continue;
        }
        if own {
            ctx.session.close = true;
        } else {
            client.closing.store(true, Relaxed);
            // Commands that follow must not see it any more, even if its worker has not got to it yet.
            server.clients.remove(client.id);
            client.inbox.send(Mail::Kill);
        }
        killed += 1;
    }
    match (old_form, killed) {
        (true, 0) => return Err(CommandError::new("ERR No such client")),
        (true, _) => ctx.out.ok(),
        (false, _) => ctx.out.integer(killed),
    }
    Ok(())
}

fn on_or_off(arg: &[u8]) -> CommandResult<bool> {
    match arg.to_ascii_lowercase().as_slice() {
        b"on" => Ok(true),
        b"off" => Ok(false),
        _ => Err(CommandError::SYNTAX),
    }
}

pub(super) fn no_evict(ctx: &mut Ctx) -> CommandResult {
    ctx.session.no_evict = on_or_off(ctx.arg(2))?;
    if let Some(client) = handle_of(ctx.session) {
        client.no_evict.store(ctx.session.no_evict, Relaxed);
    }
    ctx.out.ok();
    Ok(())
}

pub(super) fn no_touch(ctx: &mut Ctx) -> CommandResult {
    ctx.session.no_touch = on_or_off(ctx.arg(2))?;
    if let Some(client) = handle_of(ctx.session) {
        client.no_touch.store(ctx.session.no_touch, Relaxed);
    }
    ctx.out.ok();
    Ok(())
}

pub(super) fn reply(ctx: &mut Ctx) -> CommandResult {
    ctx.session.reply_mode = match ctx.arg(2).to_ascii_lowercase().as_slice() {
        b"on" => {
            ctx.out.ok();
            ReplyMode::On
        }
        b"off" => ReplyMode::Off,
        b"skip" if ctx.session.reply_mode == ReplyMode::Off => ReplyMode::Off,
        b"skip" => ReplyMode::SkipNext,
        _ => return Err(CommandError::SYNTAX),
    };
    Ok(())
}

pub(super) fn unblock(server: &Server, ctx: &mut Ctx) -> CommandResult {
    if ctx.args.len() > 4 {
        return Err(CommandError::subcommand_syntax(ctx.arg(1), "client"));
    }
    let with_error = match ctx.args.get(3).map(<[u8]>::to_ascii_lowercase).as_deref() {
        None | Some(b"timeout") => false,
        Some(b"error") => true,
        Some(_) => {
            return Err(CommandError::new("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
        }
    };
    let id = integer(ctx.arg(2))?;
    let client = u64::try_from(id).ok().and_then(|id| server.clients.get(id));
    let blocked = client.filter(|client| client.blocked.load(Relaxed));
    if let Some(client) = &blocked {
        client.inbox.send(Mail::Unblock { with_error });
    }
    ctx.out.integer(i64::from(blocked.is_some()));
    Ok(())
}

pub(super) fn pause(server: &Server, ctx: &mut Ctx) -> CommandResult {
    if ctx.args.len() > 4 {
        return Err(CommandError::subcommand_syntax(ctx.arg(1), "client"));
    }
    let all = match ctx.args.get(3).map(<[u8]>::to_ascii_lowercase).as_deref() {
        None | Some(b"all") => true,
        Some(b"write") => false,
        Some(_) => return Err(CommandError::new("ERR CLIENT PAUSE mode must be WRITE or ALL")),
    };
    let timeout = parse_i64(ctx.arg(2))
        .ok_or_else(|| CommandError::new("ERR timeout is not an integer or out of range"))?;
    let timeout = u64::try_from(timeout).map_err(|_| CommandError::TIMEOUT_NEGATIVE)?;
    let now_ms = server.clock.unix_ms();
    server.pause.begin(now_ms.saturating_add(timeout), all, now_ms);
    server.refresh_gate();
    ctx.out.ok();
    Ok(())
}

pub(super) fn unpause(server: &Server, ctx: &mut Ctx) -> CommandResult {
    server.pause.end();
    server.refresh_gate();
    ctx.out.ok();
    Ok(())
}

pub(super) fn get_redir(ctx: &mut Ctx) -> CommandResult {
    ctx.out.integer(-1);
    Ok(())
}
