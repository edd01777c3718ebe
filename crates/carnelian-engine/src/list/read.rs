//! Reading lists. Elements are shown to a closure, because a compressed node is decompressed only while it is read.

use super::node::{Needle, View};
use super::{End, List};
use carnelian_encoding::Element;

impl List {
    /// Index from the head for an index that may count from the tail (-1 is the last).
    pub(super) fn absolute(&self, index: i64) -> Option<usize> {
        let index = if index < 0 { index.checked_add(self.len as i64)? } else { index };
        usize::try_from(index).ok().filter(|index| *index < self.len)
    }

    /// Node and offset in it of an absolute index, found from the nearer end. O(nodes).
    pub(super) fn locate(&self, index: usize) -> Option<(usize, usize)> {
        if index >= self.len {
            return None;
        }
        if index <= self.len / 2 {
            let mut rest = index;
            for (number, node) in self.nodes.iter().enumerate() {
                if rest < node.len() {
                    return Some((number, rest));
                }
                rest -= node.len();
            }
        } else {
            let mut rest = self.len - 1 - index;
            for (number, node) in self.nodes.iter().enumerate().rev() {
                if rest < node.len() {
                    return Some((number, node.len() - 1 - rest));
                }
                rest -= node.len();
            }
        }
        None
    }

    /// Calls `read` with the element at `index`, negative ones counted from the tail; `None` when there is none. O(nodes).
    pub fn get_with<T>(&self, index: i64, read: impl FnOnce(Element<'_>) -> T) -> Option<T> {
        let (number, offset) = self.locate(self.absolute(index)?)?;
        self.nodes.get(number)?.with(|view| match view {
            View::Packed(packed) => packed.seek(offset as isize).map(|position| read(packed.get(position))),
            View::Plain(element) => Some(read(Element::Str(element))),
        })
    }

    /// Calls `visit` with every element from head to tail. O(n).
    pub fn for_each(&self, visit: impl FnMut(Element<'_>)) {
        self.for_range(0, self.len, visit);
    }

    /// Calls `visit` with up to `count` elements from the absolute index `start` on. O(nodes + count), without an
    /// allocation.
    #[inline]
    pub fn for_range(&self, start: usize, count: usize, mut visit: impl FnMut(Element<'_>)) {
        let Some((number, offset)) = self.locate(start) else { return };
        let mut left = count;
        let mut offset = offset;
        for node in self.nodes.range(number..) {
            if left == 0 {
                return;
            }
            let taken = left.min(node.len() - offset);
            node.with(|view| match view {
                View::Packed(packed) => {
                    if let Some(from) = packed.seek(offset as isize) {
                        packed.entries_from(from).take(taken).for_each(|(_, element)| visit(element));
                    }
                }
                View::Plain(element) => visit(Element::Str(element)),
            });
            left -= taken;
            offset = 0;
        }
    }

    /// Calls `visit` with the absolute index and the element of up to `limit` elements, beginning at `from`, until it
    /// returns false. O(n).
    pub fn walk(&self, from: End, limit: usize, mut visit: impl FnMut(usize, Element<'_>) -> bool) {
        let mut left = limit.min(self.len);
        let mut seen = 0;
        let count = self.nodes.len();
        for step in 0..count {
            let node = match from {
                End::Left => &self.nodes[step],
                End::Right => &self.nodes[count - 1 - step],
            };
            let taken = left.min(node.len());
            let mut next = |element: Element<'_>| {
                let index = match from {
                    End::Left => seen,
                    End::Right => self.len - 1 - seen,
                };
                seen += 1;
                visit(index, element)
            };
            let go_on = node.with(|view| match (view, from) {
                (View::Packed(packed), End::Left) => packed.iter().take(taken).all(&mut next),
                (View::Packed(packed), End::Right) => packed.iter().rev().take(taken).all(&mut next),
                (View::Plain(element), _) => taken == 0 || next(Element::Str(element)),
            });
            left -= taken;
            if !go_on || left == 0 {
                return;
            }
        }
    }

    /// Calls `found` with the absolute index of each element equal to `value`, beginning at `from` and looking at no
    /// more than `limit` elements, until it returns false. O(n).
    pub fn find(&self, from: End, value: &[u8], limit: usize, mut found: impl FnMut(usize) -> bool) {
        let needle = Needle::new(value);
        self.walk(from, limit, |index, element| !needle.is(element) || found(index));
    }
}
