//! How an entry lies in its slot: a header of eight bytes, when it expires if it does, the key, the value.
//!
//! Strings of up to about a kilobyte, integers in their natural width and small collections are in the slot itself; anything
//! larger is an object beside the arena, and the slot holds its number.

use crate::access::AccessClock;
use crate::arena::SLOT_MAX;
use crate::hash::HashRef;
use crate::list::{ListRef, Shape};
use crate::objects::{Object, ObjectId, Objects};
use crate::set::SetRef;
use crate::string::{StringRef, may_be_integer};
use crate::value::ValueRef;

const HEADER_BYTES: usize = 8;
const EXPIRY_BYTES: usize = 8;
/// Longest key, in bytes, that the slot holds; a longer one is an object.
const KEY_MAX: usize = 255;

/// Expiry of an entry that never expires.
pub(crate) const NEVER: u64 = u64::MAX;

/// What the value's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(unreachable_pub, reason = "a sealed trait names it")]
pub enum Kind {
    /// An integer of one, two, four or eight bytes.
    Int,
    /// A string.
    Text,
    /// A string that has been edited in place, which shows in its encoding's name.
    Edited,
    /// The number of an object.
    Object,
    /// A small hash: its listpack.
    PackedHash,
    /// A small set of integers: its intset.
    PackedInts,
    /// A small set: its listpack.
    PackedSet,
    /// A short list in the shape that lists have by default: its only listpack.
    PackedList,
    /// A short list in another shape: the shape, and its only listpack.
    ShapedList,
}

impl Kind {
    #[inline]
    fn of_bits(bits: u64) -> Self {
        match bits & 0x1f {
            0 => Self::Int,
            1 => Self::Text,
            2 => Self::Edited,
            3 => Self::Object,
            4 => Self::PackedHash,
            5 => Self::PackedInts,
            6 => Self::PackedSet,
            7 => Self::PackedList,
            _ => Self::ShapedList,
        }
    }
}

/// The first eight bytes of an entry: access clock (24 bits), snapshot epoch (8), kind and flags (8), length of the key
/// (8) and of the value (16).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header(u64);

impl Header {
    const EXPIRES: u64 = 1 << 37;
    const KEY_IS_OBJECT: u64 = 1 << 38;

    #[inline]
    pub(crate) fn clock(self) -> AccessClock {
        AccessClock::from_bits(self.0 as u32 & 0x00ff_ffff)
    }

    #[inline]
    pub(crate) fn with_clock(self, clock: AccessClock) -> Self {
        Self(self.0 & !0x00ff_ffff | u64::from(clock.bits()))
    }

    #[inline]
    pub(crate) fn epoch(self) -> u8 {
        (self.0 >> 24) as u8
    }

    pub(crate) fn with_epoch(self, epoch: u8) -> Self {
        Self(self.0 & !(0xff << 24) | u64::from(epoch) << 24)
    }

    /// The same entry with, or without, an expiry.
    pub(crate) fn with_expiry(self, expires: bool) -> Self {
        Self(if expires { self.0 | Self::EXPIRES } else { self.0 & !Self::EXPIRES })
    }

    #[inline]
    pub(crate) fn kind(self) -> Kind {
        Kind::of_bits(self.0 >> 32)
    }

    #[inline]
    pub(crate) fn expires(self) -> bool {
        self.0 & Self::EXPIRES != 0
    }

    #[inline]
    fn key_is_object(self) -> bool {
        self.0 & Self::KEY_IS_OBJECT != 0
    }

    /// Whether the key lies in the slot and has so many bytes.
    #[inline(always)]
    fn has_key_of(self, len: usize) -> bool {
        len <= KEY_MAX && self.0 & (0xff << 40 | Self::KEY_IS_OBJECT) == (len as u64) << 40
    }

    /// Bytes that the key takes in the slot.
    #[inline]
    pub(crate) fn key_len(self) -> usize {
        (self.0 >> 40) as u8 as usize
    }

    #[inline]
    pub(crate) fn value_len(self) -> usize {
        (self.0 >> 48) as usize
    }

    /// The same entry with a value of so many bytes.
    #[inline]
    pub(crate) fn with_value_len(self, len: usize) -> Self {
        Self(self.0 & !(0xffff << 48) | (len as u64) << 48)
    }

    #[inline]
    pub(crate) fn key_start(self) -> usize {
        HEADER_BYTES + if self.expires() { EXPIRY_BYTES } else { 0 }
    }

    #[inline]
    pub(crate) fn value_start(self) -> usize {
        self.key_start() + self.key_len()
    }

