//! Values while they are being changed.

use crate::access::AccessClock;
use crate::db::{Db, Due, Packed, Spot};
use crate::entry::{Kind, Payload, fits_slot};
use crate::hash::Hash;
use crate::list::{End, List};
use crate::objects::Object;
use crate::rng::Rng;
use crate::set::Set;
use crate::settings::Settings;
use crate::value::{Collection, ValueRef};
use carnelian_encoding::number::parse_i64;
use carnelian_encoding::{Element, IntSetMut, ListpackMut};
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

/// A collection that is being changed. A small one is changed in its entry where that is possible, otherwise taken out and put
/// back when this is dropped. A new one that is still empty then does not come into being.
///
/// What it offers beside [`unpacked`](Self::unpacked) is what can be done in an entry.
pub struct Edit<'k, T: Collection>(State<'k, T>);

enum State<'k, T: Collection> {
    /// It lies beside the arena and is changed there.
    Held(&'k mut T),
    /// It belongs into its entry, if it is small enough.
    Small(Small<'k, T>),
}

struct Small<'k, T: Collection> {
    packed: Packed<'k>,
    /// There once it was taken out of its entry.
    loose: Option<T>,
    /// It goes with its entry if it stays empty.
    is_new: bool,
    now_ms: u64,
}

impl<'k, T: Collection> Edit<'k, T> {
    /// Sets when the entry was used on the way, as by [`Db::move_clock`].
    #[inline]
    pub(super) fn new(
        db: &'k mut Db,
        spot: Spot,
        clock: impl FnOnce(AccessClock) -> AccessClock,
        back: Option<&'k mut Option<Spot>>,
        now_ms: u64,
    ) -> Result<Self, WrongType> {
        let entry = db.use_entry(spot, clock);
        let header = entry.header;
        if let Some(id) = entry.object() {
            return db.object_mut(id).and_then(T::of).map(|held| Self(State::Held(held))).ok_or(WrongType);
        }
        if !T::lies_as(header.kind()) {
            return Err(WrongType);
        }
        let packed = Packed::new(db, spot, header, back);
        Ok(Self(State::Small(Small { packed, loose: None, is_new: false, now_ms })))
    }

    /// A collection whose entry has been made for it, with [`Payload::of_small`] of it or, if it is not small, with anything.
    pub(super) fn of_new(
        value: T,
        db: &'k mut Db,
        spot: Spot,
        back: Option<&'k mut Option<Spot>>,
        now_ms: u64,
    ) -> Self {
        let header = db.entry(spot).header;
        let loose = (!T::lies_as(header.kind())).then_some(value);
        let packed = Packed::new(db, spot, header, back);
        Self(State::Small(Small { packed, loose, is_new: true, now_ms }))
    }

    /// A look at the collection, with all the reading methods.
    #[inline]
    pub fn view(&self) -> T::Look<'_> {
        match T::read(self.value()) {
            Some(look) => look,
            None => unreachable!("the type has been looked at"),
        }
    }

    #[inline]
    fn value(&self) -> ValueRef<'_> {
        match &self.0 {
            State::Held(held) => held.look(),
            State::Small(Small { loose: Some(value), .. }) => value.look(),
            State::Small(Small { packed, .. }) => packed.value(),
        }
    }

    /// Number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.value().elements()
    }

    /// Whether there is no element.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The collection on its own, to be changed in any way. A small one is taken out of its entry for it. O(n) then.
    #[inline]
    pub fn unpacked(&mut self) -> &mut T {
        match &mut self.0 {
            State::Held(held) => held,
            State::Small(Small { packed, loose, .. }) => {
                loose.get_or_insert_with(|| match T::unpack(packed.value()) {
                    Some(value) => value,
                    None => unreachable!("the type has been looked at"),
                })
            }
        }
    }

    /// The bytes of the collection, if they are in its entry and `bytes` more have room there.
    #[inline]
    fn packed(&mut self, bytes: usize) -> Option<&mut Packed<'k>> {
        match &mut self.0 {
            State::Small(Small { packed, loose: None, .. }) if packed.has_room(bytes) => Some(packed),
            _ => None,
        }
    }
}

/// Most bytes that an element takes in a listpack beside its text, if it fits an entry.
const ELEMENT_OVERHEAD: usize = 4;

