//! Which worker serves which connection.
//!
//! A worker runs every command of its connections to the end, so that a long one holds up all others of that worker, and no
//! other. Accepted connections go to the worker with the fewest. Those whose commands turn out to be long are kept together
//! on few workers, and the others move away from there.

use crate::clock::Clock;
use crate::inbox::Mail;
use crate::server::Server;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// A batch of commands that takes as long as this is long: it would show in the p99 of others.
const LONG_NS: u64 = 2_000_000;
/// Processor time in long batches, within [`WINDOW_MS`], from which on a connection is slow.
const SLOW_NS: u64 = 50_000_000;
const WINDOW_MS: u64 = 1_000;
/// For how long a connection is slow after that, and its worker is avoided.
const SLOW_FOR_MS: u64 = 5_000;
/// Connections that a worker may have more than twice as many as another one has.
const SURPLUS: usize = 4;

/// What one worker has to do, as others see it.
#[derive(Debug, Default)]
pub(crate) struct Load {
    connections: AtomicUsize,
    /// Until when it has slow connections, in milliseconds since 1970.
    slow_until_ms: AtomicU64,
}

impl Load {
    /// A connection comes.
    pub(crate) fn add(&self) {
        self.connections.fetch_add(1, Relaxed);
    }

    /// A connection has gone.
    pub(crate) fn remove(&self) {
        self.connections.fetch_sub(1, Relaxed);
    }

    fn look(&self, now_ms: u64) -> Look {
        Look { slow: now_ms < self.slow_until_ms.load(Relaxed), connections: self.connections.load(Relaxed) }
    }
}

/// A [`Load`] at one moment. The less is the better for a connection that comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Look {
    slow: bool,
    connections: usize,
}

/// The worker that a new connection goes to.
fn first(workers: &[Look]) -> Option<usize> {
    (0..workers.len()).min_by_key(|index| workers[*index])
}

/// The worker that a connection of worker `here` should move to, if there is a better one.
fn better(workers: &[Look], here: usize, slow: bool) -> Option<usize> {
    let own = *workers.get(here)?;
    if slow {
        // Half of the workers at most serve slow connections: those that do so already come first.
        let mut serving: Vec<usize> =
            (0..workers.len()).filter(|index| *index == here || workers[*index].slow).collect();
        serving.sort_by_key(|index| !workers[*index].slow);
        serving.truncate((workers.len() / 2).max(1));
        if serving.contains(&here) {
            return None;
        }
        return serving.into_iter().min_by_key(|index| workers[*index].connections);
    }
    let least = first(workers)?;
    let other = workers[least];
    let is_crowded = own.connections > 2 * other.connections + SURPLUS;
    (!other.slow && least != here && (own.slow || is_crowded)).then_some(least)
}

impl Server {
    /// The worker for a connection that has been accepted.
    pub(crate) fn first_worker(&self) -> Option<usize> {
        first(&self.look_at_workers())
    }

    /// The worker that a connection of worker `here` should move to, if any.
    pub(crate) fn better_worker(&self, here: usize, pace: &Pace) -> Option<usize> {
        better(&self.look_at_workers(), here, pace.is_slow(self.clock.unix_ms()))
    }

    fn look_at_workers(&self) -> Vec<Look> {
        let now_ms = self.clock.unix_ms();
        self.workers.read().iter().map(|worker| worker.load.look(now_ms)).collect()
    }

    /// A connection of worker `here` is slow and stays there: the others should leave.
    pub(crate) fn avoid_worker(&self, here: usize) {
        let now_ms = self.clock.unix_ms();
        let is_news =
            self.workers.read().get(here).is_some_and(|worker| {
                worker.load.slow_until_ms.swap(now_ms + SLOW_FOR_MS, Relaxed) <= now_ms
            });
        if is_news {
            self.suggest_moving(here);
        }
    }

    /// Has connections look whether there is a better worker for them: those of workers that are avoided, as they could not
    /// move while they waited for something, and of crowded ones.
    pub(crate) fn spread_connections(&self) {
        let workers = self.look_at_workers();
        for here in (0..workers.len()).filter(|here| better(&workers, *here, false).is_some()) {
            self.suggest_moving(here);
        }
    }

    fn suggest_moving(&self, worker: usize) {
        for client in self.clients.all() {
            if client.worker.load(Relaxed) == worker {
                client.inbox.send(Mail::Move);
            }
        }
    }
}

/// How long the commands of a connection take.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Until when its batches are measured in processor time: one was long. It may have waited for a processor, as happens
    /// to any on a busy machine.
    suspect_until_ms: u64,
    /// When what is summed up in `spent_ns` began.
    window_ms: u64,
    spent_ns: u64,
    slow_until_ms: u64,
}

