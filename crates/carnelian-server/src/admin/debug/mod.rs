//! DEBUG: for tests and for looking inside.

mod object;
mod protocol;

use crate::client::handle_of;
use crate::config::{id, parse_memory};
use crate::server::Server;
use crate::snapshot;
use carnelian_commands::{CommandError, CommandResult, Ctx, digest, integer};
use carnelian_encoding::number::parse_i64;
use carnelian_engine::Value;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Longest element that lists may be told to keep in a listpack, in bytes.
const PACKED_THRESHOLD_MAX: u64 = 1 << 32;
/// Longest pause of DEBUG SLEEP, in seconds: a day.
const SLEEP_MAX_S: f64 = 86_400.0;

const HELP: &[&str] = &[
    "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "CHANGE-REPL-ID",
    "    Give the dataset a new replication ID.",
    "CONFIG-REWRITE-FORCE-ALL",
    "    Rewrite the configuration file with every parameter in it.",
    "DIGEST",
    "    Reply with a digest of the dataset, in hexadecimal digits.",
    "DIGEST-VALUE <key> [<key> ...]",
    "    Reply with a digest of each value.",
    "ERROR <string>",
    "    Reply with this error.",
    "HTSTATS <dbid>",
    "    Describe the tables of a database.",
    "HTSTATS-KEY <key>",
    "    Describe the table that holds a set or a hash.",
    "LEAK <string>",
    "    Accepted; nothing is leaked.",
    "LISTPACK <key>",
    "    Check that a value is a listpack.",
    "LOG <message>",
    "    Write a message to the log.",
    "OBJECT <key>",
    "    Describe how a value is kept.",
    "PANIC",
    "    Fail as a bug in a command would: the connection ends, the server goes on.",
    "POPULATE <count> [<prefix>] [<size>]",
    "    Create strings with the names prefix:0, prefix:1 and so on (prefix: key).",
    "PROTOCOL <type>",
    "    Reply with a value of this type: string, integer, double, bignum, null, array, set, map, attrib, push,",
    "    verbatim, true, false.",
    "QUICKLIST <key> [<0|1>]",
    "    Check that a value is a list of listpacks.",
    "QUICKLIST-PACKED-THRESHOLD <size>",
    "    From this size on elements of lists have nodes of their own; 0 is the default.",
    "RELOAD [NOSAVE] [NOFLUSH] [MERGE]",
    "    Save the dataset and load it again.",
    "SDSLEN <key>",
    "    Tell the lengths of a key and its string.",
    "SET-ACTIVE-EXPIRE <0|1>",
    "    Turn the removal of expired keys that nobody looks at off or on.",
    "SLEEP <seconds>",
    "    Stop for so long; decimals allowed.",
    "HELP",
    "    Print this help.",
];

fn error<T>(text: impl Into<Vec<u8>>) -> CommandResult<T> {
    Err(CommandError::new(text))
}

/// As C reads the beginning of a text as a number: 0 without digits.
fn leading_integer(text: &[u8]) -> i64 {
    let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let digits = text[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = &text[usize::from(text.first() == Some(&b'+'))..sign + digits];
    parse_i64(number).unwrap_or(0)
}

pub(super) fn debug(server: &Server, ctx: &mut Ctx) -> CommandResult {
    let local = handle_of(ctx.session).is_some_and(|client| client.is_local);
    if !server.config.read().allows(id::ENABLE_DEBUG_COMMAND, local) {
        return error(
            "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local \
             connection, otherwise you need to set this option in the configuration file, and then restart the server.",
        );
    }
    let name = ctx.arg(1).to_ascii_lowercase();
    match (name.as_slice(), ctx.args.len()) {
        (b"help", 2) => {
            ctx.out.array(HELP.len());
            for line in HELP {
                ctx.out.simple(line);
            }
            return Ok(());
        }
        (b"sleep", 3) => sleep(ctx),
        (b"set-active-expire", 3) => {
            server.cached.active_expire.store(leading_integer(ctx.arg(2)) != 0, Relaxed);
        }
        (b"quicklist-packed-threshold", 3) => packed_threshold(ctx)?,
        (b"change-repl-id", 2) => {
            server.log.warning("Changing replication IDs after receiving DEBUG change-repl-id");
            *server.replication_id.lock() = crate::start::run_id();
        }
        (b"config-rewrite-force-all", 2) => {
            let result = server.config.read().rewrite_all();
            result.map_err(|error| CommandError::new(format!("ERR {error}")))?;
        }
        (b"log", 3) => {
            let message = String::from_utf8_lossy(ctx.arg(2)).replace(['\r', '\n'], " ");
            server.log.warning(format_args!("DEBUG LOG: {message}"));
        }
        (b"error", 3) => {
            let text: Vec<u8> = ctx
                .arg(2)
                .iter()
                .map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte })
                .collect();
            return Err(CommandError::new(text));
        }
        (b"populate", 3..=5) => populate(ctx)?,
        (b"digest", 2) => {
            let digest = digest::hex(&digest::dataset(ctx.keys));
            ctx.out.simple(&digest);
            return Ok(());
        }
        (b"digest-value", _) => {
            ctx.out.array(ctx.args.len() - 2);
            for key in ctx.args.iter().skip(2) {
                ctx.out.simple(&digest::hex(&digest::value(ctx.keys, key)));
            }
            return Ok(());
        }
        (b"reload", _) => reload(server, ctx)?,
        (b"loadaof", 2) => return error("ERR The append only file is not supported yet"),
        (b"object", 3) => return object::describe(ctx),
        (b"listpack", 3) => return object::listpack(ctx),
        (b"quicklist", 3 | 4) => return object::quicklist(ctx),
        (b"sdslen", 3) => return object::string_lengths(ctx),
        (b"htstats", 3) => return object::database_tables(ctx),
        (b"htstats-key", 3) => return object::value_table(ctx),
        (b"protocol", 3) => return protocol::protocol(ctx),
        (b"replybuffer", 4) => reply_buffer(ctx)?,
        (b"client-eviction", 2) => {
            let text = server
                .client_sizes()
                .ok_or_else(|| CommandError::new("ERR maxmemory-clients is disabled."))?;
            ctx.out.verbatim("txt", text.as_bytes());
            return Ok(());
        }
        // What they change does not exist here, so that there is nothing to do.
        (b"leak" | b"set-disable-deny-scripts" | b"drop-cluster-packet-filter", 3) => {}
        // What a bug would do: the tests see that it costs nobody but this client anything.
        (b"panic", 2) => panic!("DEBUG PANIC"),
        (b"segfault" | b"assert" | b"oom" | b"restart" | b"crash-and-recover", _) => {
            return error("ERR This server does not crash on command");
        }
        _ => return Err(CommandError::subcommand_syntax(ctx.arg(1), "debug")),
    }
    ctx.out.ok();
    Ok(())
}

