//! Memory for the entries of one table: slots in classes of eight bytes, addressed by four-byte references.
//!
//! Pages of up to 32 KiB hold slots of one class each; the first pages of an arena begin small and grow. A page whose last slot is freed goes back to the allocator, so memory
//! follows what is live; freeing a whole arena is freeing its pages.

use crate::crowd::{Crowded, Gates};
use crate::gauge::Gauge;
use crate::prefetch;
use crate::segments::Segments;

/// Bytes that sizes are rounded up to, and that references count in.
pub(crate) const UNIT: usize = 8;
const PAGE_BYTES: usize = 32 * 1024;
const PAGE_UNITS: usize = PAGE_BYTES / UNIT;
/// Largest slot, in bytes: thirty of them fill a page nearly.
pub(crate) const SLOT_MAX: usize = 1088;
const CLASSES: usize = SLOT_MAX / UNIT + 1;
/// Pages that references reach.
const PAGES_MAX: usize = u32::MAX as usize / PAGE_UNITS;
/// Pages from which on no data may be added: 12 GiB. Slots of sixteen bytes that all move to ones of twenty-four, which is what
/// giving each entry an expiry comes to, take two and a half times as much until the last of a page has moved; and a
/// request that is let in just before may bring another gigabyte.
const PAGES_CROWDED: usize = if cfg!(test) { 64 } else { PAGES_MAX / 8 * 3 };
/// No page, or no slot.
const NONE: u32 = u32::MAX;
const NO_SLOT: u16 = u16::MAX;
/// Instead of a neighbour in a list: the page is to be emptied.
const SPARSE: u32 = u32::MAX - 1;

/// Where a slot begins, in units from the start of the arena: 32 GiB in reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub(crate) struct Ref(u32);

impl Ref {
    /// What an unused place in a table holds; never looked at.
    pub(crate) const UNUSED: Self = Self(0);

    /// A reference that leads nowhere, for tests of what only keeps references.
    #[cfg(test)]
    pub(crate) fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// The number it was made of.
    #[cfg(test)]
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    #[inline]
    fn page(self) -> usize {
        self.0 as usize / PAGE_UNITS
    }

    #[inline]
    fn offset(self) -> usize {
        self.0 as usize % PAGE_UNITS * UNIT
    }
}

/// The bytes of a page that is as large as a page can be. Its place takes eight bytes: of a large arena these are looked up
/// at random, and there is not much room in the caches.
type Page = Box<[u8; PAGE_BYTES]>;

/// Pages that begin small: a small table must not reserve a page for each class.
const SMALL_PAGES: usize = 24;
/// Bytes that a small page begins with, unless its first slot needs more.
const SMALL_PAGE_BYTES: usize = 256;

/// A page that has to hold `needed` bytes after it held `before`.
fn page_bytes(page: usize, before: usize, needed: usize) -> usize {
    if page >= SMALL_PAGES { PAGE_BYTES } else { needed.max(before * 2).clamp(SMALL_PAGE_BYTES, PAGE_BYTES) }
}

/// What is known about one page. Pages with room are linked in a list for each class.
#[derive(Clone, Copy)]
struct PageState {
    /// Units of a slot.
    class: u16,
    /// Slots in use.
    used: u16,
    /// First of the freed slots, which are linked through their first two bytes; in units.
    freed: u16,
    /// From here on no slot has been used yet; in units.
    fresh: u16,
    prev: u32,
    next: u32,
}

impl PageState {
    fn has_fresh(&self) -> bool {
        usize::from(self.fresh) + usize::from(self.class) <= PAGE_UNITS
    }

    /// Whether its slots are to move elsewhere. It is in no list then: no slot is taken from it.
    fn is_sparse(&self) -> bool {
        self.prev == SPARSE
    }

    /// Most slots that the page can have.
    fn capacity(&self) -> usize {
        PAGE_UNITS / usize::from(self.class)
    }

    fn is_full(&self) -> bool {
        self.freed == NO_SLOT && !self.has_fresh()
    }
}

