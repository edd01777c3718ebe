//! The listpack: a sequence of strings and integers in one block of memory, byte for byte as Redis 7 lays it out.
//!
//! ```text
//! total bytes (u32 LE) | number of entries (u16 LE) | entry | entry | ... | FF
//! ```
//! The number of entries is 65535 when there are that many or more; then they have to be counted. Entries carry their
//! length on both ends, so a listpack is walked in both directions. Finding the n-th entry costs the shorter walk to it;
//! inserting and deleting cost one move of the bytes before or behind, whichever are fewer. So both ends are cheap.

mod element;
mod entry;
mod read;
mod room;
mod write;

pub use element::Element;
pub use read::{Entries, Iter, ListpackError, ListpackRef};
pub use write::ListpackMut;

use crate::Block;
use entry::{END, Encoded};
use room::Room;
use std::num::NonZeroU32;

/// Size of the header in bytes.
const HEADER: usize = 6;
/// The number of entries from which the header no longer tells it.
const COUNT_UNKNOWN: u16 = u16::MAX;
/// A listpack must not grow past this many bytes, see [`Listpack::safe_to_add`].
pub const MAX_BYTES: usize = 1 << 30;

/// A place in a listpack: the offset of an entry from the start.
///
/// A position stays good until the listpack changes at or before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pos(NonZeroU32);

impl Pos {
    fn new(offset: usize) -> Self {
        Self(NonZeroU32::new(offset as u32).expect("entries start behind the header"))
    }

    /// Offset of the entry from the start of the listpack, in bytes.
    pub fn offset(self) -> usize {
        self.0.get() as usize
    }
}

/// An owned listpack. See the [module](self) for the layout.
///
/// Operations that add entries panic when the listpack would pass 4 GiB, which its header cannot express. Whoever adds
/// values of unbounded size asks [`safe_to_add`](Self::safe_to_add) first.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Listpack {
    bytes: Room,
}

impl Default for Listpack {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Listpack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

/// Bytes that an entry for `value` takes, its trailing length included.
pub fn entry_encoded_size(value: &[u8]) -> usize {
    Encoded::of_bytes(value).len()
}

/// Bytes that an entry for the integer `value` takes.
pub fn entry_encoded_size_int(value: i64) -> usize {
    Encoded::of_int(value).len()
}

impl Listpack {
    /// An empty listpack.
    pub fn new() -> Self {
        Self::with_capacity(HEADER + 1)
    }

    /// An empty listpack with room for `capacity` bytes in all.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { bytes: Room::new(&[(HEADER + 1) as u8, 0, 0, 0, 0, 0, END], capacity) }
    }

