//! What happens by the clock, several times a second.

use crate::config::id;
use crate::inbox::Mail;
use crate::server::Server;
use carnelian_commands::Node;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Time between two rounds, in milliseconds.
const TICK_MS: u64 = 100;
/// Rounds to a second.
const TICKS_PER_S: u64 = 1000 / TICK_MS;

/// What the rates are computed from.
#[derive(Clone, Copy, Default)]
struct Sample {
    time_ms: u64,
    commands: u64,
    input_bytes: u64,
    output_bytes: u64,
}

impl Sample {
    fn take(server: &Server) -> Self {
        let mut sample = Self { time_ms: server.clock.unix_ms(), ..Self::default() };
        for worker in server.workers.read().iter() {
            sample.commands += worker.stats.processed.get();
            sample.input_bytes += worker.counters.input_bytes.get();
            sample.output_bytes += worker.counters.output_bytes.get();
        }
        sample
    }
}

/// Runs for as long as the server does, and begins again should it panic.
pub(crate) async fn keep_running(server: Arc<Server>, node: Arc<Node>) {
    while tokio::spawn(run(Arc::clone(&server), Arc::clone(&node))).await.is_err_and(|error| error.is_panic())
    {
    }
}

async fn run(server: Arc<Server>, node: Arc<Node>) {
    let mut ticks = 0u64;
    let mut sample = Sample::take(&server);
    loop {
        tokio::time::sleep(Duration::from_millis(TICK_MS)).await;
        ticks += 1;
        let now_ms = server.clock.unix_ms();
        if server.pause.is_over(now_ms) {
            server.pause.end();
            server.refresh_gate();
        }
        server.memory.refresh();
        server.used_memory();
        crate::snapshot::save_if_due(&server, &node, now_ms);
        if ticks.is_multiple_of(TICKS_PER_S) {
            close_idle_clients(&server, now_ms);
            check_slow_readers(&server);
            server.spread_connections();
            let next = Sample::take(&server);
            let per_second = |before: u64, after: u64| {
                after.saturating_sub(before) * 1000 / next.time_ms.saturating_sub(sample.time_ms).max(1)
            };
            let totals = &server.totals;
            totals.ops_per_second.store(per_second(sample.commands, next.commands), Relaxed);
            totals.input_bytes_per_second.store(per_second(sample.input_bytes, next.input_bytes), Relaxed);
            totals.output_bytes_per_second.store(per_second(sample.output_bytes, next.output_bytes), Relaxed);
            sample = next;
        }
    }
}

/// Has connections with unread replies look at the limit that holds for a time: nothing else may wake them.
fn check_slow_readers(server: &Server) {
    if !server.cached.normal_limit.is_timed() && !server.cached.pubsub_limit.is_timed() {
        return;
    }
    for client in server.clients.all() {
        if client.output_bytes.load(Relaxed) > 0 {
            client.inbox.send(Mail::CheckOutput);
        }
    }
}

/// Closes clients that have been idle for `timeout` seconds; those that wait for something on purpose are not idle.
fn close_idle_clients(server: &Server, now_ms: u64) {
    let timeout_s = server.config.read().uint(id::TIMEOUT);
    if timeout_s == 0 {
        return;
    }
    for client in server.clients.all() {
        let idle_ms = now_ms.saturating_sub(client.last_active_ms.load(Relaxed));
        let waits = client.blocked.load(Relaxed) || client.monitoring.load(Relaxed) || client.is_subscriber();
        if !waits && idle_ms > timeout_s * 1000 {
            server.log.write(crate::log::Level::Verbose, "Closing idle client");
            client.inbox.send(Mail::Kill);
        }
    }
}
