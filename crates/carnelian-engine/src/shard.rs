//! One shard: its part of every database, its waiting and watching clients, its part of a running snapshot.

use crate::access::AccessClock;
use crate::engine::ShardSet;
use crate::key::Key;
use crate::rng::Rng;
use crate::snapshot::{DbSnapshot, ShardSnapshot, SnapshotEntry};
use crate::table::Table;
use crate::value::Value;
use crate::wait::WaitQueues;
use crate::watch::{Presence, WatchList};
use std::collections::BTreeSet;

/// Expiry of an entry that never expires.
pub(crate) const NEVER: u64 = u64::MAX;

pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) value: Value,
    /// Milliseconds since 1970 after which the entry is gone, or [`NEVER`].
    pub(crate) expire_ms: u64,
    pub(crate) access: AccessClock,
    /// The snapshot epoch this entry was created in or saved by.
    pub(crate) epoch: u32,
}

impl Entry {
    #[inline]
    pub(crate) fn is_expired(&self, now_ms: u64) -> bool {
        self.expire_ms < now_ms
    }

    pub(crate) fn expiry(&self) -> Option<u64> {
        (self.expire_ms != NEVER).then_some(self.expire_ms)
    }
}

/// One shard's part of one database.
#[derive(Default)]
pub(crate) struct Db {
    pub(crate) table: Table<Entry>,
    /// Expiring entries by due time: (milliseconds, hash of the key).
    pub(crate) expires: BTreeSet<(u64, u64)>,
    pub(crate) snapshot: Option<DbSnapshot>,
}

impl Db {
    /// What there is under a key.
    pub(crate) fn presence(&self, hash: u64, key: &[u8], now_ms: u64) -> Presence {
        let found = self.table.find(hash, |entry| *entry.key == *key);
        match found.and_then(|index| self.table.get(index)) {
            None => Presence::Missing,
            Some(entry) if entry.is_expired(now_ms) => Presence::Expired,
            Some(_) => Presence::Live,
        }
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self::new()
    }
}

pub(crate) struct Shard {
    pub(crate) dbs: Vec<Db>,
    pub(crate) waits: Vec<WaitQueues>,
    pub(crate) watches: Vec<WatchList>,
    /// Union of the shards that the waiting clients need, so that a writer knows what to lock before it wakes one.
    pub(crate) wait_needs: ShardSet,
    pub(crate) rng: Rng,
    pub(crate) snapshot: Option<ShardSnapshot>,
    /// Number of the latest snapshot that began.
    pub(crate) epoch: u32,
}

impl Shard {
    pub(crate) fn new(databases: usize, rng: Rng) -> Self {
        // Databases beyond the first few are seldom used and come into being when they are.
        let eager = databases.min(16);
        Self {
            dbs: (0..eager).map(|_| Db::default()).collect(),
            waits: (0..eager).map(|_| WaitQueues::default()).collect(),
            watches: (0..eager).map(|_| WatchList::default()).collect(),
            wait_needs: ShardSet::EMPTY,
            rng,
            snapshot: None,
            epoch: 0,
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
        self.dbs.resize_with(db + 1, Db::default);
        self.waits.resize_with(db + 1, WaitQueues::default);
        self.watches.resize_with(db + 1, WatchList::default);
    }

    #[inline]
    pub(crate) fn find(&self, db: usize, hash: u64, key: &[u8]) -> Option<usize> {
        self.dbs.get(db)?.table.find(hash, |entry| *entry.key == *key)
    }

    #[inline]
    pub(crate) fn entry(&self, db: usize, index: usize) -> Option<&Entry> {
        self.dbs.get(db)?.table.get(index)
    }

    /// The entry for changing it: what a running snapshot still needs of it is saved first.
    #[inline]
    pub(crate) fn entry_mut(&mut self, db: usize, index: usize) -> Option<&mut Entry> {
        if self.snapshot.is_some() {
            self.save_before_change(db, index);
        }
        self.dbs.get_mut(db)?.table.get_mut(index)
    }

    /// Gives the entry's content to the running snapshot unless that has it already.
    #[cold]
    pub(crate) fn save_before_change(&mut self, db: usize, index: usize) {
        let Some(snapshot) = &mut self.snapshot else { return };
        let Some(db) = self.dbs.get_mut(db) else { return };
        let Some(state) = &db.snapshot else { return };
        let original_db = state.db;
        if let Some(entry) = db.table.get_mut(index)
            && entry.epoch < self.epoch
        {
            entry.epoch = self.epoch;
            snapshot.save(SnapshotEntry::new(original_db, entry));
        }
    }

    /// Adds an entry whose key is not there yet.
    pub(crate) fn insert(
        &mut self,
        db: usize,
        hash: u64,
        key: &[u8],
        value: Value,
        expire_ms: u64,
        access: AccessClock,
    ) -> usize {
        let epoch = self.epoch;
        let db = self.db_mut(db);
        if expire_ms != NEVER {
            db.expires.insert((expire_ms, hash));
        }
        db.table.insert(hash, Entry { key: Key::new(key), value, expire_ms, access, epoch })
    }

    pub(crate) fn remove(&mut self, db: usize, hash: u64, index: usize) -> Option<Entry> {
        if self.snapshot.is_some() {
            self.save_before_change(db, index);
            // The last entry is about to move to where the snapshot may have been already.
            let last = self.dbs.get(db).map_or(0, |db| db.table.len().saturating_sub(1));
            self.save_before_change(db, last);
        }
        let db = self.dbs.get_mut(db)?;
        let entry = db.table.remove(index)?;
        if entry.expire_ms != NEVER {
            db.expires.remove(&(entry.expire_ms, hash));
        }
        Some(entry)
    }

    pub(crate) fn set_expiry(&mut self, db: usize, hash: u64, index: usize, expire_ms: u64) {
        let Some(entry) = self.entry_mut(db, index) else { return };
        let before = std::mem::replace(&mut entry.expire_ms, expire_ms);
        if let Some(db) = self.dbs.get_mut(db) {
            if before != NEVER {
                db.expires.remove(&(before, hash));
            }
            if expire_ms != NEVER {
                db.expires.insert((expire_ms, hash));
            }
        }
    }

    /// Empties one database. A running snapshot keeps what it has not saved yet.
    pub(crate) fn take_db(&mut self, db: usize) -> Db {
        std::mem::take(self.db_mut(db))
    }
}
