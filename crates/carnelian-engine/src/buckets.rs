//! The index of a table: from hashes to references, in buckets of one cache line.
//!
//! A bucket holds twelve references of four bytes with a tag byte for each. Two neighbouring buckets make a pair, which
//! is what a hash addresses; one bit of the hash says which of the two is looked at first. What does not fit into its
//! pair goes to overflow buckets. Pairs are split and merged one at a time by linear hashing: no operation rehashes the
//! table, memory follows the number of items, and a look-up goes to one pair even while the table grows.

use crate::arena::Ref;
use crate::prefetch;
use crate::rng::Rng;
use crate::segments::Segments;
use smallvec::SmallVec;

mod due;

use due::DueTimes;
pub(crate) use due::NEVER_DUE;

/// Places of a bucket.
const PLACES: usize = 12;
/// Items for each pair from which on the table grows, two more than it has places: 6.4 to 6.7 bytes an item, and one
/// item in six overflows.
const GROW: usize = 26;
/// Items for each pair below which the table shrinks.
const SHRINK: usize = 5;
/// No overflow bucket.
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Bucket {
    /// For each place eight bits of the hash of its item, 0 where there is none.
    tags: [u8; PLACES],
    /// The first bucket of a pair and overflow buckets: the next overflow bucket. The second bucket of a pair: which
    /// of the pair's items may be due soon.
    extra: u32,
    refs: [Ref; PLACES],
}

impl Bucket {
    const EMPTY: Self = Self { tags: [0; PLACES], extra: NONE, refs: [Ref::UNUSED; PLACES] };

    /// Places with this tag, one bit each.
    #[inline]
    fn matches(&self, tag: u8) -> Places {
        Places(matching(&self.tags, self.extra, tag))
    }

    fn used(&self) -> Places {
        Places(!matching(&self.tags, self.extra, 0) & ((1 << PLACES) - 1))
    }

    fn free_place(&self) -> Option<usize> {
        self.matches(0).next()
    }

    fn put(&mut self, place: usize, tag: u8, at: Ref) {
        self.tags[place] = tag;
        self.refs[place] = at;
    }
}

/// Bit n is set where `tags[n] == tag`. What lies behind the tags in memory lets one load fill a vector.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[allow(unsafe_code, reason = "vector instructions that every processor of the family has")]
fn matching(tags: &[u8; PLACES], behind: u32, tag: u8) -> u32 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi32, _mm_set1_epi8};
    let word = |at: usize| i32::from_le_bytes([tags[at], tags[at + 1], tags[at + 2], tags[at + 3]]);
    let (low, middle, high) = (word(0), word(4), word(8));
    // SAFETY: SSE2 is part of x86-64, and these instructions touch no memory.
    let mask = unsafe {
        _mm_movemask_epi8(_mm_cmpeq_epi8(
            _mm_set_epi32(behind as i32, high, middle, low),
            _mm_set1_epi8(tag as i8),
        ))
    };
    mask as u32 & ((1 << PLACES) - 1)
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn matching(tags: &[u8; PLACES], _: u32, tag: u8) -> u32 {
    matching_portable(tags, tag)
}

/// As `matching`, on any processor.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn matching_portable(tags: &[u8; PLACES], tag: u8) -> u32 {
    tags.iter().enumerate().fold(0, |mask, (place, other)| mask | (u32::from(*other == tag) << place))
}

/// Places of a bucket, as bits.
struct Places(u32);

impl Iterator for Places {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let place = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(place)
    }
}

#[derive(Clone, Copy)]
#[repr(C, align(128))]
struct Pair([Bucket; 2]);

/// Where an item stands. Valid until the next insertion or removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pair: u32,
    /// 0 and 1 are the pair's own buckets, 2 and up overflow buckets.
    bucket: u32,
    place: u32,
}

impl Place {
    /// Number of the pair.
    pub(crate) fn pair(self) -> usize {
        self.pair as usize
    }
}

/// A bucket that has been asked for, behind the one that is looked at first.
#[derive(Clone, Copy)]
pub(crate) enum Warmed {
    /// The other one of the pair.
    Other,
    /// An overflow bucket.
    Overflow(u32),
}

/// What the index has to know of the items that its references lead to.
pub(crate) trait Items {
    /// The hash of an item's key.
    fn hash(&self, at: Ref) -> u64;
    /// Asks for the item's memory.
    fn prefetch(&self, at: Ref);
    /// When an item is due.
    fn due(&self, _: Ref) -> u32 {
        NEVER_DUE
    }
}