    /// Writes a text over another one of its length, in the slot of an entry without expiry; false, and nothing is written, when
    /// the entry or the text is another one. O(n).
    #[inline]
    pub(crate) fn rewrite_text(self, slot: &mut [u8], text: &[u8]) -> bool {
        // A short text might be an integer.
        if self.kind() != Kind::Text || self.expires() || may_be_integer(text) {
            return false;
        }
        match slot.get_mut(self.value_start()..self.size()) {
            Some(place) if place.len() == text.len() => place.copy_from_slice(text),
            _ => return false,
        }
        true
    }

    /// Writes an integer over another one of its width, whether the entry expires or not; false, and nothing is written, when
    /// the value is another one.
    #[inline]
    pub(crate) fn rewrite_int(self, slot: &mut [u8], value: i64) -> bool {
        if self.kind() != Kind::Int || int_width(value) != self.value_len() {
            return false;
        }
        match slot.get_mut(self.value_start()..self.size()) {
            Some(place) => place.copy_from_slice(&value.to_le_bytes()[..place.len()]),
            None => return false,
        }
        true
    }

    /// Bytes of the whole entry.
    #[inline]
    pub(crate) fn size(self) -> usize {
        self.value_start() + self.value_len()
    }

    #[inline]
    pub(crate) fn read(bytes: &[u8]) -> Self {
        match bytes.first_chunk() {
            Some(bytes) => Self(u64::from_le_bytes(*bytes)),
            None => Self(0),
        }
    }

    #[inline]
    pub(crate) fn write(self, bytes: &mut [u8]) {
        if let Some(place) = bytes.first_chunk_mut() {
            *place = self.0.to_le_bytes();
        }
    }
}

