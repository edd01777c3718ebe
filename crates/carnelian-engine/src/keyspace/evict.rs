//! Removing what gives way when memory is short.

use super::Keyspace;
use crate::effects::{EventClass, Removal};
use crate::evict::Victim;
use smallvec::SmallVec;

impl Keyspace<'_> {
    /// Removes an entry that [`Evictor::choose`](crate::Evictor::choose) found; the caller has locked
    /// [its shard](Victim::shards). Returns about how many bytes it took, or `None` when it does not give way any more: it
    /// is gone, has been used since, or does not expire any more.
    ///
    /// Whoever watches the key has a failed transaction, and the event `evicted` is recorded. It does not count as a change
    /// to be saved: a snapshot that still has the key loads into the same limit.
    pub fn evict(&mut self, victim: &Victim) -> Option<usize> {
        let selected = std::mem::replace(&mut self.db, victim.db as usize);
        let bytes = self.evict_selected(victim);
        self.db = selected;
        bytes
    }

    fn evict_selected(&mut self, victim: &Victim) -> Option<usize> {
        let (number, now_ms, settings) = (self.db, self.now_ms, self.engine.settings());
        let policy = settings.eviction_policy()?;
        let engine = self.engine;
        let shard = self.shards.get_mut(usize::from(victim.shard));
        let db = shard.dbs.get(number)?;
        let spot = db.find_at(victim.hash, victim.at)?;
        let entry = db.entry(spot);
        if engine.hash(entry.key()) != victim.hash
            || policy.rank(&entry, settings, now_ms).is_none_or(|score| score < victim.score)
        {
            return None;
        }
        let bytes = db.entry_bytes(spot);
        if entry.is_expired(now_ms) {
            self.expire(victim.hash, spot);
            return Some(bytes);
        }
        let key: SmallVec<[u8; 64]> = SmallVec::from_slice(entry.key());
        let removed = shard.remove(number, spot);
        if let Some(watches) = shard.watches.get_mut(number) {
            watches.touch(&key);
        }
        self.effects.evicted += 1;
        self.event(EventClass::EVICTED, "evicted", &key);
        self.discard(removed, Removal::Evicted);
        Some(bytes)
    }
}
