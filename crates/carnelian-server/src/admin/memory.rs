//! MEMORY.

use super::info::memory::{Usage, excess, percent, ratio, table_bytes};
use crate::server::Server;
use carnelian_commands::{CommandResult, Ctx};

/// Bytes below which the figures say more about the bare server than about the data.
const LITTLE_BYTES: u64 = 5 * 1024 * 1024;
/// So much more than what it is compared with is worth a word, in bytes.
const MUCH_BYTES: i64 = 10 * 1024 * 1024;
/// As much for each client is worth a word as well, in bytes.
const CLIENT_BYTES: u64 = 200 * 1024;

/// What MEMORY DOCTOR can find, with what it says then. The limits are those of Redis 7.0.15, and so is the part of the words
/// that programs go by.
struct Finding {
    is_so: fn(&Usage) -> bool,
    text: &'static str,
}

fn exceeds(a: u64, b: u64, limit: f64) -> bool {
    ratio(a, b) > limit && excess(a, b) > MUCH_BYTES
}

const FINDINGS: [Finding; 6] = [
    Finding {
        is_so: |usage| ratio(usage.peak, usage.used) > 1.5,
        text: "Peak memory: once more than 150% of the memory was in use that is now. The allocator may keep some of what is \
               free; new data takes it first, and MEMORY PURGE has it given back to the system.",
    },
    Finding {
        is_so: |usage| exceeds(usage.rss, usage.used, 1.4),
        text: "High total RSS: the process is more than 1.4 times as large as the memory that is in use. After a peak that is \
               of no harm. Otherwise values whose sizes change often leave gaps between them; a restart closes these.",
    },
    Finding {
        is_so: |usage| exceeds(usage.active, usage.allocated, 1.1),
        text: "High allocator fragmentation: the pages that the allocator uses are more than 1.1 times as large as what it has \
               handed out. That is what a peak leaves behind, or values whose sizes change often.",
    },
    Finding {
        is_so: |usage| exceeds(usage.resident, usage.active, 1.1),
        text: "High allocator RSS overhead: the allocator keeps more than 1.1 times the memory that it uses. That is what a \
               peak leaves behind for some seconds; MEMORY PURGE has it given back at once.",
    },
    Finding {
        is_so: |usage| exceeds(usage.rss, usage.resident, 1.1),
        text: "High process RSS overhead: the process is more than 1.1 times as large as what its allocator keeps. Stacks of \
               threads and the program itself take the rest.",
    },
    Finding {
        is_so: |usage| usage.clients / usage.client_count.max(1) > CLIENT_BYTES,
        text: "Big client buffers: clients take more than 200K each, on average. Some do not read their replies or messages as \
               fast as these come, or send long requests and pipelines. CLIENT LIST tells which; client-output-buffer-limit \
               and maxmemory-clients limit it.",
    },
];

/// The report of MEMORY DOCTOR.
fn diagnosis(usage: &Usage) -> String {
    if usage.used < LITTLE_BYTES {
        return "Hi Sam, this instance is empty or is using very little memory, my issues detector can't be used in these \
                conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be back \
                to our programming as soon as I finished rebooting.\n"
            .to_owned();
    }
    let found: Vec<&str> =
        FINDINGS.iter().filter(|finding| (finding.is_so)(usage)).map(|finding| finding.text).collect();
    if found.is_empty() {
        return "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on this base.\n"
            .to_owned();
    }
    let mut text = "Sam, I detected a few issues in this Redis instance memory implants:\n\n".to_owned();
    for finding in found {
        text.push_str(" * ");
        text.push_str(finding);
        text.push_str("\n\n");
    }
    text.push_str("I'm here to keep you safe, Sam. I want to help you.\n");
    text
}

pub(super) fn doctor(server: &Server, ctx: &mut Ctx) -> CommandResult {
    // Of keys that are not locked, which makes no difference here.
    ctx.out.verbatim("txt", diagnosis(&Usage::take(server, 0)).as_bytes());
    Ok(())
}

pub(super) fn malloc_stats(server: &Server, ctx: &mut Ctx) -> CommandResult {
    ctx.out.verbatim("txt", (server.memory.source().statistics)().as_bytes());
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
        ("allocator-fragmentation.ratio", Float(ratio(usage.active, usage.allocated))),
        ("allocator-fragmentation.bytes", Int(excess(usage.active, usage.allocated))),
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

#[cfg(test)]
mod tests {
    use super::{Usage, diagnosis};

    const MB: u64 = 1024 * 1024;

    /// A hundred megabytes in use, without a fault.
    fn healthy() -> Usage {
        Usage {
            used: 100 * MB,
            allocated: 101 * MB,
            peak: 110 * MB,
            startup: MB,
            rss: 110 * MB,
            active: 105 * MB,
            resident: 108 * MB,
            clients: MB,
            client_count: 10,
            tables: 0,
        }
    }

    /// The titles of what is found.
    fn check(change: impl FnOnce(&mut Usage), expected: &[&str]) {
        let mut usage = healthy();
        change(&mut usage);
        let text = diagnosis(&usage);
        let titles: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix(" * ")?.split_once(':').map(|(title, _)| title))
            .collect();
        assert_eq!(titles, expected, "{text}");
    }

    #[test]
    fn the_doctor_finds_what_is_wrong_and_nothing_else() {
        check(|_| {}, &[]);
        assert!(diagnosis(&healthy()).starts_with("Hi Sam, I can't find any memory issue"));
        assert!(
            diagnosis(&Usage { used: 5 * MB - 1, ..healthy() }).starts_with("Hi Sam, this instance is empty")
        );
        check(|usage| usage.peak = 151 * MB, &["Peak memory"]);
        check(|usage| usage.peak = 149 * MB, &[]);
        check(
            |usage| (usage.rss, usage.resident) = (141 * MB, 139 * MB),
            &["High total RSS", "High allocator RSS overhead"],
        );
        check(
            |usage| (usage.rss, usage.resident, usage.active) = (135 * MB, 135 * MB, 130 * MB),
            &["High allocator fragmentation"],
        );
        check(|usage| usage.rss = 125 * MB, &["High process RSS overhead"]);
        check(|usage| usage.clients = 10 * 201 * 1024, &["Big client buffers"]);
        // A high ratio of little is not worth a word.
        let small = |usage: &mut Usage| {
            *usage = Usage { used: 6 * MB, allocated: 6 * MB, peak: 6 * MB, rss: 15 * MB, ..*usage };
            (usage.active, usage.resident) = (6 * MB, 15 * MB);
        };
        check(small, &[]);
    }
}
