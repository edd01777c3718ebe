//! Asking for memory ahead of the commands that will read it.
//!
//! A look-up in a table that no cache holds waits for memory two or three times, one wait after the other: for the pair of
//! buckets, for the entry, and now and then for further buckets between them. What a batch of look-ups waits for can be
//! asked for beforehand, so that the waits of all of them overlap. Each step needs what the step before it asked for, so
//! each goes over all keys before the next begins.

use crate::buckets::Warmed;
use crate::db::Db;
use crate::engine::{Engine, KeyHash, MAX_SHARDS};
use crate::lock::{Guard, ReadGuard, Seat};
use crate::shard::Shard;
use smallvec::SmallVec;

/// Most keys of one [`Warming`]: as many waits for memory as processors overlap, and some more.
pub const WARM_MOST: usize = 32;

/// No shard has this place among the locks.
const NOT_TRIED: u8 = u8::MAX;
const HELD: u8 = u8::MAX - 1;

/// A shard that is looked at.
enum Held<'e> {
    Locked(Guard<'e, Shard>),
    Read(ReadGuard<'e, Shard>),
}

impl std::ops::Deref for Held<'_> {
    type Target = Shard;

    #[inline(always)]
    fn deref(&self) -> &Shard {
        match self {
            Self::Locked(guard) => guard,
            Self::Read(guard) => guard,
        }
    }
}

/// Keys that will be looked up soon, of one database. It holds the shards, each taken once, until it ends. Changes nothing.
pub struct Warming<'e> {
    engine: &'e Engine,
    seat: Option<&'e Seat>,
    db: usize,
    /// By shard: the place of its lock.
    places: [u8; MAX_SHARDS],
    locks: [Option<Held<'e>>; WARM_MOST],
    locked: usize,
    hashes: [u64; WARM_MOST],
    asked: usize,
}

impl<'e> Warming<'e> {
    /// Begins; worth its while for several keys that are looked up right after.
    #[inline]
    pub fn new(engine: &'e Engine, db: usize, seat: Option<&'e Seat>) -> Self {
        Self {
            engine,
            seat,
            db,
            places: [NOT_TRIED; MAX_SHARDS],
            locks: [const { None }; WARM_MOST],
            locked: 0,
            hashes: [0; WARM_MOST],
            asked: 0,
        }
    }

    /// Whether it takes more keys.
    #[inline]
    pub fn has_room(&self) -> bool {
        self.asked < WARM_MOST
    }

    /// Asks for the first of what looking this key up will read. A key whose shard is held is left out, and so are keys
    /// beyond the first [`WARM_MOST`].
    #[inline]
    pub fn ask(&mut self, KeyHash(hash): KeyHash) {
        let shard = self.engine.shard_of_hash(hash);
        if self.places[shard % MAX_SHARDS] == NOT_TRIED {
            self.try_lock(shard);
        }
        if let Some(db) = self.db_of(hash) {
            db.prefetch_index(hash);
            if let Some(place) = self.hashes.get_mut(self.asked) {
                *place = hash;
                self.asked += 1;
            }
        }
    }

    #[inline(never)]
    fn try_lock(&mut self, shard: usize) {
        let mut place = HELD;
        if let Some(free) = self.locks.get_mut(self.locked) {
            *free = self.engine.lock_of(shard).and_then(|lock| {
                if let Some(read) = self.seat.and_then(|seat| lock.read(seat)) {
                    return Some(Held::Read(read));
                }
                let mut guard = lock.try_lock()?;
                guard.keep();
                Some(Held::Locked(guard))
            });
            if free.is_some() {
                place = self.locked as u8;
                self.locked += 1;
            }
        }
        self.places[shard % MAX_SHARDS] = place;
    }

    #[inline]
    fn db_of(&self, hash: u64) -> Option<&Db> {
        let place = self.places[self.engine.shard_of_hash(hash) % MAX_SHARDS];
        self.locks.get(usize::from(place))?.as_ref()?.dbs.get(self.db)
    }

    /// Asks for the rest, key after key, and unlocks the shards.
    #[inline]
    pub fn finish(self) {
        let mut beyond: SmallVec<[(u64, Warmed); WARM_MOST]> = SmallVec::new();
        for &hash in self.hashes.iter().take(self.asked) {
            if let Some(bucket) = self.db_of(hash).and_then(|db| db.prefetch_entry(hash, None)) {
                beyond.push((hash, bucket));
            }
        }
        while !beyond.is_empty() {
            beyond.retain(|(hash, bucket)| {
                let next = self.db_of(*hash).and_then(|db| db.prefetch_entry(*hash, Some(*bucket)));
                next.map(|next| *bucket = next).is_some()
            });
        }
    }
}