/// Slots of up to [`SLOT_MAX`] bytes.
#[derive(Clone, Default)]
pub(crate) struct Arena {
    pages: Vec<Option<Page>>,
    /// Bytes of the first pages, by number, as many as have been needed so far; none of those that are in `pages`.
    small: Vec<Box<[u8]>>,
    states: Segments<PageState>,
    /// First page with room, by class.
    partial: Vec<u32>,
    /// Numbers of pages that have gone back to the allocator.
    vacant: Vec<u32>,
    live_bytes: usize,
    /// Told of the bytes that are reserved and not live.
    gauge: Option<Gauge>,
    /// Bytes of all pages.
    page_bytes: usize,
    /// Told when there are too many pages for more data.
    gates: Gates,
    /// There while there are.
    crowded: Option<Crowded>,
}

/// Bytes that a slot for `size` bytes takes.
#[inline]
pub(crate) const fn slot_bytes(size: usize) -> usize {
    size.next_multiple_of(UNIT)
}

impl Arena {
    /// An empty arena that tells `gates` when it is close to the most that it can hold.
    pub(crate) fn new(gates: Gates) -> Self {
        Self { gates, ..Self::default() }
    }

    /// As [`new`](Self::new); it tells `gauge` how many bytes it has reserved without using them.
    pub(crate) fn with_gauge(gates: Gates, gauge: Gauge) -> Self {
        Self { gauge: Some(gauge), ..Self::new(gates) }
    }

    /// Stops counting for the gauge: the arena leaves its shard.
    pub(crate) fn leave_gauge(&mut self) {
        if let Some(gauge) = self.gauge.take() {
            gauge.add(-self.wasted_bytes().cast_signed());
        }
    }

    /// Bytes of pages that no slot uses.
    pub(crate) fn wasted_bytes(&self) -> usize {
        self.page_bytes - self.live_bytes
    }

    #[inline]
    fn note_waste(&self, bytes: isize) {
        if let Some(gauge) = &self.gauge {
            gauge.add(bytes);
        }
    }

    fn state(&mut self, page: usize) -> &mut PageState {
        match self.states.get_mut(page) {
            Some(state) => state,
            None => unreachable!("every page has a state"),
        }
    }

    fn page_mut(&mut self, page: usize) -> &mut [u8] {
        match self.pages.get_mut(page) {
            Some(Some(page)) => &mut page[..],
            _ => self.small.get_mut(page).map_or(&mut [], |page| page),
        }
    }

    /// A page of a small arena.
    #[cold]
    fn small_page(&self, page: usize) -> &[u8] {
        self.small.get(page).map_or(&[], |page| page)
    }

    /// The bytes of the slot, and whatever follows it in its page.
    #[inline]
    pub(crate) fn bytes(&self, at: Ref) -> &[u8] {
        match self.pages.get(at.page()) {
            Some(Some(page)) => &page[at.offset()..],
            _ => self.small_page(at.page()).get(at.offset()..).unwrap_or_default(),
        }
    }

    /// As [`bytes`](Self::bytes), for writing.
    #[inline]
    pub(crate) fn bytes_mut(&mut self, at: Ref) -> &mut [u8] {
        match self.pages.get_mut(at.page()) {
            Some(Some(page)) => &mut page[at.offset()..],
            _ => {
                self.small.get_mut(at.page()).and_then(|page| page.get_mut(at.offset()..)).unwrap_or_default()
            }
        }
    }

    /// Asks for the slot's first cache lines. A small arena is in the caches anyway.
    #[inline]
    pub(crate) fn prefetch(&self, at: Ref) {
        if let Some(Some(page)) = self.pages.get(at.page()) {
            prefetch::lines(&page[at.offset()..]);
        }
    }

    /// As [`prefetch`](Self::prefetch), for who reads no more than the first sixteen bytes.
    #[inline]
    pub(crate) fn prefetch_header(&self, at: Ref) {
        if let Some(Some(page)) = self.pages.get(at.page()) {
            prefetch::header(&page[at.offset()..]);
        }
    }

