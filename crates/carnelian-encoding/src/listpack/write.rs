//! Changing a listpack that lies anywhere.

use super::entry::{self, END, Encoded};
use super::{HEADER, ListpackRef, Pos, set_header};
use crate::Block;

/// A listpack that lies anywhere, for changing it there. What [`Listpack`](super::Listpack) says of limits holds here, too.
pub struct ListpackMut<'a, B> {
    bytes: &'a mut B,
}

impl<'a, B: Block> ListpackMut<'a, B> {
    /// Takes bytes that are known to be a listpack, as [`ListpackRef::trusted`] does.
    #[inline]
    pub fn trusted(bytes: &'a mut B) -> Self {
        Self { bytes }
    }

    /// A look at it.
    #[inline]
    pub fn view(&self) -> ListpackRef<'_> {
        ListpackRef::trusted(self.bytes.bytes())
    }

    /// Puts `value` before all entries.
    #[inline]
    pub fn push_front(&mut self, value: &[u8]) {
        self.insert_at(HEADER, &Encoded::of_bytes(value));
    }

    /// Puts `value` behind all entries.
    #[inline]
    pub fn push_back(&mut self, value: &[u8]) {
        self.insert_at(self.bytes.bytes().len() - 1, &Encoded::of_bytes(value));
    }

    /// Puts two values behind all entries.
    #[inline]
    pub fn push_back_two(&mut self, first: &[u8], second: &[u8]) {
        let (first, second) = (Encoded::of_bytes(first), Encoded::of_bytes(second));
        let (counted, at) = (self.view().header_count(), self.bytes.bytes().len() - 1);
        let bytes = self.bytes.splice(at, 0, first.len() + second.len());
        first.write(&mut bytes[at..]);
        second.write(&mut bytes[at + first.len()..]);
        set_header(bytes, counted.map(|count| count + 2));
    }

    /// Replaces the entry at `pos`, which stays the position of the new one.
    #[inline]
    pub fn replace(&mut self, pos: Pos, value: &[u8]) {
        self.replace_encoded(pos, &Encoded::of_bytes(value));
    }

    /// Deletes up to `count` entries from the one at `pos` on; gives the position of the first one behind them.
    #[inline]
    pub fn delete(&mut self, pos: Pos, count: usize) -> Option<Pos> {
        let start = pos.offset();
        let bytes = self.bytes.bytes();
        let mut end = start;
        let mut deleted = 0;
        while deleted < count
            && let Some(size) = entry::full_size(&bytes[end..])
        {
            end += size;
            deleted += 1;
        }
        let counted = self.view().header_count();
        let bytes = self.bytes.splice(start, end - start, 0);
        set_header(bytes, counted.map(|count| count - deleted));
        (bytes[start] != END).then_some(pos)
    }

    #[inline]
    pub(super) fn insert_at(&mut self, at: usize, encoded: &Encoded<'_>) -> Pos {
        let counted = self.view().header_count();
        let bytes = self.bytes.splice(at, 0, encoded.len());
        encoded.write(&mut bytes[at..]);
        set_header(bytes, counted.map(|count| count + 1));
        Pos::new(at)
    }

    #[inline]
    pub(super) fn replace_encoded(&mut self, pos: Pos, encoded: &Encoded<'_>) {
        let at = pos.offset();
        let old = entry::full_size(&self.bytes.bytes()[at..]).unwrap_or(0);
        let counted = self.view().header_count();
        let bytes = self.bytes.splice(at, old, encoded.len());
        encoded.write(&mut bytes[at..]);
        set_header(bytes, counted);
    }
}
