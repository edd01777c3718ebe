//! When the items of a table are due: for each pair of buckets the earliest time, and at which of its items it is worth
//! looking then.

use super::{Bucket, Buckets, Items, NONE, PLACES, Place, Places};
use crate::arena::Ref;
use crate::prefetch;
use crate::rng::Rng;
use smallvec::SmallVec;

/// No item of the pair is ever due.
pub(crate) const NEVER_DUE: u32 = u32::MAX;
/// Pairs of which the one that is due the soonest is looked for.
const DUE_WINDOW: usize = 1024;
/// Pairs whose due times come and go together.
const SEGMENT: usize = 128;
/// Most items of a pair's own buckets that are due soon: each of them is looked at until it is, and all of the pair are when
/// none is left.
const SOON_MAX: usize = 8;

/// Pairs that are asked at once.
const LANE: usize = 16;

/// Whether one of these is due. Without branches, for vector instructions.
fn any_due(dues: &[u32], now: u32) -> bool {
    dues.iter().map(|due| u32::from(*due <= now)).sum::<u32>() > 0
}

/// The earliest due time of each pair, whatever the unit.
#[derive(Clone, Default)]
pub(super) struct DueTimes {
    /// Nothing where nothing was ever due. A part begins small: a table of a few keys must not reserve one for 128 pairs.
    segments: Vec<Box<[u32]>>,
}

impl DueTimes {
    fn get(&self, pair: usize) -> u32 {
        let segment = self.segments.get(pair / SEGMENT);
        segment.and_then(|segment| segment.get(pair % SEGMENT)).copied().unwrap_or(NEVER_DUE)
    }

    fn set(&mut self, pair: usize, due: u32) {
        if self.get(pair) == due {
            return;
        }
        let (number, place) = (pair / SEGMENT, pair % SEGMENT);
        if self.segments.len() <= number {
            self.segments.resize_with(number + 1, Box::default);
        }
        let segment = &mut self.segments[number];
        if segment.len() <= place {
            let mut grown = vec![NEVER_DUE; (place + 1).next_power_of_two().max(LANE)];
            grown[..segment.len()].copy_from_slice(segment);
            *segment = grown.into_boxed_slice();
        }
        segment[place] = due;
    }

    /// The last pair before `end` that is due at or before `now`.
    fn last_before(&self, end: usize, now: u32) -> Option<usize> {
        let mut end = end.min(self.segments.len() * SEGMENT);
        while let Some(last) = end.checked_sub(1) {
            let start = last - last % SEGMENT;
            let segment = &self.segments[start / SEGMENT];
            let mut inner = (end - start).min(segment.len());
            while let Some(last) = inner.checked_sub(1) {
                // Mostly none of several is, which takes a few instructions.
                let lane = last - last % LANE;
                if any_due(&segment[lane..][..LANE], now)
                    && let Some(place) = segment[lane..inner].iter().rposition(|due| *due <= now)
                {
                    return Some(start + lane + place);
                }
                inner = lane;
            }
            end = start;
        }
        None
    }

    /// The first pair from `from` on that is due some time.
    fn first_from(&self, from: usize) -> Option<usize> {
        let mut skipped = from % SEGMENT;
        for (number, segment) in self.segments.iter().enumerate().skip(from / SEGMENT) {
            let rest = segment.get(skipped..).unwrap_or_default();
            if let Some(place) = rest.iter().position(|due| *due != NEVER_DUE) {
                return Some(number * SEGMENT + skipped + place);
            }
            skipped = 0;
        }
        None
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let numbers: usize = self.segments.iter().map(|segment| segment.len()).sum();
        self.segments.capacity() * size_of::<Box<[u32]>>() + numbers * size_of::<u32>()
    }
}

/// Which items of a pair are due soon: a bit for each place of its own buckets, one for all overflow buckets, and in the upper
/// bits what that means. An item that is not marked is not due before the pair's due time, rounded up to the next
/// multiple of two to the power of that.
#[derive(Clone, Copy)]
struct Soon(u32);

impl Soon {
    /// Every item may be. As a pair begins.
    const ALL: Self = Self(NONE);
    const OVERFLOW: u32 = 1 << (2 * PLACES);
    const POWER_SHIFT: u32 = 2 * PLACES as u32 + 1;

    fn power(self) -> u32 {
        self.0 >> Self::POWER_SHIFT
    }

    fn is_all(self) -> bool {
        self.power() >= u32::BITS
    }

