//! The hash table of keys, fields and members: linear hashing over a dense array of items.
//!
//! Growth splits one bucket per insertion and shrinking merges a few per removal, so no operation ever rehashes
//! the whole table, memory follows the number of items, and a lookup probes one chain even while the table grows.
//! The items lie densely in an array of segments: iteration is a walk, a random item is one random index.

use crate::segments::Segments;

const NONE: u32 = u32::MAX;
/// Buckets of the smallest table.
const MIN_BUCKETS: usize = 4;
/// Buckets for each item from which on the table shrinks.
const SHRINK: usize = 8;

struct Slot<T> {
    hash: u32,
    next: u32,
    item: T,
}

/// A hash table addressed by caller-computed hashes. The index of an item changes when another item is removed.
pub(crate) struct Table<T> {
    /// First item of each bucket's chain.
    heads: Segments<u32>,
    slots: Segments<Slot<T>>,
    /// The largest power of two that is not above the number of buckets.
    base: usize,
}

impl<T> Table<T> {
    pub(crate) const fn new() -> Self {
        Self { heads: Segments::new(), slots: Segments::new(), base: MIN_BUCKETS }
    }

    pub(crate) const fn len(&self) -> usize {
        self.slots.len()
    }

    /// Number of buckets; as Redis reports it, a power of two times at most two.
    pub(crate) const fn buckets(&self) -> usize {
        self.heads.len()
    }

    #[inline]
    fn bucket_of(&self, hash: u32) -> usize {
        let wide = hash as usize & (2 * self.base - 1);
        if wide < self.heads.len() { wide } else { wide & (self.base - 1) }
    }

    #[inline]
    fn head(&self, bucket: usize) -> u32 {
        self.heads.get(bucket).copied().unwrap_or(NONE)
    }

    fn set_head(&mut self, bucket: usize, index: u32) {
        if let Some(head) = self.heads.get_mut(bucket) {
            *head = index;
        }
    }

    /// Index of the item with this hash for which `eq` holds. O(1) expected.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut eq: impl FnMut(&T) -> bool) -> Option<usize> {
        let hash = hash as u32;
        let mut index = self.head(self.bucket_of(hash));
        while let Some(slot) = self.slots.get(index as usize) {
            if slot.hash == hash && eq(&slot.item) {
                return Some(index as usize);
            }
            index = slot.next;
        }
        None
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        self.slots.get(index).map(|slot| &slot.item)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.slots.get_mut(index).map(|slot| &mut slot.item)
    }

    /// Adds an item that is not in the table yet and returns its index. O(1).
    ///
    /// Tables hold at most 2^32 - 1 items; the caller's memory is long gone by then.
    pub(crate) fn insert(&mut self, hash: u64, item: T) -> usize {
        let hash = hash as u32;
        while self.heads.len() < MIN_BUCKETS {
            self.heads.push(NONE);
        }
        let index = self.slots.len();
        let bucket = self.bucket_of(hash);
        let next = self.head(bucket);
        self.slots.push(Slot { hash, next, item });
        self.set_head(bucket, index as u32);
        // Two buckets to an item: chains are short, and a bucket costs four bytes.
        while self.slots.len() * 2 > self.heads.len() {
            self.split_one();
        }
        index
    }

    /// Moves the items of the next bucket in line that belong to its new twin.
    fn split_one(&mut self) {
        let old = self.heads.len() - self.base;
        self.heads.push(NONE);
        let new = self.heads.len() - 1;
        let mut index = self.head(old);
        let (mut keep, mut moved) = (NONE, NONE);
        while let Some(slot) = self.slots.get_mut(index as usize) {
            let next = slot.next;
            let chain = if slot.hash as usize & self.base == 0 { &mut keep } else { &mut moved };
            slot.next = *chain;
            *chain = index;
            index = next;
        }
        self.set_head(old, keep);
        self.set_head(new, moved);
        if self.heads.len() == 2 * self.base {
            self.base *= 2;
        }
    }

    /// Appends the chain of the last bucket to its twin's.
    fn merge_one(&mut self) {
        if self.heads.len() <= MIN_BUCKETS {
            return;
        }
        if self.heads.len() == self.base {
            self.base /= 2;
        }
        let twin = self.heads.len() - 1 - self.base;
        let mut index = self.heads.pop().unwrap_or(NONE);
        while let Some(slot) = self.slots.get(index as usize) {
            let next = slot.next;
            let head = self.head(twin);
            if let Some(slot) = self.slots.get_mut(index as usize) {
                slot.next = head;
            }
            self.set_head(twin, index);
            index = next;
        }
    }

    /// Redirects whatever points at item `from` (the head of its bucket or its predecessor) to `to`.
    fn relink(&mut self, hash: u32, from: u32, to: u32) {
        let bucket = self.bucket_of(hash);
        let mut index = self.head(bucket);
        if index == from {
            self.set_head(bucket, to);
            return;
        }
        while let Some(slot) = self.slots.get_mut(index as usize) {
            if slot.next == from {
                slot.next = to;
                return;
            }
            index = slot.next;
        }
    }

    /// Removes the item at `index`; the last item takes its place. O(1) expected.
    pub(crate) fn remove(&mut self, index: usize) -> Option<T> {
        let (hash, next) = self.slots.get(index).map(|slot| (slot.hash, slot.next))?;
        self.relink(hash, index as u32, next);
        let last = self.slots.len() - 1;
        let mut removed = if index == last {
            self.slots.pop()?
        } else {
            let tail_hash = self.slots.get(last)?.hash;
            self.relink(tail_hash, last as u32, index as u32);
            let tail = self.slots.pop()?;
            std::mem::replace(self.slots.get_mut(index)?, tail)
        };
        removed.next = NONE;
        // Merging starts at an eighth of the load that growth keeps, so the two never chase each other, and eight merges
        // for each removal hold that load however far the table is emptied.
        if self.slots.len() * SHRINK < self.heads.len() {
            for _ in 0..SHRINK {
                self.merge_one();
            }
        }
        Some(removed.item)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().map(|slot| &slot.item)
    }

    /// Visits the items of the bucket under `cursor` (and its twin) and returns the next cursor, 0 at the end.
    ///
    /// The cursor counts in reversed bit order, after an idea of Pieter Noordhuis used in Redis: whatever the table grows
    /// or shrinks to between two calls, every item that stays from the first call to the last is visited.
    pub(crate) fn scan<'a>(&'a self, cursor: u64, mut visit: impl FnMut(&'a T)) -> u64 {
        if self.slots.len() == 0 {
            return 0;
        }
        let mask = self.base as u64 - 1;
        let low = (cursor & mask) as usize;
        for bucket in [low, low + self.base] {
            if bucket < self.heads.len() {
                let mut index = self.head(bucket);
                while let Some(slot) = self.slots.get(index as usize) {
                    visit(&slot.item);
                    index = slot.next;
                }
            }
        }
        (cursor | !mask).reverse_bits().wrapping_add(1).reverse_bits()
    }

    /// Bytes on the heap, without what the items own themselves.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.heads.heap_bytes() + self.slots.heap_bytes()
    }

    /// Asserts every structural invariant. O(n).
    pub(crate) fn check(&self) {
        assert!(self.base.is_power_of_two());
        if self.heads.len() == 0 {
            assert_eq!(self.slots.len(), 0);
            return;
        }
        assert!(self.base <= self.heads.len() && self.heads.len() < 2 * self.base);
        let mut seen = 0;
        for bucket in 0..self.heads.len() {
            let mut index = self.head(bucket);
            while let Some(slot) = self.slots.get(index as usize) {
                assert_eq!(self.bucket_of(slot.hash), bucket);
                seen += 1;
                assert!(seen <= self.slots.len(), "a chain runs in a circle");
                index = slot.next;
            }
            assert_eq!(index, NONE);
        }
        assert_eq!(seen, self.slots.len());
    }
}