impl Edit<'_, List> {
    /// As [`List::push`].
    #[inline]
    pub fn push(&mut self, end: End, value: &[u8], settings: &Settings) {
        if let Some(packed) = self.packed(value.len() + ELEMENT_OVERHEAD) {
            let shape = packed.shape();
            if List::push_packed(&mut ListpackMut::trusted(packed), shape, end, value, settings) {
                return;
            }
        }
        self.unpacked().push(end, value, settings);
    }

    /// As [`List::pop_with`].
    #[inline]
    pub fn pop_with<R>(&mut self, end: End, take: impl FnOnce(Element<'_>) -> R) -> Option<R> {
        match self.packed(0) {
            Some(packed) => List::pop_packed(&mut ListpackMut::trusted(packed), end, take),
            None => self.unpacked().pop_with(end, take),
        }
    }

    /// As [`List::remove_range`].
    pub fn remove_range(&mut self, start: usize, count: usize) {
        match self.packed(0) {
            Some(packed) => List::remove_range_packed(&mut ListpackMut::trusted(packed), start, count),
            None => self.unpacked().remove_range(start, count),
        }
    }

    /// As [`List::remove_matching`].
    pub fn remove_matching(&mut self, from: End, value: &[u8], limit: usize) -> usize {
        match self.packed(0) {
            Some(packed) => {
                List::remove_matching_packed(&mut ListpackMut::trusted(packed), from, value, limit)
            }
            None => self.unpacked().remove_matching(from, value, limit),
        }
    }
}

impl Edit<'_, Set> {
    /// As [`Set::add`].
    #[inline]
    pub fn add(&mut self, member: &[u8], settings: &Settings) -> bool {
        let added = self.packed(member.len() + ELEMENT_OVERHEAD).and_then(|packed| {
            if packed.kind() == Kind::PackedSet {
                return Set::add_to_packed(&mut ListpackMut::trusted(packed), member, settings);
            }
            let value = parse_i64(member)?;
            let mut ints = IntSetMut::trusted(packed);
            // Wider integers all take more room.
            if ints.view().is_wide_enough(value) {
                Set::add_to_ints(&mut ints, value, settings)
            } else {
                None
            }
        });
        added.unwrap_or_else(|| self.unpacked().add(member, settings))
    }

    /// As [`Set::remove`].
    #[inline]
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match self.packed(0) {
            Some(packed) if packed.kind() == Kind::PackedSet => {
                Set::remove_from_packed(&mut ListpackMut::trusted(packed), member)
            }
            Some(packed) => Set::remove_from_ints(&mut IntSetMut::trusted(packed), member),
            None => self.unpacked().remove(member),
        }
    }

    /// As [`Set::pop_random`].
    #[inline]
    pub fn pop_random<R>(&mut self, rng: &mut Rng, take: impl FnOnce(Element<'_>) -> R) -> Option<R> {
        match self.packed(0) {
            Some(packed) if packed.kind() == Kind::PackedSet => {
                Set::pop_from_packed(&mut ListpackMut::trusted(packed), rng, take)
            }
            Some(packed) => Set::pop_from_ints(&mut IntSetMut::trusted(packed), rng, take),
            None => self.unpacked().pop_random(rng, take),
        }
    }
}

impl Edit<'_, Hash> {
    /// As [`Hash::set`].
    #[inline]
    pub fn set(&mut self, field: &[u8], value: &[u8], settings: &Settings) -> bool {
        let set = self.packed(field.len() + value.len() + 2 * ELEMENT_OVERHEAD).and_then(|packed| {
            Hash::set_in_packed(&mut ListpackMut::trusted(packed), field, value, settings)
        });
        set.unwrap_or_else(|| self.unpacked().set(field, value, settings))
    }

    /// As [`Hash::remove`].
    #[inline]
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match self.packed(0) {
            Some(packed) => Hash::remove_from_packed(&mut ListpackMut::trusted(packed), field),
            None => self.unpacked().remove(field),
        }
    }
}

impl<T: Collection> Drop for Small<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.is_new || self.loose.is_some() {
            self.settle();
        }
    }
}

impl<T: Collection> Small<'_, T> {
    /// Puts what was taken out where it belongs.
    #[inline(never)]
    fn settle(&mut self) {
        let elements = match &self.loose {
            Some(value) => value.look().elements(),
            None => self.packed.value().elements(),
        };
        if self.is_new && elements == 0 {
            self.packed.remove();
            return;
        }
        let Some(value) = self.loose.take() else { return };
        match Payload::of_small(self.packed.key_len(), value.look()) {
            Some(small) => self.packed.overwrite(small, self.now_ms),
            None => self.packed.overwrite(Payload::Object(value.into_object()), self.now_ms),
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
