//! Point-in-time snapshots without a fork and without stopping writers.
//!
//! The cut is one instant under all shard locks: every shard's epoch rises by one. From then on a saver walks each shard
//! in short lock holds and encodes the entries of the epoch before; whoever changes an entry the saver has not reached
//! yet encodes its old content first. Entries created after the cut carry the new epoch and are skipped. The state lives
//! in the tables themselves, so exchanging databases or emptying one (its table is then set aside for the saver) needs no
//! care elsewhere.

use crate::access::AccessClock;
use crate::db::Db;
use crate::engine::{Engine, Shards};
use crate::entry::Entry;
use crate::settings::Settings;
use crate::shard::Shard;
use crate::value::ValueRef;

/// An entry as it was at the cut.
pub struct SnapshotEntry<'a> {
    /// Its database.
    pub db: usize,
    /// Its key.
    pub key: &'a [u8],
    /// Its value.
    pub value: ValueRef<'a>,
    /// When it expires, in milliseconds since 1970.
    pub expire_ms: Option<u64>,
    access: AccessClock,
}

impl<'a> SnapshotEntry<'a> {
    pub(crate) fn new(db: usize, entry: &Entry<'a>) -> Self {
        let access = entry.header.clock();
        Self { db, key: entry.key(), value: entry.value(), expire_ms: entry.expiry(), access }
    }

    /// Seconds since it was last used.
    pub fn idle_seconds(&self, now_ms: u64) -> u64 {
        self.access.idle_seconds(now_ms)
    }

    /// Its access counter, meaningful under an LFU policy.
    pub fn frequency(&self, settings: &Settings, now_ms: u64) -> u8 {
        self.access.frequency(settings, now_ms)
    }
}

/// Turns entries into bytes of a snapshot file.
pub trait EntryEncoder: Send + Sync {
    /// Appends the encoded entry to `out`.
    fn encode(&mut self, out: &mut Vec<u8>, entry: SnapshotEntry<'_>);
}

#[derive(Clone, Copy)]
pub(crate) struct DbSnapshot {
    /// The number the database had at the cut.
    pub(crate) db: usize,
    /// Pairs of buckets before this one hold nothing that is still to be saved.
    cursor: usize,
}

pub(crate) struct ShardSnapshot {
    encoder: Box<dyn EntryEncoder>,
    /// Encoded entries that the saver has not fetched yet.
    encoded: Vec<u8>,
    /// Databases emptied since the cut, with what is still to be saved of them.
    detached: Vec<Db>,
}

impl ShardSnapshot {
    pub(crate) fn save(&mut self, entry: SnapshotEntry<'_>) {
        self.encoder.encode(&mut self.encoded, entry);
    }

    pub(crate) fn detach(&mut self, db: Db) {
        self.detached.push(db);
    }
}

/// Saves entries of one table until it is done or `budget` bytes are encoded; true when it is done.
fn save_table(
    db: &mut Db,
    epoch: u8,
    encoder: &mut dyn EntryEncoder,
    out: &mut Vec<u8>,
    budget: usize,
) -> bool {
    let Some(DbSnapshot { db: number, mut cursor }) = db.snapshot else { return true };
    while cursor < db.pairs() {
        if out.len() >= budget {
            db.snapshot = Some(DbSnapshot { db: number, cursor });
            return false;
        }
        for at in db.pair(cursor) {
            let entry = db.at(at);
            if entry.header.epoch() != epoch {
                encoder.encode(out, SnapshotEntry::new(number, &entry));
                db.set_epoch(at, epoch);
            }
        }
        cursor += 1;
    }
    db.snapshot = None;
    true
}

/// Snapshots given up in a row after which every entry is marked anew: an epoch has eight bits, and one that comes round
/// must not be taken for the one of long ago.
const UNFINISHED_MAX: u8 = 200;

impl Shard {
    fn begin_snapshot(&mut self, encoder: Box<dyn EntryEncoder>) {
        if self.unfinished == UNFINISHED_MAX {
            self.mark_all();
        }
        self.unfinished += 1;
        self.epoch = self.epoch.wrapping_add(1);
        for (number, db) in self.dbs.iter_mut().enumerate() {
            db.snapshot = (db.len() > 0).then_some(DbSnapshot { db: number, cursor: 0 });
        }
        self.snapshot = Some(ShardSnapshot { encoder, encoded: Vec::new(), detached: Vec::new() });
    }

    #[cold]
    fn mark_all(&mut self) {
        for db in &mut self.dbs {
            for pair in 0..db.pairs() {
                for at in db.pair(pair) {
                    db.set_epoch(at, self.epoch);
                }
            }
        }
        self.unfinished = 0;
    }

    fn snapshot_step(&mut self, budget: usize, out: &mut Vec<u8>) -> bool {
        let Some(snapshot) = &mut self.snapshot else { return true };
        out.append(&mut snapshot.encoded);
        let ShardSnapshot { encoder, detached, .. } = snapshot;
        while let Some(db) = detached.last_mut() {
            if !save_table(db, self.epoch, &mut **encoder, out, budget) {
                return false;
            }
            detached.pop();
        }
        for db in &mut self.dbs {
            if !save_table(db, self.epoch, &mut **encoder, out, budget) {
                return false;
            }
        }
        self.snapshot = None;
        self.unfinished = 0;
        true
    }
}

impl Engine {
    /// Cuts a snapshot: the content of this very moment is what [`snapshot_step`](Self::snapshot_step) will yield, shard by
    /// shard, whatever changes meanwhile. `shards` must hold all locks; there must be no other snapshot in progress.
    pub fn begin_snapshot(
        &self,
        shards: &mut Shards<'_>,
        mut encoder: impl FnMut() -> Box<dyn EntryEncoder>,
    ) {
        debug_assert!(shards.is_all());
        for shard in shards.iter_mut() {
            shard.begin_snapshot(encoder());
        }
    }

    /// Appends encoded entries of the given shard to `out`, locking it for about `budget` bytes' worth of work, and tells
    /// whether the shard is done. Also fetches what writers had to save in between.
    pub fn snapshot_step(&self, shard: usize, budget: usize, out: &mut Vec<u8>) -> bool {
        let mut set = crate::ShardSet::EMPTY;
        set.insert(shard);
        let mut shards = self.lock(set);
        let budget = out.len() + budget;
        shards.iter_mut().all(|shard| shard.snapshot_step(budget, out))
    }

    /// Like [`snapshot_step`](Self::snapshot_step) for shards that the caller has locked already.
    pub fn snapshot_rest(&self, shards: &mut Shards<'_>, mut sink: impl FnMut(&mut Vec<u8>) -> bool) -> bool {
        let mut out = Vec::new();
        for shard in shards.iter_mut() {
            loop {
                let done = shard.snapshot_step(1 << 16, &mut out);
                if !sink(&mut out) {
                    return false;
                }
                out.clear();
                if done {
                    break;
                }
            }
        }
        true
    }

    /// Gives up a snapshot in progress and frees what it holds.
    pub fn abort_snapshot(&self, shards: &mut Shards<'_>) {
        for shard in shards.iter_mut() {
            shard.snapshot = None;
            for db in &mut shard.dbs {
                db.snapshot = None;
            }
        }
    }
}