/// The index. Items are addressed by hashes that the caller computes.
#[derive(Clone)]
pub(crate) struct Buckets {
    pairs: Segments<Pair>,
    overflow: Segments<Bucket>,
    /// First unused overflow bucket.
    spare: u32,
    /// Overflow buckets from here on have not been used since the last time that none was.
    fresh: u32,
    /// Overflow buckets in use.
    overflowing: u32,
    due: DueTimes,
    len: usize,
    /// The largest power of two that is not above the number of pairs.
    base: usize,
}

impl Default for Buckets {
    fn default() -> Self {
        Self {
            pairs: Segments::new(),
            overflow: Segments::new(),
            spare: NONE,
            fresh: 0,
            overflowing: 0,
            due: DueTimes::default(),
            len: 0,
            base: 1,
        }
    }
}

/// The items of an index, bucket by bucket.
pub(crate) struct Refs<'a> {
    index: &'a Buckets,
    /// Number of the bucket behind this one.
    next: usize,
    bucket: &'a Bucket,
    left: Places,
}

impl Iterator for Refs<'_> {
    type Item = Ref;

    #[inline]
    fn next(&mut self) -> Option<Ref> {
        loop {
            if let Some(place) = self.left.next() {
                return Some(self.bucket.refs[place]);
            }
            self.bucket = self.index.bucket(self.next)?;
            self.next += 1;
            self.left = self.bucket.used();
        }
    }
}

#[inline]
fn tag_of(hash: u64) -> u8 {
    // Bits that neither the pair nor the shard is chosen by.
    ((hash >> 32) as u8).max(1)
}

#[inline]
fn home_of(hash: u64) -> usize {
    (hash >> 40) as usize & 1
}

impl Buckets {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Number of pairs.
    pub(crate) fn pairs(&self) -> usize {
        self.pairs.len()
    }

    /// Number of places, taken or free.
    pub(crate) fn places(&self) -> usize {
        (2 * self.pairs.len() + self.overflowing as usize) * PLACES
    }

    #[inline]
    fn pair_of(&self, hash: u64) -> usize {
        let wide = hash as u32 as usize & (2 * self.base - 1);
        if wide < self.pairs.len() { wide } else { wide & (self.base - 1) }
    }

    fn pair_mut(&mut self, pair: usize) -> &mut Pair {
        match self.pairs.get_mut(pair) {
            Some(pair) => pair,
            None => unreachable!("a place is in one of the pairs"),
        }
    }

    fn bucket_mut(&mut self, place: Place) -> &mut Bucket {
        match place.bucket {
            half @ 0..2 => &mut self.pair_mut(place.pair as usize).0[half as usize],
            overflow => self.overflow_mut(overflow - 2),
        }
    }

    fn overflow_mut(&mut self, number: u32) -> &mut Bucket {
        match self.overflow.get_mut(number as usize) {
            Some(bucket) => bucket,
            None => unreachable!("links lead to overflow buckets"),
        }
    }

    /// The item that nearly every look-up finds, if it is there: the first one with the tag of this hash in the bucket that
    /// is looked at first. What it does not lead to, [`find`](Self::find) does. O(1).
    #[inline(always)]
    pub(crate) fn first(&self, hash: u64) -> Option<(Place, Ref)> {
        let (pair, bucket) = (self.pair_of(hash), home_of(hash));
        let home = &self.pairs.get(pair)?.0[bucket];
        let place = home.matches(tag_of(hash)).next()?;
        Some((Place { pair: pair as u32, bucket: bucket as u32, place: place as u32 }, home.refs[place]))
    }

