//! The table of a large hash or set: items of a key, or a key and a value, in slots of the table's own arena.
//!
//! An item is the length of its key in one byte, for a hash the length of its value in another, and their bytes. What is
//! longer than a byte can say, or too long for a slot, is an object beside the arena.

use crate::arena::{Arena, Ref, slot_bytes};
use crate::buckets::{Buckets, Items, Place, Refs};
use crate::compact::Pass;
use crate::rng::Rng;
use crate::segments::Segments;
use crate::settings::Settings;
use crate::warm::{WARM_MOST, ask_for_items};
use ahash::RandomState;
use smallvec::SmallVec;
use std::collections::HashSet;

/// Length that stands for an object.
const LONG: u8 = u8::MAX;
/// Bytes of an object's number.
const ID_BYTES: usize = 4;

/// Byte strings that are too long for an item.
#[derive(Clone, Default)]
struct Long {
    texts: Segments<Box<[u8]>>,
    free: Vec<u32>,
    bytes: usize,
}

impl Long {
    fn add(&mut self, text: &[u8]) -> u32 {
        self.bytes += text.len();
        let Some(id) = self.free.pop() else {
            self.texts.push(text.into());
            return self.texts.len() as u32 - 1;
        };
        if let Some(place) = self.texts.get_mut(id as usize) {
            *place = text.into();
        }
        id
    }

    fn get(&self, id: u32) -> &[u8] {
        self.texts.get(id as usize).map_or(&[], |text| text)
    }

    fn remove(&mut self, id: u32) {
        if let Some(place) = self.texts.get_mut(id as usize) {
            self.bytes -= std::mem::take(place).len();
            self.free.push(id);
        }
    }

    fn heap_bytes(&self) -> usize {
        self.texts.heap_bytes() + self.free.capacity() * size_of::<u32>() + self.bytes
    }
}

/// A table of keys, with a value each if `VALUES`.
#[derive(Clone)]
pub(crate) struct Table<const VALUES: bool> {
    index: Buckets,
    arena: Arena,
    long: Long,
    hasher: RandomState,
}

/// Where the parts of an item are.
#[derive(Clone, Copy)]
struct Layout {
    key: usize,
    value: usize,
    key_is_long: bool,
    value_is_long: bool,
}

const fn inline_len(len: u8) -> usize {
    if len == LONG { ID_BYTES } else { len as usize }
}

/// The length byte of a part of so many bytes.
fn len_byte(len: usize) -> u8 {
    u8::try_from(len).unwrap_or(LONG)
}

impl Layout {
    const fn header<const VALUES: bool>() -> usize {
        if VALUES { 2 } else { 1 }
    }

    #[inline]
    fn of<const VALUES: bool>(item: &[u8]) -> Self {
        let (key, value) = (item[0], if VALUES { item[1] } else { 0 });
        Self {
            key: inline_len(key),
            value: inline_len(value),
            key_is_long: key == LONG,
            value_is_long: value == LONG,
        }
    }

    fn new<const VALUES: bool>(key: usize, value: usize) -> Self {
        Self::of::<VALUES>(&[len_byte(key), len_byte(value)])
    }

    const fn size<const VALUES: bool>(self) -> usize {
        Self::header::<VALUES>() + self.key + self.value
    }
}

/// Items from which on a table is asked for ahead of the commands on it.
const LARGE: usize = 8192;
/// Items that are asked for ahead of the one that is visited: their waits for memory overlap.
const AHEAD: usize = 16;

/// The items of a table.
pub(crate) struct TableIter<'a, const VALUES: bool> {
    table: &'a Table<VALUES>,
    items: Refs<'a>,
    /// The same items, [`AHEAD`] of them further on.
    ahead: Refs<'a>,
}

impl<'a, const VALUES: bool> Iterator for TableIter<'a, VALUES> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if let Some(at) = self.ahead.next() {
            self.table.arena.prefetch(at);
        }
        self.items.next().map(|at| self.table.parts(at))
    }
}

struct Keys<'a, const VALUES: bool> {
    arena: &'a Arena,
    long: &'a Long,
    hasher: &'a RandomState,
}

impl<const VALUES: bool> Items for Keys<'_, VALUES> {
    fn hash(&self, at: Ref) -> u64 {
        self.hasher.hash_one(parts::<VALUES>(self.arena, self.long, at).0)
    }

    fn prefetch(&self, at: Ref) {
        self.arena.prefetch(at);
    }
}

