//! The intset: a sorted set of integers in one block of memory, byte for byte as Redis lays it out.
//!
//! ```text
//! bytes per integer (u32 LE: 2, 4 or 8) | number of integers (u32 LE) | integers, ascending, little endian
//! ```
//! The width grows when an integer needs it, and never shrinks.

use crate::Block;

/// Size of the header in bytes.
const HEADER: usize = 8;

/// A sorted set of integers. See the [module](self) for the layout.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IntSet {
    bytes: Vec<u8>,
}

/// A look at an intset, with all the reading methods.
#[derive(Clone, Copy)]
pub struct IntSetRef<'a> {
    bytes: &'a [u8],
}

/// Why bytes are not an intset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntSetError {
    /// Fewer bytes than a header.
    TooShort,
    /// The width is none of 2, 4, 8.
    BadWidth {
        /// What the header says.
        width: u32,
    },
    /// The header tells another number of integers than there are bytes for.
    WrongCount {
        /// What the header says.
        header: u32,
        /// Bytes behind the header.
        payload_bytes: usize,
    },
    /// The integer with this index is not greater than the one before it.
    NotAscending {
        /// Index of the integer.
        index: usize,
    },
}

impl std::fmt::Display for IntSetError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooShort => write!(f, "intset shorter than its header"),
            Self::BadWidth { width } => write!(f, "intset of {width}-byte integers"),
            Self::WrongCount { header, payload_bytes } => {
                write!(f, "intset header says {header} integers, there are {payload_bytes} bytes of them")
            }
            Self::NotAscending { index } => write!(f, "intset not ascending at index {index}"),
        }
    }
}

impl std::error::Error for IntSetError {}

impl Default for IntSet {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for IntSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self).finish()
    }
}

fn width_of(value: i64) -> usize {
    if i16::try_from(value).is_ok() {
        2
    } else if i32::try_from(value).is_ok() {
        4
    } else {
        8
    }
}

impl IntSet {
    /// An empty set of 16-bit integers.
    pub fn new() -> Self {
        Self { bytes: vec![2, 0, 0, 0, 0, 0, 0, 0] }
    }

    /// Takes bytes from outside after checking the header and that the integers ascend.
    ///
    /// # Errors
    /// What is wrong; the bytes are dropped.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, IntSetError> {
        let &[w0, w1, w2, w3, n0, n1, n2, n3, ref payload @ ..] = &bytes[..] else {
            return Err(IntSetError::TooShort);
        };
        let width = u32::from_le_bytes([w0, w1, w2, w3]);
        if !matches!(width, 2 | 4 | 8) {
            return Err(IntSetError::BadWidth { width });
        }
        let count = u32::from_le_bytes([n0, n1, n2, n3]);
        if count as u64 * width as u64 != payload.len() as u64 {
            return Err(IntSetError::WrongCount { header: count, payload_bytes: payload.len() });
        }
        let set = Self { bytes };
        let mut previous = None;
        for (index, value) in set.iter().enumerate() {
            if previous >= Some(value) {
                return Err(IntSetError::NotAscending { index });
            }
            previous = Some(value);
        }
        Ok(set)
    }

    /// A copy, with room for so many more integers.
    pub fn with_room(ints: IntSetRef<'_>, more: usize) -> Self {
        let mut bytes = Vec::with_capacity(ints.bytes.len() + more * ints.width());
        bytes.extend_from_slice(ints.bytes);
        Self { bytes }
    }

    /// The bytes as they go into an RDB file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives the bytes away.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Size of the whole intset in bytes.
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

    /// A look at the set.
    #[inline]
    pub fn view(&self) -> IntSetRef<'_> {
        IntSetRef { bytes: &self.bytes }
    }

    /// Number of integers. O(1).
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    /// The integer with this index in ascending order. O(1).
    pub fn get(&self, index: usize) -> Option<i64> {
        self.view().get(index)
    }

    /// The smallest integer.
    pub fn min(&self) -> Option<i64> {
        self.view().min()
    }

    /// The greatest integer.
    pub fn max(&self) -> Option<i64> {
        self.view().max()
    }

    /// Whether `value` is in the set. O(log n).
    pub fn contains(&self, value: i64) -> bool {
        self.view().contains(value)
    }

    /// The index of `value`, or else the index at which it would be.
    ///
    /// # Errors
    /// The index at which the missing value belongs.
    pub fn search(&self, value: i64) -> Result<usize, usize> {
        self.view().search(value)
    }

    /// A look at the set for changing it.
    #[inline]
    pub fn edit(&mut self) -> IntSetMut<'_, Vec<u8>> {
        IntSetMut::trusted(&mut self.bytes)
    }

    /// Adds `value`; tells whether it was new. O(n), for the bytes behind it are moved.
    pub fn insert(&mut self, value: i64) -> bool {
        self.edit().insert(value)
    }

    /// Takes `value` out; tells whether it was there. O(n).
    pub fn remove(&mut self, value: i64) -> bool {
        self.edit().remove(value)
    }

    /// The integers in ascending order.
    pub fn iter(&self) -> Iter<'_> {
        self.view().iter()
    }

    /// Asserts that the bytes are an intset in every detail. O(n).
    #[doc(hidden)]
    pub fn check(&self) {
        assert_eq!(Self::from_bytes(self.bytes.clone()).as_ref(), Ok(self));
    }
}

