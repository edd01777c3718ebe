//! One listpack entry: its encodings, and the reversed length that follows it.
//!
//! An entry is `header | payload | backlen`. The header's first byte tells the encoding:
//!
//! | first byte | meaning | entry without backlen |
//! |---|---|---|
//! | `0xxxxxxx` | unsigned 7-bit integer | 1 |
//! | `10llllll` | string of up to 63 bytes | 1 + length |
//! | `110xxxxx` + 1 byte | signed 13-bit integer | 2 |
//! | `1110llll` + 1 byte | string of up to 4095 bytes | 2 + length |
//! | `F0` + 4 bytes little endian | string of up to 2^32-1 bytes | 5 + length |
//! | `F1` `F2` `F3` `F4` | signed 16, 24, 32, 64-bit integer, little endian | 3, 4, 5, 9 |
//! | `FF` | end of the listpack | |

use super::Element;
use crate::number::parse_i64;

/// The byte that ends every listpack.
pub(super) const END: u8 = 0xFF;

const STR_12: u8 = 0xE0;
const STR_32: u8 = 0xF0;
const INT_13: u8 = 0xC0;
const INT_16: u8 = 0xF1;
const INT_24: u8 = 0xF2;
const INT_32: u8 = 0xF3;
const INT_64: u8 = 0xF4;

/// An entry ready to be written: everything but the payload of a string is in here.
pub(super) struct Encoded<'a> {
    head: [u8; 9],
    head_len: u8,
    body: &'a [u8],
    back: [u8; 5],
    back_len: u8,
}

impl<'a> Encoded<'a> {
    /// Encodes `value`, as an integer if its text is one.
    #[inline]
    pub(super) fn of_bytes(value: &'a [u8]) -> Self {
        match parse_i64(value) {
            Some(int) => Self::of_int(int),
            None => Self::of_str(value),
        }
    }

    /// Encodes an integer in the smallest form that holds it.
    pub(super) fn of_int(value: i64) -> Self {
        let mut head = [0u8; 9];
        let le = value.to_le_bytes();
        let head_len = match value {
            0..=127 => {
                head[0] = value as u8;
                1
            }
            -4096..=4095 => {
                head[0] = INT_13 | ((value >> 8) as u8 & 0x1F);
                head[1] = value as u8;
                2
            }
            -0x8000..=0x7FFF => tagged(&mut head, INT_16, &le[..2]),
            -0x80_0000..=0x7F_FFFF => tagged(&mut head, INT_24, &le[..3]),
            -0x8000_0000..=0x7FFF_FFFF => tagged(&mut head, INT_32, &le[..4]),
            _ => tagged(&mut head, INT_64, &le),
        };
        Self { head, head_len, body: &[], back: [head_len, 0, 0, 0, 0], back_len: 1 }
    }

    #[inline]
    fn of_str(value: &'a [u8]) -> Self {
        let mut head = [0u8; 9];
        let len = value.len();
        if len < 64 {
            head[0] = 0x80 | len as u8;
            return Self { head, head_len: 1, body: value, back: [len as u8 + 1, 0, 0, 0, 0], back_len: 1 };
        }
        let head_len = if len < 4096 {
            head[0] = STR_12 | (len >> 8) as u8;
            head[1] = len as u8;
            2
        } else {
            tagged(&mut head, STR_32, &(len as u32).to_le_bytes())
        };
        let (back, back_len) = backlen(head_len as usize + len);
        Self { head, head_len, body: value, back, back_len }
    }

    /// Bytes the entry takes, backlen included.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.head_len as usize + self.body.len() + self.back_len as usize
    }

    /// Writes the entry over the first `self.len()` bytes of `to`.
    #[inline]
    pub(super) fn write(&self, to: &mut [u8]) {
        let (head, rest) = to.split_at_mut(self.head_len as usize);
        let (body, rest) = rest.split_at_mut(self.body.len());
        // Of short strings both lengths take one byte, which need no call.
        if let ([head], [back, ..], 1) = (&mut *head, &mut *rest, self.back_len) {
            (*head, *back) = (self.head[0], self.back[0]);
        } else {
            head.copy_from_slice(&self.head[..self.head_len as usize]);
            rest[..self.back_len as usize].copy_from_slice(&self.back[..self.back_len as usize]);
        }
        body.copy_from_slice(self.body);
    }
}

