//! Counters of commands, one set per worker, summed by INFO.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Buckets of a duration histogram: one per power of two of microseconds.
pub const LATENCY_BUCKETS: usize = 32;

/// A counter that one thread writes and others read.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to it. Not atomic against another writer: each worker has its own.
    #[inline]
    pub fn add(&self, amount: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(amount), Relaxed);
    }

    /// Its value.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Back to zero (CONFIG RESETSTAT).
    pub fn reset(&self) {
        self.0.store(0, Relaxed);
    }
}

/// What one worker knows about one command.
#[derive(Debug, Default)]
pub struct CommandStats {
    /// Calls.
    pub calls: Counter,
    /// Nanoseconds in calls.
    pub duration_ns: Counter,
    /// Refused before they ran.
    pub rejected: Counter,
    /// Calls that replied with an error.
    pub failed: Counter,
    /// Calls by duration: bucket n counts those below 2^n microseconds.
    pub latency: [Counter; LATENCY_BUCKETS],
}

impl CommandStats {
    /// Counts the time that `runs` took together, in nanoseconds. Each is said to have taken its share.
    #[inline]
    pub(crate) fn record(&self, runs: u32, duration_ns: u64) {
        self.duration_ns.add(duration_ns);
        let share_us = duration_ns / (1000 * u64::from(runs.max(1)));
        let bucket = (u64::BITS - share_us.leading_zeros()) as usize;
        self.latency[bucket.min(LATENCY_BUCKETS - 1)].add(u64::from(runs));
    }
}

/// Counters of one worker.
#[derive(Debug, Default)]
pub struct WorkerStats {
    /// By [`CommandId`](crate::table::CommandId).
    pub commands: Box<[CommandStats]>,
    /// Commands processed.
    pub processed: Counter,
    /// Look-ups that found their key.
    pub hits: Counter,
    /// Look-ups that did not.
    pub misses: Counter,
    /// Keys that expired.
    pub expired: Counter,
    /// Keys that were removed because memory was short.
    pub evicted: Counter,
    /// Changes to the dataset.
    pub dirty: Counter,
    /// Error replies sent.
    pub errors: Counter,
}

impl WorkerStats {
    /// Counters for a table of so many commands.
    pub fn new(commands: usize) -> Self {
        Self { commands: (0..commands).map(|_| CommandStats::default()).collect(), ..Self::default() }
    }

    /// Back to zero, but for the number of changes, which snapshots are timed by.
    pub fn reset(&self) {
        for counter in [&self.processed, &self.hits, &self.misses, &self.expired, &self.evicted, &self.errors]
        {
            counter.reset();
        }
        for command in &self.commands {
            for counter in [&command.calls, &command.duration_ns, &command.rejected, &command.failed] {
                counter.reset();
            }
            command.latency.iter().for_each(Counter::reset);
        }
    }
}

/// Error replies by code. Errors are rare enough for a lock.
#[derive(Debug, Default)]
pub struct ErrorStats(parking_lot::Mutex<BTreeMap<Box<[u8]>, u64>>);

/// Codes that are kept apart; more could only be an attempt to fill the memory.
const MAX_ERROR_CODES: usize = 128;

impl ErrorStats {
    /// Counts an error reply.
    pub fn count(&self, code: &[u8]) {
        let mut codes = self.0.lock();
        if let Some(count) = codes.get_mut(code) {
            *count += 1;
        } else if codes.len() < MAX_ERROR_CODES {
            codes.insert(code.into(), 1);
        }
    }

    /// The counts so far.
    pub fn snapshot(&self) -> Vec<(Box<[u8]>, u64)> {
        self.0.lock().iter().map(|(code, count)| (code.clone(), *count)).collect()
    }

    /// Back to none.
    pub fn reset(&self) {
        self.0.lock().clear();
    }
}
