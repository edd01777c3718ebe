//! The sections of INFO that need no more than a few lines each.

use super::Report;
use crate::config::id;
use crate::server::Server;
use carnelian_commands::{Counter, Ctx};
use std::sync::atomic::Ordering::Relaxed;

/// Bits of the clock that least-recently-used eviction counts with, in seconds.
const LRU_CLOCK_MASK: u64 = (1 << 24) - 1;
const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

pub(super) fn server(server: &Server, _: &Ctx, report: &mut Report) {
    let now_us = server.clock.unix_us();
    let uptime_s = (now_us / 1000).saturating_sub(server.started_ms) / 1000;
    let config = server.config.read();
    let system = rustix::system::uname();
    let (name, release, machine) = (system.sysname(), system.release(), system.machine());
    report.line("redis_version", crate::REDIS_VERSION);
    report.line("server_name", "carnelian");
    report.line("carnelian_version", crate::CARNELIAN_VERSION);
    report.line("redis_git_sha1", "00000000");
    report.line("redis_git_dirty", 0);
    report.line("redis_build_id", crate::process::build_id());
    report.line("redis_mode", "standalone");
    report.line(
        "os",
        format_args!(
            "{} {} {}",
            name.to_string_lossy(),
            release.to_string_lossy(),
            machine.to_string_lossy()
        ),
    );
    report.line("arch_bits", usize::BITS);
    report.line("monotonic_clock", "cycle counter");
    report.line("multiplexing_api", if cfg!(target_os = "linux") { "epoll" } else { "kqueue" });
    report.line("atomicvar_api", "rust");
    report.line("gcc_version", "0.0.0");
    report.line("process_id", std::process::id());
    report.line("process_supervised", "no");
    report.line("run_id", &server.run_id);
    report.line("tcp_port", config.uint(id::PORT));
    report.line("server_time_usec", now_us);
    report.line("uptime_in_seconds", uptime_s);
    report.line("uptime_in_days", uptime_s / SECONDS_PER_DAY);
    report.line("hz", config.uint(id::HZ));
    report.line("configured_hz", config.uint(id::HZ));
    report.line("lru_clock", (now_us / 1_000_000) & LRU_CLOCK_MASK);
    report.line("executable", server.executable.display());
    report.line(
        "config_file",
        config.file().map(std::path::Path::display).map_or_else(String::new, |file| file.to_string()),
    );
    report.line("io_threads_active", u64::from(server.workers.read().len() > 1));
    report.line("io_threads", server.workers.read().len());
}

pub(super) fn clients(server: &Server, _: &Ctx, report: &mut Report) {
    let clients = server.clients.all();
    let largest = |bytes: fn(&crate::client::ClientHandle) -> usize| {
        clients.iter().map(|client| bytes(client)).max().unwrap_or(0)
    };
    report.line("connected_clients", clients.len());
    report.line("cluster_connections", 0);
    report.line("maxclients", server.config.read().uint(id::MAXCLIENTS));
    report.line("client_recent_max_input_buffer", largest(|client| client.query_bytes.load(Relaxed)));
    report.line("client_recent_max_output_buffer", largest(|client| client.output_bytes.load(Relaxed)));
    report.line("blocked_clients", clients.iter().filter(|client| client.blocked.load(Relaxed)).count());
    report.lines(&[("tracking_clients", 0), ("clients_in_timeout_table", 0)]);
}