/// Stops the whole server, as the command promises: all locks are held.
fn sleep(ctx: &mut Ctx) {
    let seconds = carnelian_encoding::number::parse_f64(ctx.arg(2)).unwrap_or(0.0);
    if seconds > 0.0 {
        std::thread::sleep(Duration::from_secs_f64(seconds.min(SLEEP_MAX_S)));
    }
}

fn packed_threshold(ctx: &mut Ctx) -> CommandResult {
    match parse_memory(ctx.arg(2)).filter(|size| *size <= PACKED_THRESHOLD_MAX) {
        Some(size) => {
            ctx.keys.settings().set_list_packed_threshold(size as usize);
            Ok(())
        }
        None => error("ERR argument must be a memory value bigger than 1 and smaller than 4gb"),
    }
}

fn positive(arg: &[u8]) -> CommandResult<usize> {
    usize::try_from(integer(arg)?).map_err(|_| CommandError::NOT_POSITIVE)
}

fn populate(ctx: &mut Ctx) -> CommandResult {
    let count = positive(ctx.arg(2))?;
    let prefix = ctx.args.get(3).unwrap_or(b"key");
    let size = ctx.args.get(4).map_or(Ok(0), positive)?;
    if size > ctx.keys.settings().max_bulk_len() {
        return Err(CommandError::STRING_TOO_LONG);
    }
    for number in 0..count {
        let key = [prefix, format!(":{number}").as_bytes()].concat();
        if ctx.keys.exists(&key) {
            continue;
        }
        if ctx.keys.engine().gates().are_crowded() {
            return Err(CommandError::OUT_OF_MEMORY);
        }
        let mut value = format!("value:{number}").into_bytes();
        if size > 0 {
            value.resize(size, 0);
        }
        ctx.keys.insert(&key, Value::from_bytes(&value));
        ctx.keys.touched(&key);
    }
    Ok(())
}

fn reload(server: &Server, ctx: &mut Ctx) -> CommandResult {
    let (mut save, mut flush) = (true, true);
    for option in ctx.args.iter().skip(2) {
        match option.to_ascii_lowercase().as_slice() {
            // Keys of the file always win over those that are there.
            b"merge" => {}
            b"noflush" => flush = false,
            b"nosave" => save = false,
            _ => return error("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options."),
        }
    }
    if server.loading.is_active() {
        // What is there so far would replace the file.
        return Err(CommandError::LOADING);
    }
    if save {
        snapshot::save(server, ctx.node.engine(), ctx.keys.shards()).map_err(|_| CommandError::new("ERR"))?;
    }
    snapshot::reload(server, ctx.keys, flush).map_err(|reason| {
        server.log.warning(format_args!("DEBUG RELOAD failed: {reason}"));
        CommandError::new("ERR Error trying to load the RDB dump")
    })?;
    server.log.warning("DB reloaded by DEBUG RELOAD");
    Ok(())
}

/// Reply buffers here do not change their size by the clock; what is said about that is checked only.
fn reply_buffer(ctx: &mut Ctx) -> CommandResult {
    let (what, value) = (ctx.arg(2).to_ascii_lowercase(), ctx.arg(3).to_ascii_lowercase());
    match (what.as_slice(), value.as_slice()) {
        (b"peak-reset-time", b"never" | b"reset") | (b"resizing", _) => Ok(()),
        (b"peak-reset-time", time) => integer(time).map(drop),
        _ => Err(CommandError::subcommand_syntax(ctx.arg(1), "debug")),
    }
}

#[cfg(test)]
mod tests {
    use super::leading_integer;

    #[test]
    fn numbers_are_read_as_far_as_they_go() {
        for (text, number) in [("1", 1), ("-2x", -2), ("+3", 3), ("", 0), ("-", 0), ("x", 0), ("12 3", 12)] {
            assert_eq!(leading_integer(text.as_bytes()), number, "{text}");
        }
    }
}