    /// Takes bytes from outside after checking every entry, both lengths of each, the header and the end.
    ///
    /// # Errors
    /// What is wrong and where; the bytes are dropped.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, ListpackError> {
        read::validate(&bytes)?;
        Ok(Self { bytes: Room::from_vec(bytes) })
    }

    /// Takes bytes that are known to be a listpack, without a check: bytes that [`as_bytes`](Self::as_bytes) gave. With any
    /// others the methods may panic or give nonsense.
    pub fn trusted(bytes: Vec<u8>) -> Self {
        Self { bytes: Room::from_vec(bytes) }
    }

    /// A copy, with so many bytes of room before and behind it for what is about to be added.
    pub fn with_room(packed: ListpackRef<'_>, front: usize, back: usize) -> Self {
        Self { bytes: Room::around(packed.as_bytes(), front, back) }
    }

    /// The bytes as they go into an RDB file.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.bytes()
    }

    /// Gives the bytes away.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes.into_vec()
    }

    /// A borrowed view that can be copied and has all the reading methods.
    #[inline]
    pub fn view(&self) -> ListpackRef<'_> {
        ListpackRef::trusted(self.as_bytes())
    }

    /// Number of entries. O(1) below 65535 entries, else a walk.
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Whether there are no entries. O(1).
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == HEADER + 1
    }

    /// Size of the whole listpack in bytes.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes reserved, for memory accounting.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Gives unused reserved memory back.
    pub fn shrink_to_fit(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// Whether `additional` more bytes of entries keep the listpack within [`MAX_BYTES`].
    pub fn safe_to_add(&self, additional: usize) -> bool {
        self.view().safe_to_add(additional)
    }

    /// Position of the first entry.
    pub fn first(&self) -> Option<Pos> {
        self.view().first()
    }

    /// Position of the last entry.
    pub fn last(&self) -> Option<Pos> {
        self.view().last()
    }

    /// Position of the entry behind the one at `pos`.
    #[inline]
    pub fn next(&self, pos: Pos) -> Option<Pos> {
        self.view().next(pos)
    }

    /// Position of the entry before the one at `pos`.
    #[inline]
    pub fn prev(&self, pos: Pos) -> Option<Pos> {
        self.view().prev(pos)
    }

    /// Position of the entry with this index; negative ones count from the end, -1 being the last. Walks from the
    /// nearer end.
    pub fn seek(&self, index: isize) -> Option<Pos> {
        self.view().seek(index)
    }

    /// The element at `pos`.
    #[inline]
    pub fn get(&self, pos: Pos) -> Element<'_> {
        self.view().get(pos)
    }

    /// The first entry equal to `value` at or behind `from`, where `skip` entries are passed over after each one
    /// compared (1 looks at the fields of a hash only).
    pub fn find(&self, from: Pos, value: &[u8], skip: usize) -> Option<Pos> {
        self.view().find(from, value, skip)
    }

    /// All elements in order; can be walked from the back as well.
    pub fn iter(&self) -> Iter<'_> {
        self.view().iter()
    }

    /// All elements from the last to the first.
    pub fn iter_rev(&self) -> std::iter::Rev<Iter<'_>> {
        self.view().iter().rev()
    }

    /// All elements with their positions.
    pub fn entries(&self) -> Entries<'_> {
        self.view().entries()
    }

    /// A look at the listpack for changing it.
    #[inline]
    pub fn edit(&mut self) -> ListpackMut<'_, impl Block> {
        ListpackMut::trusted(&mut self.bytes)
    }

    /// Inserts `value` before the entry at `pos`; gives the position of the new entry.
    pub fn insert_before(&mut self, pos: Pos, value: &[u8]) -> Pos {
        self.edit().insert_at(pos.offset(), &Encoded::of_bytes(value))
    }

    /// Inserts an integer before the entry at `pos`; gives the position of the new entry.
    pub fn insert_int_before(&mut self, pos: Pos, value: i64) -> Pos {
        self.edit().insert_at(pos.offset(), &Encoded::of_int(value))
    }

    /// Inserts `value` behind the entry at `pos`; gives the position of the new entry.
    pub fn insert_after(&mut self, pos: Pos, value: &[u8]) -> Pos {
        let at = self.end_of(pos);
        self.edit().insert_at(at, &Encoded::of_bytes(value))
    }

    /// Inserts an integer behind the entry at `pos`; gives the position of the new entry.
    pub fn insert_int_after(&mut self, pos: Pos, value: i64) -> Pos {
        let at = self.end_of(pos);
        self.edit().insert_at(at, &Encoded::of_int(value))
    }

    /// Puts `value` before all entries.
    #[inline]
    pub fn push_front(&mut self, value: &[u8]) {
        self.push_front_encoded(&Encoded::of_bytes(value));
    }

    /// Puts an integer before all entries.
    pub fn push_front_int(&mut self, value: i64) {
        self.push_front_encoded(&Encoded::of_int(value));
    }

    /// Puts `value` behind all entries.
    #[inline]
    pub fn push_back(&mut self, value: &[u8]) {
        self.push_encoded(&Encoded::of_bytes(value));
    }

    /// Puts an integer behind all entries.
    pub fn push_back_int(&mut self, value: i64) {
        self.push_encoded(&Encoded::of_int(value));
    }

    /// Replaces the entry at `pos`, which stays the position of the new one.
    pub fn replace(&mut self, pos: Pos, value: &[u8]) {
        self.edit().replace(pos, value);
    }

    /// Replaces the entry at `pos` by an integer.
    pub fn replace_int(&mut self, pos: Pos, value: i64) {
        self.edit().replace_encoded(pos, &Encoded::of_int(value));
    }

    /// Deletes the entry at `pos`; gives the position of the one that was behind it.
    pub fn delete(&mut self, pos: Pos) -> Option<Pos> {
        self.edit().delete(pos, 1)
    }

    /// Deletes up to `count` entries from the one at `pos` on; gives the position of the first one behind them.
    pub fn delete_from(&mut self, pos: Pos, count: usize) -> Option<Pos> {
        self.edit().delete(pos, count)
    }

    /// Deletes up to `count` entries from `index` on (negative: from the end). Nothing happens when there is no such
    /// entry.
    pub fn delete_range(&mut self, index: isize, count: usize) {
        if count > 0
            && let Some(pos) = self.seek(index)
        {
            self.delete_from(pos, count);
        }
    }

    /// Appends all entries of `other`.
    pub fn append(&mut self, other: ListpackRef<'_>) {
        let count = self.len() + other.len();
        let end = self.byte_len() - 1;
        let entries = &other.as_bytes()[HEADER..];
        self.bytes.extend_back(entries.len() - 1);
        self.bytes.bytes_mut()[end..].copy_from_slice(entries);
        self.set_header(Some(count));
    }

    /// Splits off the entries from `pos` on. O(size).
    #[must_use]
    pub fn split_off(&mut self, pos: Pos) -> Self {
        let at = pos.offset();
        let count = self.len();
        let tail = &self.as_bytes()[at..];
        let mut bytes = Room::new(&[0; HEADER], HEADER + tail.len());
        bytes.extend_back(tail.len());
        bytes.bytes_mut()[HEADER..].copy_from_slice(tail);
        let mut tail = Self { bytes };
        tail.set_header(None);
        let moved = tail.len();
        tail.set_header(Some(moved));
        self.bytes.splice(at, self.bytes.len() - 1 - at, 0);
        self.set_header(Some(count - moved));
        tail
    }

    /// Asserts that the bytes are a listpack in every detail. O(size).
    #[doc(hidden)]
    pub fn check(&self) {
        assert_eq!(read::validate(self.as_bytes()), Ok(()));
        assert!(self.capacity() >= self.byte_len());
    }

    fn end_of(&self, pos: Pos) -> usize {
        let at = pos.offset();
        at + entry::full_size(&self.as_bytes()[at..]).unwrap_or(0)
    }

    /// As [`ListpackMut::push_front`], without moving the header: it is written anew in front of the entry.
    #[inline]
    fn push_front_encoded(&mut self, encoded: &Encoded<'_>) {
        let counted = self.view().header_count();
        self.bytes.extend_front(encoded.len());
        let bytes = self.bytes.bytes_mut();
        encoded.write(&mut bytes[HEADER..]);
        set_header(bytes, counted.map(|count| count + 1));
    }

    #[inline]
    fn push_encoded(&mut self, encoded: &Encoded<'_>) {
        let counted = self.view().header_count();
        let at = self.byte_len() - 1;
        self.bytes.extend_back(encoded.len());
        let bytes = self.bytes.bytes_mut();
        encoded.write(&mut bytes[at..]);
        if let Some(last) = bytes.last_mut() {
            *last = END;
        }
        set_header(bytes, counted.map(|count| count + 1));
    }

    fn set_header(&mut self, count: Option<usize>) {
        set_header(self.bytes.bytes_mut(), count);
    }
}

/// Writes the header for the bytes as they are now; `None` is a number of entries that is not known.
#[inline]
fn set_header(bytes: &mut [u8], count: Option<usize>) {
    // No listpack passes 4 GiB.
    let total = bytes.len() as u32;
    let count = count.map_or(COUNT_UNKNOWN, |count| count.min(COUNT_UNKNOWN as usize) as u16);
    if let Some(header) = bytes.first_chunk_mut() {
        let ([a, b, c, d], [e, f]) = (total.to_le_bytes(), count.to_le_bytes());
        *header = [a, b, c, d, e, f];
    }
}

impl<'a> IntoIterator for &'a Listpack {
    type Item = Element<'a>;
    type IntoIter = Iter<'a>;
    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<V: AsRef<[u8]>> FromIterator<V> for Listpack {
    fn from_iter<I: IntoIterator<Item = V>>(values: I) -> Self {
        let mut listpack = Self::new();
        values.into_iter().for_each(|value| listpack.push_back(value.as_ref()));
        listpack
    }
}
