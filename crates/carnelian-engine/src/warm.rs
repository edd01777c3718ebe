//! Asking for memory ahead of the commands that will read it.
//!
//! A look-up in a table that no cache holds waits for memory two or three times, one wait after the other: for the pair of
//! buckets, for the entry, and now and then for further buckets between them. What a batch of look-ups waits for can be
//! asked for beforehand, so that the waits of all of them overlap. Each step needs what the step before it asked for, so
//! each goes over all keys before the next begins.
//!
//! A thread that is alone takes each shard once and holds it until the last step: nobody else wants it. Several threads
//! would keep each other out of nearly everything in this way, so a thread with a seat takes a shard for the moment of one
//! step only. The locks are the first that it asks for then: most of them lie in the cache of another core.

use crate::buckets::Warmed;
use crate::db::Db;
use crate::engine::{Engine, KeyHash, MAX_SHARDS};
use crate::lock::{Guard, Seat};
use crate::shard::Shard;
use smallvec::SmallVec;

/// Most keys of one [`Warming`]: as many waits for memory as processors overlap, and some more.
pub const WARM_MOST: usize = 32;

/// Keys that will be looked up soon, of one database. Changes nothing.
pub struct Warming<'e, 'a> {
    engine: &'e Engine,
    db: usize,
    holding: Holding<'e>,
    hashes: [u64; WARM_MOST],
    asked: usize,
    members: Option<Members<'a>>,
}

/// Members of one set, or fields of one hash, that will be looked up.
struct Members<'a> {
    hash: u64,
    key: &'a [u8],
    members: SmallVec<[&'a [u8]; WARM_MOST]>,
}

/// For how long a shard is held.
#[expect(clippy::large_enum_variant, reason = "it lives on the stack, for a moment")]
enum Holding<'e> {
    /// Until the end.
    Throughout(Held<'e>),
    /// For one step and one key, with this seat if the shard is open to it.
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

impl<'e, 'a> Warming<'e, 'a> {
    /// Begins; worth its while for several keys that are looked up right after. Without a seat it holds every shard until it
    /// has finished: for a thread that is the only one.
    #[inline]
    pub fn new(engine: &'e Engine, db: usize, seat: Option<&'e Seat>) -> Self {
        let holding = match seat {
            None => Holding::Throughout(Held::none()),
            Some(seat) => Holding::Briefly(seat),
        };
        Self { engine, db, holding, hashes: [0; WARM_MOST], asked: 0, members: None }
    }

    /// Whether it takes more keys.
    #[inline]
    pub fn has_room(&self) -> bool {
        self.asked < WARM_MOST
    }

    /// Asks for the first of what looking this key up will read. A key whose shard is held is left out, and so are keys
    /// beyond the first [`WARM_MOST`]. `to_look` says that the shard will not be locked if that can be avoided. True when
    /// it is the key that was asked for last.
    #[inline]
    pub fn ask(&mut self, KeyHash(hash): KeyHash, to_look: bool) -> bool {
        let last = self.asked.checked_sub(1).and_then(|last| self.hashes.get(last));
        if last == Some(&hash) {
            // Many pipelines use one key over and over.
            return true;
        }
        let Some(place) = self.hashes.get_mut(self.asked) else { return false };
        *place = hash;
        self.asked += 1;
        let shard = self.engine.shard_of_hash(hash);
        match &mut self.holding {
            Holding::Throughout(held) => {
                held.take(self.engine, shard);
                self.look(hash, |db| db.prefetch_index(hash));
            }
            Holding::Briefly(_) => self.engine.prefetch_lock(shard, to_look),
        }
        false
    }

    /// Asks for a member of the set, or a field of the hash, at a key that was asked for several times in a row. Of one key
    /// in each read, for the others have less to gain.
    #[inline]
    pub fn ask_member(&mut self, KeyHash(hash): KeyHash, key: &'a [u8], member: &'a [u8]) {
        let members = self.members.get_or_insert_with(|| Members { hash, key, members: SmallVec::new() });
        if members.hash == hash {
            members.members.push(member);
        }
    }

    /// Looks at the database in the shard of this hash; `None` when another thread holds it.
    #[inline]
    fn look<R>(&self, hash: u64, look: impl FnOnce(&Db) -> R) -> Option<R> {
        let shard = self.engine.shard_of_hash(hash);
        match &self.holding {
            Holding::Throughout(held) => held.get(shard)?.dbs.get(self.db).map(look),
            Holding::Briefly(seat) => {
                let lock = self.engine.lock_of(shard)?;
                if let Some(shard) = lock.read(seat) {
                    return shard.dbs.get(self.db).map(look);
                }
                let mut shard = lock.try_lock()?;
                shard.keep();
                shard.dbs.get(self.db).map(look)
            }
        }
    }

    /// Asks for the rest, key after key, and unlocks the shards.
    #[inline]
    pub fn finish(self) {
        let hashes = self.hashes.get(..self.asked).unwrap_or_default();
        if matches!(self.holding, Holding::Briefly(_)) {
            for &hash in hashes {
                self.look(hash, |db| db.prefetch_index(hash));
            }
        }
        ask_for_items(hashes, |hash, bucket| self.look(hash, |db| db.prefetch_entry(hash, bucket)).flatten());
        if let Some(Members { hash, key, members }) = &self.members {
            self.look(*hash, |db| db.prefetch_members(*hash, key, members));
        }
    }
}

/// Asks for the items of all these hashes, whose first buckets have been asked for. `ask` asks for those of a bucket, or for the
/// bucket behind it, and says which that is.
#[inline]
pub(crate) fn ask_for_items(hashes: &[u64], ask: impl Fn(u64, Option<Warmed>) -> Option<Warmed>) {
    let mut beyond: SmallVec<[(u64, Warmed); WARM_MOST]> =
        hashes.iter().filter_map(|&hash| Some((hash, ask(hash, None)?))).collect();
    while !beyond.is_empty() {
        beyond.retain(|(hash, bucket)| {
            let next = ask(*hash, Some(*bucket));
            next.map(|next| *bucket = next).is_some()
        });
    }
}
