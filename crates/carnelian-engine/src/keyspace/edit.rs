//! Values while they are being changed.

use crate::access::AccessClock;
use crate::db::{Db, Due, Spot};
use crate::entry::{NEVER, Payload, fits_slot};
use crate::objects::Object;
use crate::value::{Collection, ValueRef};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// The key holds a value of another type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongType;

impl std::fmt::Display for WrongType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the key holds a value of another type")
    }
}

impl std::error::Error for WrongType {}

/// A collection that is being changed. One that is new, or small enough to lie in its entry, goes there when this is dropped;
/// a new one that is still empty then does not come into being.
pub struct Edit<'k, T: Collection>(State<'k, T>);

enum State<'k, T: Collection> {
    /// It lies beside the arena and is changed there.
    Held(&'k mut T),
    /// It was taken out of its entry, or is new.
    Loose(Loose<'k, T>),
}

struct Loose<'k, T: Collection> {
    /// There until this is dropped.
    value: Option<T>,
    db: &'k mut Db,
    home: Home<'k>,
    /// Learns where the entry is afterwards.
    back: Option<&'k mut Option<Spot>>,
    now_ms: u64,
}

/// Where a collection belongs.
enum Home<'k> {
    Spot(Spot),
    /// In an entry that does not exist yet.
    New(NewEntry<'k>),
}

/// What a new entry needs besides its value.
pub(super) struct NewEntry<'k> {
    pub(super) hash: u64,
    pub(super) key: &'k [u8],
    pub(super) clock: AccessClock,
    pub(super) epoch: u8,
}

impl<'k, T: Collection> Edit<'k, T> {
    #[inline]
    pub(super) fn new(
        db: &'k mut Db,
        spot: Spot,
        back: Option<&'k mut Option<Spot>>,
        now_ms: u64,
    ) -> Result<Self, WrongType> {
        let entry = db.entry(spot);
        if let Some(id) = entry.object() {
            return db.object_mut(id).and_then(T::of).map(|held| Self(State::Held(held))).ok_or(WrongType);
        }
        let value = T::unpack(entry.value()).ok_or(WrongType)?;
        Ok(Self(State::Loose(Loose { value: Some(value), db, home: Home::Spot(spot), back, now_ms })))
    }

    /// A collection whose entry does not exist yet.
    pub(super) fn of_new(
        value: T,
        db: &'k mut Db,
        entry: NewEntry<'k>,
        back: Option<&'k mut Option<Spot>>,
        now_ms: u64,
    ) -> Self {
        Self(State::Loose(Loose { value: Some(value), db, home: Home::New(entry), back, now_ms }))
    }
}

impl<T: Collection> Deref for Edit<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.0 {
            State::Held(held) => held,
            State::Loose(Loose { value: Some(value), .. }) => value,
            State::Loose(_) => unreachable!("the value is there until it is dropped"),
        }
    }
}

impl<T: Collection> DerefMut for Edit<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.0 {
            State::Held(held) => held,
            State::Loose(Loose { value: Some(value), .. }) => value,
            State::Loose(_) => unreachable!("the value is there until it is dropped"),
        }
    }
}

impl<T: Collection> Loose<'_, T> {
    /// Puts the value where it belongs; says where that is.
    fn settle(&mut self, payload: Payload<'_>) -> Spot {
        let now_ms = self.now_ms;
        match &mut self.home {
            Home::Spot(spot) => {
                let entry = self.db.entry(*spot);
                let (expire_ms, clock) = (entry.expire_ms(), entry.header.clock());
                self.db.overwrite(spot, payload, Due { expire_ms, now_ms }, clock);
                *spot
            }
            Home::New(NewEntry { hash, key, clock, epoch }) => {
                self.db.insert(*hash, key, payload, Due { expire_ms: NEVER, now_ms }, *clock, *epoch)
            }
        }
    }
}

impl<T: Collection> Drop for Loose<'_, T> {
    fn drop(&mut self) {
        let Some(value) = self.value.take() else { return };
        let key = match &self.home {
            Home::Spot(spot) => self.db.entry(*spot).key().len(),
            Home::New(_) if value.look().elements() == 0 => return,
            Home::New(entry) => entry.key.len(),
        };
        let spot = if let Some(small) = Payload::of_small(key, value.look()) {
            self.settle(small)
        } else {
            self.settle(Payload::Object(value.into_object()))
        };
        if let Some(back) = &mut self.back {
            **back = Some(spot);
        }
    }
}

/// The bytes of a string that is being edited. They are back in their entry when this is dropped.
pub struct TextEdit<'k> {
    db: &'k mut Db,
    spot: &'k mut Spot,
    bytes: Vec<u8>,
    now_ms: u64,
}

impl<'k> TextEdit<'k> {
    pub(super) fn new(db: &'k mut Db, spot: &'k mut Spot, now_ms: u64) -> Self {
        let object = db.entry(*spot).object();
        let bytes = match object.and_then(|id| db.object_mut(id)) {
            Some(Object::Text(blob)) => match Arc::get_mut(blob) {
                Some(bytes) => std::mem::take(bytes),
                None => copy_with_room(blob),
            },
            _ => match db.entry(*spot).value() {
                ValueRef::String(string) => string.get().to_vec(),
                _ => Vec::new(),
            },
        };
        Self { db, spot, bytes, now_ms }
    }
}

/// A copy of a blob that a reply still shows, with the same room to grow.
#[cold]
fn copy_with_room(blob: &Vec<u8>) -> Vec<u8> {
    let mut copy = Vec::with_capacity(blob.capacity());
    copy.extend_from_slice(blob);
    copy
}

impl Deref for TextEdit<'_> {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for TextEdit<'_> {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl Drop for TextEdit<'_> {
    fn drop(&mut self) {
        let entry = self.db.entry(*self.spot);
        let (key, expire_ms, clock) = (entry.key().len(), entry.expire_ms(), entry.header.clock());
        let due = Due { expire_ms, now_ms: self.now_ms };
        if fits_slot(key, self.bytes.len()) {
            self.db.overwrite(self.spot, Payload::Edited(&self.bytes), due, clock);
            return;
        }
        let bytes = std::mem::take(&mut self.bytes);
        let object = entry.object();
        if let Some(Object::Text(blob)) = object.and_then(|id| self.db.object_mut(id)) {
            match Arc::get_mut(blob) {
                Some(place) => *place = bytes,
                None => *blob = Arc::new(bytes),
            }
            return;
        }
        self.db.overwrite(self.spot, Payload::Object(Object::Text(Arc::new(bytes))), due, clock);
    }
}
