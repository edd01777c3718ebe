//! Compaction: slots of nearly empty pages move into fuller ones, so that pages empty and go back to the allocator.
//!
//! A pass over one table chooses the pages to be emptied and then goes through the index, pair by pair: whatever lies in one
//! of them moves, and the index leads to where it is now. Nothing else keeps references for longer than a lock is
//! held, except for the candidates of eviction, which are looked up again.

use crate::arena::{Arena, Ref};
use crate::buckets::{Buckets, Place};
use crate::engine::Engine;
use smallvec::SmallVec;

/// What a step of compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Slots that have moved, of keys and of members and fields of large collections.
    pub moved: u64,
    /// Slots that stayed where they were.
    pub stayed: u64,
    /// Keys of which something has moved.
    pub keys_moved: u64,
    /// Keys that were looked at and left alone.
    pub keys_stayed: u64,
}

impl Compacted {
    /// Adds what another step did.
    pub fn add(&mut self, other: Self) {
        self.moved += other.moved;
        self.stayed += other.stayed;
        self.keys_moved += other.keys_moved;
        self.keys_stayed += other.keys_stayed;
    }
}

/// Where a pass over a table is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pass {
    /// The next pair of buckets; none before the pages have been chosen.
    pair: Option<usize>,
}

impl Pass {
    /// Goes on with at most `budget` pairs, of which it takes off what it has done; true when the pass is over. Returns how
    /// many slots moved and how many stayed as well. O(items of the pairs), and O(pages) at both ends of the pass.
    pub(crate) fn go_on(
        &mut self,
        index: &mut Buckets,
        arena: &mut Arena,
        budget: &mut usize,
    ) -> (bool, u64, u64) {
        let (mut moved, mut stayed) = (0, 0);
        let mut pair = match self.pair {
            Some(pair) => pair,
            None if arena.choose_sparse() => 0,
            None => return (true, 0, 0),
        };
        while pair < index.pairs() && *budget > 0 {
            let mut sparse: SmallVec<[(Place, Ref); 64]> = SmallVec::new();
            index.visit_pair(pair, |place, at| {
                if arena.is_in_sparse(at) {
                    arena.prefetch(at);
                    sparse.push((place, at));
                } else {
                    stayed += 1;
                }
            });
            moved += sparse.len() as u64;
            for (place, at) in sparse {
                index.set(place, arena.relocate(at));
            }
            pair += 1;
            *budget -= 1;
        }
        let over = pair >= index.pairs();
        if over {
            arena.keep_sparse();
        }
        self.pair = (!over).then_some(pair);
        (over, moved, stayed)
    }
}

/// Compacts the tables of an engine, one after the other, in steps.
#[derive(Debug, Default)]
pub struct Compactor {
    shard: usize,
    db: usize,
}

/// What there is to say after a step of a [`Compactor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do.
    More,
    /// A whole round over the engine is over.
    Round,
    /// Somebody holds the shard that it is the turn of.
    Busy,
}

impl Compactor {
    /// Compacts a little: `pairs` pairs of buckets of one table, under the lock of its shard, if nobody holds that. O(pairs).
    pub fn step(&mut self, engine: &Engine, pairs: usize) -> (Progress, Compacted) {
        let mut done = Compacted::default();
        let Some(mut shards) = engine.try_lock(self.shard) else { return (Progress::Busy, done) };
        let mut budget = pairs;
        let shard = shards.get_mut(self.shard);
        while let Some(db) = shard.dbs.get_mut(self.db) {
            if !db.compact(&mut budget, &mut done) {
                return (Progress::More, done);
            }
            self.db += 1;
        }
        *self = Self { shard: self.shard + 1, db: 0 };
        if self.shard < engine.shard_count() {
            return (Progress::More, done);
        }
        *self = Self::default();
        (Progress::Round, done)
    }

    /// Whether it is between two rounds.
    pub fn is_at_rest(&self) -> bool {
        (self.shard, self.db) == (0, 0)
    }
}
