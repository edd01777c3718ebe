//! The keys of locked shards, as commands see them.

use crate::access::AccessClock;
use crate::db::{Db, Due, Spot};
use crate::effects::{Effects, EventClass, Garbage, KeyEvent, Removal};
use crate::engine::{Engine, KeyHash, ShardSet, Shards};
use crate::entry::{Header, NEVER, Payload, fits_slot};
use crate::lock::Seat;
use crate::objects::Object;
use crate::rng::Rng;
use crate::settings::Settings;
use crate::shard::Shard;
use crate::value::{Collection, Value, ValueRef};
use crate::wait::{WaitQueues, Waiter};
use crate::watch::{Presence, WatchFlag};
use carnelian_encoding::listpack::Element;
use std::sync::Arc;

mod edit;
mod entry;
mod gone;
mod read;

pub use edit::{Edit, TextEdit, WrongType};
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

/// What looking at a shard without its lock has shown of a key.
#[derive(Clone, Copy)]
struct Glimpse {
    /// Where it is, if anywhere.
    spot: Option<Spot>,
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
    /// Address, length and hash of a key that has been hashed already.
    known: (usize, usize, u64),
    /// What is known of that key while its shard is looked at without its lock.
    glimpse: Option<Glimpse>,
}

impl<'e> Keyspace<'e> {
    #[inline(always)]
    pub(crate) fn new(engine: &'e Engine, shards: Shards<'e>, db: usize, now_ms: u64) -> Self {
        Self {
            engine,
            shards,
            db,
            now_ms,
            no_touch: false,
            effects: Effects::default(),
            known: (0, 0, 0),
            glimpse: None,
        }
    }

    /// Turns to the shard of one key, of this hash, in a database; false, with nothing locked, when another thread holds it.
    /// A shard that is locked already stays so.
    ///
    /// The key is not hashed again as long as it is looked up from the place where it is now, which must keep it.
    #[inline]
    pub fn enter(&mut self, key: &[u8], hash: KeyHash, db: usize) -> bool {
        let number = self.turn_to(key, hash, db);
        if self.shards.turn_to(number) {
            return true;
        }
        // Nothing is locked by who holds a lock.
        self.shards.release();
        self.engine.try_lock_into(number, &mut self.shards)
    }

    /// As [`enter`](Self::enter), for a thread that is alone: other shards that are locked stay so.
    #[inline(always)]
    pub fn enter_keeping(&mut self, key: &[u8], hash: KeyHash, db: usize) -> bool {
        let number = self.turn_to(key, hash, db);
        self.shards.turn_to(number) || self.engine.try_lock_into(number, &mut self.shards)
    }

    /// Whether the shard of this key is locked.
    #[inline]
    pub fn has_locked(&mut self, key: KeyHash) -> bool {
        self.shards.single(self.engine.shard_of_key(key)).is_some()
    }

    #[inline]
    fn turn_to(&mut self, key: &[u8], hash: KeyHash, db: usize) -> usize {
        debug_assert_eq!(hash, self.engine.key_hash(key));
        self.db = db;
        self.known = (key.as_ptr().addr(), key.len(), hash.0);
        self.glimpse = None;
        self.engine.shard_of_key(hash)
    }

    /// As [`enter`](Self::enter), for looking at this key and nothing else, without locking its shard. False, with nothing
    /// locked, when it has to be locked: because others change the shard just now or have done so of late, or because reading
    /// would change something, such as when the key was last used.
    #[inline]
    pub fn enter_to_read(&mut self, key: &[u8], hash: KeyHash, db: usize, seat: &'e Seat) -> bool {
        let number = self.turn_to(key, hash, db);
        // Nothing is locked by who reads in this way.
        self.shards.release();
        let Some(shard) = self.engine.lock_of(number).and_then(|lock| lock.read(seat)) else { return false };
        let settings = self.engine.settings();
        let found = shard.dbs.get(db).and_then(|db| db.find_entry(hash.0, key).map(|found| (db, found)));
        let unchanged = match found {
            None => settings.notify_events() & EventClass::KEY_MISS.bit() == 0,
            Some((db, (spot, header))) => {
                !settings.track_frequency()
                    && (settings.track_changes() || header.clock() == AccessClock::new(settings, self.now_ms))
                    && !(header.expires() && db.entry(spot).is_expired(self.now_ms))
            }
        };
        if unchanged {
            self.glimpse = Some(Glimpse { spot: found.map(|(_, (spot, _))| spot) });
            self.shards.look_at(number, shard);
        }
        unchanged
    }

