//! The memory of a listpack: its bytes in one piece, with spare room at either side.
//!
//! A list is pushed and popped at both ends. With room in front of the first byte, doing so at the head moves a few bytes
//! of header instead of all the elements behind it. The bytes in the middle are at every moment what goes into a file.

use crate::Block;
use std::hash::{Hash, Hasher};

/// Bytes with room at both sides. At most 4 GiB, which is also what the header of a listpack can express.
pub(super) struct Room {
    buffer: Box<[u8]>,
    /// Where the bytes begin in the buffer.
    start: u32,
    /// Where they end.
    end: u32,
}

/// Capacities are multiples of this, as the size classes of allocators are.
const STEP: usize = 16;

fn offset(value: usize) -> u32 {
    u32::try_from(value).expect("a listpack stays below 4 GiB, see safe_to_add")
}

/// A buffer with `bytes` from `start` on. Only the room around them is zeroed.
fn buffer_with(bytes: &[u8], start: usize, capacity: usize) -> Box<[u8]> {
    let mut buffer = Vec::with_capacity(capacity);
    buffer.resize(start, 0);
    buffer.extend_from_slice(bytes);
    buffer.resize(capacity, 0);
    buffer.into_boxed_slice()
}

impl Room {
    /// `bytes`, with room behind them so that there are `capacity` bytes in all.
    pub(super) fn new(bytes: &[u8], capacity: usize) -> Self {
        let buffer = buffer_with(bytes, 0, capacity.max(bytes.len()));
        Self { buffer, start: 0, end: offset(bytes.len()) }
    }

    /// `bytes`, with so much room before and behind them.
    pub(super) fn around(bytes: &[u8], front: usize, back: usize) -> Self {
        let end = front + bytes.len();
        let buffer = buffer_with(bytes, front, (end + back).next_multiple_of(STEP));
        Self { buffer, start: offset(front), end: offset(end) }
    }

    /// Takes bytes as they are.
    pub(super) fn from_vec(bytes: Vec<u8>) -> Self {
        let end = offset(bytes.len());
        Self { buffer: bytes.into_boxed_slice(), start: 0, end }
    }

    pub(super) fn into_vec(self) -> Vec<u8> {
        let (start, end) = (self.start as usize, self.end as usize);
        let mut bytes = Vec::from(self.buffer);
        bytes.truncate(end);
        if start > 0 {
            bytes.drain(..start);
        }
        bytes
    }

    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start as usize..self.end as usize]
    }

    #[inline]
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[self.start as usize..self.end as usize]
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    pub(super) fn capacity(&self) -> usize {
        self.buffer.len()
    }

    pub(super) fn shrink_to_fit(&mut self) {
        if self.buffer.len() > self.len() {
            *self = Self::new(self.bytes(), 0);
        }
    }

    /// Makes `count` bytes of room behind the bytes and counts them in; what they hold is not defined.
    #[inline]
    pub(super) fn extend_back(&mut self, count: usize) {
        if self.buffer.len() - (self.end as usize) < count {
            self.grow(count, false);
        }
        self.end += count as u32;
    }

    /// Makes `count` bytes of room before the bytes and counts them in; what they hold is not defined.
    #[inline]
    pub(super) fn extend_front(&mut self, count: usize) {
        if (self.start as usize) < count {
            self.grow(count, true);
        }
        self.start -= count as u32;
    }

    /// Makes room for at least `count` more bytes on one side.
    ///
    /// Half as much again is reserved when there is little room in all, so that adding bytes one by one moves each of
    /// them a bounded number of times. Nearly all room goes to the side that asks; the other one keeps some of its own.
    #[cold]
    fn grow(&mut self, count: usize, front: bool) {
        let len = self.len();
        let needed = len + count;
        let in_place = self.buffer.len() >= needed + len / 4;
        let capacity = if in_place {
            self.buffer.len()
        } else {
            let roomy = (needed + needed / 2).next_multiple_of(STEP);
            roomy.min(u32::MAX as usize).max(needed)
        };
        // Offsets up to here are known to fit from here on.
        offset(capacity);
        let behind = self.buffer.len() - self.end as usize;
        let other = if front { behind } else { self.start as usize };
        let kept = other.min((capacity - needed) / 4);
        let start = if front { capacity - kept - len } else { kept };
        if in_place {
            self.buffer.copy_within(self.start as usize..self.end as usize, start);
        } else {
            self.buffer = buffer_with(self.bytes(), start, capacity);
        }
        (self.start, self.end) = (start as u32, (start + len) as u32);
    }
}

impl Block for Room {
    #[inline]
    fn bytes(&self) -> &[u8] {
        Self::bytes(self)
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        Self::bytes_mut(self)
    }

    /// Moves whichever side is shorter.
    fn splice(&mut self, at: usize, old: usize, new: usize) -> &mut [u8] {
        let len = self.len();
        let behind = len - at - old;
        if new > old {
            let more = new - old;
            if at < behind {
                self.extend_front(more);
                self.bytes_mut().copy_within(more..more + at, 0);
            } else {
                self.extend_back(more);
                self.bytes_mut().copy_within(at + old..len, at + new);
            }
        } else {
            let less = old - new;
            if at < behind {
                self.bytes_mut().copy_within(..at, less);
                self.start += less as u32;
            } else {
                self.bytes_mut().copy_within(at + old.., at + new);
                self.end -= less as u32;
            }
        }
        self.bytes_mut()
    }
}

impl Clone for Room {
    fn clone(&self) -> Self {
        Self::new(self.bytes(), 0)
    }
}

impl PartialEq for Room {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Room {}

impl Hash for Room {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes().hash(state);
    }
}
