//! MEMORY.

use super::info::memory::{Usage, excess, percent, ratio, table_bytes};
use crate::server::Server;
use carnelian_commands::{CommandResult, Ctx};

/// Bytes below which the figures say more about the bare server than about the data.
const LITTLE_BYTES: u64 = 5 * 1024 * 1024;
/// A ratio above this is worth a word.
const HIGH_RATIO: f64 = 1.4;
/// So much more than what is used is worth a word, in bytes.
const MUCH_BYTES: i64 = 10 * 1024 * 1024;

pub(super) fn doctor(server: &Server, ctx: &mut Ctx) -> CommandResult {
    // Of keys that are not locked, which makes no difference here.
    let usage = Usage::take(server, 0);
    let mut text = String::new();
    if usage.used < LITTLE_BYTES {
        text.push_str("The dataset is too small to judge how its memory is used.\n");
    } else {
        if ratio(usage.peak, usage.used) > 1.5 {
            text.push_str(
                "Peak: much more memory was in use once than is now. The allocator may keep some of it; MEMORY PURGE asks \
                 it to give that back.\n",
            );
        }
        if ratio(usage.rss, usage.used) > HIGH_RATIO && excess(usage.rss, usage.used) > MUCH_BYTES {
            text.push_str(
                "Fragmentation: the process is much larger than what it has allocated. Values that change their size often \
                 do that; a restart helps.\n",
            );
        }
        if text.is_empty() {
            text.push_str("No problem was found.\n");
        }
    }
    ctx.out.verbatim("txt", text.as_bytes());
    Ok(())
}

pub(super) fn malloc_stats(server: &Server, ctx: &mut Ctx) -> CommandResult {
    let source = server.memory.source();
    let reading = (source.read)();
    let text = format!(
        "Allocator: {}\nAllocated: {}, active: {}, resident: {}, mapped: {}\n",
        source.allocator, reading.used, reading.active, reading.resident, reading.mapped
    );
    ctx.out.verbatim("txt", text.as_bytes());
    Ok(())
}

pub(super) fn purge(server: &Server, ctx: &mut Ctx) -> CommandResult {
    (server.memory.source().purge)();
    ctx.out.ok();
    Ok(())
}

enum Figure {
    Int(i64),
    Float(f64),
    /// Of one database.
    Db(u64),
}

pub(super) fn stats(server: &Server, ctx: &mut Ctx) -> CommandResult {
    use Figure::{Db, Float, Int};
    let databases: Vec<usize> =
        (0..ctx.node.engine().databases()).filter(|db| ctx.keys.db_len(*db) > 0).collect();
    let tables: Vec<(String, Figure)> =
        databases.iter().map(|db| (format!("db.{db}"), Db(table_bytes(ctx, *db)))).collect();
    let usage = Usage::take(server, databases.iter().map(|db| table_bytes(ctx, *db)).sum());
    let keys: usize = databases.iter().map(|db| ctx.keys.db_len(*db)).sum();
    let bytes = |bytes: u64| Int(bytes.cast_signed());
    let per_key = usage.used.saturating_sub(usage.startup).checked_div(keys as u64).unwrap_or(0);
    let figures = [
        ("peak.allocated", bytes(usage.peak)),
        ("total.allocated", bytes(usage.used)),
        ("startup.allocated", bytes(usage.startup)),
        ("replication.backlog", Int(0)),
        ("clients.slaves", Int(0)),
        ("clients.normal", bytes(usage.clients)),
        ("cluster.links", Int(0)),
        ("aof.buffer", Int(0)),
        ("lua.caches", Int(0)),
        ("functions.caches", Int(0)),
        ("overhead.total", bytes(usage.overhead())),
        ("keys.count", Int(keys as i64)),
        ("keys.bytes-per-key", bytes(per_key)),
        ("dataset.bytes", bytes(usage.dataset())),
        ("dataset.percentage", Float(usage.dataset_percent())),
        ("peak.percentage", Float(percent(usage.used, usage.peak))),
        ("allocator.allocated", bytes(usage.allocated)),
        ("allocator.active", bytes(usage.active)),
        ("allocator.resident", bytes(usage.resident)),
        ("allocator-fragmentation.ratio", Float(ratio(usage.active, usage.used))),
        ("allocator-fragmentation.bytes", Int(excess(usage.active, usage.used))),
        ("allocator-rss.ratio", Float(ratio(usage.resident, usage.active))),
        ("allocator-rss.bytes", Int(excess(usage.resident, usage.active))),
        ("rss-overhead.ratio", Float(ratio(usage.rss, usage.resident))),
        ("rss-overhead.bytes", Int(excess(usage.rss, usage.resident))),
        ("fragmentation", Float(ratio(usage.rss, usage.used))),
        ("fragmentation.bytes", Int(excess(usage.rss, usage.used))),
    ];
    let named = figures.into_iter().map(|(name, figure)| (name.to_owned(), figure));
    let mut lines: Vec<(String, Figure)> = named.collect();
    let behind = lines.iter().position(|(name, _)| name == "overhead.total").unwrap_or(lines.len());
    lines.splice(behind..behind, tables);
    ctx.out.map(lines.len());
    for (name, figure) in lines {
        ctx.out.bulk(name.as_bytes());
        match figure {
            Int(value) => ctx.out.integer(value),
            Float(value) => ctx.out.double(value),
            Db(bytes) => {
                ctx.out.map(3);
                // Keys that expire are in no table of their own, and slots are no table at all.
                let parts = [("main", bytes), ("expires", 0), ("slot-to-keys", 0)];
                for (name, bytes) in parts {
                    ctx.out.bulk(format!("overhead.hashtable.{name}").as_bytes());
                    ctx.out.integer(bytes.cast_signed());
                }
            }
        }
    }
    Ok(())
}
