//! Changing lists away from their ends.

use super::limits::Limits;
use super::node::{Needle, Node, remove_in_packed};
use super::{End, List};
use crate::settings::Settings;
use carnelian_encoding::{Block, ListpackMut};

impl List {
    /// Replaces the element at `index`, negative ones counted from the tail; false when there is none. O(nodes).
    pub fn set(&mut self, index: i64, value: &[u8], settings: &Settings) -> bool {
        let Some((number, offset)) = self.view().absolute(index).and_then(|index| self.view().locate(index))
        else {
            return false;
        };
        let limits = self.limits(settings);
        if self.nodes[number].replace(offset, value, limits) {
            self.settle(number..number + 1);
            return true;
        }
        let before = self.nodes.len();
        self.len -= self.nodes[number].remove(offset, 1);
        if self.nodes[number].len() == 0 {
            self.nodes.remove(number);
            // In its place, and not into a neighbour that has room: the order of what follows does not matter then.
            self.nodes.insert(number, Node::single(value, limits, 0));
            self.len += 1;
            self.settle(number..number + 1);
        } else {
            let last = self.nodes[number].len() - 1;
            self.insert_beside(number, offset.min(last), offset > last, value, limits);
            self.settle_after_insert(number, before);
        }
        true
    }

    /// Inserts before the element that has `index` (absolute) now, or at the end for `len()`. O(nodes).
    pub fn insert(&mut self, index: usize, value: &[u8], settings: &Settings) {
        self.insert_at(index, false, value, settings);
    }

    /// Inserts behind the element at `index` (absolute), or at the end when there is none. O(nodes).
    pub fn insert_after(&mut self, index: usize, value: &[u8], settings: &Settings) {
        self.insert_at(index, true, value, settings);
    }

    fn insert_at(&mut self, index: usize, after: bool, value: &[u8], settings: &Settings) {
        let Some((number, offset)) = self.view().locate(index) else {
            self.push(End::Right, value, settings);
            return;
        };
        let limits = self.limits(settings);
        let before = self.nodes.len();
        self.insert_beside(number, offset, after, value, limits);
        self.settle_after_insert(number, before);
    }

    /// Inserts an element before or after the one at `offset` of a node, where Redis does. Leaves nodes unsettled.
    fn insert_beside(&mut self, number: usize, offset: usize, after: bool, value: &[u8], limits: Limits) {
        self.len += 1;
        let place = offset + usize::from(after);
        if self.nodes[number].has_room(value.len(), limits) {
            self.nodes[number].insert(place, value);
            return;
        }
        if place == 0 || place == self.nodes[number].len() {
            // The neighbour may have room, so that inserting beside a full node does not fragment the list.
            let (neighbour, its_end) =
                if after { (Some(number + 1), End::Left) } else { (number.checked_sub(1), End::Right) };
            match neighbour.and_then(|neighbour| self.nodes.get_mut(neighbour)) {
                Some(node) if node.has_room(value.len(), limits) => node.push(its_end, value),
                _ => self.nodes.insert(number + usize::from(after), Node::single(value, limits, 0)),
            }
            return;
        }
        let Some(mut tail) = self.nodes[number].split_off(place) else { return };
        let (half, its_end) =
            if after { (&mut tail, End::Left) } else { (&mut self.nodes[number], End::Right) };
        let has_room = half.has_room(value.len(), limits);
        if has_room {
            half.push(its_end, value);
        } else {
            self.nodes.insert(number + 1, Node::single(value, limits, 0));
        }
        self.nodes.insert(number + 1 + usize::from(!has_room), tail);
        if !limits.is_large(value.len()) {
            self.merge_around(number + usize::from(!after), limits);
        }
    }

    /// Joins nodes around this one where the results stay within the limits, in the order in which Redis does.
    fn merge_around(&mut self, center: usize, limits: Limits) {
        let mut center = center;
        if center >= 2 && self.merge_with_next(center - 2, limits) {
            center -= 1;
        }
        self.merge_with_next(center + 1, limits);
        if center >= 1 && self.merge_with_next(center - 1, limits) {
            center -= 1;
        }
        self.merge_with_next(center, limits);
    }

    /// Joins a node with the next one if the result stays within the limits; says whether it did.
    fn merge_with_next(&mut self, number: usize, limits: Limits) -> bool {
        if let (Some(node), Some(next)) = (self.nodes.get(number), self.nodes.get(number + 1))
            && node.can_merge(next, limits)
            && let Some(next) = self.nodes.remove(number + 1)
        {
            self.nodes[number].append(&next);
            return true;
        }
        false
    }

    /// Settles what inserting around a node may have touched or moved, given how many nodes there were before.
    fn settle_after_insert(&mut self, number: usize, before: usize) {
        let after = self.nodes.len();
        self.settle(number.saturating_sub(2)..number + 4);
        self.settle_moved(after.saturating_sub(before), before.saturating_sub(after));
    }

    /// As [`remove_range`](Self::remove_range), of a list of one listpack, wherever that lies. O(n) in its bytes.
    pub(crate) fn remove_range_packed(packed: &mut ListpackMut<'_, impl Block>, start: usize, count: usize) {
        let first = isize::try_from(start).ok().and_then(|start| packed.view().seek(start));
        if let Some(first) = first.filter(|_| count > 0) {
            packed.delete(first, count);
        }
    }

    /// As [`remove_matching`](Self::remove_matching), of a list of one listpack, wherever that lies.
    pub(crate) fn remove_matching_packed(
        packed: &mut ListpackMut<'_, impl Block>,
        from: End,
        value: &[u8],
        limit: usize,
    ) -> usize {
        remove_in_packed(packed, from, &Needle::new(value), limit)
    }

    /// Removes `count` elements from the absolute index `start` on. O(nodes).
    pub fn remove_range(&mut self, start: usize, count: usize) {
        let count = count.min(self.len.saturating_sub(start));
        let Some((first, offset)) = self.view().locate(start).filter(|_| count > 0) else { return };
        self.len -= count;
        let mut left = count;
        let mut begin = first;
        if offset > 0 {
            left -= self.nodes[first].remove(offset, left);
            begin += 1;
        }
        // Whole nodes go at once, so that the ones behind move once.
        let mut end = begin;
        while let Some(node) = self.nodes.get(end)
            && left > 0
            && left >= node.len()
        {
            left -= node.len();
            end += 1;
        }
        self.nodes.drain(begin..end);
        if left > 0 {
            self.nodes[begin].remove(0, left);
        }
        self.settle_moved(0, end - begin);
        self.settle(first..begin + 1);
    }

    /// Removes up to `limit` elements equal to `value`, beginning at `from`; returns how many. O(n).
    pub fn remove_matching(&mut self, from: End, value: &[u8], limit: usize) -> usize {
        let needle = Needle::new(value);
        let mut removed = 0;
        let mut emptied = 0;
        let count = self.nodes.len();
        for step in 0..count {
            if removed == limit {
                break;
            }
            let number = match from {
                End::Left => step,
                End::Right => count - 1 - step,
            };
            let node = &mut self.nodes[number];
            let found = node.remove_matching(from, &needle, limit - removed);
            if found == 0 {
                continue;
            }
            removed += found;
            if node.len() == 0 {
                // It stays until the end: removing nodes one by one moves the others each time.
                emptied += 1;
            } else {
                self.settle(number..number + 1);
            }
        }
        self.len -= removed;
        if emptied > 0 {
            self.nodes.retain(|node| node.len() > 0);
            self.settle_moved(0, emptied);
        }
        removed
    }
}