    /// A slot of at least `size` bytes, at most [`SLOT_MAX`]. Its content is whatever was there before. O(1).
    pub(crate) fn alloc(&mut self, size: usize) -> Ref {
        let class = size.div_ceil(UNIT).max(1);
        debug_assert!(class < CLASSES);
        let page = match self.partial.get(class) {
            Some(&page) if page != NONE => page as usize,
            _ => self.add_page(class),
        };
        self.live_bytes += class * UNIT;
        self.note_waste(-((class * UNIT).cast_signed()));
        let Some(state) = self.states.get_mut(page) else { unreachable!("every page has a state") };
        state.used += 1;
        let unit = if state.freed == NO_SLOT {
            let unit = usize::from(state.fresh);
            state.fresh += class as u16;
            let is_full = !state.has_fresh();
            let end = (unit + class) * UNIT;
            if self.page_mut(page).len() < end {
                self.grow_page(page, end);
            }
            if is_full {
                self.unlink(page);
            }
            unit
        } else {
            let unit = usize::from(state.freed);
            let bytes = match self.pages.get(page) {
                Some(Some(page)) => &page[unit * UNIT..],
                _ => &self.small[page][unit * UNIT..],
            };
            state.freed = u16::from_le_bytes([bytes[0], bytes[1]]);
            if state.is_full() {
                self.unlink(page);
            }
            unit
        };
        Ref((page * PAGE_UNITS + unit) as u32)
    }

    /// Makes a page larger, `needed` bytes at least.
    #[cold]
    fn grow_page(&mut self, page: usize, needed: usize) {
        let before = self.page_mut(page).len();
        let bytes = page_bytes(page, before, needed);
        // Zeroed memory fresh from the system need not be touched.
        let mut grown = vec![0; bytes].into_boxed_slice();
        grown[..before].copy_from_slice(self.page_mut(page));
        self.page_bytes += bytes - before;
        self.note_waste((bytes - before).cast_signed());
        self.put_page(page, grown);
    }

    fn put_page(&mut self, page: usize, bytes: Box<[u8]>) {
        let (full, small) = match bytes.try_into() {
            Ok(full) => (Some(full), Box::default()),
            Err(small) => (None, small),
        };
        self.pages[page] = full;
        if let Some(place) = self.small.get_mut(page) {
            *place = small;
        }
    }

    /// The number of pages has changed.
    fn note_pages(&mut self) {
        let crowded = self.pages.len() - self.vacant.len() > PAGES_CROWDED;
        if crowded != self.crowded.is_some() {
            self.crowded = crowded.then(|| self.gates.crowd());
        }
    }

    #[cold]
    fn add_page(&mut self, class: usize) -> usize {
        // Far from it data is refused already, see `Gates`.
        assert!(
            !self.vacant.is_empty() || self.pages.len() < PAGES_MAX,
            "an arena holds at most 32 GiB of small entries"
        );
        let state =
            PageState { class: class as u16, used: 0, freed: NO_SLOT, fresh: 0, prev: NONE, next: NONE };
        let page = if let Some(page) = self.vacant.pop() {
            *self.state(page as usize) = state;
            page as usize
        } else {
            self.pages.push(None);
            if self.small.len() < SMALL_PAGES {
                self.small.push(Box::default());
            }
            self.states.push(state);
            self.pages.len() - 1
        };
        self.note_pages();
        if self.partial.len() <= class {
            self.partial.resize(class + 1, NONE);
        }
        self.link(page);
        page
    }

    /// Puts a page at the head of its class' list.
    fn link(&mut self, page: usize) {
        let class = usize::from(self.state(page).class);
        let head = std::mem::replace(&mut self.partial[class], page as u32);
        let state = self.state(page);
        state.prev = NONE;
        state.next = head;
        if head != NONE {
            self.state(head as usize).prev = page as u32;
        }
    }

    fn unlink(&mut self, page: usize) {
        let PageState { class, prev, next, .. } = *self.state(page);
        match prev {
            NONE => self.partial[usize::from(class)] = next,
            prev => self.state(prev as usize).next = next,
        }
        if next != NONE {
            self.state(next as usize).prev = prev;
        }
    }