#[cfg(test)]
mod tests {
    use super::Table;
    use proptest::prelude::*;
    use std::collections::{BTreeSet, HashSet};

    fn hash(key: u32) -> u64 {
        u64::from(key).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31)
    }

    proptest! {
        #[test]
        fn behaves_as_a_map(ops in prop::collection::vec((0u32..200, any::<bool>()), 0..800)) {
            let mut table = Table::new();
            let mut model = HashSet::new();
            for (key, insert) in ops {
                let found = table.find(hash(key), |item: &(u32, usize)| item.0 == key);
                prop_assert_eq!(found.is_some(), model.contains(&key));
                match (insert, found) {
                    (true, None) => { table.insert(hash(key), (key, model.len())); model.insert(key); }
                    (false, Some(index)) => {
                        prop_assert_eq!(table.remove(index).map(|item| item.0), Some(key));
                        model.remove(&key);
                    }
                    _ => {}
                }
                table.check();
            }
            prop_assert_eq!(table.len(), model.len());
        }

        #[test]
        fn scan_visits_all_that_stay(
            stay in prop::collection::btree_set(0u32..10_000, 1..300),
            churn in prop::collection::vec((10_000u32..11_000, any::<bool>()), 0..2_000),
        ) {
            let mut table = Table::new();
            for key in &stay {
                table.insert(hash(*key), *key);
            }
            let mut seen = BTreeSet::new();
            let mut cursor = 0;
            let mut churn = churn.chunks(7);
            loop {
                cursor = table.scan(cursor, |key| { seen.insert(*key); });
                if cursor == 0 { break; }
                for (key, insert) in churn.next().unwrap_or(&[]) {
                    match (insert, table.find(hash(*key), |item| item == key)) {
                        (true, None) => { table.insert(hash(*key), *key); }
                        (false, Some(index)) => { table.remove(index); }
                        _ => {}
                    }
                }
            }
            prop_assert!(stay.is_subset(&seen));
        }
    }

    #[test]
    fn emptied_table_gives_its_buckets_back() {
        let mut table = Table::new();
        for key in 0..10_000u32 {
            table.insert(hash(key), key);
        }
        for _ in 0..9_990 {
            table.remove(0);
        }
        table.check();
        assert!(table.buckets() < 256, "{} buckets for 10 items", table.buckets());
    }
}