fn tagged(head: &mut [u8; 9], tag: u8, payload: &[u8]) -> u8 {
    head[0] = tag;
    head[1..=payload.len()].copy_from_slice(payload);
    1 + payload.len() as u8
}

/// How many bytes the backlen of an entry of `len` bytes takes. The odd limits are Redis' own.
pub(super) fn backlen_size(len: usize) -> usize {
    match len {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

/// The backlen: 7 bits a byte, most significant first, where every byte but the first has its top bit set, so that it
/// can be read from the end.
pub(super) fn backlen(len: usize) -> ([u8; 5], u8) {
    let size = backlen_size(len);
    let mut bytes = [0u8; 5];
    let mut rest = len;
    for i in (0..size).rev() {
        bytes[i] = (rest & 127) as u8 | if i == 0 { 0 } else { 128 };
        rest >>= 7;
    }
    (bytes, size as u8)
}

/// Reads the backlen that ends just before `end`, and gives where its entry starts.
pub(super) fn start_of_entry_before(bytes: &[u8], end: usize) -> usize {
    let mut len = 0usize;
    let mut shift = 0;
    let mut at = end;
    loop {
        at -= 1;
        let byte = bytes[at];
        len |= ((byte & 127) as usize) << shift;
        shift += 7;
        if byte & 128 == 0 || shift > 28 {
            return at - len;
        }
    }
}

/// What the header of an entry says.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// A string: its header's size and its length.
    Str(usize, usize),
    /// An integer: the size of the whole encoding.
    Int(usize),
}

impl Shape {
    /// Size of the entry without its backlen.
    pub(super) fn size(self) -> usize {
        match self {
            Self::Str(head, len) => head + len,
            Self::Int(size) => size,
        }
    }
}

/// Reads the header at the start of `entry`. `None` for the end marker, an unknown encoding, or a header cut short.
#[inline]
pub(super) fn shape(entry: &[u8]) -> Option<Shape> {
    let &first = entry.first()?;
    Some(match first {
        0..=0x7F => Shape::Int(1),
        0x80..=0xBF => Shape::Str(1, (first & 0x3F) as usize),
        0xC0..=0xDF => Shape::Int(2),
        0xE0..=0xEF => Shape::Str(2, ((first & 0x0F) as usize) << 8 | *entry.get(1)? as usize),
        STR_32 => {
            let len = entry.get(1..5)?;
            Shape::Str(5, u32::from_le_bytes([len[0], len[1], len[2], len[3]]) as usize)
        }
        INT_16 => Shape::Int(3),
        INT_24 => Shape::Int(4),
        INT_32 => Shape::Int(5),
        INT_64 => Shape::Int(9),
        _ => return None,
    })
}

/// Reads the integer at the start of `entry`, whose header said [`Shape::Int`].
pub(super) fn read_int(entry: &[u8], size: usize) -> i64 {
    match size {
        1 => entry[0] as i64,
        2 => (((entry[0] & 0x1F) as i64) << 8 | entry[1] as i64) << 51 >> 51,
        _ => {
            let mut le = [0u8; 8];
            le[..size - 1].copy_from_slice(&entry[1..size]);
            let unused_bits = 64 - 8 * (size as u32 - 1);
            i64::from_le_bytes(le) << unused_bits >> unused_bits
        }
    }
}

/// Reads the entry at the start of `entry`, which must be a valid one.
#[inline]
pub(super) fn read(entry: &[u8]) -> Element<'_> {
    match take(entry) {
        Some((element, _)) => element,
        None => unreachable!("a position of a listpack points at an entry"),
    }
}

/// Reads the entry at the start of `entry` and the size of it with its backlen. `None` at the end marker.
#[inline]
pub(super) fn take(entry: &[u8]) -> Option<(Element<'_>, usize)> {
    let shape = shape(entry)?;
    let element = match shape {
        Shape::Str(head, len) => Element::Str(&entry[head..head + len]),
        Shape::Int(size) => Element::Int(read_int(entry, size)),
    };
    let size = shape.size();
    Some((element, size + backlen_size(size)))
}

/// Size of the entry at the start of `entry` with its backlen, or `None` at the end marker.
#[inline]
pub(super) fn full_size(entry: &[u8]) -> Option<usize> {
    let size = shape(entry)?.size();
    Some(size + backlen_size(size))
}
