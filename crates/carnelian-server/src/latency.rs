//! The latency monitor: spikes by event, for LATENCY.

use crate::server::Server;
use carnelian_commands::LATENCY_BUCKETS;
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};

/// Spikes kept for each event.
const HISTORY: usize = 160;

/// Spikes of one event.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    /// (second since 1970, milliseconds), oldest first; the worst of each second.
    pub(crate) samples: VecDeque<(u64, u64)>,
    pub(crate) max_ms: u64,
}

/// All events with spikes. A leaf lock; taken only for spikes.
#[derive(Debug, Default)]
pub(crate) struct LatencyMonitor(Mutex<BTreeMap<&'static str, Series>>);

impl LatencyMonitor {
    /// Records a spike.
    pub(crate) fn add(&self, event: &'static str, time_s: u64, latency_ms: u64) {
        let mut events = self.0.lock();
        let series = events.entry(event).or_default();
        series.max_ms = series.max_ms.max(latency_ms);
        match series.samples.back_mut() {
            Some((last, worst)) if *last == time_s => *worst = (*worst).max(latency_ms),
            _ => {
                if series.samples.len() == HISTORY {
                    series.samples.pop_front();
                }
                series.samples.push_back((time_s, latency_ms));
            }
        }
    }

    /// The series of every event.
    pub(crate) fn all(&self) -> Vec<(&'static str, Series)> {
        self.0.lock().iter().map(|(event, series)| (*event, series.clone())).collect()
    }

    /// The series of one event.
    pub(crate) fn get(&self, event: &str) -> Option<Series> {
        self.0.lock().get(event).cloned()
    }

    /// Forgets the series that `keep` does not want; returns how many.
    pub(crate) fn reset(&self, mut forget: impl FnMut(&str) -> bool) -> usize {
        let mut events = self.0.lock();
        let before = events.len();
        events.retain(|event, _| !forget(event));
        before - events.len()
    }
}

/// How often a command took how long, over all workers.
pub(crate) struct Histogram([u64; LATENCY_BUCKETS]);

impl Histogram {
    /// Of the command with this number.
    pub(crate) fn of(server: &Server, command: usize) -> Self {
        let mut sum = [0; LATENCY_BUCKETS];
        for worker in server.workers.read().iter() {
            for (sum, count) in sum.iter_mut().zip(&worker.stats.commands[command].latency) {
                *sum += count.get();
            }
        }
        Self(sum)
    }

    /// Number of calls.
    pub(crate) fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// For each power of two that bounds calls from above, in microseconds: how many calls took less.
    pub(crate) fn cumulative(&self) -> Vec<(u64, u64)> {
        let mut below = 0;
        let mut steps = Vec::new();
        for (bucket, count) in self.0.iter().enumerate().filter(|(_, count)| **count > 0) {
            below += count;
            steps.push((1 << bucket, below));
        }
        steps
    }

    /// The power of two that at least `percentile` percent of the calls stayed below, in microseconds.
    pub(crate) fn percentile_us(&self, percentile: f64) -> u64 {
        let total = self.total();
        let wanted = ((percentile / 100.0 * total as f64).ceil() as u64).clamp(1, total.max(1));
        self.cumulative().iter().find(|(_, below)| *below >= wanted).map_or(0, |(bound, _)| *bound)
    }
}

/// A percentile as its name shows it: at most six digits behind the point, and no zeros at the end.
pub(crate) fn shown_percentile(percentile: f64) -> String {
    let text = format!("{percentile:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Histogram, LATENCY_BUCKETS, shown_percentile};

    #[test]
    fn percentiles_are_bounds_from_above() {
        let mut counts = [0; LATENCY_BUCKETS];
        counts[1] = 50;
        counts[4] = 49;
        counts[10] = 1;
        let histogram = Histogram(counts);
        assert_eq!(histogram.total(), 100);
        assert_eq!(histogram.cumulative(), [(2, 50), (16, 99), (1024, 100)]);
        for (percentile, bound) in [(0.0, 2), (50.0, 2), (50.1, 16), (99.0, 16), (99.9, 1024), (100.0, 1024)]
        {
            assert_eq!(histogram.percentile_us(percentile), bound, "{percentile}");
        }
        assert_eq!(Histogram([0; LATENCY_BUCKETS]).percentile_us(50.0), 0);
    }

    #[test]
    fn percentiles_are_named_briefly() {
        for (percentile, name) in [(50.0, "50"), (99.9, "99.9"), (100.0, "100"), (0.0, "0")] {
            assert_eq!(shown_percentile(percentile), name);
        }
    }
}