/// The beginning of a batch.
pub(crate) struct Begun {
    ticks_ns: u64,
    processor_ns: Option<u64>,
}

impl Pace {
    pub(crate) fn begin(&self, clock: &Clock, now_ms: u64) -> Begun {
        let processor_ns = (now_ms < self.suspect_until_ms).then(processor_ns);
        Begun { ticks_ns: clock.ticks_ns(), processor_ns }
    }

    /// Counts a batch. Returns how long it took, in nanoseconds, and whether the connection is slow for it.
    pub(crate) fn end(&mut self, begun: &Begun, clock: &Clock, now_ms: u64) -> (u64, bool) {
        let took_ns = clock.ticks_ns().saturating_sub(begun.ticks_ns);
        (took_ns, took_ns >= LONG_NS && self.count(begun.processor_ns.map(since), now_ms))
    }

    /// Counts a batch that was long by the clock, and by this processor time if that was measured.
    #[cold]
    fn count(&mut self, spent_ns: Option<u64>, now_ms: u64) -> bool {
        self.suspect_until_ms = now_ms + SLOW_FOR_MS;
        let Some(spent_ns) = spent_ns.filter(|spent| *spent >= LONG_NS) else { return false };
        if now_ms.saturating_sub(self.window_ms) > WINDOW_MS {
            (self.window_ms, self.spent_ns) = (now_ms, 0);
        }
        self.spent_ns += spent_ns;
        if self.spent_ns < SLOW_NS {
            return false;
        }
        self.slow_until_ms = now_ms + SLOW_FOR_MS;
        true
    }

    fn is_slow(&self, now_ms: u64) -> bool {
        now_ms < self.slow_until_ms
    }
}

/// Processor time of this thread.
fn processor_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

fn since(before_ns: u64) -> u64 {
    processor_ns().saturating_sub(before_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Workers as numbers of connections; those that are avoided are negative.
    fn looks(workers: &[isize]) -> Vec<Look> {
        workers.iter().map(|count| Look { slow: *count < 0, connections: count.unsigned_abs() }).collect()
    }

    #[track_caller]
    fn check(workers: &[isize], here: usize, slow: bool, expected: Option<usize>) {
        assert_eq!(better(&looks(workers), here, slow), expected);
    }

    #[test]
    fn new_connections_go_where_the_fewest_are_and_none_is_slow() {
        assert_eq!(first(&looks(&[3, 1, 2])), Some(1));
        assert_eq!(first(&looks(&[3, -1, 2])), Some(2));
        assert_eq!(first(&looks(&[-3, -1])), Some(1));
        assert_eq!(first(&[]), None);
    }

    #[test]
    fn others_leave_slow_ones() {
        check(&[-5, 90], 0, false, Some(1));
        check(&[-5, 90, 7], 0, false, Some(2));
        check(&[-5, -9], 0, false, None);
        check(&[5, 9], 0, false, None);
        check(&[-5], 0, false, None);
        check(&[5, 9], 2, false, None);
    }

    #[test]
    fn connections_leave_crowds_without_coming_back() {
        check(&[0, 4], 1, false, None);
        check(&[0, 5], 1, false, Some(0));
        check(&[1, 4], 0, false, None);
        check(&[10, 25], 1, false, Some(0));
        check(&[-10, 25], 1, false, None);
    }

    #[test]
    fn slow_ones_keep_to_half_of_the_workers() {
        check(&[1, 1], 0, true, None);
        check(&[-1, 1], 0, true, None);
        check(&[-1, 1], 1, true, Some(0));
        check(&[-1, -1], 1, true, Some(0));
        check(&[-1, -1], 0, true, None);
        check(&[-1, 1, 1, 1], 3, true, None);
        check(&[-3, 1, -2, 1], 3, true, Some(2));
        check(&[-1], 0, true, None);
        check(&[], 0, true, None);
    }

    #[test]
    fn only_long_batches_that_take_processor_time_make_a_connection_slow() {
        let mut pace = Pace::default();
        // The first is not measured yet, and waiting for a processor is nobody's fault.
        assert!(!pace.count(None, 1_000));
        assert!(!pace.count(Some(LONG_NS - 1), 1_000));
        assert!(!pace.count(Some(SLOW_NS / 2), 1_001));
        assert!(!pace.is_slow(1_001));
        assert!(pace.count(Some(SLOW_NS / 2), 1_002));
        assert!(pace.is_slow(1_002));
        assert!(!pace.is_slow(1_002 + SLOW_FOR_MS));
    }

    #[test]
    fn long_batches_far_apart_are_no_matter() {
        let mut pace = Pace::default();
        for second in 1..100 {
            assert!(!pace.count(Some(SLOW_NS - 1), second * (WINDOW_MS + 1)));
        }
    }
}
