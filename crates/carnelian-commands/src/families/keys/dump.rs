//! Values as payloads that another server can take: DUMP and RESTORE.

use crate::ctx::Ctx;
use crate::cursor::integer;
use crate::error::{CommandError, CommandResult};
use crate::rdb::{encode_value, value_of};
use crate::spec::{Categories, CommandSpec, Flags, Group, KeyFlags, KeySpec, check};
use carnelian_engine::{AccessClock, EventClass, Value};
use carnelian_rdb as rdb;

const COMPLEXITY: &str = "O(n) in the size of the value";

const HISTORY: &[(&str, &str)] = &[
    ("3.0.0", "Option `REPLACE`."),
    ("5.0.0", "Option `ABSTTL`."),
    ("5.0.0", "Options `IDLETIME` and `FREQ`."),
];

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::run("dump", 2, Group::Generic, dump)
        .flags(&[Flags::READONLY])
        .tips(&["nondeterministic_output"])
        .keys(&[KeySpec::one(1, KeyFlags::RO.or(KeyFlags::ACCESS))])
        .docs("2.6.0", COMPLEXITY, "Returns the value of a key as a payload for RESTORE.", "DUMP key"),
    CommandSpec::run("restore", -4, Group::Generic, restore)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::DANGEROUS])
        .keys(&[KeySpec::one(1, KeyFlags::OW.or(KeyFlags::UPDATE))])
        .docs(
            "2.6.0",
            COMPLEXITY,
            "Creates a key from a payload that DUMP returned.",
            "RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
        )
        .history(HISTORY),
    CommandSpec::run("restore-asking", -4, Group::Server, restore)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::ASKING])
        .categories(&[Categories::KEYSPACE, Categories::DANGEROUS])
        .system()
        .keys(&[KeySpec::one(1, KeyFlags::OW.or(KeyFlags::UPDATE))])
        .docs(
            "3.0.0",
            COMPLEXITY,
            "Creates a key that moves to this node of a cluster.",
            "RESTORE-ASKING key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
        )
        .history(HISTORY),
];

const _: () = check(COMMANDS);

fn dump(ctx: &mut Ctx) -> CommandResult {
    let settings = ctx.keys.settings();
    let (version, compress) = (settings.rdb_version(), settings.rdb_compression());
    let Some(value) = ctx.keys.read(ctx.args.get(1).unwrap_or_default()) else {
        ctx.out.null();
        return Ok(());
    };
    let mut payload = Vec::new();
    let mut encoder = rdb::Encoder::new(version, compress);
    // No version that can be written needs more than two bytes.
    rdb::dump::write(&mut encoder, &mut payload, version as u16, |encoder, out| {
        encode_value(encoder, out, None, value);
    });
    ctx.out.bulk(&payload);
    Ok(())
}

/// What is said of the key besides its value.
#[derive(Default)]
struct Options {
    replace: bool,
    absolute: bool,
    idle_seconds: Option<u64>,
    frequency: Option<u8>,
}

impl Options {
    fn parse(ctx: &Ctx) -> CommandResult<Self> {
        let mut options = Self::default();
        let mut cursor = ctx.cursor(4);
        while !cursor.is_done() {
            if cursor.word("REPLACE") {
                options.replace = true;
            } else if cursor.word("ABSTTL") {
                options.absolute = true;
            } else if options.frequency.is_none()
                && let Some(seconds) = cursor.word_with("IDLETIME")
            {
                let seconds = u64::try_from(integer(seconds)?);
                options.idle_seconds = Some(seconds.map_err(|_| CommandError::INVALID_IDLE_TIME)?);
            } else if options.idle_seconds.is_none()
                && let Some(frequency) = cursor.word_with("FREQ")
            {
                let frequency = u8::try_from(integer(frequency)?);
                options.frequency = Some(frequency.map_err(|_| CommandError::INVALID_FREQUENCY)?);
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(options)
    }
}

fn restore(ctx: &mut Ctx) -> CommandResult {
    let key = ctx.arg(1);
    let options = Options::parse(ctx)?;
    if !options.replace && ctx.keys.entry(key).exists() {
        return Err(CommandError::BUSY_KEY);
    }
    let ttl = integer(ctx.arg(2))?;
    if ttl < 0 {
        return Err(CommandError::INVALID_TTL);
    }
    let value = decode(ctx, ctx.arg(3))?;

    let existed = options.replace && ctx.keys.remove(key);
    let now_ms = ctx.keys.now_ms();
    // A moment beyond the signed range wraps around into the past, as in Redis.
    let moment = if options.absolute { ttl } else { ttl.wrapping_add(now_ms.cast_signed()) };
    let expire_ms = (ttl != 0).then(|| u64::try_from(moment).unwrap_or(0));
    if expire_ms.is_some_and(|expire_ms| expire_ms <= now_ms) && !ctx.keys.settings().loading() {
        if existed {
            ctx.changed(EventClass::GENERIC, "del", key);
        }
        ctx.out.ok();
        return Ok(());
    }
    ctx.keys.insert_with(key, value, expire_ms);
    // What does not fit the eviction policy would be misread.
    let access = if ctx.keys.settings().track_frequency() {
        options.frequency.map(|frequency| AccessClock::from_frequency(frequency, now_ms))
    } else {
        options.idle_seconds.map(|seconds| AccessClock::from_idle(seconds, now_ms))
    };
    if let Some(access) = access {
        ctx.keys.set_access_clock(key, access);
    }
    ctx.changed(EventClass::GENERIC, "restore", key);
    ctx.out.ok();
    Ok(())
}

/// The value in a payload. It comes from outside: everything about it is checked, whatever `sanitize-dump-payload` says.
fn decode(ctx: &Ctx, payload: &[u8]) -> CommandResult<Value> {
    let body = rdb::dump::verify(payload).map_err(|_| CommandError::DUMP_CHECKSUM)?;
    let settings = ctx.keys.settings();
    let limit =
        rdb::ReadOptions { string_max: settings.max_bulk_len() as u64, ..rdb::ReadOptions::default() };
    let object = rdb::dump::read(body, limit).map_err(|_| CommandError::DUMP_FORMAT)?;
    value_of(object, settings).map_err(CommandError::unsupported_payload)?.ok_or(CommandError::DUMP_FORMAT)
}