    /// Unlocks whatever is locked or looked at.
    #[inline]
    pub fn leave(&mut self) {
        self.glimpse = None;
        self.shards.release();
    }

    #[inline]
    fn hash(&self, key: &[u8]) -> u64 {
        let (address, len, hash) = self.known;
        // An empty key may lie anywhere.
        if address == key.as_ptr().addr() && len == key.len() && len > 0 {
            hash
        } else {
            self.engine.hash(key)
        }
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
    fn find(&mut self, hash: u64, key: &[u8]) -> Option<Spot> {
        if let Some(glimpse) = self.glimpse {
            debug_assert_eq!(hash, self.known.2, "only this key is looked at");
            return glimpse.spot;
        }
        let db = self.db;
        let (spot, header) = self.shard(hash).dbs.get(db)?.find_entry(hash, key)?;
        if header.expires() && self.is_over(hash, spot) {
            return None;
        }
        Some(spot)
    }

    /// Removes an entry that expires if its time is over.
    #[inline(never)]
    fn is_over(&mut self, hash: u64, spot: Spot) -> bool {
        let (number, now_ms) = (self.db, self.now_ms);
        let over = self.shard(hash).dbs.get(number).is_some_and(|db| db.entry(spot).is_expired(now_ms));
        let over = over && !self.engine.settings().loading();
        if over {
            self.remove_gone(hash, spot, Removal::Expired);
        }
        over
    }

    fn discard(&mut self, removed: Option<Object>, removal: Removal) {
        if let Some(object) = removed
            && object.is_slow_to_free()
        {
            let lazily = removal.is_lazy(self.settings());
            self.effects.discard(Garbage::object(object), lazily);
        }
    }

    /// Notes a use of the entry.
    #[inline]
    fn touch(&mut self, hash: u64, spot: Spot) {
        let (number, now_ms, settings) = (self.db, self.now_ms, self.engine.settings());
        let Shard { dbs, rng, .. } = self.shard(hash);
        if let Some(db) = dbs.get_mut(number) {
            db.move_clock(spot, |clock| clock.touched(settings, now_ms, rng));
        }
    }

    #[inline]
    fn count_read(&mut self, key: &[u8], found: bool) {
        if found {
            self.effects.hits += 1;
        } else {
            self.count_miss(key);
        }
    }

    #[cold]
    fn count_miss(&mut self, key: &[u8]) {
        self.effects.misses += 1;
        self.event(EventClass::KEY_MISS, "keymiss", key);
    }

    /// The value at `key`, without any trace of reading it. An expired entry counts as none, but stays. O(1).
    ///
    /// This borrows the keyspace shared, so that a command can hold the values of several keys at once, after it has
    /// looked each of them up with [`read`](Self::read).
    pub fn view(&self, key: &[u8]) -> Option<ValueRef<'_>> {
        let hash = self.hash(key);
        let db = self.shards.get(self.engine.shard_of_hash(hash)).dbs.get(self.db)?;
        let entry = db.entry(db.find(hash, key)?);
        let gone = entry.is_expired(self.now_ms) && !self.engine.settings().loading();
        (!gone).then(|| entry.value())
    }

    /// Whether `key` exists. O(1).
    pub fn exists(&mut self, key: &[u8]) -> bool {
        self.read_with(key, Lookup::NoTouch).is_some()
    }

    /// Notes a use of the entry, and makes ready for a change: what a running snapshot still needs of it is saved.
    #[inline]
    fn begin_change(&mut self, hash: u64, spot: Spot) -> &mut Db {
        let (number, now_ms, settings, touches) =
            (self.db, self.now_ms, self.engine.settings(), !self.no_touch);
        let shard = self.shard(hash);
        let Shard { dbs, rng, .. } = shard;
        if let Some(db) = dbs.get_mut(number).filter(|_| touches) {
            db.move_clock(spot, |clock| clock.touched(settings, now_ms, rng));
        }
        shard.change(number, spot)
    }

