//! Asking for memory ahead of the commands that will read it.
//!
//! A look-up in a table that no cache holds waits for memory two or three times, one wait after the other: for the pair of
//! buckets, for the entry, and now and then for further buckets between them. What a batch of look-ups waits for can be
//! asked for beforehand, so that the waits of all of them overlap. Each step needs what the step before it asked for, so
//! each goes over all keys before the next begins.
//!
//! A thread that is alone takes each shard once and holds it until the last step: nobody else wants it. Several threads
//! would keep each other out of nearly everything in this way, so a thread with a seat locks a shard for one step of one
//! key only. Its lock is what it asks for first, some keys ahead: most of them lie in the cache of another core.

use crate::buckets::Warmed;
use crate::db::Db;
use crate::engine::{Engine, KeyHash, MAX_SHARDS};
use crate::lock::{Guard, Seat};
use crate::shard::Shard;
use smallvec::SmallVec;

/// Most keys of one [`Warming`]: as many waits for memory as processors overlap, and some more.
pub const WARM_MOST: usize = 32;

/// Keys whose locks are asked for before the first of them is used: the way from another core takes as long as parsing a few
/// requests.
const LOCKS_AHEAD: usize = 4;

/// Keys that will be looked up soon, of one database. Changes nothing.
pub struct Warming<'e> {
    engine: &'e Engine,
    db: usize,
    holding: Holding<'e>,
    keys: SmallVec<[Asked; WARM_MOST]>,
}

struct Asked {
    hash: u64,
    /// The bucket that has been asked for, behind the first.
    bucket: Option<Warmed>,
}

/// For how long a shard is held.
#[expect(clippy::large_enum_variant, reason = "it lives on the stack, for a moment")]
enum Holding<'e> {
    /// Until the end.
    Throughout(Held<'e>),
    /// For one step: with this seat if it is open to it, else locked, and that for one key only.
    Briefly(&'e Seat),
}

/// Shards that have been locked, each once.
struct Held<'e> {
    /// By shard: the place of its lock.
    places: [u8; MAX_SHARDS],
    locks: [Option<Guard<'e, Shard>>; WARM_MOST],
    locked: usize,
}

/// No shard has this place among the locks.
const NOT_TRIED: u8 = u8::MAX;
const IN_VAIN: u8 = u8::MAX - 1;

impl<'e> Held<'e> {
    fn none() -> Self {
        Self { places: [NOT_TRIED; MAX_SHARDS], locks: [const { None }; WARM_MOST], locked: 0 }
    }

    /// Locks a shard unless that has been tried already. One that another thread holds is left out.
    #[inline]
    fn take(&mut self, engine: &'e Engine, shard: usize) {
        if self.places[shard % MAX_SHARDS] == NOT_TRIED {
            self.try_lock(engine, shard);
        }
    }

    #[inline(never)]
    fn try_lock(&mut self, engine: &'e Engine, shard: usize) {
        let mut place = IN_VAIN;
        if let Some(free) = self.locks.get_mut(self.locked) {
            *free = engine.lock_of(shard).and_then(|lock| {
                let mut guard = lock.try_lock()?;
                guard.keep();
                Some(guard)
            });
            if free.is_some() {
                place = self.locked as u8;
                self.locked += 1;
            }
        }
        self.places[shard % MAX_SHARDS] = place;
    }

    #[inline]
    fn get(&self, shard: usize) -> Option<&Shard> {
        let place = self.places[shard % MAX_SHARDS];
        self.locks.get(usize::from(place))?.as_deref()
    }
}

impl<'e> Warming<'e> {
    /// Begins; worth its while for several keys that are looked up right after. Without a seat it holds every shard until it
    /// has finished: for a thread that is the only one.
    #[inline]
    pub fn new(engine: &'e Engine, db: usize, seat: Option<&'e Seat>) -> Self {
        let holding = match seat {
            None => Holding::Throughout(Held::none()),
            Some(seat) => Holding::Briefly(seat),
        };
        Self { engine, db, holding, keys: SmallVec::new() }
    }

    /// Whether it takes more keys.
    #[inline]
    pub fn has_room(&self) -> bool {
        self.keys.len() < WARM_MOST
    }

    /// Asks for the first of what looking this key up will read. A key whose shard is held is left out, and so are keys
    /// beyond the first [`WARM_MOST`]. `to_look` says that the shard will not be locked if that can be avoided.
    #[inline]
    pub fn ask(&mut self, KeyHash(hash): KeyHash, to_look: bool) {
        // Many pipelines use one key over and over.
        if !self.has_room() || self.keys.last().is_some_and(|last| last.hash == hash) {
            return;
        }
        let shard = self.engine.shard_of_hash(hash);
        match &mut self.holding {
            Holding::Throughout(held) => {
                held.take(self.engine, shard);
                let Some(db) = held.get(shard).and_then(|shard| shard.dbs.get(self.db)) else { return };
                db.prefetch_index(hash);
            }
            &mut Holding::Briefly(seat) => {
                self.engine.prefetch_lock(shard, to_look);
                if let Some(before) = self.keys.len().checked_sub(LOCKS_AHEAD) {
                    self.ask_index(seat, before);
                }
            }
        }
        self.keys.push(Asked { hash, bucket: None });
    }

    /// Asks for the place in the index of a key whose lock has been asked for.
    #[inline]
    fn ask_index(&self, seat: &Seat, number: usize) {
        let Some(&Asked { hash, .. }) = self.keys.get(number) else { return };
        let Some(lock) = self.engine.lock_of(self.engine.shard_of_hash(hash)) else { return };
        let prefetch = |shard: &Shard| {
            if let Some(db) = shard.dbs.get(self.db) {
                db.prefetch_index(hash);
            }
        };
        if let Some(shard) = lock.read(seat) {
            prefetch(&shard);
        } else if let Some(mut shard) = lock.try_lock() {
            shard.keep();
            prefetch(&shard);
        }
    }

    /// Asks for the rest, key after key, and unlocks the shards.
    #[inline]
    pub fn finish(mut self) {
        if let Holding::Briefly(seat) = self.holding {
            for number in self.keys.len().saturating_sub(LOCKS_AHEAD)..self.keys.len() {
                self.ask_index(seat, number);
            }
        }
        while !self.keys.is_empty() {
            self.step(|db, key| {
                key.bucket = db.prefetch_entry(key.hash, key.bucket);
                key.bucket.is_some()
            });
        }
    }

    /// Takes a step for each key: `ask` says whether there is a next one. Keys whose shards are held have none.
    #[inline]
    fn step(&mut self, mut ask: impl FnMut(&Db, &mut Asked) -> bool) {
        let Self { engine, db, holding, keys } = self;
        let mut ask = |shard: &Shard, key: &mut Asked| shard.dbs.get(*db).is_some_and(|db| ask(db, key));
        let seat = match holding {
            Holding::Throughout(held) => {
                return keys.retain(|key| {
                    held.get(engine.shard_of_hash(key.hash)).is_some_and(|shard| ask(shard, key))
                });
            }
            Holding::Briefly(seat) => seat,
        };
        let lock_of = |key: &Asked| engine.lock_of(engine.shard_of_hash(key.hash));
        let read = seat.read_several(keys.iter().filter_map(lock_of));
        keys.retain(|key| {
            let Some(lock) = lock_of(key) else { return false };
            if read.covers(lock) {
                return read.get(lock).is_some_and(|shard| ask(shard, key));
            }
            lock.try_lock().is_some_and(|mut shard| {
                shard.keep();
                ask(&shard, key)
            })
        });
    }
}
