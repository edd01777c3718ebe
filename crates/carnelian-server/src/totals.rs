//! Counters that are not on the path of a command.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Totals since start-up or CONFIG RESETSTAT.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) connections: AtomicU64,
    pub(crate) rejected_connections: AtomicU64,
    pub(crate) protocol_errors: AtomicU64,
    pub(crate) output_limit_disconnections: AtomicU64,
    pub(crate) query_limit_disconnections: AtomicU64,
    /// Clients disconnected because all of them took too much memory.
    pub(crate) evicted_clients: AtomicU64,
    /// AUTH and HELLO with a wrong name or password.
    pub(crate) refused_logins: AtomicU64,
    pub(crate) lazily_freed: AtomicU64,
    /// Objects that a background thread has still to free.
    pub(crate) lazily_freeing: AtomicU64,
    /// When the log last warned of a client that speaks HTTP, in seconds since 1970.
    pub(crate) attack_logged_s: AtomicU64,
    /// When the log last told that a connection could not be accepted, in seconds since 1970.
    pub(crate) accept_failure_logged_s: AtomicU64,
    /// Since when more memory has been in use than allowed, in nanoseconds of the monotonic clock; 0 when it is not.
    pub(crate) over_limit_since_ns: AtomicU64,
    /// How long that was the case before, in nanoseconds.
    pub(crate) over_limit_ns: AtomicU64,
    pub(crate) peak_memory: AtomicU64,
    /// Bytes in use when the server was ready, before its first client.
    pub(crate) startup_memory: AtomicU64,
    /// Commands and bytes at the last sample, and rates since.
    pub(crate) ops_per_second: AtomicU64,
    pub(crate) input_bytes_per_second: AtomicU64,
    pub(crate) output_bytes_per_second: AtomicU64,
}

impl Totals {
    /// More memory is in use than allowed, or is not any more.
    pub(crate) fn over_limit(&self, over: bool, now_ns: u64) {
        if over {
            // Only the first one to notice counts.
            let _ = self.over_limit_since_ns.compare_exchange(0, now_ns.max(1), Relaxed, Relaxed);
            return;
        }
        let since = self.over_limit_since_ns.swap(0, Relaxed);
        if since != 0 {
            self.over_limit_ns.fetch_add(now_ns.saturating_sub(since), Relaxed);
        }
    }

    /// How long more memory has been in use than allowed: this time, and in all; in milliseconds.
    pub(crate) fn over_limit_ms(&self, now_ns: u64) -> (u64, u64) {
        let current = match self.over_limit_since_ns.load(Relaxed) {
            0 => 0,
            since => now_ns.saturating_sub(since),
        };
        (current / 1_000_000, (self.over_limit_ns.load(Relaxed) + current) / 1_000_000)
    }
}