    /// Gives a slot back. O(1).
    pub(crate) fn free(&mut self, at: Ref) {
        let (page, unit) = (at.page(), at.0 as usize % PAGE_UNITS);
        let state = self.state(page);
        let was_full = state.is_full();
        let next = std::mem::replace(&mut state.freed, unit as u16);
        state.used -= 1;
        let (class, is_empty) = (usize::from(state.class), state.used == 0);
        self.live_bytes -= class * UNIT;
        self.note_waste((class * UNIT).cast_signed());
        if was_full {
            self.link(page);
        }
        // The last page of a class stays: a key that comes and goes must not fetch and return a page each time.
        if is_empty && !self.is_last(page, class) {
            if !self.state(page).is_sparse() {
                self.unlink(page);
            }
            self.release(page);
        } else {
            self.page_mut(page)[unit * UNIT..][..2].copy_from_slice(&next.to_le_bytes());
        }
    }

    /// Whether no other page of its class has room.
    fn is_last(&mut self, page: usize, class: usize) -> bool {
        self.partial.get(class) == Some(&(page as u32)) && self.state(page).next == NONE
    }

    /// Gives a page without slots back to the allocator. It is in no list.
    fn release(&mut self, page: usize) {
        let bytes = self.page_mut(page).len();
        self.page_bytes -= bytes;
        self.note_waste(-bytes.cast_signed());
        self.put_page(page, Box::default());
        self.vacant.push(page as u32);
        self.note_pages();
    }

    // ---- compaction ----

    /// Chooses pages to be emptied into fuller ones of their class; false when there are none. O(pages).
    pub(crate) fn choose_sparse(&mut self) -> bool {
        self.keep_sparse();
        let mut any = false;
        let mut with_room: Vec<(u16, u32)> = Vec::new();
        for class in 0..self.partial.len() {
            with_room.clear();
            let mut page = self.partial[class];
            while let Some(state) = self.states.get(page as usize) {
                with_room.push((state.used, page));
                page = state.next;
            }
            let Some(capacity) = with_room.first().map(|(_, page)| self.state(*page as usize).capacity())
            else {
                continue;
            };
            // As many of the fullest as hold everything stay; and those of which much would have to move for one page.
            with_room.sort_unstable_by_key(|(used, _)| std::cmp::Reverse(*used));
            let used: usize = with_room.iter().map(|(used, _)| usize::from(*used)).sum();
            for &(used, page) in with_room.iter().skip(used.div_ceil(capacity).max(1)) {
                if used == 0 {
                    self.unlink(page as usize);
                    self.release(page as usize);
                } else if usize::from(used) * 4 <= capacity * 3 {
                    self.unlink(page as usize);
                    let state = self.state(page as usize);
                    (state.prev, state.next) = (SPARSE, SPARSE);
                    any = true;
                }
            }
        }
        any
    }

    /// What is left of the chosen pages stays. O(pages).
    pub(crate) fn keep_sparse(&mut self) {
        for page in 0..self.states.len() {
            let state = self.state(page);
            if state.is_sparse() {
                (state.prev, state.next) = (NONE, NONE);
                if state.used > 0 {
                    self.link(page);
                }
            }
        }
    }

    /// Whether a slot is in a page that is to be emptied.
    #[inline]
    pub(crate) fn is_in_sparse(&self, at: Ref) -> bool {
        self.states.get(at.page()).is_some_and(PageState::is_sparse)
    }

    /// Moves a slot to a fuller page. O(bytes of the slot).
    pub(crate) fn relocate(&mut self, at: Ref) -> Ref {
        let bytes = usize::from(self.state(at.page()).class) * UNIT;
        let to = self.alloc(bytes);
        self.copy((at, 0), (to, 0), bytes);
        self.free(at);
        to
    }

    /// Copies bytes from one slot to another.
    pub(crate) fn copy(
        &mut self,
        (from, from_offset): (Ref, usize),
        (to, to_offset): (Ref, usize),
        len: usize,
    ) {
        let (source, target) = (from.offset() + from_offset, to.offset() + to_offset);
        if from.page() == to.page() {
            self.page_mut(from.page()).copy_within(source..source + len, target);
        } else if let Ok([Some(source_page), Some(target_page)]) =
            self.pages.get_disjoint_mut([from.page(), to.page()])
        {
            target_page[target..target + len].copy_from_slice(&source_page[source..source + len]);
        } else {
            let mut bytes = [0; SLOT_MAX];
            bytes[..len].copy_from_slice(&self.page_mut(from.page())[source..source + len]);
            self.page_mut(to.page())[target..target + len].copy_from_slice(&bytes[..len]);
        }
    }

