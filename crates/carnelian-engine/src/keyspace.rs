//! The keys of locked shards, as commands see them.

use crate::access::AccessClock;
use crate::effects::{Effects, EventClass, Garbage, KeyEvent};
use crate::engine::{Engine, ShardSet, Shards};
use crate::rng::Rng;
use crate::settings::Settings;
use crate::shard::{Entry, NEVER, Shard};
use crate::value::Value;
use crate::wait::{WaitQueues, Waiter};
use crate::watch::{Presence, WatchFlag};
use std::collections::BTreeSet;
use std::sync::Arc;

mod entry;

pub use entry::{Expiry, KeyEntry};

/// How a look-up leaves its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Counts as a hit or a miss and as a use of the entry.
    Use,
    /// Counts as a hit or a miss; the entry's access clock stays.
    NoTouch,
    /// Leaves no trace at all, but for the removal of an expired entry.
    Silent,
}

/// A key taken out of the keyspace with everything that belongs to it.
pub struct Taken {
    /// The value.
    pub value: Value,
    /// When it expires, in milliseconds since 1970.
    pub expire_ms: Option<u64>,
}

/// Access to the keys of the locked shards in one selected database, at one moment.
///
/// Expired keys do not exist here: whoever looks one up removes it. Changes are not announced by themselves; a command
/// that changed a key calls [`changed`](Self::changed).
pub struct Keyspace<'e> {
    engine: &'e Engine,
    shards: Shards<'e>,
    db: usize,
    now_ms: u64,
    /// Set for clients that asked not to be counted as users of what they read (CLIENT NO-TOUCH).
    pub no_touch: bool,
    /// What has been caused so far.
    pub effects: Effects,
}

impl<'e> Keyspace<'e> {
    pub(crate) fn new(engine: &'e Engine, shards: Shards<'e>, db: usize, now_ms: u64) -> Self {
        Self { engine, shards, db, now_ms, no_touch: false, effects: Effects::default() }
    }