pub(super) fn persistence(server: &Server, _: &Ctx, report: &mut Report) {
    let state = &server.persistence;
    let running = state.running.load(Relaxed);
    let now_s = server.clock.unix_ms() / 1000;
    let loading = &server.loading;
    report.lines(&[
        ("loading", u64::from(loading.is_active())),
        ("async_loading", 0),
        ("current_cow_peak", 0),
        ("current_cow_size", 0),
        ("current_cow_size_age", 0),
    ]);
    report.line("current_fork_perc", "0.00");
    report.lines(&[("current_save_keys_processed", 0), ("current_save_keys_total", 0)]);
    report.line(
        "rdb_changes_since_last_save",
        server.total_changes().saturating_sub(state.saved_changes.load(Relaxed)),
    );
    report.line("rdb_bgsave_in_progress", u64::from(running));
    report.line("rdb_last_save_time", state.last_save_s.load(Relaxed));
    report.line("rdb_last_bgsave_status", if state.failed.load(Relaxed) { "err" } else { "ok" });
    report.line("rdb_last_bgsave_time_sec", state.last_duration_s.load(Relaxed));
    let running_s = now_s.saturating_sub(state.running_since_s.load(Relaxed)).cast_signed();
    report.line("rdb_current_bgsave_time_sec", if running { running_s } else { -1 });
    report.lines(&[
        ("rdb_saves", state.saves.load(Relaxed)),
        ("rdb_last_cow_size", 0),
        ("rdb_last_load_keys_expired", state.loaded_expired.load(Relaxed)),
        ("rdb_last_load_keys_loaded", state.loaded_keys.load(Relaxed)),
        ("aof_enabled", 0),
        ("aof_rewrite_in_progress", 0),
        ("aof_rewrite_scheduled", 0),
    ]);
    report.line("aof_last_rewrite_time_sec", -1);
    report.line("aof_current_rewrite_time_sec", -1);
    report.line("aof_last_bgrewrite_status", "ok");
    report.lines(&[("aof_rewrites", 0), ("aof_rewrites_consecutive_failures", 0)]);
    report.line("aof_last_write_status", "ok");
    report.lines(&[
        ("aof_last_cow_size", 0),
        ("module_fork_in_progress", 0),
        ("module_fork_last_cow_size", 0),
    ]);
    if loading.is_active() {
        let (loaded, total) = (loading.loaded_bytes.load(Relaxed), loading.total_bytes.load(Relaxed));
        report.line("loading_start_time", loading.start_s.load(Relaxed));
        report.line("loading_total_bytes", total);
        report.line("loading_rdb_used_mem", loading.file_used_memory.load(Relaxed));
        report.line("loading_loaded_bytes", loaded);
        let percent = loaded as f64 * 100.0 / total.max(1) as f64;
        report.line("loading_loaded_perc", format_args!("{percent:.2}"));
        report.line("loading_eta_seconds", loading.eta_s(now_s));
    }
}

pub(super) fn stats(server: &Server, ctx: &Ctx, report: &mut Report) {
    let workers = server.workers.read();
    let sum = |counter: fn(&crate::worker::WorkerHandle) -> &Counter| {
        workers.iter().map(|worker| counter(worker).get()).sum::<u64>()
    };
    let totals = &server.totals;
    let kilobytes = |bytes: u64| format!("{:.2}", bytes as f64 / 1024.0);
    let (channels, patterns, shard_channels) = server.pubsub.counts();
    let watched = ctx.keys.watched_keys();
    report.lines(&[
        ("total_connections_received", totals.connections.load(Relaxed)),
        ("total_commands_processed", sum(|worker| &worker.stats.processed)),
        ("instantaneous_ops_per_sec", totals.ops_per_second.load(Relaxed)),
        ("total_net_input_bytes", sum(|worker| &worker.counters.input_bytes)),
        ("total_net_output_bytes", sum(|worker| &worker.counters.output_bytes)),
        ("total_net_repl_input_bytes", 0),
        ("total_net_repl_output_bytes", 0),
    ]);
    report.line("instantaneous_input_kbps", kilobytes(totals.input_bytes_per_second.load(Relaxed)));
    report.line("instantaneous_output_kbps", kilobytes(totals.output_bytes_per_second.load(Relaxed)));
    report.line("instantaneous_input_repl_kbps", kilobytes(0));
    report.line("instantaneous_output_repl_kbps", kilobytes(0));
    report.lines(&[
        ("rejected_connections", totals.rejected_connections.load(Relaxed)),
        ("sync_full", 0),
        ("sync_partial_ok", 0),
        ("sync_partial_err", 0),
        ("expired_keys", sum(|worker| &worker.stats.expired)),
    ]);
    let (over_limit_ms, over_limit_total_ms) = totals.over_limit_ms(server.clock.ticks_ns());
    let defrag = &server.defrag;
    let (defrag_ms, defrag_total_ms) = defrag.running_ms(server.clock.ticks_ns());
    // Expiry knows when each key is due, so no more than a tick's worth is ever stale.
    report.line("expired_stale_perc", "0.00");
    report.lines(&[
        ("expired_time_cap_reached_count", 0),
        ("expire_cycle_cpu_milliseconds", 0),
        ("evicted_keys", sum(|worker| &worker.stats.evicted)),
        ("evicted_clients", totals.evicted_clients.load(Relaxed)),
        ("total_eviction_exceeded_time", over_limit_total_ms),
        ("current_eviction_exceeded_time", over_limit_ms),
        ("keyspace_hits", sum(|worker| &worker.stats.hits)),
        ("keyspace_misses", sum(|worker| &worker.stats.misses)),
        ("pubsub_channels", channels as u64),
        ("pubsub_patterns", patterns as u64),
        ("pubsubshard_channels", shard_channels as u64),
        ("latest_fork_usec", 0),
        ("total_forks", 0),
        ("migrate_cached_sockets", 0),
        ("slave_expires_tracked_keys", 0),
        ("active_defrag_hits", defrag.moved.load(Relaxed)),
        ("active_defrag_misses", defrag.stayed.load(Relaxed)),
        ("active_defrag_key_hits", defrag.keys_moved.load(Relaxed)),
        ("active_defrag_key_misses", defrag.keys_stayed.load(Relaxed)),
        ("total_active_defrag_time", defrag_total_ms),
        ("current_active_defrag_time", defrag_ms),
        ("tracking_total_keys", 0),
        ("tracking_total_items", 0),
        ("tracking_total_prefixes", 0),
        ("watched_keys", watched as u64),
        ("unexpected_error_replies", 0),
        ("total_error_replies", sum(|worker| &worker.stats.errors)),
        ("dump_payload_sanitizations", 0),
        ("total_reads_processed", sum(|worker| &worker.counters.reads)),
        ("total_writes_processed", sum(|worker| &worker.counters.writes)),
        ("io_threaded_reads_processed", 0),
        ("io_threaded_writes_processed", 0),
        ("client_query_buffer_limit_disconnections", totals.query_limit_disconnections.load(Relaxed)),
        ("client_output_buffer_limit_disconnections", totals.output_limit_disconnections.load(Relaxed)),
        ("reply_buffer_shrinks", 0),
        ("reply_buffer_expands", 0),
        ("acl_access_denied_auth", totals.refused_logins.load(Relaxed)),
        ("acl_access_denied_cmd", 0),
        ("acl_access_denied_key", 0),
        ("acl_access_denied_channel", 0),
    ]);
}

