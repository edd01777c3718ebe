//! Compaction while clients are served (`activedefrag`): when it runs, and how much of a core it may take.

use crate::config::{Config, id};
use crate::server::Server;
use carnelian_engine::{Compacted, Compactor, Engine, Progress};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Pairs of buckets that one step goes through while it holds a shard: about 1,500 keys.
const STEP_PAIRS: usize = 64;
/// Ticks without a round after one in which nothing could move: what is wasted then, compaction does not get.
const RESTING_TICKS: u32 = 100;

/// What INFO tells of it.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Percentage of a core that it takes, 0 while it does not run.
    pub(crate) percent: AtomicU64,
    pub(crate) moved: AtomicU64,
    pub(crate) stayed: AtomicU64,
    pub(crate) keys_moved: AtomicU64,
    pub(crate) keys_stayed: AtomicU64,
    /// Since when it has been running, in nanoseconds of the monotonic clock; 0 when it does not.
    since_ns: AtomicU64,
    /// How long it ran before, in nanoseconds.
    before_ns: AtomicU64,
}

impl Figures {
    fn set_percent(&self, percent: u64, now_ns: u64) {
        self.percent.store(percent, Relaxed);
        if percent > 0 {
            let _ = self.since_ns.compare_exchange(0, now_ns.max(1), Relaxed, Relaxed);
        } else {
            self.before_ns.fetch_add(self.current_ns(now_ns), Relaxed);
            self.since_ns.store(0, Relaxed);
        }
    }

    fn current_ns(&self, now_ns: u64) -> u64 {
        match self.since_ns.load(Relaxed) {
            0 => 0,
            since => now_ns.saturating_sub(since),
        }
    }

    /// How long it has been running: this time, and in all; in milliseconds.
    pub(crate) fn running_ms(&self, now_ns: u64) -> (u64, u64) {
        let current = self.current_ns(now_ns);
        (current / 1_000_000, (self.before_ns.load(Relaxed) + current) / 1_000_000)
    }

    fn count(&self, done: Compacted) {
        self.moved.fetch_add(done.moved, Relaxed);
        self.stayed.fetch_add(done.stayed, Relaxed);
        self.keys_moved.fetch_add(done.keys_moved, Relaxed);
        self.keys_stayed.fetch_add(done.keys_stayed, Relaxed);
    }

    /// CONFIG RESETSTAT.
    pub(crate) fn reset(&self) {
        for counter in [&self.moved, &self.stayed, &self.keys_moved, &self.keys_stayed, &self.before_ns] {
            counter.store(0, Relaxed);
        }
    }
}

/// Memory that is taken and not used, and what is.
#[derive(Clone, Copy)]
struct Waste {
    wasted: u64,
    used: u64,
}

impl Waste {
    /// What shards have reserved and do not use, and what the allocator's pages hold beyond what is allocated.
    fn of(server: &Server, engine: &Engine) -> Self {
        let (allocated, unused) = (server.memory.allocated(), engine.unused_bytes() as u64);
        let active = (server.memory.source().read)().active;
        Self { wasted: unused + active.saturating_sub(allocated), used: allocated.saturating_sub(unused) }
    }

    fn percent(self) -> u64 {
        (self.wasted * 100).checked_div(self.used).unwrap_or(0)
    }
}

/// The configuration of it. Percentages of waste, shares of a core in percent, bytes.
#[derive(Clone, Copy)]
struct Limits {
    lower: u64,
    upper: u64,
    least: u64,
    most: u64,
    ignored: u64,
}

impl Limits {
    /// `None` when it is turned off.
    fn of(config: &Config) -> Option<Self> {
        config.bool(id::ACTIVEDEFRAG).then(|| Self {
            lower: config.uint(id::ACTIVE_DEFRAG_THRESHOLD_LOWER),
            upper: config.uint(id::ACTIVE_DEFRAG_THRESHOLD_UPPER),
            least: config.uint(id::ACTIVE_DEFRAG_CYCLE_MIN),
            most: config.uint(id::ACTIVE_DEFRAG_CYCLE_MAX),
            ignored: config.uint(id::ACTIVE_DEFRAG_IGNORE_BYTES),
        })
    }

