//! When snapshots were and will be taken.

use crate::config::{Config, id};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

/// Seconds to wait after a failed snapshot before the next automatic try.
pub(crate) const RETRY_S: u64 = 5;

/// State of snapshots.
#[derive(Debug, Default)]
pub(crate) struct Persistence {
    /// Second since 1970 of the last good snapshot.
    pub(crate) last_save_s: AtomicU64,
    /// Second of the last try.
    pub(crate) last_try_s: AtomicU64,
    /// Changes since start-up that the last good snapshot has.
    pub(crate) saved_changes: AtomicU64,
    /// A snapshot is being written in the background.
    pub(crate) running: AtomicBool,
    /// When it began, second since 1970.
    pub(crate) running_since_s: AtomicU64,
    /// Another is to begin when it ends (BGSAVE SCHEDULE).
    pub(crate) scheduled: AtomicBool,
    /// It is to be given up: whoever sets this under the lock can be sure that the file it writes will not take the place
    /// of a newer one.
    pub(crate) abort: Mutex<bool>,
    /// Number of snapshot files begun, for their temporary names.
    pub(crate) files: AtomicU64,
    /// The last background snapshot failed.
    pub(crate) failed: AtomicBool,
    /// Seconds the last background snapshot took; -1 before the first.
    pub(crate) last_duration_s: AtomicI64,
    /// Snapshots written.
    pub(crate) saves: AtomicU64,
    /// Keys loaded at start-up, and how many of the file had expired.
    pub(crate) loaded_keys: AtomicU64,
    pub(crate) loaded_expired: AtomicU64,
}

impl Persistence {
    pub(crate) fn new(now_ms: u64) -> Self {
        Self {
            last_save_s: AtomicU64::new(now_ms / 1000),
            last_duration_s: AtomicI64::new(-1),
            ..Self::default()
        }
    }

    /// Whether writes are refused because the last snapshot failed.
    pub(crate) fn refuses_writes(&self, config: &Config) -> bool {
        self.failed.load(Relaxed)
            && config.bool(id::STOP_WRITES_ON_BGSAVE_ERROR)
            && !config.save_points().is_empty()
    }
}