/// A value on its way into a slot.
#[allow(unreachable_pub, reason = "a sealed trait names it")]
pub enum Payload<'a> {
    Int(i64),
    Text(&'a [u8]),
    Edited(&'a [u8]),
    Object(Object),
    PackedHash(&'a [u8]),
    PackedInts(&'a [u8]),
    PackedSet(&'a [u8]),
    PackedList(&'a [u8]),
    ShapedList(Shape, &'a [u8]),
}

impl Payload<'_> {
    fn kind(&self) -> Kind {
        match self {
            Self::Int(_) => Kind::Int,
            Self::Text(_) => Kind::Text,
            Self::Edited(_) => Kind::Edited,
            Self::Object(_) => Kind::Object,
            Self::PackedHash(_) => Kind::PackedHash,
            Self::PackedInts(_) => Kind::PackedInts,
            Self::PackedSet(_) => Kind::PackedSet,
            Self::PackedList(_) => Kind::PackedList,
            Self::ShapedList(..) => Kind::ShapedList,
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Int(value) => int_width(*value),
            Self::Text(bytes)
            | Self::Edited(bytes)
            | Self::PackedHash(bytes)
            | Self::PackedInts(bytes)
            | Self::PackedSet(bytes)
            | Self::PackedList(bytes) => bytes.len(),
            Self::ShapedList(_, bytes) => Shape::BYTES + bytes.len(),
            Self::Object(_) => size_of::<ObjectId>(),
        }
    }

    fn write(self, place: &mut [u8], objects: &mut Objects) {
        match self {
            Self::Int(value) => {
                let width = place.len();
                place.copy_from_slice(&value.to_le_bytes()[..width]);
            }
            Self::Text(bytes)
            | Self::Edited(bytes)
            | Self::PackedHash(bytes)
            | Self::PackedInts(bytes)
            | Self::PackedSet(bytes)
            | Self::PackedList(bytes) => place.copy_from_slice(bytes),
            Self::ShapedList(shape, bytes) => {
                let (head, rest) = place.split_at_mut(Shape::BYTES);
                head.copy_from_slice(&shape.to_bytes());
                rest.copy_from_slice(bytes);
            }
            Self::Object(object) => place.copy_from_slice(&objects.add(object).to_bytes()),
        }
    }
}

#[inline]
fn int_width(value: i64) -> usize {
    // Bits that are not copies of the sign, and the sign.
    match u64::BITS + 1 - (value ^ (value >> 63)).leading_zeros() {
        0..=8 => 1,
        9..=16 => 2,
        17..=32 => 4,
        _ => 8,
    }
}

/// Whether a value of `len` bytes goes into the slot with its key.
#[inline]
pub(crate) fn fits_slot(key: usize, len: usize) -> bool {
    HEADER_BYTES + EXPIRY_BYTES + key.min(KEY_MAX) + len <= SLOT_MAX
}

/// Everything about an entry that is about to be written.
pub(crate) struct Blueprint<'a> {
    header: Header,
    expire_ms: u64,
    payload: Payload<'a>,
}

impl<'a> Blueprint<'a> {
    fn new(
        key_len: usize,
        key_is_object: bool,
        payload: Payload<'a>,
        expire_ms: u64,
        clock: AccessClock,
        epoch: u8,
    ) -> Self {
        let flags = if expire_ms == NEVER { 0 } else { Header::EXPIRES }
            | if key_is_object { Header::KEY_IS_OBJECT } else { 0 };
        let header = Header(
            flags
                | (payload.kind() as u64) << 32
                | (key_len as u64) << 40
                | (payload.len() as u64) << 48
                | u64::from(epoch) << 24
                | u64::from(clock.bits()),
        );
        Self { header, expire_ms, payload }
    }

    /// An entry under a new key.
    #[inline]
    pub(crate) fn for_key(
        key: &[u8],
        payload: Payload<'a>,
        expire_ms: u64,
        clock: AccessClock,
        epoch: u8,
    ) -> Self {
        let is_object = key.len() > KEY_MAX;
        let len = if is_object { size_of::<ObjectId>() } else { key.len() };
        Self::new(len, is_object, payload, expire_ms, clock, epoch)
    }

    /// An entry with the key of another one.
    #[inline]
    pub(crate) fn replacing(old: Header, payload: Payload<'a>, expire_ms: u64, clock: AccessClock) -> Self {
        Self::new(old.key_len(), old.key_is_object(), payload, expire_ms, clock, old.epoch())
    }

    /// Bytes that the entry takes.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        self.header.size()
    }

    /// Whether the key would lie where it lies in an entry with this header.
    #[inline]
    pub(crate) fn keeps_key(&self, old: Header) -> bool {
        self.header.expires() == old.expires()
    }

    /// Where the key goes.
    #[inline]
    pub(crate) fn key_start(&self) -> usize {
        self.header.key_start()
    }

    /// Writes everything but the key, which lies or will lie at [`key_start`](Self::key_start).
    #[inline]
    pub(crate) fn write(self, slot: &mut [u8], objects: &mut Objects) {
        let header = self.header;
        header.write(slot);
        if header.expires() {
            write_expiry(slot, self.expire_ms);
        }
        if let Some(place) = slot.get_mut(header.value_start()..header.size()) {
            self.payload.write(place, objects);
        }
    }

    /// Writes the key.
    #[inline]
    pub(crate) fn write_key(&self, slot: &mut [u8], key: &[u8], objects: &mut Objects) {
        let place = &mut slot[self.header.key_start()..self.header.value_start()];
        if self.header.key_is_object() {
            place.copy_from_slice(&objects.add(Object::of_text(key)).to_bytes());
        } else {
            place.copy_from_slice(key);
        }
    }
}

/// Writes when an entry expires that has room for it.
pub(crate) fn write_expiry(slot: &mut [u8], expire_ms: u64) {
    slot[HEADER_BYTES..HEADER_BYTES + EXPIRY_BYTES].copy_from_slice(&expire_ms.to_le_bytes());
}

/// An entry as it lies in its slot.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    bytes: &'a [u8],
    objects: &'a Objects,
    pub(crate) header: Header,
}

impl<'a> Entry<'a> {
    /// `bytes` begin where the slot does.
    #[inline]
    pub(crate) fn new(bytes: &'a [u8], objects: &'a Objects) -> Self {
        Self { bytes, objects, header: Header::read(bytes) }
    }

    #[inline]
    fn part(&self, start: usize, len: usize) -> &'a [u8] {
        self.bytes.get(start..start + len).unwrap_or_default()
    }

    #[inline]
    fn object_at(&self, start: usize) -> Option<ObjectId> {
        self.bytes.get(start..)?.first_chunk().map(|bytes| ObjectId::from_bytes(*bytes))
    }

    /// The key.
    #[inline]
    pub(crate) fn key(&self) -> &'a [u8] {
        let start = self.header.key_start();
        if !self.header.key_is_object() {
            return self.part(start, self.header.key_len());
        }
        self.long_key()
    }

    #[cold]
    fn long_key(self) -> &'a [u8] {
        match self.key_object().and_then(|id| self.objects.get(id)) {
            Some(Object::Text(key)) => key,
            _ => &[],
        }
    }

    /// Whether this is the entry of `key`.
    #[inline]
    pub(crate) fn is_of(&self, key: &[u8]) -> bool {
        self.is_of_short(key) || self.header.key_is_object() && self.long_key() == key
    }

    /// Whether this is the entry of `key`, which lies in the slot.
    #[inline(always)]
    pub(crate) fn is_of_short(&self, key: &[u8]) -> bool {
        let start = self.header.key_start();
        self.header.has_key_of(key.len())
            && self.bytes.get(start..start + key.len()).is_some_and(|own| is_same(own, key))
    }

    /// The object that holds the key, if one does.
    pub(crate) fn key_object(&self) -> Option<ObjectId> {
        self.header.key_is_object().then(|| self.object_at(self.header.key_start()))?
    }

    /// The object that holds the value, if one does.
    #[inline]
    pub(crate) fn object(&self) -> Option<ObjectId> {
        (self.header.kind() == Kind::Object).then(|| self.object_at(self.header.value_start()))?
    }

    /// Milliseconds since 1970 after which the entry is gone, or [`NEVER`].
    #[inline]
    pub(crate) fn expire_ms(&self) -> u64 {
        if !self.header.expires() {
            return NEVER;
        }
        self.bytes
            .get(HEADER_BYTES..)
            .and_then(|bytes| bytes.first_chunk())
            .map_or(NEVER, |bytes| u64::from_le_bytes(*bytes))
    }

    pub(crate) fn expiry(&self) -> Option<u64> {
        Some(self.expire_ms()).filter(|expire_ms| *expire_ms != NEVER)
    }

    #[inline]
    pub(crate) fn is_expired(&self, now_ms: u64) -> bool {
        self.header.expires() && self.expire_ms() < now_ms
    }

    /// The value.
    #[inline(always)]
    pub(crate) fn value(&self) -> ValueRef<'a> {
        let bytes = self.part(self.header.value_start(), self.header.value_len());
        match self.header.kind() {
            Kind::Text => ValueRef::String(StringRef::text(bytes)),
            _ => self.other_value(bytes),
        }
    }

    fn other_value(&self, bytes: &'a [u8]) -> ValueRef<'a> {
        match self.header.kind() {
            Kind::Text => ValueRef::String(StringRef::text(bytes)),
            Kind::Int => ValueRef::String(StringRef::int(read_int(bytes))),
            Kind::PackedHash => ValueRef::Hash(HashRef::packed(bytes)),
            Kind::PackedInts => ValueRef::Set(SetRef::ints(bytes)),
            Kind::PackedSet => ValueRef::Set(SetRef::packed(bytes)),
            Kind::PackedList => ValueRef::List(ListRef::packed(Shape::default(), bytes)),
            Kind::ShapedList => match bytes.split_first_chunk() {
                Some((shape, bytes)) => ValueRef::List(ListRef::packed(Shape::from_bytes(*shape), bytes)),
                None => ValueRef::String(StringRef::text(&[])),
            },
            Kind::Edited => ValueRef::String(StringRef::edited(bytes)),
            Kind::Object => match self.object().and_then(|id| self.objects.get(id)) {
                Some(Object::Text(blob)) => ValueRef::String(StringRef::blob(blob)),
                Some(Object::List(list)) => ValueRef::List(list.view()),
                Some(Object::Set(set)) => ValueRef::Set(set.view()),
                Some(Object::Hash(hash)) => ValueRef::Hash(hash.view()),
                None => ValueRef::String(StringRef::text(&[])),
            },
        }
    }
}