    /// The collection in a spot, for changing it; `back` learns where its entry is afterwards.
    #[inline]
    fn edit_at<'k, T: Collection>(
        &'k mut self,
        hash: u64,
        spot: Spot,
        back: Option<&'k mut Option<Spot>>,
    ) -> Result<Edit<'k, T>, WrongType> {
        let (number, now_ms, settings, touches) =
            (self.db, self.now_ms, self.engine.settings(), !self.no_touch);
        let shard = self.shard(hash);
        shard.prepare_change(number, spot);
        let Shard { dbs, rng, .. } = shard;
        // Where there is a spot there is a database.
        let db = dbs.get_mut(number).ok_or(WrongType)?;
        let clock = |clock: AccessClock| if touches { clock.touched(settings, now_ms, rng) } else { clock };
        Edit::new(db, spot, clock, back, now_ms)
    }

    /// A collection under a key that is not there yet; `back` learns where its entry is afterwards.
    fn edit_new<'k, T: Collection>(
        &'k mut self,
        hash: u64,
        key: &[u8],
        value: T,
        mut back: Option<&'k mut Option<Spot>>,
    ) -> Edit<'k, T> {
        // What is large from the beginning gets an entry that is overwritten once it has elements.
        let payload = Payload::of_small(key.len(), value.look()).unwrap_or(Payload::Edited(&[]));
        let spot = self.add(hash, key, payload, NEVER);
        if let Some(back) = &mut back {
            **back = Some(spot);
        }
        let (number, now_ms) = (self.db, self.now_ms);
        Edit::of_new(value, self.shard(hash).db_mut(number), spot, back, now_ms)
    }

    /// The collection at `key`, for reading. O(1).
    #[inline]
    pub fn get<T: Collection>(&mut self, key: &[u8]) -> Result<Option<T::Look<'_>>, WrongType> {
        self.read(key).map(|value| T::read(value).ok_or(WrongType)).transpose()
    }

    /// The collection at `key`, for changing it. O(1).
    #[inline]
    pub fn edit<T: Collection>(&mut self, key: &[u8]) -> Result<Option<Edit<'_, T>>, WrongType> {
        let hash = self.hash(key);
        self.find(hash, key).map(|spot| self.edit_at(hash, spot, None)).transpose()
    }

    /// The collection at `key`, for changing it; what `create` makes when there is no key. O(1).
    #[inline]
    pub fn edit_or_insert<'k, T: Collection>(
        &'k mut self,
        key: &'k [u8],
        create: impl FnOnce() -> T,
    ) -> Result<Edit<'k, T>, WrongType> {
        let hash = self.hash(key);
        match self.find(hash, key) {
            Some(spot) => self.edit_at(hash, spot, None),
            None => Ok(self.edit_new(hash, key, create(), None)),
        }
    }

    fn due(&self, expire_ms: u64) -> Due {
        Due { expire_ms, now_ms: self.now_ms }
    }

    /// Adds an entry whose key is not there yet.
    fn add(&mut self, hash: u64, key: &[u8], payload: Payload<'_>, expire_ms: u64) -> Spot {
        let clock = AccessClock::new(self.engine.settings(), self.now_ms);
        let (db, expiry) = (self.db, self.due(expire_ms));
        let spot = self.shard(hash).insert(db, hash, key, payload, expiry, clock);
        self.event(EventClass::NEW, "new", key);
        spot
    }

    /// Replaces the value of an entry, and its expiry unless that is `None`.
    #[inline]
    fn overwrite(&mut self, hash: u64, spot: &mut Spot, payload: Payload<'_>, expire_ms: Option<u64>) {
        let (number, now_ms, settings) = (self.db, self.now_ms, self.engine.settings());
        let shard = self.shard(hash);
        shard.change(number, *spot);
        let Shard { dbs, rng, .. } = shard;
        let Some(db) = dbs.get_mut(number) else { return };
        let entry = db.entry(*spot);
        let clock = entry.header.clock().touched(settings, now_ms, rng);
        let expire_ms = expire_ms.unwrap_or_else(|| entry.expire_ms());
        let removed = db.overwrite(spot, payload, Due { expire_ms, now_ms }, clock);
        self.discard(removed, Removal::Replaced);
    }

    /// Replaces a value by one that lies as the old one does, which most overwriting is; false, and nothing has changed,
    /// when that is not so.
    #[inline]
    fn rewrite(&mut self, hash: u64, spot: Spot, write: impl FnOnce(Header, &mut [u8]) -> bool) -> bool {
        let (number, now_ms, settings) = (self.db, self.now_ms, self.engine.settings());
        let Shard { dbs, rng, snapshot: None, .. } = self.shard(hash) else { return false };
        dbs.get_mut(number).is_some_and(|db| db.rewrite(spot, settings, now_ms, rng, write))
    }

    /// Stores a payload in the entry, or in a new one. The expiry stays when it is `None`.
    #[inline]
    fn put(
        &mut self,
        hash: u64,
        key: &[u8],
        spot: Option<Spot>,
        payload: Payload<'_>,
        expire_ms: Option<u64>,
    ) -> Spot {
        match spot {
            Some(mut spot) => {
                self.overwrite(hash, &mut spot, payload, expire_ms);
                spot
            }
            None => self.add(hash, key, payload, expire_ms.unwrap_or(NEVER)),
        }
    }

    fn put_value(
        &mut self,
        hash: u64,
        key: &[u8],
        spot: Option<Spot>,
        value: Value,
        expire_ms: Option<u64>,
    ) -> Spot {
        if let Some(small) = Payload::of_small(key.len(), value.view()) {
            return self.put(hash, key, spot, small, expire_ms);
        }
        let object = match value {
            Value::String(string) => {
                let payload = match string.view().get() {
                    Element::Str(text) if !fits_slot(key.len(), text.len()) => {
                        Payload::Object(Object::Text(string.into_blob()))
                    }
                    Element::Str(text) if string.is_edited() => Payload::Edited(text),
                    Element::Str(text) => Payload::Text(text),
                    Element::Int(value) => Payload::Int(value),
                };
                return self.put(hash, key, spot, payload, expire_ms);
            }
            Value::List(list) => Object::List(list),
            Value::Set(set) => Object::Set(set),
            Value::Hash(fields) => Object::Hash(fields),
        };
        self.put(hash, key, spot, Payload::Object(object), expire_ms)
    }

    /// Stores a value under `key`, replacing what was there together with its expiry. O(1).
    pub fn insert(&mut self, key: &[u8], value: Value) {
        self.insert_with(key, value, None);
    }

    /// Stores a value under `key` with an expiry (milliseconds since 1970), replacing what was there. O(1).
    pub fn insert_with(&mut self, key: &[u8], value: Value, expire_ms: Option<u64>) {
        self.entry(key).store(value, expire_ms.map_or(Expiry::Never, Expiry::At));
    }

    /// Stores a value under a key that must not exist yet; false when it does, and nothing has changed. O(1).
    pub fn insert_new(&mut self, key: &[u8], value: Value, expire_ms: Option<u64>) -> bool {
        let mut entry = self.entry(key);
        let free = !entry.exists();
        if free {
            entry.store(value, expire_ms.map_or(Expiry::Never, Expiry::At));
        }
        free
    }

    /// Stores a value under `key`; an entry that exists keeps its expiry. O(1).
    pub fn insert_keep_expiry(&mut self, key: &[u8], value: Value) {
        self.entry(key).store(value, Expiry::Keep);
    }

    /// Removes `key` as a side effect; true when it existed. O(1): large values are freed after the locks are released.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        self.remove_for(key, Removal::Replaced)
    }

    /// Removes `key` for this reason; true when it existed. O(1): large values are freed after the locks are released.
    pub fn remove_for(&mut self, key: &[u8], removal: Removal) -> bool {
        self.entry(key).remove_for(removal)
    }

    /// Takes `key` out of the keyspace. O(1), O(n) for a string.
    pub fn take(&mut self, key: &[u8]) -> Option<Taken> {
        self.entry(key).take()
    }

    /// When `key` expires, in milliseconds since 1970; `None` when it never does or does not exist. O(1).
    pub fn expiry(&mut self, key: &[u8]) -> Option<u64> {
        let hash = self.hash(key);
        let spot = self.find(hash, key)?;
        self.shards.get(self.engine.shard_of_hash(hash)).dbs.get(self.db)?.entry(spot).expiry()
    }

    /// Sets or clears the expiry of `key`; false when it does not exist. O(1).
    pub fn set_expiry(&mut self, key: &[u8], expire_ms: Option<u64>) -> bool {
        let mut entry = self.entry(key);
        entry.set_expiry(expire_ms.map_or(Expiry::Never, Expiry::At));
        entry.exists()
    }

    /// When or how often `key` was used. O(1).
    pub fn access_clock(&mut self, key: &[u8]) -> Option<AccessClock> {
        let hash = self.hash(key);
        let spot = self.find(hash, key)?;
        let db = self.db;
        Some(self.shard(hash).dbs.get(db)?.entry(spot).header.clock())
    }

    /// Sets when or how often `key` was used, as a snapshot file or RESTORE says.
    pub fn set_access_clock(&mut self, key: &[u8], access: AccessClock) {
        let hash = self.hash(key);
        if let Some(spot) = self.find(hash, key) {
            let db = self.db;
            self.shard(hash).db_mut(db).move_clock(spot, |_| access);
        }
    }

    /// Bytes that `key` takes, its elements included. O(1), O(nodes) for a list.
    pub fn memory_usage(&mut self, key: &[u8]) -> Option<usize> {
        let hash = self.hash(key);
        let spot = self.find(hash, key)?;
        let db = self.db;
        Some(self.shard(hash).dbs.get(db)?.entry_bytes(spot))
    }

    /// Records an event if somebody wants its class.
    #[inline]
    pub fn event(&mut self, class: EventClass, name: &'static str, key: &[u8]) {
        if self.engine.settings().notify_events() & class.bit() != 0 {
            self.effects.rare().events.push(KeyEvent { class, name, db: self.db, key: key.into() });
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
        self.touched_in(self.engine.shard_of_hash(self.hash(key)), key);
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
        if shard.waits.get(db).is_some_and(|waits| waits.contains(key)) {
            let ready = &mut self.effects.rare().ready;
            if !ready.iter().any(|(other, ready)| *other == db && **ready == *key) {
                ready.push((db, key.into()));
            }
        }
    }

    /// A generator for commands that pick at random.
    pub fn rng(&mut self) -> Rng {
        // Taken from the first locked shard, so that a run replays from the engine's seed.
        let seed = self.shards.leading_mut().map_or(0, |shard| shard.rng.next_u64());
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
        self.shards.iter().filter_map(|shard| shard.dbs.get(db)).map(Db::len).sum()
    }

    /// Number of keys with an expiry in database `db`.
    pub fn db_expires(&self, db: usize) -> usize {
        self.shards.iter().filter_map(|shard| shard.dbs.get(db)).map(Db::expiring).sum()
    }

    /// Bytes that the keys of database `db` take besides their entries: index, tables, and reserved memory.
    pub fn db_overhead_bytes(&self, db: usize) -> usize {
        self.shards.iter().filter_map(|shard| shard.dbs.get(db)).map(Db::overhead_bytes).sum()
    }

    /// Mean time to live, in milliseconds, of a sample of the expiring keys in database `db`; 0 without any.
    pub fn db_average_ttl_ms(&self, db: usize) -> u64 {
        /// Pairs of buckets of each shard that are looked at.
        const PAIRS: usize = 4;
        let (mut sum, mut count) = (0u64, 0u64);
        for db in self.shards.iter().filter_map(|shard| shard.dbs.get(db)).filter(|db| db.expiring() > 0) {
            for at in (0..db.pairs().min(PAIRS)).flat_map(|pair| db.pair(pair)) {
                if let Some(expire_ms) = db.at(at).expiry() {
                    sum += expire_ms.saturating_sub(self.now_ms);
                    count += 1;
                }
            }
        }
        sum.checked_div(count).unwrap_or(0)
    }

    /// Visits every live key of the selected database. O(n).
    pub fn for_each(&self, mut visit: impl FnMut(&[u8], ValueRef<'_>, Option<u64>)) {
        for shard in self.shards.iter() {
            for entry in shard.dbs.get(self.db).into_iter().flat_map(Db::iter) {
                if !entry.is_expired(self.now_ms) {
                    visit(entry.key(), entry.value(), entry.expiry());
                }
            }
        }
    }

    /// Visits about `count` keys from `cursor` on and returns the cursor to go on from, 0 at the end. A key that exists
    /// from the first call of an iteration to its last is visited at least once.
    pub fn scan(&mut self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], ValueRef<'_>)) -> u64 {
        let shard_count = self.engine.shard_count() as u64;
        let mut position = cursor % shard_count;
        let mut inner = cursor / shard_count;
        // Empty buckets cost time too: ten times the count bounds the work, as in Redis.
        let mut budget = count.saturating_mul(10);
        let (db, now_ms) = (self.db, self.now_ms);
        let mut seen = 0;
        let mut expired = Vec::new();
        while position < shard_count {
            if let Some(db) = self.shards.nth(position as usize).and_then(|shard| shard.dbs.get(db)) {
                loop {
                    inner = db.scan(inner, |entry| {
                        seen += 1;
                        if entry.is_expired(now_ms) {
                            expired.push(Box::<[u8]>::from(entry.key()));
                        } else {
                            visit(entry.key(), entry.value());
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
                if index < db.len() {
                    found = db.random(&mut rng).map(|entry| Box::from(entry.key()));
                    break;
                }
                index -= db.len();
            }
            let key = found?;
            // Looking it up removes it if its time is over; then another one is drawn.
            if self.read_with(&key, Lookup::Silent).is_some() {
                return Some(key);
            }
        }
    }

    /// Removes every key of the selected database and returns how many there were. O(shards); the memory is freed after
    /// the locks are released, in the background if that is to be done `lazily`.
    pub fn flush(&mut self, lazily: bool) -> u64 {
        let (db, now_ms) = (self.db, self.now_ms);
        let mut removed = 0;
        let engine = self.engine;
        for shard in self.shards.iter_mut() {
            let old = shard.take_db(db);
            removed += old.len() as u64;
            if let Some(watches) = shard.watches.get_mut(db) {
                watches.touch_all(|key| old.presence(engine.hash(key), key, now_ms), |_| Presence::Missing);
            }
            match &mut shard.snapshot {
                Some(snapshot) if old.snapshot.is_some() => snapshot.detach(old),
                _ if old.len() > 0 => self.effects.discard(Garbage::db(old), lazily),
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
        self.effects.rare().ready.extend(waited);
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
                db.check(|hash, entry| {
                    assert_eq!(hash, self.engine.hash(entry.key()));
                    assert_eq!(self.engine.shard_of_hash(hash), number, "a key lies in its shard");
                    assert!(entry.value().elements() > 0, "an emptied collection is removed with its key");
                    entry.value().check();
                });
            }
        }
    }

    // ---- watching and waiting ----

    /// Registers `flag` to be touched when `key` changes; false when it is registered already.
    pub fn watch(&mut self, key: &[u8], flag: &Arc<WatchFlag>) -> bool {
        let db = self.db;
        let (hash, now_ms) = (self.hash(key), self.now_ms);
        let shard = self.shard(hash);
        let was_expired = shard
            .dbs
            .get(db)
            .is_some_and(|db| db.find(hash, key).is_some_and(|spot| db.entry(spot).is_expired(now_ms)));
        shard.db_mut(db);
        shard.watches.get_mut(db).is_some_and(|watches| watches.add(key, flag, was_expired))
    }

    /// Undoes [`watch`](Self::watch). A watched key that has expired since counts as changed.
    pub fn unwatch(&mut self, key: &[u8], flag: &Arc<WatchFlag>) {
        let db = self.db;
        if let Some(watches) = self.shard(self.hash(key)).watches.get_mut(db) {
            watches.remove(key, flag);
        }
    }

    /// Queues a blocked client under `key`.
    pub fn wait(&mut self, key: &[u8], waiter: &Arc<Waiter>) {
        let db = self.db;
        let shard = self.shard(self.hash(key));
        shard.db_mut(db);
        if let Some(waits) = shard.waits.get_mut(db) {
            waits.push(key, waiter);
            shard.wait_needs = shard.wait_needs.union(waiter.shards);
        }
    }

    /// Undoes [`wait`](Self::wait).
    pub fn stop_waiting(&mut self, key: &[u8], waiter: &Arc<Waiter>) {
        let db = self.db;
        let shard = self.shard(self.hash(key));
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
        self.shard(self.hash(key)).waits.get(db)?.get(key, place)
    }

    /// Keys that have watchers in any database of the locked shards (for INFO).
    pub fn watched_keys(&self) -> usize {
        self.shards.iter().flat_map(|shard| &shard.watches).map(|watches| watches.keys().count()).sum()
    }
}