/// An intset that lies anywhere, for changing it there.
pub struct IntSetMut<'a, B> {
    bytes: &'a mut B,
}

impl<'a, B: Block> IntSetMut<'a, B> {
    /// Takes bytes that are known to be an intset, as [`IntSetRef::trusted`] does.
    #[inline]
    pub fn trusted(bytes: &'a mut B) -> Self {
        Self { bytes }
    }

    /// A look at the set.
    #[inline]
    pub fn view(&self) -> IntSetRef<'_> {
        IntSetRef { bytes: self.bytes.bytes() }
    }

    /// As [`IntSet::insert`].
    pub fn insert(&mut self, value: i64) -> bool {
        if !self.view().is_wide_enough(value) {
            self.widen(width_of(value));
        }
        let Err(index) = self.view().search(value) else { return false };
        let width = self.view().width();
        let at = HEADER + index * width;
        self.bytes.splice(at, 0, width)[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
        self.set_len();
        true
    }

    /// As [`IntSet::remove`].
    pub fn remove(&mut self, value: i64) -> bool {
        let Ok(index) = self.view().search(value) else { return false };
        let width = self.view().width();
        self.bytes.splice(HEADER + index * width, width, 0);
        self.set_len();
        true
    }

    fn widen(&mut self, width: usize) {
        let values: Vec<i64> = self.view().iter().collect();
        let old = self.bytes.bytes().len() - HEADER;
        let bytes = self.bytes.splice(HEADER, old, values.len() * width);
        bytes[..4].copy_from_slice(&(width as u32).to_le_bytes());
        for (place, value) in bytes[HEADER..].chunks_exact_mut(width).zip(values) {
            place.copy_from_slice(&value.to_le_bytes()[..width]);
        }
    }

    fn set_len(&mut self) {
        let len = u32::try_from(self.view().len()).expect("an intset holds fewer than 2^32 integers");
        self.bytes.bytes_mut()[4..HEADER].copy_from_slice(&len.to_le_bytes());
    }
}

impl<'a> IntSetRef<'a> {
    /// Wraps bytes that are known to be an intset, without a check: bytes that [`IntSet::as_bytes`] gave. With any others the
    /// methods may panic or give nonsense.
    #[inline]
    pub fn trusted(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The bytes as they go into an RDB file.
    pub fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Number of integers. O(1).
    pub fn len(self) -> usize {
        (self.bytes.len() - HEADER) / self.width()
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.bytes.len() == HEADER
    }

    /// The integer with this index in ascending order. O(1).
    pub fn get(self, index: usize) -> Option<i64> {
        (index < self.len()).then(|| self.at(index, self.width()))
    }

    /// The smallest integer.
    pub fn min(self) -> Option<i64> {
        self.get(0)
    }

    /// The greatest integer.
    pub fn max(self) -> Option<i64> {
        self.get(self.len().checked_sub(1)?)
    }

    /// Whether `value` is in the set. O(log n).
    pub fn contains(self, value: i64) -> bool {
        self.search(value).is_ok()
    }

    /// The index of `value`, or else the index at which it would be.
    ///
    /// # Errors
    /// The index at which the missing value belongs.
    pub fn search(self, value: i64) -> Result<usize, usize> {
        let width = self.width();
        let len = self.len();
        // Appending in order is the commonest insertion, so the end is looked at first.
        if len == 0 || value > self.at(len - 1, width) {
            return Err(len);
        }
        let (mut low, mut high) = (0, len);
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.at(middle, width).cmp(&value) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }

    /// The integers in ascending order.
    pub fn iter(self) -> Iter<'a> {
        Iter { range: 0..self.len(), set: self }
    }

    /// Whether `value` can be added without making all integers wider.
    #[inline]
    pub fn is_wide_enough(self, value: i64) -> bool {
        width_of(value) <= self.width()
    }

    #[inline]
    fn width(self) -> usize {
        self.bytes[0] as usize
    }

    #[inline]
    fn at(self, index: usize, width: usize) -> i64 {
        let from = HEADER + index * width;
        let bytes = &self.bytes[from..from + width];
        match *bytes {
            [a, b] => i16::from_le_bytes([a, b]) as i64,
            [a, b, c, d] => i32::from_le_bytes([a, b, c, d]) as i64,
            [a, b, c, d, e, f, g, h] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
            _ => unreachable!("a width is 2, 4 or 8"),
        }
    }
}

/// Iterator over an [`IntSet`], ascending; can be walked from the back as well.
#[derive(Clone)]
pub struct Iter<'a> {
    set: IntSetRef<'a>,
    range: std::ops::Range<usize>,
}

impl Iterator for Iter<'_> {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        self.set.get(self.range.next()?)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.range.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<i64> {
        self.set.get(self.range.next_back()?)
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'a> IntoIterator for &'a IntSet {
    type Item = i64;
    type IntoIter = Iter<'a>;
    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl FromIterator<i64> for IntSet {
    fn from_iter<I: IntoIterator<Item = i64>>(values: I) -> Self {
        let mut set = Self::new();
        values.into_iter().for_each(|value| {
            set.insert(value);
        });
        set
    }
}
