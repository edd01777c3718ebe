//! A table of items that carry their own key: the large encoding of hashes and sets.

use crate::settings::Settings;
use crate::table::Table;
use ahash::RandomState;

pub(crate) trait Keyed {
    fn key(&self) -> &[u8];
    /// Bytes the item owns on the heap.
    fn heap_bytes(&self) -> usize;
}

impl Keyed for Box<[u8]> {
    fn key(&self) -> &[u8] {
        self
    }

    fn heap_bytes(&self) -> usize {
        self.len()
    }
}

pub(crate) struct KeyedTable<T> {
    table: Table<T>,
    hasher: RandomState,
}

impl<T: Keyed> KeyedTable<T> {
    /// An empty table with the same hash keys.
    pub(crate) fn empty_twin(&self) -> Self {
        Self { table: Table::new(), hasher: self.hasher.clone() }
    }

    pub(crate) fn new(settings: &Settings) -> Self {
        Self { table: Table::new(), hasher: settings.hasher().clone() }
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn buckets(&self) -> usize {
        self.table.buckets()
    }

    fn find(&self, key: &[u8]) -> Option<usize> {
        self.table.find(self.hasher.hash_one(key), |item| item.key() == key)
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&T> {
        self.table.get(self.find(key)?)
    }

    /// Adds an item unless its key is there; true when it was added.
    pub(crate) fn insert(&mut self, item: T) -> bool {
        let hash = self.hasher.hash_one(item.key());
        if self.table.find(hash, |other| other.key() == item.key()).is_some() {
            return false;
        }
        self.table.insert(hash, item);
        true
    }

    /// Changes the item under `key`, or adds the one that `create` makes; true when it was added.
    pub(crate) fn upsert(
        &mut self,
        key: &[u8],
        update: impl FnOnce(&mut T),
        create: impl FnOnce() -> T,
    ) -> bool {
        let hash = self.hasher.hash_one(key);
        let found = self.table.find(hash, |item| item.key() == key);
        if let Some(item) = found.and_then(|index| self.table.get_mut(index)) {
            update(item);
            return false;
        }
        self.table.insert(hash, create());
        true
    }

    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<T> {
        self.table.remove(self.find(key)?)
    }

    /// The item at a place in `0..len()`. Places change when items are removed.
    pub(crate) fn at(&self, index: usize) -> Option<&T> {
        self.table.get(index)
    }

    pub(crate) fn remove_at(&mut self, index: usize) -> Option<T> {
        self.table.remove(index)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.table.iter()
    }

    /// One cursor iteration of about `count` items; see [`Table::scan`].
    pub(crate) fn scan<'a>(&'a self, mut cursor: u64, count: usize, mut visit: impl FnMut(&'a T)) -> u64 {
        let mut seen = 0;
        let mut budget = count.saturating_mul(10).max(1);
        loop {
            cursor = self.table.scan(cursor, |item| {
                seen += 1;
                visit(item);
            });
            budget -= 1;
            if cursor == 0 || seen >= count || budget == 0 {
                return cursor;
            }
        }
    }

    /// Asserts that the table is sound and finds every item. O(n).
    pub(crate) fn check(&self) {
        self.table.check();
        for item in self.iter() {
            let found = self.get(item.key()).is_some_and(|found| std::ptr::eq(found, item));
            assert!(found, "each item is found under its key, and there once");
        }
    }

    /// Bytes on the heap, extrapolated from the first `samples` items (0: counted exactly).
    pub(crate) fn heap_bytes(&self, samples: usize) -> usize {
        let take = if samples == 0 { self.len() } else { samples.min(self.len()) };
        let sampled: usize = self.iter().take(take).map(Keyed::heap_bytes).sum();
        self.table.heap_bytes() + sampled.checked_div(take).unwrap_or(0) * self.len()
    }
}