    /// The engine.
    pub fn engine(&self) -> &'e Engine {
        self.engine
    }

    /// The tunables.
    pub fn settings(&self) -> &'e Settings {
        self.engine.settings()
    }

    /// The moment of this command, in milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// The selected database.
    pub fn db(&self) -> usize {
        self.db
    }

    /// Selects a database; the caller has checked the number.
    pub fn select(&mut self, db: usize) {
        self.db = db;
    }

    /// The locked shards.
    pub fn shards(&mut self) -> &mut Shards<'e> {
        &mut self.shards
    }

    /// Gives the locks back, for releasing or for locking others.
    pub fn into_parts(self) -> (Shards<'e>, Effects) {
        (self.shards, self.effects)
    }

    #[inline]
    fn shard(&mut self, hash: u64) -> &mut Shard {
        self.shards.get_mut(self.engine.shard_of_hash(hash))
    }

    /// Finds a live entry, removing it if its time is over.
    #[inline]
    fn find(&mut self, hash: u64, key: &[u8]) -> Option<usize> {
        let (db, now_ms) = (self.db, self.now_ms);
        let shard = self.shard(hash);
        let index = shard.find(db, hash, key)?;
        let entry = shard.entry(db, index)?;
        if entry.is_expired(now_ms) && !self.engine.settings().loading() {
            self.expire(hash, index);
            return None;
        }
        Some(index)
    }

    #[cold]
    fn expire(&mut self, hash: u64, index: usize) {
        let db = self.db;
        let shard = self.shard(hash);
        if let Some(entry) = shard.remove(db, hash, index) {
            if let Some(watches) = shard.watches.get_mut(db) {
                watches.touch_expired(&entry.key);
            }
            self.effects.expired += 1;
            self.event(EventClass::EXPIRED, "expired", &entry.key);
            self.discard(entry.value);
        }
    }

    fn discard(&mut self, value: Value) {
        if value.is_slow_to_free() {
            self.effects.garbage.push(Garbage::value(value));
        }
    }

    /// The value at `key`, for reading. O(1).
    #[inline]
    pub fn read(&mut self, key: &[u8]) -> Option<&Value> {
        self.read_with(key, Lookup::Use)
    }

    /// The value at `key`, for reading, leaving the trace that `lookup` says. O(1).
    #[inline]
    pub fn read_with(&mut self, key: &[u8], lookup: Lookup) -> Option<&Value> {
        let hash = self.engine.hash(key);
        let found = self.find(hash, key);
        if lookup != Lookup::Silent {
            self.count_read(key, found.is_some());
        }
        let index = found?;
        let touch = lookup == Lookup::Use && !self.no_touch;
        let (db, now_ms, settings) = (self.db, self.now_ms, self.engine.settings());
        let shard = self.shards.get_mut(self.engine.shard_of_hash(hash));
        if touch && let Some(entry) = shard.dbs.get_mut(db).and_then(|db| db.table.get_mut(index)) {
            let access = entry.access.touched(settings, now_ms, &mut shard.rng);
            // Unchanged clocks are not written: the entry's cache line stays clean.
            if access != entry.access {
                entry.access = access;
            }
        }
        shard.entry(db, index).map(|entry| &entry.value)
    }

    #[inline]
    fn count_read(&mut self, key: &[u8], found: bool) {
        if found {
            self.effects.hits += 1;
        } else {
            self.effects.misses += 1;
            self.event(EventClass::KEY_MISS, "keymiss", key);
        }
    }

    /// The value at `key`, without any trace of reading it. An expired entry counts as none, but stays. O(1).
    ///
    /// This borrows the keyspace shared, so that a command can hold the values of several keys at once, after it has
    /// looked each of them up with [`read`](Self::read).
    pub fn view(&self, key: &[u8]) -> Option<&Value> {
        let hash = self.engine.hash(key);
        let shard = self.shards.get(self.engine.shard_of_hash(hash));
        let entry = shard.entry(self.db, shard.find(self.db, hash, key)?)?;
        let gone = entry.is_expired(self.now_ms) && !self.engine.settings().loading();
        (!gone).then_some(&entry.value)
    }

    /// Whether `key` exists. O(1).
    pub fn exists(&mut self, key: &[u8]) -> bool {
        self.read_with(key, Lookup::NoTouch).is_some()
    }

    /// The value at `key`, for changing it in place. O(1).
    #[inline]
    pub fn write(&mut self, key: &[u8]) -> Option<&mut Value> {
        let hash = self.engine.hash(key);
        let index = self.find(hash, key)?;
        self.write_at(hash, index)
    }

    #[inline]
    fn write_at(&mut self, hash: u64, index: usize) -> Option<&mut Value> {
        let (db, now_ms, settings, touch) = (self.db, self.now_ms, self.engine.settings(), !self.no_touch);
        let shard = self.shards.get_mut(self.engine.shard_of_hash(hash));
        if shard.snapshot.is_some() {
            shard.save_before_change(db, index);
        }
        let Shard { dbs, rng, .. } = shard;
        let entry = dbs.get_mut(db)?.table.get_mut(index)?;
        if touch {
            entry.access = entry.access.touched(settings, now_ms, rng);
        }
        Some(&mut entry.value)
    }

    /// The value at `key` for changing it in place; when there is none, the value that `create` makes. O(1).
    pub fn write_or_insert(&mut self, key: &[u8], create: impl FnOnce() -> Value) -> &mut Value {
        let hash = self.engine.hash(key);
        let index = match self.find(hash, key) {
            Some(index) => index,
            None => self.add(hash, key, create(), NEVER),
        };
        match self.write_at(hash, index) {
            Some(value) => value,
            None => unreachable!("the entry was found or added just above"),
        }
    }

    fn add(&mut self, hash: u64, key: &[u8], value: Value, expire_ms: u64) -> usize {
        let access = AccessClock::new(self.engine.settings(), self.now_ms);
        let db = self.db;
        let index = self.shard(hash).insert(db, hash, key, value, expire_ms, access);
        self.event(EventClass::NEW, "new", key);
        index
    }

    /// Stores a value under `key`, replacing what was there together with its expiry. O(1).
    pub fn insert(&mut self, key: &[u8], value: Value) {
        self.insert_with(key, value, None);
    }

    /// Stores a value under `key` with an expiry (milliseconds since 1970), replacing what was there. O(1).
    pub fn insert_with(&mut self, key: &[u8], value: Value, expire_ms: Option<u64>) {
        let expire_ms = expire_ms.unwrap_or(NEVER);
        let hash = self.engine.hash(key);
        match self.find(hash, key) {
            None => {
                self.add(hash, key, value, expire_ms);
            }
            Some(index) => {
                self.overwrite(hash, index, value);
                let db = self.db;
                let shard = self.shard(hash);
                if shard.entry(db, index).is_some_and(|entry| entry.expire_ms != expire_ms) {
                    shard.set_expiry(db, hash, index, expire_ms);
                }
            }
        }
    }

    /// Stores a value under a key that must not exist yet; false when it does, and nothing has changed. O(1).
    pub fn insert_new(&mut self, key: &[u8], value: Value, expire_ms: Option<u64>) -> bool {
        let hash = self.engine.hash(key);
        let free = self.find(hash, key).is_none();
        if free {
            self.add(hash, key, value, expire_ms.unwrap_or(NEVER));
        }
        free
    }

    /// Stores a value under `key`; an entry that exists keeps its expiry. O(1).
    pub fn insert_keep_expiry(&mut self, key: &[u8], value: Value) {
        let hash = self.engine.hash(key);
        match self.find(hash, key) {
            None => {
                self.add(hash, key, value, NEVER);
            }
            Some(index) => self.overwrite(hash, index, value),
        }
    }

    fn overwrite(&mut self, hash: u64, index: usize, value: Value) {
        let (db, now_ms, settings) = (self.db, self.now_ms, self.engine.settings());
        let shard = self.shard(hash);
        if shard.snapshot.is_some() {
            shard.save_before_change(db, index);
        }
        let Shard { dbs, rng, .. } = shard;
        if let Some(entry) = dbs.get_mut(db).and_then(|db| db.table.get_mut(index)) {
            entry.access = entry.access.touched(settings, now_ms, rng);
            let old = std::mem::replace(&mut entry.value, value);
            self.discard(old);
        }
    }

    /// Removes `key`; true when it existed. O(1): large values are freed after the locks are released.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        match self.take(key) {
            Some(taken) => {
                self.discard(taken.value);
                true
            }
            None => false,
        }
    }

    /// Takes `key` out of the keyspace. O(1).
    pub fn take(&mut self, key: &[u8]) -> Option<Taken> {
        let hash = self.engine.hash(key);
        let index = self.find(hash, key)?;
        let db = self.db;
        let entry = self.shard(hash).remove(db, hash, index)?;
        let expire_ms = entry.expiry();
        Some(Taken { value: entry.value, expire_ms })
    }

    fn peek(&mut self, key: &[u8]) -> Option<&Entry> {
        let hash = self.engine.hash(key);
        let index = self.find(hash, key)?;
        let db = self.db;
        self.shard(hash).entry(db, index)
    }

    /// When `key` expires, in milliseconds since 1970; `None` when it never does or does not exist. O(1).
    pub fn expiry(&mut self, key: &[u8]) -> Option<u64> {
        self.peek(key)?.expiry()
    }

    /// Sets or clears the expiry of `key`; false when it does not exist. O(log n) in the number of expiring keys.
    pub fn set_expiry(&mut self, key: &[u8], expire_ms: Option<u64>) -> bool {
        let hash = self.engine.hash(key);
        let Some(index) = self.find(hash, key) else { return false };
        let db = self.db;
        self.shard(hash).set_expiry(db, hash, index, expire_ms.unwrap_or(NEVER));
        true
    }

    /// When or how often `key` was used. O(1).
    pub fn access_clock(&mut self, key: &[u8]) -> Option<AccessClock> {
        self.peek(key).map(|entry| entry.access)
    }

    /// Sets when or how often `key` was used, as a snapshot file or RESTORE says.
    pub fn set_access_clock(&mut self, key: &[u8], access: AccessClock) {
        let hash = self.engine.hash(key);
        if let Some(index) = self.find(hash, key) {
            let db = self.db;
            if let Some(entry) = self.shard(hash).dbs.get_mut(db).and_then(|db| db.table.get_mut(index)) {
                entry.access = access;
            }
        }
    }

    /// Heap and inline bytes that `key` takes, sampling `samples` elements of a collection (0 for all of them).
    pub fn memory_usage(&mut self, key: &[u8], samples: usize) -> Option<usize> {
        let entry = self.peek(key)?;
        Some(size_of::<Entry>() + 16 + entry.key.heap_bytes() + entry.value.heap_bytes(samples))
    }

    /// Records an event if somebody wants its class.
    #[inline]
    pub fn event(&mut self, class: EventClass, name: &'static str, key: &[u8]) {
        if self.engine.settings().notify_events() & class.bit() != 0 {
            self.effects.events.push(KeyEvent { class, name, db: self.db, key: key.into() });
        }
    }

    /// Announces that a command changed `key`: transactions that watch it fail, clients blocked on it may be served, and
    /// the event is recorded. The number of changes is counted apart, see [`Effects::dirty`].
    #[inline]
    pub fn changed(&mut self, class: EventClass, name: &'static str, key: &[u8]) {
        self.touched(key);
        self.event(class, name, key);
    }

    /// As [`changed`](Self::changed), without an event.
    #[inline]
    pub fn touched(&mut self, key: &[u8]) {
        // Most commands lock one shard, and then there is no need to hash the key again.
        let shard = match self.shards.only() {
            Some(shard) => shard,
            None => self.engine.shard_of(key),
        };
        self.touched_in(shard, key);
    }

    #[inline]
    fn touched_in(&mut self, shard: usize, key: &[u8]) {
        let db = self.db;
        let shard = self.shards.get_mut(shard);
        if let Some(watches) = shard.watches.get_mut(db) {
            watches.touch(key);
        }
        if let Some(waits) = shard.waits.get(db)
            && !waits.is_empty()
        {
            self.signal_ready(key);
        }
    }

    #[cold]
    fn signal_ready(&mut self, key: &[u8]) {
        let db = self.db;
        let shard = self.shards.get_mut(self.engine.shard_of(key));
        let waited_for = shard.waits.get(db).is_some_and(|waits| waits.contains(key));
        if waited_for && !self.effects.ready.iter().any(|(other, ready)| *other == db && **ready == *key) {
            self.effects.ready.push((db, key.into()));
        }
    }

    /// A generator for commands that pick at random.
    pub fn rng(&mut self) -> Rng {
        // Taken from the first locked shard, so that a run replays from the engine's seed.
        let seed = self.shards.iter_mut().next().map_or(0, |shard| shard.rng.next_u64());
        Rng::new(seed)
    }

    // ---- whole databases: these need the locks of all shards ----

    /// Number of keys in the selected database, expired ones that nobody has removed yet included. O(shards).
    pub fn len(&self) -> usize {
        self.db_len(self.db)
    }

    /// Whether the selected database has no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of keys in database `db`.
    pub fn db_len(&self, db: usize) -> usize {
        self.shards.iter().filter_map(|shard| shard.dbs.get(db)).map(|db| db.table.len()).sum()
    }

    /// Number of keys with an expiry in database `db`.
    pub fn db_expires(&self, db: usize) -> usize {
        self.shards.iter().filter_map(|shard| shard.dbs.get(db)).map(|db| db.expires.len()).sum()
    }

    /// Mean time to live, in milliseconds, of a sample of the expiring keys in database `db`; 0 without any.
    pub fn db_average_ttl_ms(&self, db: usize) -> u64 {
        let (mut sum, mut count) = (0u64, 0u64);
        for shard in self.shards.iter() {
            for (expire_ms, _) in shard.dbs.get(db).into_iter().flat_map(|db| db.expires.iter().take(20)) {
                sum += expire_ms.saturating_sub(self.now_ms);
                count += 1;
            }
        }
        sum.checked_div(count).unwrap_or(0)
    }

    /// Visits every live key of the selected database. O(n).
    pub fn for_each(&self, mut visit: impl FnMut(&[u8], &Value, Option<u64>)) {
        for shard in self.shards.iter() {
            for entry in shard.dbs.get(self.db).into_iter().flat_map(|db| db.table.iter()) {
                if !entry.is_expired(self.now_ms) {
                    visit(&entry.key, &entry.value, entry.expiry());
                }
            }
        }
    }

    /// Visits about `count` keys from `cursor` on and returns the cursor to go on from, 0 at the end. A key that exists
    /// from the first call of an iteration to its last is visited at least once.
    pub fn scan(&mut self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], &Value)) -> u64 {
        let shard_count = self.engine.shard_count() as u64;
        let mut position = cursor % shard_count;
        let mut inner = cursor / shard_count;
        // Empty buckets cost time too: ten times the count bounds the work, as in Redis.
        let mut budget = count.saturating_mul(10);
        let (db, now_ms) = (self.db, self.now_ms);
        let mut seen = 0;
        let mut expired = Vec::new();
        while position < shard_count {
            if let Some(table) =
                self.shards.nth(position as usize).and_then(|shard| shard.dbs.get(db)).map(|db| &db.table)
            {
                loop {
                    inner = table.scan(inner, |entry| {
                        seen += 1;
                        if entry.is_expired(now_ms) {
                            expired.push(Box::from(&*entry.key));
                        } else {
                            visit(&entry.key, &entry.value);
                        }
                    });
                    budget = budget.saturating_sub(1);
                    if inner == 0 || seen >= count || budget == 0 {
                        break;
                    }
                }
            }
            if inner == 0 {
                position += 1;
            }
            if seen >= count || budget == 0 {
                break;
            }
        }
        for key in expired {
            self.read_with(&key, Lookup::Silent);
        }
        if position >= shard_count { 0 } else { inner.wrapping_mul(shard_count) + position }
    }

    /// A uniformly chosen key of the selected database; `None` when there is none. O(shards).
    pub fn random_key(&mut self) -> Option<Box<[u8]>> {
        let mut rng = self.rng();
        loop {
            let mut index = rng.below(self.len());
            let mut found = None;
            for shard in self.shards.iter() {
                let Some(db) = shard.dbs.get(self.db) else { continue };
                if index < db.table.len() {
                    found = db.table.get(index).map(|entry| Box::from(&*entry.key));
                    break;
                }
                index -= db.table.len();
            }
            let key = found?;
            // Looking it up removes it if its time is over; then another one is drawn.
            if self.read_with(&key, Lookup::Silent).is_some() {
                return Some(key);
            }
        }
    }

    /// Removes every key of the selected database and returns how many there were. O(shards); the memory is freed after
    /// the locks are released.
    pub fn flush(&mut self) -> u64 {
        let (db, now_ms) = (self.db, self.now_ms);
        let mut removed = 0;
        let engine = self.engine;
        for shard in self.shards.iter_mut() {
            let old = shard.take_db(db);
            removed += old.table.len() as u64;
            if let Some(watches) = shard.watches.get_mut(db) {
                watches.touch_all(|key| old.presence(engine.hash(key), key, now_ms), |_| Presence::Missing);
            }
            match &mut shard.snapshot {
                Some(snapshot) if old.snapshot.is_some() => snapshot.detach(old),
                _ if old.table.len() > 0 => self.effects.garbage.push(Garbage::db(old)),
                _ => {}
            }
        }
        removed
    }

    /// Exchanges the keys of two databases. O(shards + watched and waited-for keys).
    pub fn swap(&mut self, a: usize, b: usize) {
        let (engine, now_ms) = (self.engine, self.now_ms);
        let mut waited = Vec::new();
        for shard in self.shards.iter_mut() {
            shard.db_mut(a.max(b));
            shard.dbs.swap(a, b);
            let Shard { dbs, watches, waits, .. } = shard;
            for (db, other) in [(a, b), (b, a)] {
                let presence = |number: usize, key: &[u8]| {
                    dbs.get(number).map_or(Presence::Missing, |db| db.presence(engine.hash(key), key, now_ms))
                };
                if let Some(watches) = watches.get_mut(db) {
                    // What this database had is in the other one by now.
                    watches.touch_all(|key| presence(other, key), |key| presence(db, key));
                }
                waited.extend(
                    waits.get(db).into_iter().flat_map(WaitQueues::keys).map(|key| (db, Box::from(key))),
                );
            }
        }
        // Clients blocked on keys that the exchange brought in can be served now.
        self.effects.ready.extend(waited);
    }

    /// Removes entries of the locked shards whose time is over, at most `limit`, in every database; returns how many.
    /// O(log n) each: live entries are not looked at.
    pub fn expire_due(&mut self, limit: usize) -> usize {
        let selected = self.db;
        let mut due = Vec::new();
        for shard in self.shards.iter() {
            for (number, db) in shard.dbs.iter().enumerate() {
                for &(expire_ms, hash) in &db.expires {
                    if expire_ms >= self.now_ms || due.len() >= limit {
                        break;
                    }
                    due.push((number, expire_ms, hash));
                }
            }
        }
        for &(number, expire_ms, hash) in &due {
            self.db = number;
            let found = self
                .shard(hash)
                .dbs
                .get(number)
                .and_then(|db| db.table.find(hash, |entry| entry.expire_ms == expire_ms));
            if let Some(index) = found {
                self.expire(hash, index);
            }
        }
        self.db = selected;
        due.len()
    }

    /// Asserts what must hold of the locked shards between commands: tables are sound, every key lies in its shard, the
    /// expiring keys are exactly those with an expiry, no collection is empty. For tests and debugging. O(n).
    ///
    /// # Panics
    ///
    /// When something does not hold.
    pub fn check(&self) {
        for (number, shard) in self.shards.numbered() {
            for db in &shard.dbs {
                db.table.check();
                let mut expiring = BTreeSet::new();
                for entry in db.table.iter() {
                    let hash = self.engine.hash(&entry.key);
                    assert_eq!(self.engine.shard_of_hash(hash), number, "a key lies in its shard");
                    assert!(entry.value.elements() > 0, "an emptied collection is removed with its key");
                    entry.value.check();
                    if let Some(expire_ms) = entry.expiry() {
                        expiring.insert((expire_ms, hash));
                    }
                }
                assert_eq!(expiring, db.expires, "expiring keys are those with an expiry");
            }
        }
    }

    // ---- watching and waiting ----

    /// Registers `flag` to be touched when `key` changes; false when it is registered already.
    pub fn watch(&mut self, key: &[u8], flag: &Arc<WatchFlag>) -> bool {
        let db = self.db;
        let (hash, now_ms) = (self.engine.hash(key), self.now_ms);
        let shard = self.shard(hash);
        let was_expired = shard
            .find(db, hash, key)
            .and_then(|index| shard.entry(db, index))
            .is_some_and(|entry| entry.is_expired(now_ms));
        shard.db_mut(db);
        shard.watches.get_mut(db).is_some_and(|watches| watches.add(key, flag, was_expired))
    }

    /// Undoes [`watch`](Self::watch). A watched key that has expired since counts as changed.
    pub fn unwatch(&mut self, key: &[u8], flag: &Arc<WatchFlag>) {
        let db = self.db;
        if let Some(watches) = self.shard(self.engine.hash(key)).watches.get_mut(db) {
            watches.remove(key, flag);
        }
    }

    /// Queues a blocked client under `key`.
    pub fn wait(&mut self, key: &[u8], waiter: &Arc<Waiter>) {
        let db = self.db;
        let shard = self.shard(self.engine.hash(key));
        shard.db_mut(db);
        if let Some(waits) = shard.waits.get_mut(db) {
            waits.push(key, waiter);
            shard.wait_needs = shard.wait_needs.union(waiter.shards);
        }
    }

    /// Undoes [`wait`](Self::wait).
    pub fn stop_waiting(&mut self, key: &[u8], waiter: &Arc<Waiter>) {
        let db = self.db;
        let shard = self.shard(self.engine.hash(key));
        if let Some(waits) = shard.waits.get_mut(db) {
            waits.remove(key, waiter);
        }
        if shard.waits.iter().all(WaitQueues::is_empty) {
            shard.wait_needs = ShardSet::EMPTY;
        }
    }

    /// The client in this place of the queue of those blocked on `key`, 0 being the one that came first. O(1).
    pub fn waiter(&mut self, key: &[u8], place: usize) -> Option<Arc<Waiter>> {
        let db = self.db;
        self.shard(self.engine.hash(key)).waits.get(db)?.get(key, place)
    }

    /// Keys that have watchers in any database of the locked shards (for INFO).
    pub fn watched_keys(&self) -> usize {
        self.shards.iter().flat_map(|shard| &shard.watches).map(|watches| watches.keys().count()).sum()
    }
}
