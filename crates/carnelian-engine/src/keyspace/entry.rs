//! One key, looked up once.

use super::{Edit, Keyspace, Taken, TextEdit, WrongType};
use crate::db::{Due, Spot};
use crate::effects::{EventClass, Removal};
use crate::entry::{NEVER, Payload};
use crate::shard::Shard;
use crate::value::{Collection, Value, ValueRef};

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

impl Expiry {
    /// The expiry to set, if it does not stay.
    fn expire_ms(self) -> Option<u64> {
        match self {
            Self::Keep => None,
            Self::Never => Some(NEVER),
            Self::At(expire_ms) => Some(expire_ms),
        }
    }
}

/// A key and its place in the keyspace: what a command does with the key needs no second look-up. From
/// [`Keyspace::entry`].
///
/// Looking up the entry leaves no trace but the removal of an expired one, as Redis' look-ups for writing do.
pub struct KeyEntry<'k, 'e> {
    keys: &'k mut Keyspace<'e>,
    key: &'k [u8],
    hash: u64,
    spot: Option<Spot>,
}

impl<'e> Keyspace<'e> {
    /// Looks `key` up, for whatever follows. O(1).
    #[inline]
    pub fn entry<'k>(&'k mut self, key: &'k [u8]) -> KeyEntry<'k, 'e> {
        let hash = self.hash(key);
        let spot = self.find(hash, key);
        KeyEntry { keys: self, key, hash, spot }
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
        self.spot.is_some()
    }

    /// The value, without any trace of reading it.
    #[inline]
    pub fn value(&mut self) -> Option<ValueRef<'_>> {
        let (db, spot) = (self.keys.db, self.spot?);
        self.shard().dbs.get(db).map(|db| db.entry(spot).value())
    }

    /// Notes a use of the key by a command that could have changed it. Under a policy that counts changes it is none.
    pub fn used(&mut self) {
        if let Some(spot) = self.spot
            && !self.keys.no_touch
            && !self.keys.settings().track_changes()
        {
            self.keys.touch(self.hash, spot);
        }
    }

    /// Notes a use of the key and makes ready for a change.
    pub fn touch(&mut self) {
        if let Some(spot) = self.spot {
            self.keys.begin_change(self.hash, spot);
        }
    }

    /// The collection, for changing it; `None` when there is no key.
    #[inline]
    pub fn edit<T: Collection>(&mut self) -> Result<Option<Edit<'_, T>>, WrongType> {
        match self.spot {
            Some(spot) => self.keys.edit_at(self.hash, spot, Some(&mut self.spot)).map(Some),
            None => Ok(None),
        }
    }

    /// The collection, for changing it; what `create` makes when there is no key.
    #[inline]
    pub fn edit_or_insert<T: Collection>(
        &mut self,
        create: impl FnOnce() -> T,
    ) -> Result<Edit<'_, T>, WrongType> {
        match self.spot {
            Some(spot) => self.keys.edit_at(self.hash, spot, Some(&mut self.spot)),
            None => Ok(self.keys.edit_new(self.hash, self.key, create(), Some(&mut self.spot))),
        }
    }

    /// The bytes of the string, for editing them; empty ones when there is no key. The value is `raw` from then on. O(n)
    /// for a string of up to a kilobyte, O(1) for a larger one unless [somebody keeps it](crate::Content::Blob).
    pub fn edit_text(&mut self) -> Result<TextEdit<'_>, WrongType> {
        match self.value() {
            None => self.store_payload(Payload::Edited(&[]), Expiry::Never),
            Some(ValueRef::String(_)) => {}
            Some(_) => {
                self.used();
                return Err(WrongType);
            }
        }
        let Some(spot) = self.spot else { return Err(WrongType) };
        self.keys.begin_change(self.hash, spot);
        let (db, now_ms) = (self.keys.db, self.keys.now_ms);
        let shard = self.keys.shards.get_mut(self.keys.engine.shard_of_hash(self.hash));
        match &mut self.spot {
            Some(spot) => Ok(TextEdit::new(shard.db_mut(db), spot, now_ms)),
            None => Err(WrongType),
        }
    }

    /// When the key expires, in milliseconds since 1970.
    pub fn expiry(&mut self) -> Option<u64> {
        let (db, spot) = (self.keys.db, self.spot?);
        self.shard().dbs.get(db)?.entry(spot).expiry()
    }

    /// Counts a look-up for reading: a hit, or a miss with its event.
    #[inline]
    pub fn count_read(&mut self) {
        self.keys.count_read(self.key, self.exists());
    }

    /// Stores a value. O(1), O(n) for a string.
    pub fn store(&mut self, value: Value, expiry: Expiry) {
        self.spot = Some(self.keys.put_value(self.hash, self.key, self.spot, value, expiry.expire_ms()));
    }

    /// Stores a string in its canonical encoding; the memory of a string that was there is used again if it fits. O(n).
    #[inline]
    pub fn store_string(&mut self, bytes: &[u8], expiry: Expiry) {
        if let (Some(spot), Expiry::Never | Expiry::Keep) = (self.spot, expiry)
            && self.keys.rewrite(self.hash, spot, |header, slot| header.rewrite_text(slot, bytes))
        {
            return;
        }
        self.store_payload(Payload::of_string(self.key.len(), bytes), expiry);
    }

    /// Stores an integer.
    #[inline]
    pub fn store_int(&mut self, value: i64, expiry: Expiry) {
        if let (Some(spot), Expiry::Keep) = (self.spot, expiry)
            && self.keys.rewrite(self.hash, spot, |header, slot| header.rewrite_int(slot, value))
        {
            return;
        }
        self.store_payload(Payload::Int(value), expiry);
    }

    #[inline]
    fn store_payload(&mut self, payload: Payload<'_>, expiry: Expiry) {
        self.spot = Some(self.keys.put(self.hash, self.key, self.spot, payload, expiry.expire_ms()));
    }

    /// Sets or clears the expiry. Nothing to do when the key does not exist. O(1).
    pub fn set_expiry(&mut self, expiry: Expiry) {
        let (db, now_ms) = (self.keys.db, self.keys.now_ms);
        let (Some(expire_ms), Some(mut spot)) = (expiry.expire_ms(), self.spot) else { return };
        self.shard().change(db, spot).set_expiry(&mut spot, Due { expire_ms, now_ms });
        self.spot = Some(spot);
    }

    /// Takes the key out of the keyspace. O(1), O(n) for a string.
    pub fn take(&mut self) -> Option<Taken> {
        let (db, spot) = (self.keys.db, self.spot.take()?);
        let (value, expire_ms) = self.shard().change(db, spot).take_entry(spot);
        Some(Taken { value, expire_ms })
    }

    /// Removes the key as a side effect; true when it existed. O(1): large values are freed after the locks are released.
    pub fn remove(&mut self) -> bool {
        self.remove_for(Removal::Replaced)
    }

    /// Removes the key for this reason; true when it existed. O(1): large values are freed after the locks are released.
    pub fn remove_for(&mut self, removal: Removal) -> bool {
        let (db, Some(spot)) = (self.keys.db, self.spot.take()) else { return false };
        let removed = self.shard().remove(db, spot);
        self.keys.discard(removed, removal);
        true
    }

    /// Removes the key with a `del` event because its last element is gone: the change itself has been announced.
    pub fn remove_emptied(&mut self) {
        self.remove();
        self.event(EventClass::GENERIC, "del");
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