/// Whether two strings of the same length are the same. Shorter than a call to the library's comparison, which most keys are
/// too short for.
#[inline(always)]
fn is_same(a: &[u8], b: &[u8]) -> bool {
    // What begins the string and what ends it overlap.
    match (ends::<8>(a), ends::<8>(b)) {
        (Some(a_ends), Some(b_ends)) => a_ends == b_ends && (a.len() <= 16 || a == b),
        _ => is_same_short(a, b),
    }
}

/// As [`is_same`], for strings of less than eight bytes.
#[inline(always)]
fn is_same_short(a: &[u8], b: &[u8]) -> bool {
    match (ends::<4>(a), ends::<4>(b)) {
        (Some(a_ends), Some(b_ends)) => a_ends == b_ends,
        _ => a.iter().zip(b).all(|(a, b)| a == b),
    }
}

/// The first and the last bytes, if there are so many.
#[inline(always)]
fn ends<const N: usize>(bytes: &[u8]) -> Option<(&[u8; N], &[u8; N])> {
    Some((bytes.first_chunk()?, bytes.last_chunk()?))
}

#[inline]
fn read_int(bytes: &[u8]) -> i64 {
    match *bytes {
        [byte] => i64::from(byte as i8),
        [a, b] => i64::from(i16::from_le_bytes([a, b])),
        [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
        _ => bytes.first_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::{int_width, read_int};

    #[test]
    fn integers_take_their_natural_width() {
        for (value, width) in [
            (0, 1),
            (-1, 1),
            (127, 1),
            (-128, 1),
            (128, 2),
            (-129, 2),
            (32_767, 2),
            (32_768, 4),
            (i64::from(i32::MIN), 4),
            (i64::from(i32::MAX), 4),
            (i64::from(i32::MAX) + 1, 8),
            (i64::MIN, 8),
            (i64::MAX, 8),
        ] {
            assert_eq!(int_width(value), width, "{value}");
            assert_eq!(read_int(&value.to_le_bytes()[..width]), value);
        }
    }
}
