//! Looking at values.

use super::{Keyspace, Lookup};
use crate::access::AccessClock;
use crate::db::Spot;
use crate::shard::Shard;
use crate::value::ValueRef;

impl Keyspace<'_> {
    /// The value at `key`, for reading. O(1).
    #[inline]
    pub fn read(&mut self, key: &[u8]) -> Option<ValueRef<'_>> {
        self.read_with(key, Lookup::Use)
    }

    /// The value at `key`, for reading, leaving the trace that `lookup` says. O(1).
    #[inline(never)]
    pub fn read_with(&mut self, key: &[u8], lookup: Lookup) -> Option<ValueRef<'_>> {
        let hash = self.hash(key);
        let (number, shard) = (self.db, self.engine.shard_of_hash(hash));
        // Most keys do not expire, and at most the time of their last use changes.
        let settings = self.engine.settings();
        let touches = self.touches(lookup);
        let Some(locked) = self.shards.single(shard) else { return self.read_glimpse(hash, key, lookup) };
        let Some((spot, header)) = locked.dbs.get(number).and_then(|db| db.find_entry(hash, key)) else {
            return self.read_missing(key, lookup);
        };
        if header.expires() || touches && settings.track_frequency() {
            return self.read_found(hash, key, spot, lookup);
        }
        self.effects.hits += u64::from(lookup != Lookup::Silent);
        let clock = if touches { AccessClock::new(settings, self.now_ms) } else { header.clock() };
        Some(self.shards.get_mut(shard).dbs.get_mut(number)?.use_entry(spot, |_| clock).value())
    }

    /// As [`read_with`](Self::read_with), where the shard is looked at or was locked together with others.
    #[inline(never)]
    fn read_glimpse(&mut self, hash: u64, key: &[u8], lookup: Lookup) -> Option<ValueRef<'_>> {
        let spot = self.find(hash, key);
        self.read_and_trace(hash, key, spot, lookup)
    }

    /// As [`read_with`](Self::read_with), of an entry that may have to go, or whose uses are counted.
    #[inline(never)]
    fn read_found(&mut self, hash: u64, key: &[u8], spot: Spot, lookup: Lookup) -> Option<ValueRef<'_>> {
        let spot = (!self.is_over(hash, spot)).then_some(spot);
        self.read_and_trace(hash, key, spot, lookup)
    }

    /// As [`read_with`](Self::read_with), of a key that is not there.
    #[inline(never)]
    fn read_missing(&mut self, key: &[u8], lookup: Lookup) -> Option<ValueRef<'_>> {
        if lookup != Lookup::Silent {
            self.count_miss(key);
        }
        None
    }

    /// Whether a look-up may change when or how often the entry was used.
    #[inline(always)]
    fn touches(&self, lookup: Lookup) -> bool {
        lookup == Lookup::Use && !self.no_touch && !self.engine.settings().track_changes()
    }

    /// Leaves the trace of a look-up that came to this.
    #[inline]
    fn read_and_trace(
        &mut self,
        hash: u64,
        key: &[u8],
        spot: Option<Spot>,
        lookup: Lookup,
    ) -> Option<ValueRef<'_>> {
        let Some(spot) = spot else { return self.read_missing(key, lookup) };
        if lookup != Lookup::Silent {
            self.effects.hits += 1;
        }
        let (number, now_ms, settings) = (self.db, self.now_ms, self.engine.settings());
        if self.glimpse.is_some() || !self.touches(lookup) {
            let shard = self.shards.get(self.engine.shard_of_hash(hash));
            return Some(shard.dbs.get(number)?.entry(spot).value());
        }
        let Shard { dbs, rng, .. } = self.shard(hash);
        let db = dbs.get_mut(number)?;
        Some(db.use_entry(spot, |clock| clock.touched(settings, now_ms, rng)).value())
    }
}
