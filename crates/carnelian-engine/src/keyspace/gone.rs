//! Keys that go by themselves: because their time is over, or because memory is short.

use super::Keyspace;
use crate::db::Spot;
use crate::effects::{EventClass, Removal};
use crate::evict::Victim;
use smallvec::SmallVec;

impl Keyspace<'_> {
    /// Removes an entry that no command removes: it has expired or gives way. It is no change that counts for snapshots:
    /// one that still has an evicted key loads into the same limit.
    #[cold]
    pub(super) fn remove_gone(&mut self, hash: u64, spot: Spot, removal: Removal) {
        let db = self.db;
        let shard = self.shard(hash);
        let Some(key) = shard.dbs.get(db).map(|db| SmallVec::<[u8; 64]>::from_slice(db.entry(spot).key()))
        else {
            return;
        };
        let removed = shard.remove(db, spot);
        let watches = shard.watches.get_mut(db);
        if removal == Removal::Evicted {
            // Whoever watches it has a failed transaction.
            if let Some(watches) = watches {
                watches.touch(&key);
            }
            self.effects.evicted += 1;
            self.event(EventClass::EVICTED, "evicted", &key);
        } else {
            if let Some(watches) = watches {
                watches.touch_expired(&key);
            }
            self.effects.expired += 1;
            self.event(EventClass::EXPIRED, "expired", &key);
        }
        self.discard(removed, removal);
    }

    /// Removes entries of the locked shards whose time is over, at most `limit`, in every database; returns how many. O(due
    /// entries + pairs of buckets / 100).
    pub fn expire_due(&mut self, limit: usize) -> usize {
        let selected = self.db;
        let (now_ms, mut removed, mut due) = (self.now_ms, 0, Vec::new());
        for position in 0..self.shards.len() {
            for number in 0..self.shards.nth(position).map_or(0, |shard| shard.dbs.len()) {
                self.db = number;
                let mut end = usize::MAX;
                // A few at a time: what has been looked at is still in the caches when it is removed.
                while end > 0 && removed < limit {
                    due.clear();
                    let db = self.shards.nth_mut(position).and_then(|shard| shard.dbs.get_mut(number));
                    end = db.map_or(0, |db| db.find_due(end, now_ms, limit - removed, &mut due));
                    removed += due.len();
                    for &(hash, at) in &due {
                        let db = self.shard(hash).dbs.get(number);
                        if let Some(spot) = db.and_then(|db| db.find_at(hash, at)) {
                            self.remove_gone(hash, spot, Removal::Expired);
                        }
                    }
                }
            }
        }
        self.db = selected;
        removed
    }

    /// Removes an entry that [`Evictor::choose`](crate::Evictor::choose) found; the caller has locked
    /// [its shard](Victim::shards). Returns about how many bytes it took, or `None` when it does not give way any more: it
    /// is gone, has been used since, or does not expire any more.
    pub fn evict(&mut self, victim: &Victim) -> Option<usize> {
        let selected = std::mem::replace(&mut self.db, victim.db as usize);
        let bytes = self.evict_selected(victim);
        self.db = selected;
        bytes
    }

    fn evict_selected(&mut self, victim: &Victim) -> Option<usize> {
        let settings = self.engine.settings();
        let policy = settings.eviction_policy()?;
        let db = self.shards.get(usize::from(victim.shard)).dbs.get(self.db)?;
        let spot = db.find_at(victim.hash, victim.at)?;
        let entry = db.entry(spot);
        // Another entry may lie there by now.
        if self.engine.hash(entry.key()) != victim.hash
            || policy.rank(&entry, settings, self.now_ms).is_none_or(|score| score < victim.score)
        {
            return None;
        }
        let expired = entry.is_expired(self.now_ms);
        let bytes = db.entry_bytes(spot);
        self.remove_gone(victim.hash, spot, if expired { Removal::Expired } else { Removal::Evicted });
        Some(bytes)
    }
}
