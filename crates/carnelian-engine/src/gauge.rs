//! A figure that the holder of a shard's lock keeps and that others read without it.

use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

/// Keeps the gauges of neighbouring shards on cache lines of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Padded(AtomicIsize);

/// Bytes that the arenas of one shard have reserved and that no slot uses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gauge(Arc<Padded>);

impl Gauge {
    /// Adds to it. Only for who holds the lock of the shard: it is no atomic addition.
    #[inline]
    pub(crate) fn add(&self, bytes: isize) {
        self.0.0.store(self.0.0.load(Relaxed).wrapping_add(bytes), Relaxed);
    }

    #[inline]
    pub(crate) fn get(&self) -> isize {
        self.0.0.load(Relaxed)
    }
}
