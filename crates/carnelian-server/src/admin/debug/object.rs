//! How values and tables are kept.

use carnelian_commands::rdb::encode_value;
use carnelian_commands::{CommandError, CommandResult, Ctx, integer};
use carnelian_engine::{Lookup, ValueRef};
use std::fmt::Write;

/// Bits of the clock that least-recently-used eviction counts with, in seconds.
const LRU_CLOCK_MASK: u64 = (1 << 24) - 1;
/// Slots of one bucket of a table.
const BUCKET_SLOTS: usize = 8;

/// The value that the command is about, not counted as used.
fn look_up<'k>(ctx: &'k mut Ctx) -> CommandResult<ValueRef<'k>> {
    ctx.keys.read_with(ctx.args.get(2).unwrap_or_default(), Lookup::Silent).ok_or(CommandError::NO_SUCH_KEY)
}

pub(super) fn describe(ctx: &mut Ctx) -> CommandResult {
    let value = look_up(ctx)?;
    let mut serialized = Vec::new();
    // A format version that real servers of this generation read, without compression: the length tells of the value.
    encode_value(&mut carnelian_rdb::Encoder::new(11, false), &mut serialized, None, value);
    let mut extra = String::new();
    if let ValueRef::List(list) = value
        && value.encoding() == "quicklist"
    {
        let nodes = list.nodes().len();
        let average = list.len() as f64 / nodes.max(1) as f64;
        // Writing to a string does not fail.
        let _ = write!(
            extra,
            " ql_nodes:{nodes} ql_avg_node:{average:.2} ql_listpack_max:{} ql_compressed:{} ql_uncompressed_size:{}",
            list.fill(),
            u8::from(list.compress_depth() > 0),
            list.nodes().map(|node| node.raw_bytes()).sum::<usize>()
        );
    }
    let mut line = format!(
        "Value at:{:p} refcount:1 encoding:{} serializedlength:{}",
        value.address(),
        value.encoding(),
        serialized.len().saturating_sub(1),
    );
    let now_ms = ctx.keys.now_ms();
    let clock = ctx.keys.access_clock(ctx.arg(2)).unwrap_or_default();
    let idle_s = if ctx.keys.settings().track_frequency() { 0 } else { clock.idle_seconds(now_ms) };
    let lru = (now_ms / 1000).saturating_sub(idle_s) & LRU_CLOCK_MASK;
    let _ = write!(line, " lru:{lru} lru_seconds_idle:{idle_s}{extra}");
    ctx.out.simple(&line);
    Ok(())
}

pub(super) fn listpack(ctx: &mut Ctx) -> CommandResult {
    if look_up(ctx)?.encoding() != "listpack" {
        return Err(CommandError::new("ERR Not a listpack encoded object."));
    }
    ctx.out.simple("The value is a listpack");
    Ok(())
}

pub(super) fn quicklist(ctx: &mut Ctx) -> CommandResult {
    if look_up(ctx)?.encoding() != "quicklist" {
        return Err(CommandError::new("ERR Not a quicklist encoded object."));
    }
    ctx.out.simple("The value is a quicklist");
    Ok(())
}

pub(super) fn string_lengths(ctx: &mut Ctx) -> CommandResult {
    let key = ctx.arg(2).len();
    let ValueRef::String(string) = look_up(ctx)? else {
        return Err(CommandError::new("ERR Not an sds encoded string."));
    };
    if string.as_int().is_some() {
        return Err(CommandError::new("ERR Not an sds encoded string."));
    }
    let len = string.get().with_bytes(<[u8]>::len);
    ctx.out.simple(&format!(
        "key_sds_len:{key}, key_sds_avail:0, key_zmalloc: {key}, val_sds_len:{len}, val_sds_avail:0, val_zmalloc: {len}"
    ));
    Ok(())
}

/// What is known of a table without walking it.
fn table(buckets: Option<usize>, elements: usize) -> String {
    let mut text = "Hash table 0 stats (main hash table):\n".to_owned();
    if elements == 0 {
        text.push_str("No stats available for empty dictionaries\n");
        return text;
    }
    if let Some(buckets) = buckets {
        let _ = writeln!(text, " table size: {}", buckets * BUCKET_SLOTS);
    }
    let _ = writeln!(text, " number of elements: {elements}");
    text
}

pub(super) fn database_tables(ctx: &mut Ctx) -> CommandResult {
    let db = integer(ctx.arg(2))?;
    let db = usize::try_from(db)
        .ok()
        .filter(|db| *db < ctx.node.engine().databases())
        .ok_or_else(|| CommandError::new("ERR Out of range database"))?;
    let text = format!(
        "[Dictionary HT]\n{}[Expires HT]\n{}",
        table(None, ctx.keys.db_len(db)),
        table(None, ctx.keys.db_expires(db))
    );
    ctx.out.verbatim("txt", text.as_bytes());
    Ok(())
}

pub(super) fn value_table(ctx: &mut Ctx) -> CommandResult {
    let value = look_up(ctx)?;
    let buckets = match value {
        ValueRef::Hash(hash) => hash.places(),
        ValueRef::Set(set) => set.buckets(),
        _ => 0,
    };
    if buckets == 0 {
        return Err(CommandError::new(
            "ERR The value stored at the specified key is not represented using an hash table",
        ));
    }
    let text = table(Some(buckets), value.elements());
    ctx.out.verbatim("txt", text.as_bytes());
    Ok(())
}