pub(super) fn replication(server: &Server, _: &Ctx, report: &mut Report) {
    report.line("role", "master");
    report.line("connected_slaves", 0);
    report.line("master_failover_state", "no-failover");
    report.line("master_replid", server.replication_id.lock());
    report.line("master_replid2", "0".repeat(40));
    report.line("master_repl_offset", 0);
    report.line("second_repl_offset", -1);
    report.line("repl_backlog_active", 0);
    report.line("repl_backlog_size", server.config.read().uint(id::REPL_BACKLOG_SIZE));
    report.lines(&[("repl_backlog_first_byte_offset", 0), ("repl_backlog_histlen", 0)]);
}

/// Seconds in the kernel and in the program, out of a `stat` file of `/proc`.
fn cpu_seconds(path: &str) -> (f64, f64) {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    // The name of the program, in parentheses, may hold anything; the numbers stand behind it.
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks_per_second = rustix::param::clock_ticks_per_second().max(1) as f64;
    let seconds = |field: usize| {
        fields.get(field).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0) / ticks_per_second
    };
    (seconds(12), seconds(11))
}

pub(super) fn cpu(_: &Server, _: &Ctx, report: &mut Report) {
    let (system, user) = cpu_seconds("/proc/self/stat");
    let (main_system, main_user) = cpu_seconds(&format!("/proc/self/task/{}/stat", std::process::id()));
    for (name, seconds) in [
        ("used_cpu_sys", system),
        ("used_cpu_user", user),
        ("used_cpu_sys_children", 0.0),
        ("used_cpu_user_children", 0.0),
        ("used_cpu_sys_main_thread", main_system),
        ("used_cpu_user_main_thread", main_user),
    ] {
        report.line(name, format_args!("{seconds:.6}"));
    }
}

pub(super) fn cluster(_: &Server, _: &Ctx, report: &mut Report) {
    report.line("cluster_enabled", 0);
}

pub(super) fn keyspace(_: &Server, ctx: &Ctx, report: &mut Report) {
    for db in 0..ctx.node.engine().databases() {
        let keys = ctx.keys.db_len(db);
        if keys == 0 {
            continue;
        }
        let (expires, ttl) = (ctx.keys.db_expires(db), ctx.keys.db_average_ttl_ms(db));
        report.line(&format!("db{db}"), format_args!("keys={keys},expires={expires},avg_ttl={ttl}"));
    }
}
