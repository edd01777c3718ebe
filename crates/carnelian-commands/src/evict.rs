//! Making room: keys give way when more memory is in use than allowed.

use crate::batch::Meter;
use crate::dispatch::{NOT_QUEUED, Node};
use crate::session::Session;
use crate::spec::{CommandSpec, Flags};
use crate::stats::WorkerStats;
use carnelian_engine::{Choice, Evictor};
use parking_lot::Mutex;

/// Whether there is room for more data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// There is.
    Enough,
    /// Not yet: keys have been removed, but more of them have to go, and time was up.
    Soon,
    /// There is none, and nothing that may be removed: what adds data is refused.
    None,
}

/// Keys removed between two looks at the clock.
const KEYS_PER_LAP: u32 = 16;
/// Candidates in a row that turn out not to give way, before the next command goes on.
const MISSES_MAX: u32 = 64;

/// What the threads know of candidates. Each takes one, and puts it back.
#[derive(Default)]
pub(crate) struct Evictors(Mutex<State>);

#[derive(Default)]
struct State {
    idle: Vec<Evictor>,
    made: u64,
}

impl Evictors {
    fn take(&self) -> Evictor {
        let mut state = self.0.lock();
        state.idle.pop().unwrap_or_else(|| {
            state.made += 1;
            Evictor::new(state.made)
        })
    }

    fn put_back(&self, evictor: Evictor) {
        self.0.lock().idle.push(evictor);
    }
}

/// Whether a command is refused when there is no room. A queue takes memory as well; but what ends the transaction, or is
/// not queued, must stay possible.
pub(crate) fn adds_data(spec: &CommandSpec, session: &Session) -> bool {
    let queued = session.transaction.as_ref().map(|transaction| transaction.flags).unwrap_or_default();
    spec.flags.has(Flags::DENYOOM)
        || (spec.name == "exec" && queued.has(Flags::DENYOOM))
        || (session.is_queueing() && !NOT_QUEUED.contains(&spec.name))
}

impl Node {
    /// Removes keys until no more memory is in use than the host allows, or until the time is up that it gives. The caller
    /// holds no shards; each is locked for itself, and let go before the next.
    pub fn evict(&self, now_ms: u64, stats: &WorkerStats) -> Room {
        self.make_room(&mut self.meter(now_ms, stats))
    }

    #[inline]
    pub(crate) fn make_room(&self, meter: &mut Meter<'_>) -> Room {
        let room = if self.host().excess_memory() == 0 { Room::Enough } else { self.free(meter) };
        // However much memory there is, a full arena has no room.
        if self.engine().gates().are_crowded() { Room::None } else { room }
    }

    #[cold]
    fn free(&self, meter: &mut Meter<'_>) -> Room {
        let host = self.host();
        let start = host.ticks_ns();
        let mut evictor = self.evictors.take();
        let (mut removed, mut misses, mut freed_later) = (0u32, 0, 0);
        let room = loop {
            match evictor.choose(self.engine(), meter.now_ms) {
                Choice::Nothing => break if freed_later > 0 { Room::Soon } else { Room::None },
                Choice::Busy => break Room::Soon,
                Choice::Victim(victim) => {
                    let Ok(shards) = self.engine().lock_soon(victim.shards()) else { break Room::Soon };
                    let mut keys = self.engine().keyspace(shards, 0, meter.now_ms);
                    let bytes = keys.evict(&victim);
                    let lazily = keys.effects.has_rare() && !keys.effects.rare().lazy_garbage.is_empty();
                    self.finish(&mut keys, meter);
                    misses = if bytes.is_some() { 0 } else { misses + 1 };
                    if let Some(bytes) = bytes {
                        removed += 1;
                        host.evicted_key(bytes as u64);
                        freed_later += if lazily { bytes as u64 } else { 0 };
                    }
                }
            }
            let excess = host.excess_memory();
            if excess <= freed_later {
                break if excess == 0 { Room::Enough } else { Room::Soon };
            }
            let lap = removed.is_multiple_of(KEYS_PER_LAP) || misses > 0;
            if misses >= MISSES_MAX
                || (lap && host.ticks_ns().saturating_sub(start) >= host.eviction_time_ns())
            {
                break Room::Soon;
            }
        };
        self.evictors.put_back(evictor);
        let end = host.ticks_ns();
        host.evicted(room, end.saturating_sub(start));
        meter.ticks_ns = end;
        room
    }
}