    /// The place of the item with this hash that `is_it` recognises, and the reference there. O(1) expected.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut is_it: impl FnMut(Ref) -> bool) -> Option<(Place, Ref)> {
        let number = self.pair_of(hash);
        let pair = self.pairs.get(number)?;
        let (tag, home) = (tag_of(hash), home_of(hash));
        let mut in_bucket = |bucket: &Bucket, which: u32| {
            let found = bucket.matches(tag).find(|place| is_it(bucket.refs[*place]))?;
            Some((Place { pair: number as u32, bucket: which, place: found as u32 }, bucket.refs[found]))
        };
        let in_pair =
            in_bucket(&pair.0[home], home as u32).or_else(|| in_bucket(&pair.0[1 - home], 1 - home as u32));
        let mut next = pair.0[0].extra;
        let mut found = in_pair;
        while found.is_none() {
            let bucket = self.overflow.get(next as usize)?;
            found = in_bucket(bucket, next + 2);
            next = bucket.extra;
        }
        found
    }

    /// First step of warming a look-up: asks for the bucket that is looked at first.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u64) {
        if let Some(pair) = self.pairs.get(self.pair_of(hash)) {
            prefetch::item(&pair.0[home_of(hash)]);
        }
    }

    /// Next step: asks for the items of a bucket that the hash may be of. When there are none it asks for the bucket that is
    /// looked at next, if there is one, and says which that is.
    #[inline]
    pub(crate) fn prefetch_items(
        &self,
        hash: u64,
        bucket: Option<Warmed>,
        mut ask: impl FnMut(Ref),
    ) -> Option<Warmed> {
        let (tag, home) = (tag_of(hash), home_of(hash));
        let pair = self.pairs.get(self.pair_of(hash))?;
        let (bucket, next) = match bucket {
            None => (&pair.0[home], Warmed::Other),
            Some(Warmed::Other) => (&pair.0[1 - home], Warmed::Overflow(pair.0[0].extra)),
            Some(Warmed::Overflow(number)) => {
                let bucket = self.overflow.get(number as usize)?;
                (bucket, Warmed::Overflow(bucket.extra))
            }
        };
        let found = bucket.matches(tag);
        if found.0 != 0 {
            found.for_each(|place| ask(bucket.refs[place]));
            return None;
        }
        match next {
            Warmed::Other => prefetch::item(&pair.0[1 - home]),
            Warmed::Overflow(number) => prefetch::item(self.overflow.get(number as usize)?),
        }
        Some(next)
    }

    /// The reference at a place.
    #[inline]
    pub(crate) fn get(&self, place: Place) -> Ref {
        let bucket = match place.bucket {
            half @ 0..2 => self.pairs.get(place.pair as usize).map(|pair| &pair.0[half as usize]),
            overflow => self.overflow.get(overflow as usize - 2),
        };
        bucket.map_or(Ref::UNUSED, |bucket| bucket.refs[place.place as usize % PLACES])
    }

    /// Has the item at a place lead elsewhere: it has moved.
    #[inline]
    pub(crate) fn set(&mut self, place: Place, at: Ref) {
        self.bucket_mut(place).refs[place.place as usize % PLACES] = at;
    }

    /// Adds an item that is not there yet. O(1): at most one pair is split.
    pub(crate) fn insert(&mut self, hash: u64, at: Ref, items: &impl Items) -> Place {
        if self.pairs.len() == 0 {
            self.pairs.push(Pair([Bucket::EMPTY; 2]));
        }
        self.len += 1;
        // First the splitting: the place stays valid then.
        if self.len > GROW * self.pairs.len() {
            self.split_one(items);
        }
        self.add(hash, at)
    }

    fn add(&mut self, hash: u64, at: Ref) -> Place {
        let number = self.pair_of(hash);
        let (tag, home) = (tag_of(hash), home_of(hash));
        let pair = self.pair_mut(number);
        let mut place = Place { pair: number as u32, bucket: 0, place: 0 };
        for half in [home, 1 - home] {
            if let Some(free) = pair.0[half].free_place() {
                pair.0[half].put(free, tag, at);
                (place.bucket, place.place) = (half as u32, free as u32);
                return place;
            }
        }
        // Only the first overflow bucket may have room: the ones behind it were full before it was needed.
        let first = pair.0[0].extra;
        let free = self.overflow.get(first as usize).and_then(Bucket::free_place);
        let (number, free) = if let Some(free) = free {
            (first, free)
        } else {
            let fresh = self.take_spare();
            self.overflow_mut(fresh).extra = first;
            self.pair_mut(place.pair as usize).0[0].extra = fresh;
            (fresh, 0)
        };
        self.overflow_mut(number).put(free, tag, at);
        (place.bucket, place.place) = (number + 2, free as u32);
        place
    }

    fn take_spare(&mut self) -> u32 {
        self.overflowing += 1;
        if let Some(bucket) = self.overflow.get(self.spare as usize) {
            let number = std::mem::replace(&mut self.spare, bucket.extra);
            *self.overflow_mut(number) = Bucket::EMPTY;
            number
        } else {
            let number = self.fresh;
            self.fresh += 1;
            if (number as usize) < self.overflow.len() {
                *self.overflow_mut(number) = Bucket::EMPTY;
            } else {
                self.overflow.push(Bucket::EMPTY);
            }
            number
        }
    }

    /// Puts an overflow bucket without items aside.
    fn give_back(&mut self, number: u32) {
        self.overflowing -= 1;
        self.overflow_mut(number).extra = self.spare;
        self.spare = number;
        if self.overflowing == 0 {
            // The memory goes with the next removals, a segment at a time: of a large table it takes a millisecond.
            self.fresh = 0;
            self.spare = NONE;
        }
    }

    /// Takes everything out of a pair.
    fn drain(&mut self, number: usize) -> SmallVec<[Ref; 64]> {
        let mut items = SmallVec::new();
        let pair = self.pair_mut(number);
        let mut next = std::mem::replace(&mut pair.0[0].extra, NONE);
        for bucket in &mut pair.0 {
            items.extend(bucket.used().map(|place| bucket.refs[place]));
            bucket.tags = [0; PLACES];
        }
        // Every item that comes may be due soon.
        pair.0[1].extra = NONE;
        while let Some(bucket) = self.overflow.get(next as usize) {
            items.extend(bucket.used().map(|place| bucket.refs[place]));
            let number = std::mem::replace(&mut next, bucket.extra);
            self.overflow_mut(number).tags = [0; PLACES];
            self.give_back(number);
        }
        items
    }

    /// Splits the next pair in line in two.
    fn split_one(&mut self, items: &impl Items) {
        let old = self.pairs.len() - self.base;
        let due = self.pair_due(old);
        self.pairs.push(Pair([Bucket::EMPTY; 2]));
        let new = self.pairs.len() - 1;
        if self.pairs.len() == 2 * self.base {
            self.base *= 2;
        }
        let moved = self.drain(old);
        // The waits for the items' memory overlap.
        for &at in &moved {
            items.prefetch(at);
        }
        for at in moved {
            self.add(items.hash(at), at);
        }
        if due != NEVER_DUE {
            self.learn_due(old, items);
            self.learn_due(new, items);
        }
    }

    /// Gives the items of the last pair to its twin.
    fn merge_one(&mut self, items: &impl Items) {
        let last = self.pairs.len() - 1;
        let due = self.pair_due(last);
        let moved = self.drain(last);
        self.pairs.pop();
        if self.pairs.len() < self.base {
            self.base /= 2;
        }
        self.drop_due(last);
        self.join_due(last - self.base, due);
        for &at in &moved {
            items.prefetch(at);
        }
        for at in moved {
            self.add(items.hash(at), at);
        }
    }

    /// Removes the item at a place. O(1).
    pub(crate) fn remove(&mut self, place: Place) {
        self.len -= 1;
        if self.overflow.len() > self.fresh as usize {
            self.overflow.shorten(self.fresh as usize);
        }
        // What overflows first fills the gap, so that only full pairs overflow.
        let first = self.pair_mut(place.pair as usize).0[0].extra;
        let Some(overflow) = self.overflow.get(first as usize) else {
            self.bucket_mut(place).tags[place.place as usize % PLACES] = 0;
            return;
        };
        let (next, last) = (overflow.extra, overflow.used().last().unwrap_or(0));
        let (tag, at) = (overflow.tags[last], overflow.refs[last]);
        self.bucket_mut(place).put(place.place as usize % PLACES, tag, at);
        self.came_from_overflow(place);
        let overflow = self.overflow_mut(first);
        overflow.tags[last] = 0;
        if last == 0 {
            self.pair_mut(place.pair as usize).0[0].extra = next;
            self.give_back(first);
        }
    }

    /// Gives memory back after removals, two pairs at a time at most: O(1).
    #[inline]
    pub(crate) fn shrink(&mut self, items: &impl Items) {
        for _ in 0..2 {
            if self.len >= SHRINK * self.pairs.len() || self.pairs.len() <= 1 {
                return;
            }
            self.merge_one(items);
        }
    }

    /// Visits the items of one pair.
    pub(crate) fn visit_pair(&self, number: usize, mut visit: impl FnMut(Place, Ref)) {
        let Some(pair) = self.pairs.get(number) else { return };
        let mut visit_bucket = |id: u32, bucket: &Bucket| {
            for place in bucket.used() {
                visit(Place { pair: number as u32, bucket: id, place: place as u32 }, bucket.refs[place]);
            }
        };
        visit_bucket(0, &pair.0[0]);
        visit_bucket(1, &pair.0[1]);
        let mut next = pair.0[0].extra;
        while let Some(bucket) = self.overflow.get(next as usize) {
            visit_bucket(next + 2, bucket);
            next = bucket.extra;
        }
    }

    /// Number of buckets that may hold items.
    fn buckets(&self) -> usize {
        2 * self.pairs.len() + self.fresh as usize
    }

    /// One of these buckets: those of the pairs in order, then overflow buckets.
    #[inline]
    fn bucket(&self, number: usize) -> Option<&Bucket> {
        match number.checked_sub(2 * self.pairs.len()) {
            None => self.pairs.get(number / 2).map(|pair| &pair.0[number % 2]),
            Some(overflow) if overflow < self.fresh as usize => self.overflow.get(overflow),
            Some(_) => None,
        }
    }

    /// All items.
    pub(crate) fn iter(&self) -> Refs<'_> {
        Refs { index: self, next: 0, bucket: &Bucket::EMPTY, left: Places(0) }
    }

    /// Visits the items of the pair under `cursor` (and its twin) and returns the next cursor, 0 at the end.
    ///
    /// The cursor counts in reversed bit order, after an idea of Pieter Noordhuis used in Redis: whatever the table grows
    /// or shrinks to between two calls, every item that stays from the first call to the last is visited.
    pub(crate) fn scan(&self, cursor: u64, mut visit: impl FnMut(Ref)) -> u64 {
        if self.len == 0 {
            return 0;
        }
        let mask = self.base as u64 - 1;
        let low = (cursor & mask) as usize;
        for pair in [low, low + self.base] {
            self.visit_pair(pair, |_, at| visit(at));
        }
        (cursor | !mask).reverse_bits().wrapping_add(1).reverse_bits()
    }

    /// A uniformly chosen item. O(1) expected.
    pub(crate) fn random(&self, rng: &mut Rng, items: &impl Items) -> Option<(Place, Ref)> {
        if self.len == 0 {
            return None;
        }
        loop {
            // Each item is in one place, so places are drawn until there is one in it.
            let drawn = rng.below(self.buckets() * PLACES);
            let (number, place) = (drawn / PLACES, drawn % PLACES);
            let Some(bucket) = self.bucket(number).filter(|bucket| bucket.tags[place] != 0) else { continue };
            let at = bucket.refs[place];
            let (pair, bucket) = match number.checked_sub(2 * self.pairs.len()) {
                None => (number / 2, number % 2),
                // What overflows does not know where from.
                Some(overflow) => (self.pair_of(items.hash(at)), overflow + 2),
            };
            return Some((Place { pair: pair as u32, bucket: bucket as u32, place: place as u32 }, at));
        }
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.pairs.heap_bytes() + self.overflow.heap_bytes() + self.due.heap_bytes()
    }

    fn chain_length(&self, mut number: u32) -> u32 {
        let mut length = 0;
        while let Some(bucket) = self.overflow.get(number as usize) {
            length += 1;
            number = bucket.extra;
        }
        length
    }

    /// Asserts every structural invariant, and that each item is where `items` says its hash belongs. O(n).
    pub(crate) fn check(&self, items: &impl Items) {
        assert!(self.base.is_power_of_two());
        if self.pairs.len() == 0 {
            assert_eq!(self.len, 0);
            return;
        }
        assert!(self.base <= self.pairs.len() && self.pairs.len() < 2 * self.base);
        let (mut seen, mut chained) = (0, 0);
        for number in 0..self.pairs.len() {
            let Some(pair) = self.pairs.get(number) else { unreachable!() };
            let chain = self.chain_length(pair.0[0].extra);
            chained += chain;
            if chain > 0 {
                assert!(
                    pair.0.iter().all(|bucket| bucket.free_place().is_none()),
                    "only full pairs overflow"
                );
            }
            self.visit_pair(number, |place, at| {
                let hash = items.hash(at);
                assert_eq!(self.pair_of(hash), number, "an item is in its pair");
                assert_eq!(self.get(place), at);
                seen += 1;
            });
            self.check_due(number, |at| items.due(at));
        }
        assert_eq!(seen, self.len);
        assert_eq!(chained, self.overflowing);
        assert_eq!(self.iter().count(), self.len, "buckets that are put aside are empty");
    }
}

#[cfg(test)]
mod tests;