/// Key and value of an item.
#[inline]
fn parts<'a, const VALUES: bool>(arena: &'a Arena, long: &'a Long, at: Ref) -> (&'a [u8], &'a [u8]) {
    let item = arena.bytes(at);
    let layout = Layout::of::<VALUES>(item);
    let (key, rest) = item[Layout::header::<VALUES>()..].split_at(layout.key);
    let resolve = |bytes: &'a [u8], is_long: bool| if is_long { long.get(id_of(bytes)) } else { bytes };
    (resolve(key, layout.key_is_long), resolve(&rest[..layout.value], layout.value_is_long))
}

fn id_of(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(u32::MAX, |bytes| u32::from_le_bytes(*bytes))
}

impl<const VALUES: bool> Table<VALUES> {
    /// An empty one.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            index: Buckets::default(),
            arena: Arena::new(settings.gates().clone()),
            long: Long::default(),
            hasher: settings.hasher().clone(),
        }
    }

    /// Number of items.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Goes on with a pass of compaction, see [`Pass::go_on`].
    pub(crate) fn compact(&mut self, pass: &mut Pass, budget: &mut usize) -> (bool, u64, u64) {
        pass.go_on(&mut self.index, &mut self.arena, budget)
    }

    /// Number of places of the index.
    pub(crate) fn places(&self) -> usize {
        self.index.places()
    }

    #[inline]
    fn parts(&self, at: Ref) -> (&[u8], &[u8]) {
        parts::<VALUES>(&self.arena, &self.long, at)
    }

    fn keys(&self) -> Keys<'_, VALUES> {
        Keys { arena: &self.arena, long: &self.long, hasher: &self.hasher }
    }

    #[inline]
    fn find(&self, hash: u64, key: &[u8]) -> Option<(Place, Ref)> {
        match self.index.first(hash) {
            Some((place, at)) if self.parts(at).0 == key => Some((place, at)),
            _ => self.find_anywhere(hash, key),
        }
    }

    #[inline(never)]
    fn find_anywhere(&self, hash: u64, key: &[u8]) -> Option<(Place, Ref)> {
        self.index.find(hash, |at| self.parts(at).0 == key)
    }

    /// The value of a key, the empty string where there are no values. O(1).
    #[inline]
    pub(crate) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.find(self.hasher.hash_one(key), key).map(|(_, at)| self.parts(at).1)
    }

    /// Asks for what looking these keys up will read, so that the waits overlap. A table that is not large is in the caches
    /// anyway.
    pub(crate) fn prefetch(&self, keys: &[&[u8]]) {
        if self.len() < LARGE {
            return;
        }
        let hashes: SmallVec<[u64; WARM_MOST]> = keys.iter().map(|key| self.hasher.hash_one(*key)).collect();
        for &hash in &hashes {
            self.index.prefetch(hash);
        }
        ask_for_items(hashes.into_iter(), |hash, bucket| {
            self.index.prefetch_items(hash, bucket, |at| self.arena.prefetch(at))
        });
    }

    /// Adds a key or replaces its value; true when the key is new. O(1).
    pub(crate) fn set(&mut self, key: &[u8], value: &[u8]) -> bool {
        let hash = self.hasher.hash_one(key);
        if let Some((place, at)) = self.find(hash, key) {
            self.replace(place, at, key, value);
            return false;
        }
        self.insert(hash, key, value);
        true
    }

    fn insert(&mut self, hash: u64, key: &[u8], value: &[u8]) {
        let at = self.write(key, value);
        let keys = Keys::<VALUES> { arena: &self.arena, long: &self.long, hasher: &self.hasher };
        self.index.insert(hash, at, &keys);
    }

    /// Adds a key that is not there yet.
    pub(crate) fn add(&mut self, key: &[u8], value: &[u8]) {
        self.insert(self.hasher.hash_one(key), key, value);
    }

    fn write(&mut self, key: &[u8], value: &[u8]) -> Ref {
        let layout = Layout::new::<VALUES>(key.len(), value.len());
        let at = self.arena.alloc(layout.size::<VALUES>());
        let key_id = layout.key_is_long.then(|| self.long.add(key).to_le_bytes());
        let value_id = layout.value_is_long.then(|| self.long.add(value).to_le_bytes());
        let item = self.arena.bytes_mut(at);
        item[0] = len_byte(key.len());
        if VALUES {
            item[1] = len_byte(value.len());
        }
        let (key_place, rest) = item[Layout::header::<VALUES>()..].split_at_mut(layout.key);
        key_place.copy_from_slice(key_id.as_ref().map_or(key, |id| id));
        if VALUES {
            rest[..layout.value].copy_from_slice(value_id.as_ref().map_or(value, |id| id));
        }
        at
    }

    fn replace(&mut self, place: Place, at: Ref, key: &[u8], value: &[u8]) {
        if !VALUES {
            return;
        }
        let old = Layout::of::<VALUES>(self.arena.bytes(at));
        let new = Layout::new::<VALUES>(key.len(), value.len());
        let start = Layout::header::<VALUES>() + old.key;
        let simple = !old.value_is_long && !new.value_is_long && !old.key_is_long;
        if simple && Arena::same_class(old.size::<VALUES>(), new.size::<VALUES>()) {
            let item = self.arena.bytes_mut(at);
            item[1] = len_byte(value.len());
            item[start..start + value.len()].copy_from_slice(value);
            return;
        }
        self.free_item(at);
        let at = self.write(key, value);
        self.index.set(place, at);
    }

    fn free_item(&mut self, at: Ref) {
        let item = self.arena.bytes(at);
        let layout = Layout::of::<VALUES>(item);
        let start = Layout::header::<VALUES>();
        let key = layout.key_is_long.then(|| id_of(&item[start..]));
        let value = layout.value_is_long.then(|| id_of(&item[start + layout.key..]));
        for id in [key, value].into_iter().flatten() {
            self.long.remove(id);
        }
        self.arena.free(at);
    }

    /// Removes a key; true when it was there. O(1).
    pub(crate) fn remove(&mut self, key: &[u8]) -> bool {
        let found = self.find(self.hasher.hash_one(key), key);
        if let Some((place, at)) = found {
            self.remove_at(place, at);
        }
        found.is_some()
    }

    fn remove_at(&mut self, place: Place, at: Ref) {
        self.index.remove(place);
        self.free_item(at);
        let keys = Keys::<VALUES> { arena: &self.arena, long: &self.long, hasher: &self.hasher };
        self.index.shrink(&keys);
    }

    /// A uniformly chosen item. O(1) expected.
    pub(crate) fn random(&self, rng: &mut Rng) -> Option<(&[u8], &[u8])> {
        self.index.random(rng, &self.keys()).map(|(_, at)| self.parts(at))
    }

    /// Removes a uniformly chosen item after `take` has seen its key; `None` when there is none. O(1) expected.
    pub(crate) fn pop_random<T>(&mut self, rng: &mut Rng, take: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let (place, at) = self.index.random(rng, &self.keys())?;
        let taken = take(self.parts(at).0);
        self.remove_at(place, at);
        Some(taken)
    }

    /// Visits `count` different items, at most all, every choice of them as likely as any other. O(count) where that is
    /// little, else O(n).
    pub(crate) fn sample<'a>(
        &'a self,
        rng: &mut Rng,
        count: usize,
        mut visit: impl FnMut(&'a [u8], &'a [u8]),
    ) {
        let mut wanted = count.min(self.len());
        if wanted.saturating_mul(3) > self.len() {
            // Each item in turn is taken with the odds that as many as are wanted are left.
            for (left, (key, value)) in (1..=self.len()).rev().zip(self.iter()) {
                if rng.below(left) < wanted {
                    visit(key, value);
                    wanted -= 1;
                }
            }
            return;
        }
        let mut seen = HashSet::with_capacity(wanted);
        while seen.len() < wanted {
            let Some((_, at)) = self.index.random(rng, &self.keys()) else { return };
            if seen.insert(at) {
                let (key, value) = self.parts(at);
                visit(key, value);
            }
        }
    }

    /// All items, in no particular order.
    pub(crate) fn iter(&self) -> TableIter<'_, VALUES> {
        let mut ahead = self.index.iter();
        ahead.by_ref().take(AHEAD).for_each(|at| self.arena.prefetch(at));
        TableIter { table: self, ahead, items: self.index.iter() }
    }

    /// One cursor iteration of about `count` items; see [`Buckets::scan`].
    pub(crate) fn scan<'a>(
        &'a self,
        mut cursor: u64,
        count: usize,
        mut visit: impl FnMut(&'a [u8], &'a [u8]),
    ) -> u64 {
        let mut seen = 0;
        let mut budget = count.saturating_mul(10).max(1);
        loop {
            cursor = self.index.scan(cursor, |at| {
                seen += 1;
                let (key, value) = self.parts(at);
                visit(key, value);
            });
            budget -= 1;
            if cursor == 0 || seen >= count || budget == 0 {
                return cursor;
            }
        }
    }

    /// Bytes on the heap. O(1).
    pub(crate) fn heap_bytes(&self) -> usize {
        self.index.heap_bytes() + self.arena.heap_bytes() + self.long.heap_bytes()
    }

    /// Asserts that the table is sound and finds every item. O(n).
    pub(crate) fn check(&self) {
        self.arena.check();
        self.index.check(&self.keys());
        let (mut live, mut long) = (0, 0);
        for at in self.index.iter() {
            let (key, value) = self.parts(at);
            let found = self.find(self.hasher.hash_one(key), key).map(|(_, at)| at);
            assert_eq!(found, Some(at), "each item is found under its key, and there once");
            let layout = Layout::of::<VALUES>(self.arena.bytes(at));
            live += slot_bytes(layout.size::<VALUES>());
            long += if layout.key_is_long { key.len() } else { 0 }
                + if layout.value_is_long { value.len() } else { 0 };
        }
        assert_eq!(live, self.arena.live_bytes(), "every slot belongs to an item");
        assert_eq!(long, self.long.bytes, "every long text belongs to an item");
    }
}