    /// Copies a slot of `size` bytes to another one, where `new` bytes that are not defined stand for the `old` ones at `at`.
    pub(crate) fn copy_spliced(
        &mut self,
        from: Ref,
        to: Ref,
        (at, old, new): (usize, usize, usize),
        size: usize,
    ) {
        if from.page() != to.page()
            && let Ok([Some(source), Some(target)]) = self.pages.get_disjoint_mut([from.page(), to.page()])
        {
            let (source, target) = (&source[from.offset()..][..size], &mut target[to.offset()..]);
            target[..at].copy_from_slice(&source[..at]);
            let behind = &source[at + old..];
            target[at + new..][..behind.len()].copy_from_slice(behind);
        } else {
            self.copy((from, 0), (to, 0), at);
            self.copy((from, at + old), (to, at + new), size - at - old);
        }
    }

    /// Whether a slot for `old` bytes holds `new` bytes and is not larger than it needs to be.
    #[inline]
    pub(crate) const fn same_class(old: usize, new: usize) -> bool {
        old.div_ceil(UNIT) == new.div_ceil(UNIT)
    }

    /// Bytes in slots that are in use.
    pub(crate) fn live_bytes(&self) -> usize {
        self.live_bytes
    }

    /// Bytes taken from the allocator.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.page_bytes
            + self.pages.capacity() * size_of::<Option<Page>>()
            + self.small.capacity() * size_of::<Box<[u8]>>()
            + self.states.heap_bytes()
            + (self.partial.capacity() + self.vacant.capacity()) * size_of::<u32>()
    }

    /// Asserts every structural invariant. O(slots).
    pub(crate) fn check(&self) {
        assert_eq!(self.pages.len(), self.states.len());
        let mut live = 0;
        let mut with_room = 0;
        let mut page_bytes = 0;
        for (number, state) in self.states.iter().enumerate() {
            let page = match &self.pages[number] {
                Some(page) => &page[..],
                None => self.small_page(number),
            };
            page_bytes += page.len();
            if page.is_empty() {
                continue;
            }
            let (class, fresh) = (usize::from(state.class), usize::from(state.fresh));
            assert!(class > 0 && fresh <= PAGE_UNITS && fresh.is_multiple_of(class));
            let mut freed = 0;
            let mut unit = usize::from(state.freed);
            while unit != usize::from(NO_SLOT) {
                assert!(unit < fresh && unit.is_multiple_of(class), "a freed slot is none of the page's");
                freed += 1;
                assert!(freed <= fresh / class, "the freed slots run in a circle");
                unit = usize::from(u16::from_le_bytes([page[unit * UNIT], page[unit * UNIT + 1]]));
            }
            assert_eq!(usize::from(state.used) + freed, fresh / class);
            live += usize::from(state.used) * class * UNIT;
            with_room += usize::from(!state.is_full() && !state.is_sparse());
        }
        assert_eq!(live, self.live_bytes);
        assert_eq!(self.page_bytes, page_bytes);
        for (class, &head) in self.partial.iter().enumerate() {
            let (mut page, mut prev) = (head, NONE);
            while let Some(state) = self.states.get(page as usize) {
                assert!(state.prev == prev && usize::from(state.class) == class && !state.is_full());
                with_room -= 1;
                (prev, page) = (page, state.next);
            }
        }
        assert_eq!(with_room, 0, "every page with room is in its list");
    }
}

#[cfg(test)]
mod tests {
    use super::{Arena, PAGE_BYTES, PAGES_CROWDED, Ref, SLOT_MAX, slot_bytes};
    use proptest::prelude::*;

