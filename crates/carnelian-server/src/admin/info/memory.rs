//! What INFO and MEMORY tell of memory.

use super::{Human, Report};
use crate::client::ClientHandle;
use crate::config::id;
use crate::server::Server;
use carnelian_commands::Ctx;
use std::sync::atomic::Ordering::Relaxed;

/// A picture of the memory, in bytes.
pub(in crate::admin) struct Usage {
    /// Without what shards have reserved and do not use.
    pub(in crate::admin) used: u64,
    pub(in crate::admin) allocated: u64,
    pub(in crate::admin) peak: u64,
    pub(in crate::admin) startup: u64,
    pub(in crate::admin) rss: u64,
    pub(in crate::admin) active: u64,
    pub(in crate::admin) resident: u64,
    pub(in crate::admin) clients: u64,
    /// How many clients that are.
    pub(in crate::admin) client_count: u64,
    /// Index and tables of the keys.
    pub(in crate::admin) tables: u64,
}

impl Usage {
    /// Takes it; the caller knows what the tables take. O(clients).
    pub(in crate::admin) fn take(server: &Server, tables: u64) -> Self {
        let used = server.used_memory();
        let allocated = server.memory.allocated();
        let reading = (server.memory.source().read)();
        let peak = server.totals.peak_memory.load(Relaxed);
        let client_count = server.clients.len() as u64;
        let clients = server.clients.lock().values().map(|client| bytes_of(client)).sum();
        Self {
            used,
            allocated,
            peak,
            startup: server.totals.startup_memory.load(Relaxed),
            rss: crate::memory::resident_bytes(),
            active: reading.active,
            resident: reading.resident,
            clients,
            client_count,
            tables,
        }
    }

    /// What is not the dataset: the bare server, its clients, and the tables that the keys are found by.
    pub(in crate::admin) fn overhead(&self) -> u64 {
        self.startup + self.clients + self.tables
    }

    pub(in crate::admin) fn dataset(&self) -> u64 {
        self.used.saturating_sub(self.overhead())
    }

    /// The dataset's share of what was allocated since start-up.
    pub(in crate::admin) fn dataset_percent(&self) -> f64 {
        percent(self.dataset(), self.used.saturating_sub(self.startup))
    }
}

/// Bytes that a client takes. Values that its replies refer to are part of the dataset, even when their keys are gone.
fn bytes_of(client: &ClientHandle) -> u64 {
    client.memory_bytes().saturating_sub(client.shared_output_bytes.load(Relaxed)) as u64
}

pub(in crate::admin) fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

pub(in crate::admin) fn ratio(a: u64, b: u64) -> f64 {
    if b == 0 { 0.0 } else { a as f64 / b as f64 }
}

/// How much more `a` is than `b`; negative when it is less.
pub(in crate::admin) fn excess(a: u64, b: u64) -> i64 {
    a.cast_signed().wrapping_sub(b.cast_signed())
}

/// Memory of the machine in bytes, 0 where it is not known.
fn system_bytes() -> u64 {
    #[cfg(target_os = "linux")]
    {
        let info = rustix::system::sysinfo();
        info.totalram as u64 * u64::from(info.mem_unit)
    }
    #[cfg(not(target_os = "linux"))]
    0
}

/// Bytes that database `db` takes besides its entries; its shards are locked.
pub(in crate::admin) fn table_bytes(ctx: &Ctx, db: usize) -> u64 {
    ctx.keys.db_overhead_bytes(db) as u64
}

pub(super) fn section(server: &Server, ctx: &Ctx, report: &mut Report) {
    let tables = (0..ctx.node.engine().databases()).map(|db| table_bytes(ctx, db)).sum();
    let usage = Usage::take(server, tables);
    let (maxmemory, policy) = {
        let config = server.config.read();
        (config.uint(id::MAXMEMORY), config.word(id::MAXMEMORY_POLICY))
    };
    let bytes = |report: &mut Report, name: &str, value: u64| {
        report.line(name, value);
        report.line(&format!("{name}_human"), Human(value));
    };
    let system = system_bytes();
    bytes(report, "used_memory", usage.used);
    bytes(report, "used_memory_rss", usage.rss);
    bytes(report, "used_memory_peak", usage.peak);
    report.line("used_memory_peak_perc", format_args!("{:.2}%", percent(usage.used, usage.peak)));
    report.line("used_memory_overhead", usage.overhead());
    report.line("used_memory_startup", usage.startup);
    report.line("used_memory_dataset", usage.dataset());
    report.line("used_memory_dataset_perc", format_args!("{:.2}%", usage.dataset_percent()));
    report.line("allocator_allocated", usage.allocated);
    report.line("allocator_active", usage.active);
    report.line("allocator_resident", usage.resident);
    bytes(report, "total_system_memory", system);
    report.lines(&[("used_memory_lua", 0), ("used_memory_vm_eval", 0)]);
    report.line("used_memory_lua_human", Human(0));
    report.lines(&[
        ("used_memory_scripts_eval", 0),
        ("number_of_cached_scripts", 0),
        ("number_of_functions", 0),
        ("number_of_libraries", 0),
        ("used_memory_vm_functions", 0),
    ]);
    bytes(report, "used_memory_vm_total", 0);
    report.line("used_memory_functions", 0);
    bytes(report, "used_memory_scripts", 0);
    bytes(report, "maxmemory", maxmemory);
    report.line("maxmemory_policy", policy);
    report.line("allocator_frag_ratio", format_args!("{:.2}", ratio(usage.active, usage.allocated)));
    report.line("allocator_frag_bytes", excess(usage.active, usage.allocated));
    report.line("allocator_rss_ratio", format_args!("{:.2}", ratio(usage.resident, usage.active)));
    report.line("allocator_rss_bytes", excess(usage.resident, usage.active));
    report.line("rss_overhead_ratio", format_args!("{:.2}", ratio(usage.rss, usage.resident)));
    report.line("rss_overhead_bytes", excess(usage.rss, usage.resident));
    report.line("mem_fragmentation_ratio", format_args!("{:.2}", ratio(usage.rss, usage.used)));
    report.line("mem_fragmentation_bytes", excess(usage.rss, usage.used));
    report.lines(&[
        ("mem_not_counted_for_evict", 0),
        ("mem_replication_backlog", 0),
        ("mem_total_replication_buffers", 0),
        ("mem_clients_slaves", 0),
        ("mem_clients_normal", usage.clients),
        ("mem_cluster_links", 0),
        ("mem_aof_buffer", 0),
    ]);
    report.line("mem_allocator", server.memory.source().allocator);
    report.lines(&[
        ("active_defrag_running", server.defrag.percent.load(Relaxed)),
        ("lazyfree_pending_objects", server.totals.lazily_freeing.load(Relaxed)),
        ("lazyfreed_objects", server.totals.lazily_freed.load(Relaxed)),
    ]);
}