    /// From when on items of a pair that is due at `due` may be due without being marked.
    fn end(self, due: u32) -> u64 {
        if self.is_all() { u64::MAX } else { ((u64::from(due) >> self.power()) + 1) << self.power() }
    }

    fn bit(place: Place) -> u32 {
        if place.bucket < 2 { 1 << (place.bucket * PLACES as u32 + place.place) } else { Self::OVERFLOW }
    }

    fn has(self, place: Place) -> bool {
        self.0 & Self::bit(place) != 0
    }

    /// Nothing is marked yet of a pair whose items are due at these times, the first of them at `first`.
    fn of(first: u32, dues: &[(Place, u32)]) -> Self {
        let mut sorted: SmallVec<[u32; 64]> =
            dues.iter().map(|(_, due)| *due).filter(|due| *due != NEVER_DUE).collect();
        if sorted.len() <= SOON_MAX {
            return Self::ALL;
        }
        let (_, &mut beyond, _) = sorted.select_nth_unstable(SOON_MAX);
        // The largest power that leaves this one out; with many that are due at once there is none.
        Self((beyond ^ first).checked_ilog2().unwrap_or(0) << Self::POWER_SHIFT)
    }
}

impl Buckets {
    fn soon(&self, pair: usize) -> Soon {
        self.pairs.get(pair).map_or(Soon::ALL, |pair| Soon(pair.0[1].extra))
    }

    fn set_soon(&mut self, pair: usize, soon: Soon) {
        self.pair_mut(pair).0[1].extra = soon.0;
    }

    /// An item has come to a place from an overflow bucket.
    pub(super) fn came_from_overflow(&mut self, place: Place) {
        let soon = &mut self.pair_mut(place.pair()).0[1].extra;
        if *soon & Soon::OVERFLOW != 0 {
            *soon |= Soon::bit(place);
        } else {
            *soon &= !Soon::bit(place);
        }
    }

    /// Items have come to a pair, as many as there are in one that may be due at `due`.
    pub(super) fn join_due(&mut self, pair: usize, due: u32) {
        self.set_soon(pair, Soon::ALL);
        self.due.set(pair, due.min(self.pair_due(pair)));
    }

    /// When the first item of a pair may be due.
    pub(super) fn pair_due(&self, pair: usize) -> u32 {
        self.due.get(pair)
    }

    /// There are only so many pairs any more: one less.
    pub(super) fn drop_due(&mut self, pairs: usize) {
        self.due.set(pairs, NEVER_DUE);
        let segments = &mut self.due.segments;
        segments.truncate(pairs.div_ceil(SEGMENT));
        if segments.len() * 4 <= segments.capacity() {
            segments.shrink_to(segments.len() * 2);
        }
    }

    /// Notes that the item at a place is due at `due`, whatever the unit. O(1).
    pub(crate) fn note_due(&mut self, place: Place, due: u32) {
        let pair = place.pair();
        let first = due.min(self.pair_due(pair));
        self.due.set(pair, first);
        let mut soon = self.soon(pair);
        if u64::from(due) < soon.end(first) {
            soon.0 |= Soon::bit(place);
        } else {
            // Of overflow buckets another item may be due soon.
            soon.0 &= !Soon::bit(place) | Soon::OVERFLOW;
        }
        self.set_soon(pair, soon);
    }

    /// The last pair before `end` that may have an item due at or before `now`; asks for its memory. O(pairs), of which a
    /// hundred take no longer than a wait for memory.
    pub(crate) fn last_due(&self, end: usize, now: u32) -> Option<usize> {
        let found = self.due.last_before(end, now)?;
        if let Some(pair) = self.pairs.get(found) {
            prefetch::item(pair);
        }
        Some(found)
    }

    /// Asks for the first overflow bucket of a pair.
    pub(crate) fn prefetch_overflow(&self, pair: usize) {
        if let Some(pair) = self.pairs.get(pair)
            && let Some(bucket) = self.overflow.get(pair.0[0].extra as usize)
        {
            prefetch::item(bucket);
        }
    }

    /// Visits those items of a pair that may be due before the others.
    pub(crate) fn visit_soon(&self, number: usize, mut visit: impl FnMut(Place, Ref)) {
        let (soon, Some(pair)) = (self.soon(number), self.pairs.get(number)) else { return };
        if soon.0 & Soon::OVERFLOW != 0 {
            self.visit_pair(number, |place, at| {
                if soon.has(place) {
                    visit(place, at);
                }
            });
            return;
        }
        for (half, bucket) in pair.0.iter().enumerate() {
            let marked = Places(bucket.used().0 & (soon.0 >> (half * PLACES)));
            for place in marked {
                let at = bucket.refs[place];
                visit(Place { pair: number as u32, bucket: half as u32, place: place as u32 }, at);
            }
        }
    }

