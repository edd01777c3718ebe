//! Reading a listpack: validation, walking, searching.

use super::entry::{self, END, Shape};
use super::{COUNT_UNKNOWN, Element, HEADER, Pos};
use crate::number::parse_i64;

/// Why bytes are not a listpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListpackError {
    /// Fewer bytes than a header and an end marker.
    TooShort,
    /// The header tells another size than there are bytes.
    WrongTotal {
        /// What the header says.
        header: u32,
        /// How many bytes there are.
        actual: usize,
    },
    /// The last byte is not the end marker.
    NoEnd,
    /// The entry at this offset has an unknown encoding, reaches past the end, or its two lengths differ.
    BadEntry {
        /// Offset from the start of the listpack.
        offset: usize,
    },
    /// The header tells another number of entries than there are.
    WrongCount {
        /// What the header says.
        header: u16,
        /// How many there are.
        actual: usize,
    },
}

impl std::fmt::Display for ListpackError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooShort => write!(f, "listpack shorter than its header"),
            Self::WrongTotal { header, actual } => {
                write!(f, "listpack header says {header} bytes, there are {actual}")
            }
            Self::NoEnd => write!(f, "listpack has no end marker"),
            Self::BadEntry { offset } => write!(f, "bad listpack entry at offset {offset}"),
            Self::WrongCount { header, actual } => {
                write!(f, "listpack header says {header} entries, there are {actual}")
            }
        }
    }
}

impl std::error::Error for ListpackError {}

/// Checks every byte of a listpack from outside. O(size).
pub(super) fn validate(bytes: &[u8]) -> Result<(), ListpackError> {
    let &[t0, t1, t2, t3, c0, c1, _, ..] = bytes else { return Err(ListpackError::TooShort) };
    let total = u32::from_le_bytes([t0, t1, t2, t3]);
    if total as usize != bytes.len() {
        return Err(ListpackError::WrongTotal { header: total, actual: bytes.len() });
    }
    let Some((&END, entries)) = bytes.split_last() else { return Err(ListpackError::NoEnd) };
    let mut at = HEADER;
    let mut count = 0;
    while at < entries.len() {
        let rest = &entries[at..];
        let size = entry::shape(rest).ok_or(ListpackError::BadEntry { offset: at })?.size();
        let (back, back_len) = entry::backlen(size);
        let back = &back[..back_len as usize];
        if rest.get(size..size + back.len()) != Some(back) {
            return Err(ListpackError::BadEntry { offset: at });
        }
        at += size + back.len();
        count += 1;
    }
    let header = u16::from_le_bytes([c0, c1]);
    if header != COUNT_UNKNOWN && header as usize != count {
        return Err(ListpackError::WrongCount { header, actual: count });
    }
    Ok(())
}

/// A borrowed listpack that has been validated. Has the reading half of [`Listpack`](super::Listpack)'s methods.
#[derive(Clone, Copy)]
pub struct ListpackRef<'a> {
    bytes: &'a [u8],
}

impl<'a> ListpackRef<'a> {
    /// A look at a listpack without entries.
    pub const EMPTY: ListpackRef<'static> = ListpackRef { bytes: &[(HEADER + 1) as u8, 0, 0, 0, 0, 0, END] };

    /// Checks `bytes` as [`Listpack::from_bytes`](super::Listpack::from_bytes) does, without taking them.
    ///
    /// # Errors
    /// What is wrong and where.
    pub fn new(bytes: &'a [u8]) -> Result<Self, ListpackError> {
        validate(bytes)?;
        Ok(Self { bytes })
    }

    /// Wraps bytes that are known to be a listpack, without a check: bytes that came from
    /// [`Listpack::as_bytes`](super::Listpack::as_bytes). With any other bytes the methods may panic or give nonsense.
    pub fn trusted(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The bytes as they go into an RDB file.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether `additional` more bytes of entries keep the listpack within [`MAX_BYTES`](super::MAX_BYTES).
    #[inline]
    pub fn safe_to_add(&self, additional: usize) -> bool {
        self.bytes.len().saturating_add(additional) <= super::MAX_BYTES
    }

    /// The number of entries, unless the header does not tell it.
    pub(super) fn header_count(&self) -> Option<usize> {
        let count = u16::from_le_bytes([self.bytes[4], self.bytes[5]]);
        (count != COUNT_UNKNOWN).then_some(count as usize)
    }

    /// See [`Listpack::len`](super::Listpack::len).
    pub fn len(&self) -> usize {
        self.header_count().unwrap_or_else(|| self.iter().count())
    }

    /// See [`Listpack::is_empty`](super::Listpack::is_empty).
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == HEADER + 1
    }