    #[test]
    fn an_arena_says_when_it_is_crowded() {
        let mut arena = Arena::default();
        let mut live = Vec::new();
        while arena.crowded.is_none() {
            live.push(arena.alloc(512));
        }
        assert_eq!(live.len(), PAGES_CROWDED * (PAGE_BYTES / 512) + 1);
        assert!(arena.gates.are_crowded());
        let copy = arena.clone();
        // What is there can still move to larger slots, all of it.
        for at in &mut live {
            let larger = arena.alloc(520);
            arena.free(*at);
            *at = larger;
        }
        arena.check();
        for at in live.drain(..) {
            arena.free(at);
        }
        assert!(arena.crowded.is_none() && arena.gates.are_crowded(), "its copy is full");
        drop(copy);
        assert!(arena.gates.are_open());
    }

    proptest! {
        #[test]
        fn slots_keep_what_was_written(ops in prop::collection::vec((1usize..=SLOT_MAX, any::<u8>(), 0usize..8), 1..600)) {
            let mut arena = Arena::default();
            let mut live: Vec<(Ref, Vec<u8>)> = Vec::new();
            for (size, byte, choice) in ops {
                if choice < 3 && !live.is_empty() {
                    let (at, content) = live.swap_remove(usize::from(byte) % live.len());
                    prop_assert_eq!(&arena.bytes(at)[..content.len()], &content[..]);
                    arena.free(at);
                } else if choice == 3 && !live.is_empty() {
                    let (from, content) = live[usize::from(byte) % live.len()].clone();
                    let to = arena.alloc(content.len());
                    arena.copy((from, 0), (to, 0), content.len());
                    live.push((to, content));
                } else {
                    let at = arena.alloc(size);
                    arena.bytes_mut(at)[..size].fill(byte);
                    live.push((at, vec![byte; size]));
                }
                arena.check();
            }
            for (at, content) in &live {
                prop_assert_eq!(&arena.bytes(*at)[..content.len()], &content[..]);
            }
            let total: usize = live.iter().map(|(_, content)| slot_bytes(content.len())).sum();
            prop_assert_eq!(arena.live_bytes(), total);
        }
    }

    proptest! {
        #[test]
        fn compaction_keeps_what_was_written(
            sizes in prop::collection::vec(1usize..200, 200..1500),
            kept in prop::collection::vec(0u8..10, 1500),
            share in 1u8..10,
            more in prop::collection::vec((1usize..200, any::<bool>()), 0..200),
        ) {
            let mut arena = Arena::default();
            let mut live: Vec<(Ref, Vec<u8>)> = Vec::new();
            let add = |arena: &mut Arena, live: &mut Vec<_>, size: usize| {
                let content = vec![live.len() as u8; size];
                let at = arena.alloc(size);
                arena.bytes_mut(at)[..size].copy_from_slice(&content);
                live.push((at, content));
            };
            for size in sizes {
                add(&mut arena, &mut live, size);
            }
            let mut number = 0;
            live.retain(|(at, _)| {
                number += 1;
                let stays = kept[number - 1] < share;
                if !stays {
                    arena.free(*at);
                }
                stays
            });
            arena.choose_sparse();
            arena.check();
            // Slots come and go while the pages are being emptied.
            for (size, comes) in more {
                if comes {
                    add(&mut arena, &mut live, size);
                } else if let Some((at, _)) = live.pop() {
                    arena.free(at);
                }
                arena.check();
            }
            for (at, _) in &mut live {
                if arena.is_in_sparse(*at) {
                    *at = arena.relocate(*at);
                    prop_assert!(!arena.is_in_sparse(*at));
                }
            }
            arena.check();
            prop_assert!(live.iter().all(|(at, _)| !arena.is_in_sparse(*at)));
            arena.keep_sparse();
            arena.check();
            for (at, content) in &live {
                prop_assert_eq!(&arena.bytes(*at)[..content.len()], &content[..]);
            }
        }
    }

    #[test]
    fn emptied_pages_go_back() {
        let mut arena = Arena::default();
        let slots: Vec<Ref> = (0..100_000).map(|_| arena.alloc(40)).collect();
        let full = arena.heap_bytes();
        for at in slots {
            arena.free(at);
        }
        arena.check();
        assert!(arena.heap_bytes() * 10 < full, "{} of {full} bytes are kept", arena.heap_bytes());
        assert_eq!(arena.live_bytes(), 0);
    }
}
