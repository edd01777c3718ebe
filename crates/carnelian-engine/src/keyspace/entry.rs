//! One key, looked up once.

use super::{Keyspace, Taken};
use crate::effects::EventClass;
use crate::shard::{NEVER, Shard};
use crate::string::StringValue;
use crate::value::Value;

/// What storing a value does to the expiry of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// An entry that exists keeps its expiry.
    Keep,
    /// The key never expires.
    Never,
    /// The key expires at this moment, in milliseconds since 1970.
    At(u64),
}

/// A key and its place in the keyspace: what a command does with the key needs no second look-up. From
/// [`Keyspace::entry`].
///
/// Looking up the entry leaves no trace but the removal of an expired one, as Redis' look-ups for writing do.
pub struct KeyEntry<'k, 'e> {
    keys: &'k mut Keyspace<'e>,
    key: &'k [u8],
    hash: u64,
    index: Option<usize>,
}

impl<'e> Keyspace<'e> {
    /// Looks `key` up, for whatever follows. O(1).
    #[inline]
    pub fn entry<'k>(&'k mut self, key: &'k [u8]) -> KeyEntry<'k, 'e> {
        let hash = self.engine.hash(key);
        let index = self.find(hash, key);
        KeyEntry { keys: self, key, hash, index }
    }
}

impl KeyEntry<'_, '_> {
    #[inline]
    fn shard(&mut self) -> &mut Shard {
        self.keys.shard(self.hash)
    }

    /// Whether the key exists.
    #[inline]
    pub fn exists(&self) -> bool {
        self.index.is_some()
    }

    /// The value, without any trace of reading it.
    #[inline]
    pub fn value(&mut self) -> Option<&Value> {
        let (db, index) = (self.keys.db, self.index?);
        self.shard().entry(db, index).map(|entry| &entry.value)
    }

    /// The value, for changing it in place.
    #[inline]
    pub fn value_mut(&mut self) -> Option<&mut Value> {
        let index = self.index?;
        self.keys.write_at(self.hash, index)
    }

    /// When the key expires, in milliseconds since 1970.
    pub fn expiry(&mut self) -> Option<u64> {
        let (db, index) = (self.keys.db, self.index?);
        self.shard().entry(db, index)?.expiry()
    }

    /// Counts a look-up for reading: a hit, or a miss with its event.
    #[inline]
    pub fn count_read(&mut self) {
        self.keys.count_read(self.key, self.exists());
    }

    /// Stores a value. O(1), O(log n) in the number of expiring keys when the expiry changes.
    pub fn store(&mut self, value: Value, expiry: Expiry) {
        match self.index {
            Some(index) => {
                self.keys.overwrite(self.hash, index, value);
                self.apply(expiry);
            }
            None => self.add(value, expiry),
        }
    }

    /// Stores a string in its canonical encoding; the memory of a string that was there is used again if it fits. O(n).
    #[inline]
    pub fn store_string(&mut self, bytes: &[u8], expiry: Expiry) {
        match self.value_mut() {
            Some(Value::String(string)) => {
                string.assign(bytes);
                self.apply(expiry);
            }
            Some(_) => self.store(Value::from_bytes(bytes), expiry),
            None => self.add(StringValue::new(bytes).into(), expiry),
        }
    }

    fn add(&mut self, value: Value, expiry: Expiry) {
        let expire_ms = match expiry {
            Expiry::At(expire_ms) => expire_ms,
            Expiry::Keep | Expiry::Never => NEVER,
        };
        self.index = Some(self.keys.add(self.hash, self.key, value, expire_ms));
    }

    #[inline]
    fn apply(&mut self, expiry: Expiry) {
        let expire_ms = match expiry {
            Expiry::Keep => return,
            Expiry::Never => NEVER,
            Expiry::At(expire_ms) => expire_ms,
        };
        let (db, hash, Some(index)) = (self.keys.db, self.hash, self.index) else { return };
        let shard = self.shard();
        if shard.entry(db, index).is_some_and(|entry| entry.expire_ms != expire_ms) {
            shard.set_expiry(db, hash, index, expire_ms);
        }
    }

    /// Sets or clears the expiry. Nothing to do when the key does not exist. O(log n) in the number of expiring keys.
    pub fn set_expiry(&mut self, expiry: Expiry) {
        self.apply(expiry);
    }

    /// Takes the key out of the keyspace. O(1).
    pub fn take(&mut self) -> Option<Taken> {
        let (db, hash, index) = (self.keys.db, self.hash, self.index.take()?);
        let entry = self.shard().remove(db, hash, index)?;
        let expire_ms = entry.expiry();
        Some(Taken { value: entry.value, expire_ms })
    }

    /// Removes the key; true when it existed. O(1): large values are freed after the locks are released.
    pub fn remove(&mut self) -> bool {
        let Some(taken) = self.take() else { return false };
        self.keys.discard(taken.value);
        true
    }

    /// Announces a change of the key and counts it, see [`Keyspace::changed`].
    #[inline]
    pub fn changed(&mut self, class: EventClass, event: &'static str) {
        let shard = self.keys.engine.shard_of_hash(self.hash);
        self.keys.touched_in(shard, self.key);
        self.keys.event(class, event, self.key);
        self.keys.effects.dirty += 1;
    }

    /// Records a further event of a change that [`changed`](Self::changed) has announced.
    #[inline]
    pub fn event(&mut self, class: EventClass, event: &'static str) {
        self.keys.event(class, event, self.key);
    }
}