#[cfg(test)]
mod tests {
    use super::Table;
    use crate::rng::Rng;
    use crate::settings::Settings;
    use ahash::RandomState;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn settings() -> Settings {
        Settings::new(RandomState::with_seeds(1, 2, 3, 4))
    }

    /// Texts around the lengths at which items change their form.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        (0u8..40, prop_oneof![4 => Just(0usize), 1 => Just(252), 1 => Just(253), 1 => Just(254), 1 => Just(255), 1 => 256usize..3000])
            .prop_map(|(number, len)| [vec![b'x'; len], vec![number]].concat())
    }

    fn as_map(table: &Table<true>) -> BTreeMap<Vec<u8>, Vec<u8>> {
        table.iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
    }

    proptest! {
        #[test]
        fn behaves_as_a_map(ops in prop::collection::vec((text(), prop::option::of(text())), 0..400)) {
            let mut table = Table::<true>::new(&settings());
            let mut model = BTreeMap::new();
            for (key, value) in ops {
                if let Some(value) = value {
                    prop_assert_eq!(table.set(&key, &value), model.insert(key.clone(), value.clone()).is_none());
                    prop_assert_eq!(table.get(&key), Some(&value[..]));
                } else {
                    prop_assert_eq!(table.remove(&key), model.remove(&key).is_some());
                }
                table.check();
            }
            prop_assert_eq!(as_map(&table), model.clone());
            let copy = table.clone();
            copy.check();
            prop_assert_eq!(as_map(&copy), model);
        }

        #[test]
        fn samples_are_of_different_items(len in 0u32..400, count in 0usize..500, seed in any::<u64>()) {
            let mut table = Table::<false>::new(&settings());
            for number in 0..len {
                table.add(&number.to_le_bytes(), b"");
            }
            let mut rng = Rng::new(seed);
            let mut seen = BTreeSet::new();
            table.sample(&mut rng, count, |key, _| assert!(seen.insert(key.to_vec())));
            prop_assert_eq!(seen.len(), count.min(len as usize));
            let mut left = len;
            while let Some(key) = table.pop_random(&mut rng, <[u8]>::to_vec) {
                left -= 1;
                prop_assert!(table.get(&key).is_none());
            }
            prop_assert_eq!((left, table.len()), (0, 0));
            table.check();
        }
    }

    #[test]
    fn every_item_comes_up_in_a_sample() {
        let mut table = Table::<false>::new(&settings());
        for number in 0..300u32 {
            table.add(&number.to_le_bytes(), b"");
        }
        for count in [20, 200] {
            let mut rng = Rng::new(9);
            let mut times = BTreeMap::new();
            for _ in 0..6000 / count {
                table.sample(&mut rng, count, |key, _| *times.entry(key.to_vec()).or_insert(0u32) += 1);
            }
            // Twenty each are expected.
            assert!(times.len() == 300 && times.values().all(|times| (2..60).contains(times)), "{times:?}");
        }
    }
}