    /// Whether [`visit_soon`](Self::visit_soon) visits all of a pair.
    pub(crate) fn is_all_soon(&self, pair: usize) -> bool {
        self.soon(pair).is_all()
    }

    /// Sets when the first item of a pair is due, after those that may be due soon have been looked at. False, and nothing
    /// has changed, when others may come before.
    pub(crate) fn advance_due(&mut self, pair: usize, due: u32) -> bool {
        let comes_first = u64::from(due) < self.soon(pair).end(self.pair_due(pair));
        if comes_first {
            self.due.set(pair, due);
        }
        comes_first
    }

    /// Sets when the items of a pair are due, after all of them have been looked at. True when the pair knew when the first
    /// is. What is due soon moves out of the overflow buckets: places that were known are no more. O(items of the pair).
    pub(crate) fn set_due(&mut self, pair: usize, dues: &[(Place, u32)]) -> bool {
        let first = dues.iter().map(|(_, due)| *due).min().unwrap_or(NEVER_DUE);
        let known = self.pair_due(pair) == first;
        self.due.set(pair, first);
        let mut soon = Soon::of(first, dues);
        if !soon.is_all() {
            let end = soon.end(first);
            let is_soon = |due: u32| u64::from(due) < end;
            let mut later = dues.iter().filter(|(place, due)| place.bucket < 2 && !is_soon(*due));
            for &(place, _) in dues.iter().filter(|(_, due)| is_soon(*due)) {
                let own = (place.bucket >= 2).then(|| later.next()).flatten();
                soon.0 |= Soon::bit(own.map_or(place, |(own, _)| self.exchange(place, *own)));
            }
        }
        self.set_soon(pair, soon);
        known
    }

    /// Exchanges the items of two places of a pair; returns the second.
    fn exchange(&mut self, first: Place, second: Place) -> Place {
        let item = |bucket: &Bucket, place: Place| {
            let place = place.place as usize % PLACES;
            (place, bucket.tags[place], bucket.refs[place])
        };
        let (to, tag, at) = item(self.bucket_mut(first), first);
        let (from, other_tag, other) = item(self.bucket_mut(second), second);
        self.bucket_mut(first).put(to, other_tag, other);
        self.bucket_mut(second).put(from, tag, at);
        second
    }

    /// Looks at the items of a pair, which the caller has just read.
    pub(super) fn learn_due(&mut self, pair: usize, items: &impl Items) {
        let mut dues: SmallVec<[(Place, u32); 32]> = SmallVec::new();
        self.visit_pair(pair, |place, at| dues.push((place, items.due(at))));
        self.set_due(pair, &dues);
    }

    /// The next pair from `from` on, and around the end, with an item that is due some time.
    pub(crate) fn next_volatile(&self, from: usize) -> Option<usize> {
        self.due.first_from(from).or_else(|| self.due.first_from(0))
    }

    /// The pair whose first item is due the soonest, of [`DUE_WINDOW`] pairs that begin at a random one.
    pub(crate) fn first_due(&self, rng: &mut Rng) -> Option<usize> {
        let pairs = self.pairs();
        let start = rng.below(pairs);
        // A window without any is followed by the next one, around the end.
        (0..pairs.div_ceil(DUE_WINDOW)).find_map(|round| {
            let window =
                (0..DUE_WINDOW.min(pairs)).map(|offset| (start + round * DUE_WINDOW + offset) % pairs);
            window.min_by_key(|pair| self.pair_due(*pair)).filter(|pair| self.pair_due(*pair) != NEVER_DUE)
        })
    }

    /// Asserts that no item of a pair is due before the pair says so.
    pub(super) fn check_due(&self, pair: usize, due_of: impl Fn(Ref) -> u32) {
        let (first, soon) = (self.pair_due(pair), self.soon(pair));
        self.visit_pair(pair, |place, at| {
            let due = due_of(at);
            assert!(first <= due, "a pair knows when its first item is due");
            let later = due == NEVER_DUE || u64::from(due) >= soon.end(first);
            assert!(later || soon.has(place), "an item that is due soon is marked");
        });
    }
}
