//! Asking for memory ahead of the commands that will read it.
//!
//! A look-up in a table that no cache holds waits for memory two or three times, one wait after the other: for the pair of
//! buckets, for the entry, and now and then for further buckets between them. What a batch of look-ups waits for can be
//! asked for beforehand, so that the waits of all of them overlap. Each step needs what the step before it asked for, so
//! each goes over all keys before the next begins.
//!
//! A thread that is alone keeps the shards that it takes until the commands have run: nobody else wants them.
//! Several threads would keep each other out of nearly everything in this way, so a thread with a seat takes a shard for
//! the moment of one step only. The locks are the first that it asks for then: most of them lie in the cache of another
//! core.

use crate::buckets::Warmed;
use crate::db::Db;
use crate::engine::{Engine, KeyHash, Shards};
use crate::lock::Seat;
use smallvec::SmallVec;

/// Most keys that are worth warming together: as many waits for memory as processors overlap, and some more.
pub const WARM_MOST: usize = 32;

/// A key that will be looked up soon.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Its hash.
    pub key: KeyHash,
    /// Its shard will not be locked if that can be avoided.
    pub to_look: bool,
}

/// For how long [`Engine::warm`] holds a shard.
pub enum Holding<'e, 'k> {
    /// As long as these shards are held, for a thread that is alone: see [`Keyspace::enter_keeping`](crate::Keyspace::enter_keeping).
    Kept(&'k mut Shards<'e>),
    /// For one step and one key, with this seat if the shard is open to it.
    Briefly(&'e Seat),
}

impl<'e> Holding<'e, '_> {
    /// Looks at a database in the shard of a hash; `None` when another thread holds it.
    #[inline(always)]
    fn look<R>(
        &mut self,
        engine: &'e Engine,
        db: usize,
        hash: u64,
        look: impl FnOnce(&Db) -> R,
    ) -> Option<R> {
        let number = engine.shard_of_hash(hash);
        match self {
            Self::Kept(shards) => {
                if !shards.turn_to(number) && !engine.try_lock_into(number, shards) {
                    return None;
                }
                shards.single(number)?.dbs.get(db).map(look)
            }
            Self::Briefly(seat) => {
                let lock = engine.lock_of(number)?;
                if let Some(shard) = lock.read(seat) {
                    return shard.dbs.get(db).map(look);
                }
                let mut shard = lock.try_lock()?;
                shard.keep();
                shard.dbs.get(db).map(look)
            }
        }
    }
}

impl Engine {
    /// Asks for what looking up these keys of a database will read, [`WARM_MOST`] at most. A key whose shard another thread
    /// holds is left out. Changes nothing.
    #[inline]
    pub fn warm<'e>(&'e self, db: usize, wanted: &[Wanted], mut holding: Holding<'e, '_>) {
        let hashes = wanted.iter().take(WARM_MOST).map(|wanted| wanted.key.0);
        if matches!(holding, Holding::Briefly(_)) {
            for wanted in wanted {
                self.prefetch_lock(self.shard_of_key(wanted.key), wanted.to_look);
            }
        }
        for hash in hashes.clone() {
            holding.look(self, db, hash, |db| db.prefetch_index(hash));
        }
        ask_for_items(hashes, |hash, bucket| {
            holding.look(self, db, hash, |db| db.prefetch_entry(hash, bucket)).flatten()
        });
    }

    /// Asks for what looking up members of a set, or fields of a hash, will read, whose key has been asked for. Changes
    /// nothing.
    #[inline(never)]
    pub fn warm_members<'e>(
        &'e self,
        db: usize,
        hash: KeyHash,
        key: &[u8],
        members: &[&[u8]],
        mut holding: Holding<'e, '_>,
    ) {
        holding.look(self, db, hash.0, |db| db.prefetch_members(hash.0, key, members));
    }
}

/// Asks for the items of all these hashes, whose first buckets have been asked for. `ask` asks for those of a bucket, or for the
/// bucket behind it, and says which that is.
#[inline(always)]
pub(crate) fn ask_for_items(
    hashes: impl Iterator<Item = u64>,
    mut ask: impl FnMut(u64, Option<Warmed>) -> Option<Warmed>,
) {
    let mut beyond: SmallVec<[(u64, Warmed); WARM_MOST]> = SmallVec::new();
    for hash in hashes {
        if let Some(bucket) = ask(hash, None) {
            beyond.push((hash, bucket));
        }
    }
    while !beyond.is_empty() {
        beyond.retain(|(hash, bucket)| ask(*hash, Some(*bucket)).map(|next| *bucket = next).is_some());
    }
}
