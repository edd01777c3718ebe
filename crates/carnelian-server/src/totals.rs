//! Counters that are not on the path of a command.

use std::sync::atomic::AtomicU64;

/// Totals since start-up or CONFIG RESETSTAT.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) connections: AtomicU64,
    pub(crate) rejected_connections: AtomicU64,
    pub(crate) protocol_errors: AtomicU64,
    pub(crate) output_limit_disconnections: AtomicU64,
    pub(crate) query_limit_disconnections: AtomicU64,
    /// AUTH and HELLO with a wrong name or password.
    pub(crate) refused_logins: AtomicU64,
    pub(crate) lazily_freed: AtomicU64,
    /// Objects that a background thread has still to free.
    pub(crate) lazily_freeing: AtomicU64,
    /// When the log last warned of a client that speaks HTTP, in seconds since 1970.
    pub(crate) attack_logged_s: AtomicU64,
    /// When the log last told that a connection could not be accepted, in seconds since 1970.
    pub(crate) accept_failure_logged_s: AtomicU64,
    pub(crate) peak_memory: AtomicU64,
    /// Bytes in use when the server was ready, before its first client.
    pub(crate) startup_memory: AtomicU64,
    /// Commands and bytes at the last sample, and rates since.
    pub(crate) ops_per_second: AtomicU64,
    pub(crate) input_bytes_per_second: AtomicU64,
    pub(crate) output_bytes_per_second: AtomicU64,
}