    /// The share of a core that is granted, in percent: 0 where there is too little waste to begin, and for what has begun at
    /// least the smallest.
    fn effort(self, waste: Waste, runs: bool) -> u64 {
        let percent = waste.percent();
        if !runs && (percent < self.lower || waste.wasted < self.ignored) {
            return 0;
        }
        let span = self.upper.saturating_sub(self.lower);
        let above = percent.saturating_sub(self.lower).min(span);
        let room = self.most.saturating_sub(self.least);
        self.least + (above * room).checked_div(span).unwrap_or(room)
    }
}

/// Compaction, as the worker that does it sees it.
#[derive(Default)]
pub(crate) struct Defrag {
    compactor: Compactor,
    resting: u32,
    /// Slots that this round has moved so far.
    moved: u64,
}

impl Defrag {
    /// One tick of so many milliseconds: compacts for as long as that grants.
    pub(crate) async fn tick(&mut self, server: &Server, engine: &Engine, tick_ms: u64) {
        let figures = &server.defrag;
        self.resting = self.resting.saturating_sub(1);
        let runs = figures.percent.load(Relaxed) > 0;
        let limits = Limits::of(&server.config.read());
        if self.compactor.is_at_rest() && (limits.is_none() || (self.resting > 0 && !runs)) {
            figures.set_percent(0, server.clock.ticks_ns());
            return;
        }
        let mut percent = limits.map_or(0, |limits| limits.effort(Waste::of(server, engine), runs));
        figures.set_percent(percent, server.clock.ticks_ns());
        // A table whose turn it is comes to its end even when this has been turned off.
        if percent == 0 && !self.compactor.is_at_rest() {
            percent = 1;
        }
        let granted_ns = percent * tick_ms * 10_000;
        let mut taken_ns = 0;
        while taken_ns < granted_ns {
            let start = server.clock.ticks_ns();
            let (progress, done) = self.compactor.step(engine, STEP_PAIRS);
            taken_ns += server.clock.ticks_ns().saturating_sub(start);
            figures.count(done);
            self.moved += done.moved;
            match progress {
                Progress::More => {}
                Progress::Busy => return,
                Progress::Round => {
                    self.resting = if std::mem::take(&mut self.moved) == 0 { RESTING_TICKS } else { 0 };
                    figures.set_percent(0, server.clock.ticks_ns());
                    return;
                }
            }
            // Clients come first.
            tokio::task::yield_now().await;
        }
        crate::memory::publish();
    }
}

#[cfg(test)]
mod tests {
    use super::{Limits, Waste};

    const LIMITS: Limits = Limits { lower: 10, upper: 110, least: 1, most: 21, ignored: 1000 };

    #[test]
    fn effort_grows_with_the_waste() {
        let effort = |wasted, used, runs| LIMITS.effort(Waste { wasted, used }, runs);
        for (wasted, used, percent) in [
            (999, 1000, 0),
            (9_000, 100_000, 0),
            (10_000, 100_000, 1),
            (60_000, 100_000, 11),
            (110_000, 100_000, 21),
            (900_000, 100_000, 21),
            (10_000, 0, 0),
        ] {
            assert_eq!(effort(wasted, used, false), percent, "{wasted} of {used}");
        }
        assert_eq!(effort(10, 100_000, true), 1, "what has begun goes on");
    }

    #[test]
    fn limits_in_the_wrong_order_are_no_reason_to_fail() {
        let limits = Limits { lower: 50, upper: 20, least: 30, most: 10, ignored: 1 };
        assert_eq!(limits.effort(Waste { wasted: 60, used: 100 }, false), 30);
    }
}
