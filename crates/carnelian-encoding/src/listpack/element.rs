//! What an entry of a listpack holds, as its reader sees it.

use crate::number::{parse_f64, parse_i64};

/// One element of a listpack: text, or an integer that stands for its decimal text.
///
/// Two elements are equal when their texts are.
#[derive(Clone, Copy, Debug)]
pub enum Element<'a> {
    /// Bytes as they were put in.
    Str(&'a [u8]),
    /// Text that was the decimal form of this integer.
    Int(i64),
}

impl Element<'_> {
    /// The text in a new vector.
    pub fn to_vec(&self) -> Vec<u8> {
        self.with_bytes(<[u8]>::to_vec)
    }

    /// Appends the text to `out`.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        self.with_bytes(|bytes| out.extend_from_slice(bytes));
    }

    /// Calls `f` with the text, without allocating.
    pub fn with_bytes<T>(&self, f: impl FnOnce(&[u8]) -> T) -> T {
        match *self {
            Self::Str(bytes) => f(bytes),
            Self::Int(int) => f(itoa::Buffer::new().format(int).as_bytes()),
        }
    }

    /// Length of the text in bytes.
    pub fn len(&self) -> usize {
        match *self {
            Self::Str(bytes) => bytes.len(),
            Self::Int(int) => {
                int.unsigned_abs().checked_ilog10().map_or(1, |d| d as usize + 1) + usize::from(int < 0)
            }
        }
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Str([]))
    }

    /// The integer whose decimal form the text is, with the rules of [`parse_i64`].
    pub fn as_i64(&self) -> Option<i64> {
        match *self {
            Self::Str(bytes) => parse_i64(bytes),
            Self::Int(int) => Some(int),
        }
    }

    /// The number the text stands for, with the rules of [`parse_f64`]; this is how a sorted set reads its scores.
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Self::Str(bytes) => parse_f64(bytes),
            Self::Int(int) => Some(int as f64),
        }
    }
}

impl PartialEq<[u8]> for Element<'_> {
    fn eq(&self, other: &[u8]) -> bool {
        match *self {
            Self::Str(bytes) => bytes == other,
            Self::Int(int) => parse_i64(other) == Some(int),
        }
    }
}

impl PartialEq<&[u8]> for Element<'_> {
    fn eq(&self, other: &&[u8]) -> bool {
        *self == **other
    }
}

impl<const N: usize> PartialEq<&[u8; N]> for Element<'_> {
    fn eq(&self, other: &&[u8; N]) -> bool {
        *self == other[..]
    }
}

impl PartialEq for Element<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Str(a), b) => b == *a,
            (a, Self::Str(b)) => a == *b,
        }
    }
}

impl Eq for Element<'_> {}
