//! One shard: its part of every database, its waiting and watching clients, its part of a running snapshot.

use crate::access::AccessClock;
use crate::crowd::Gates;
use crate::db::{Db, Due, Spot};
use crate::engine::ShardSet;
use crate::entry::Payload;
use crate::gauge::Gauge;
use crate::objects::Object;
use crate::rng::Rng;
use crate::snapshot::{ShardSnapshot, SnapshotEntry};
use crate::wait::WaitQueues;
use crate::watch::WatchList;
use ahash::RandomState;

pub(crate) struct Shard {
    pub(crate) dbs: Vec<Db>,
    pub(crate) waits: Vec<WaitQueues>,
    pub(crate) watches: Vec<WatchList>,
    /// Union of the shards that the waiting clients need, so that a writer knows what to lock before it wakes one.
    pub(crate) wait_needs: ShardSet,
    pub(crate) rng: Rng,
    pub(crate) snapshot: Option<ShardSnapshot>,
    /// Number of the latest snapshot that began, from 0 again after 255.
    pub(crate) epoch: u8,
    /// Snapshots that have begun since the last one that was finished.
    pub(crate) unfinished: u8,
    hasher: RandomState,
    gates: Gates,
    gauge: Gauge,
}

impl Shard {
    pub(crate) fn new(databases: usize, rng: Rng, hasher: &RandomState, gates: &Gates, gauge: Gauge) -> Self {
        // Databases beyond the first few are seldom used and come into being when they are.
        let eager = databases.min(16);
        Self {
            dbs: (0..eager).map(|_| Db::new(hasher.clone(), gates.clone(), gauge.clone())).collect(),
            waits: (0..eager).map(|_| WaitQueues::default()).collect(),
            watches: (0..eager).map(|_| WatchList::default()).collect(),
            wait_needs: ShardSet::EMPTY,
            rng,
            snapshot: None,
            epoch: 0,
            unfinished: 0,
            hasher: hasher.clone(),
            gates: gates.clone(),
            gauge,
        }
    }

    #[inline]
    pub(crate) fn db_mut(&mut self, db: usize) -> &mut Db {
        if db >= self.dbs.len() {
            self.grow(db);
        }
        &mut self.dbs[db]
    }

    #[cold]
    fn grow(&mut self, db: usize) {
        let new = || Db::new(self.hasher.clone(), self.gates.clone(), self.gauge.clone());
        self.dbs.resize_with(db + 1, new);
        self.waits.resize_with(db + 1, WaitQueues::default);
        self.watches.resize_with(db + 1, WatchList::default);
    }

    /// A database for changing one of its entries: what a running snapshot still needs of the entry is saved first.
    #[inline]
    pub(crate) fn change(&mut self, db: usize, spot: Spot) -> &mut Db {
        self.prepare_change(db, spot);
        self.db_mut(db)
    }

    /// Saves what a running snapshot still needs of an entry that is about to change.
    #[inline]
    pub(crate) fn prepare_change(&mut self, db: usize, spot: Spot) {
        if self.snapshot.is_some() {
            self.save_before_change(db, spot);
        }
    }

    /// Gives the entry's content to the running snapshot unless that has it already.
    #[cold]
    fn save_before_change(&mut self, db: usize, spot: Spot) {
        let Some(snapshot) = &mut self.snapshot else { return };
        let Some(db) = self.dbs.get_mut(db) else { return };
        let Some(state) = &db.snapshot else { return };
        let original_db = state.db;
        let entry = db.entry(spot);
        if entry.header.epoch() != self.epoch {
            snapshot.save(SnapshotEntry::new(original_db, &entry));
            db.stamp(spot, self.epoch);
        }
    }

    /// Adds an entry whose key is not there yet.
    pub(crate) fn insert(
        &mut self,
        db: usize,
        hash: u64,
        key: &[u8],
        payload: Payload<'_>,
        expiry: Due,
        clock: AccessClock,
    ) -> Spot {
        let epoch = self.epoch;
        self.db_mut(db).insert(hash, key, payload, expiry, clock, epoch)
    }

    /// Removes an entry; returns the object that was its value.
    pub(crate) fn remove(&mut self, db: usize, spot: Spot) -> Option<Object> {
        self.change(db, spot).remove(spot)
    }

    /// Empties one database. A running snapshot keeps what it has not saved yet.
    pub(crate) fn take_db(&mut self, db: usize) -> Db {
        let (gates, gauge) = (self.gates.clone(), self.gauge.clone());
        self.db_mut(db).take(gates, gauge)
    }
}