    /// See [`Listpack::first`](super::Listpack::first).
    pub fn first(&self) -> Option<Pos> {
        self.entry_at(HEADER)
    }

    /// See [`Listpack::last`](super::Listpack::last).
    pub fn last(&self) -> Option<Pos> {
        self.entry_before(self.bytes.len() - 1)
    }

    /// See [`Listpack::next`](super::Listpack::next).
    #[inline]
    pub fn next(&self, pos: Pos) -> Option<Pos> {
        let at = pos.offset();
        self.entry_at(at + entry::full_size(&self.bytes[at..])?)
    }

    /// See [`Listpack::prev`](super::Listpack::prev).
    #[inline]
    pub fn prev(&self, pos: Pos) -> Option<Pos> {
        self.entry_before(pos.offset())
    }

    /// See [`Listpack::seek`](super::Listpack::seek).
    pub fn seek(&self, index: isize) -> Option<Pos> {
        let mut from_start = usize::try_from(index).ok();
        let mut from_end = index.unsigned_abs();
        if let Some(count) = self.header_count() {
            // With a known count both distances are known, and the shorter walk is taken.
            let forward = match from_start {
                Some(forward) => forward,
                None => count.checked_sub(from_end)?,
            };
            if forward >= count {
                return None;
            }
            from_end = count - forward;
            from_start = (forward <= count / 2).then_some(forward);
        }
        if let Some(forward) = from_start {
            let mut pos = self.first()?;
            for _ in 0..forward {
                pos = self.next(pos)?;
            }
            Some(pos)
        } else {
            let mut pos = self.last()?;
            for _ in 1..from_end {
                pos = self.prev(pos)?;
            }
            Some(pos)
        }
    }

    /// See [`Listpack::get`](super::Listpack::get).
    #[inline]
    pub fn get(&self, pos: Pos) -> Element<'a> {
        entry::read(&self.bytes[pos.offset()..])
    }

    /// See [`Listpack::find`](super::Listpack::find).
    pub fn find(&self, from: Pos, value: &[u8], skip: usize) -> Option<Pos> {
        let int = parse_i64(value);
        let mut at = from.offset();
        let mut to_skip = 0;
        loop {
            let rest = &self.bytes[at..];
            let shape = entry::shape(rest)?;
            if to_skip > 0 {
                to_skip -= 1;
            } else {
                let found = match shape {
                    Shape::Str(head, len) => len == value.len() && rest[head..head + len] == *value,
                    Shape::Int(size) => int.is_some_and(|int| entry::read_int(rest, size) == int),
                };
                if found {
                    return Some(Pos::new(at));
                }
                to_skip = skip;
            }
            let size = shape.size();
            at += size + entry::backlen_size(size);
        }
    }

    /// See [`Listpack::iter`](super::Listpack::iter).
    pub fn iter(self) -> Iter<'a> {
        Iter(self.entries())
    }

    /// See [`Listpack::entries`](super::Listpack::entries).
    pub fn entries(self) -> Entries<'a> {
        Entries { bytes: self.bytes, front: HEADER, back: self.bytes.len() - 1 }
    }

    /// The elements from the one at `pos` on, with their positions.
    pub fn entries_from(self, pos: Pos) -> Entries<'a> {
        Entries { front: pos.offset(), ..self.entries() }
    }

    #[inline]
    fn entry_at(&self, offset: usize) -> Option<Pos> {
        (self.bytes[offset] != END).then(|| Pos::new(offset))
    }

    #[inline]
    fn entry_before(&self, offset: usize) -> Option<Pos> {
        (offset > HEADER).then(|| Pos::new(entry::start_of_entry_before(self.bytes, offset)))
    }
}

impl<'a> IntoIterator for ListpackRef<'a> {
    type Item = Element<'a>;
    type IntoIter = Iter<'a>;
    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl std::fmt::Debug for ListpackRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(*self).finish()
    }
}

/// Iterator over the elements with their positions, from both ends.
#[derive(Clone)]
pub struct Entries<'a> {
    bytes: &'a [u8],
    front: usize,
    back: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = (Pos, Element<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        let pos = Pos::new(self.front);
        let (element, size) = entry::take(&self.bytes[self.front..])?;
        self.front += size;
        Some((pos, element))
    }
}

impl DoubleEndedIterator for Entries<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        self.back = entry::start_of_entry_before(self.bytes, self.back);
        Some((Pos::new(self.back), entry::read(&self.bytes[self.back..])))
    }
}

/// Iterator over the elements, from both ends.
#[derive(Clone)]
pub struct Iter<'a>(Entries<'a>);

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        Some(self.0.next()?.1)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        Some(self.0.next_back()?.1)
    }
}
