//! The latency monitor: spikes by event, for LATENCY.

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
