//! One shard's part of one database: index, entries, objects.

use crate::access::AccessClock;
use crate::arena::{Arena, Ref};
use crate::buckets::{Buckets, Items, NEVER_DUE, Place, Warmed};
use crate::compact::{Compacted, Pass};
use crate::crowd::Gates;
use crate::entry::{Blueprint, Entry, Header, Kind, NEVER, Payload, fits_slot, write_expiry};
use crate::gauge::Gauge;
use crate::list::{ListRef, Shape};
use crate::objects::{Object, ObjectId, Objects};
use crate::rng::Rng;
use crate::settings::Settings;
use crate::snapshot::DbSnapshot;
use crate::string::{StringValue, as_integer};
use crate::value::{Value, ValueRef};
use crate::watch::Presence;
use ahash::RandomState;
use carnelian_encoding::Block;
use smallvec::SmallVec;

/// log2 of the milliseconds that due times of pairs are counted in.
const DUE_SHIFT: u32 = 5;
/// Pairs whose memory is waited for at the same time.
const DUE_PAIRS: usize = 16;

/// Pairs of buckets that a sample is looked for in, while they are empty.
const SAMPLED_PAIRS: usize = 256;

/// Entries to choose one from.
pub(crate) type Sample = SmallVec<[Ref; 64]>;

/// Something about each item of a pair of buckets.
type PairItems<T> = SmallVec<[(Place, T); 32]>;

/// Where an entry is. Valid until the next insertion or removal; changing the entry keeps it up to date.
#[derive(Clone, Copy)]
pub(crate) struct Spot {
    place: Place,
    at: Ref,
}

/// One shard's part of one database.
pub(crate) struct Db {
    index: Buckets,
    arena: Arena,
    objects: Objects,
    hasher: RandomState,
    expiring: usize,
    /// The moment that due times are counted from: when the first entry got an expiry.
    due_base_ms: Option<u64>,
    pub(crate) snapshot: Option<DbSnapshot>,
    compaction: Compaction,
}

/// Where a pass of compaction over a database is: first its entries, then the objects that have arenas of their own.
#[derive(Default)]
struct Compaction {
    pass: Pass,
    /// The object whose turn it is, once the entries are done.
    object: Option<usize>,
}

/// What the index needs to know of entries.
struct Keys<'a> {
    arena: &'a Arena,
    objects: &'a Objects,
    hasher: &'a RandomState,
    due_base_ms: Option<u64>,
}

/// A [`Keys`] that leaves the index to be changed.
macro_rules! keys {
    ($db:expr) => {
        Keys { arena: &$db.arena, objects: &$db.objects, hasher: &$db.hasher, due_base_ms: $db.due_base_ms }
    };
}

impl Items for Keys<'_> {
    #[inline]
    fn hash(&self, at: Ref) -> u64 {
        self.hasher.hash_one(Entry::new(self.arena.bytes(at), self.objects).key())
    }

    #[inline]
    fn prefetch(&self, at: Ref) {
        self.arena.prefetch(at);
    }

    fn due(&self, at: Ref) -> u32 {
        due_at(Entry::new(self.arena.bytes(at), self.objects).expire_ms(), self.due_base_ms)
    }
}

/// The due time of an entry that expires at this moment. They are counted from `base_ms`.
fn due_at(expire_ms: u64, base_ms: Option<u64>) -> u32 {
    if expire_ms == NEVER {
        return NEVER_DUE;
    }
    let since = expire_ms.saturating_sub(base_ms.unwrap_or(expire_ms));
    (since >> DUE_SHIFT).min(u64::from(NEVER_DUE - 1)) as u32
}

impl Db {
    /// An empty one, whose keys are hashed by `hasher`, in a shard with this gauge, in an engine with these gates.
    pub(crate) fn new(hasher: RandomState, gates: Gates, gauge: Gauge) -> Self {
        Self {
            index: Buckets::default(),
            arena: Arena::with_gauge(gates, gauge),
            objects: Objects::default(),
            hasher,
            expiring: 0,
            due_base_ms: None,
            snapshot: None,
            compaction: Compaction::default(),
        }
    }

    /// Takes everything out.
    pub(crate) fn take(&mut self, gates: Gates, gauge: Gauge) -> Self {
        let empty = Self::new(self.hasher.clone(), gates, gauge);
        let mut taken = std::mem::replace(self, empty);
        taken.arena.leave_gauge();
        taken
    }

    /// Number of entries.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Number of entries that will expire.
    pub(crate) fn expiring(&self) -> usize {
        self.expiring
    }

    fn keys(&self) -> Keys<'_> {
        keys!(self)
    }

    #[inline]
    fn entry_at(&self, at: Ref) -> Entry<'_> {
        Entry::new(self.arena.bytes(at), &self.objects)
    }

    /// The entry in a spot.
    #[inline(always)]
    pub(crate) fn entry(&self, spot: Spot) -> Entry<'_> {
        self.entry_at(spot.at)
    }

    /// Where the entry of `key` is. O(1).
    #[inline]
    pub(crate) fn find(&self, hash: u64, key: &[u8]) -> Option<Spot> {
        self.find_entry(hash, key).map(|(spot, _)| spot)
    }

    /// Where the entry of `key` is, and its header. O(1).
    #[inline(always)]
    pub(crate) fn find_entry(&self, hash: u64, key: &[u8]) -> Option<(Spot, Header)> {
        if let Some((place, at)) = self.index.first(hash) {
            let entry = self.entry_at(at);
            if entry.is_of_short(key) {
                return Some((Spot { place, at }, entry.header));
            }
        }
        self.find_anywhere(hash, key)
    }

    /// As [`find_entry`](Self::find_entry), wherever the entry is.
    #[inline(never)]
    fn find_anywhere(&self, hash: u64, key: &[u8]) -> Option<(Spot, Header)> {
        let (place, at) = self.index.find(hash, |at| self.entry_at(at).is_of(key))?;
        Some((Spot { place, at }, self.entry_at(at).header))
    }

    /// What there is under a key.
    pub(crate) fn presence(&self, hash: u64, key: &[u8], now_ms: u64) -> Presence {
        match self.find(hash, key) {
            None => Presence::Missing,
            Some(spot) if self.entry(spot).is_expired(now_ms) => Presence::Expired,
            Some(_) => Presence::Live,
        }
    }

    /// First step of warming a look-up: asks for where the index has the key.
    #[inline]
    pub(crate) fn prefetch_index(&self, hash: u64) {
        self.index.prefetch(hash);
    }

    /// Next steps: asks for the entry, or for the next bucket that it may be in, and says which.
    #[inline]
    pub(crate) fn prefetch_entry(&self, hash: u64, bucket: Option<Warmed>) -> Option<Warmed> {
        self.index.prefetch_items(hash, bucket, |at| self.arena.prefetch(at))
    }

    /// Asks for what looking up these members of a set, or fields of a hash, will read.
    pub(crate) fn prefetch_members(&self, hash: u64, key: &[u8], members: &[&[u8]]) {
        let object = self.find(hash, key).and_then(|spot| self.entry(spot).object());
        match object.and_then(|id| self.objects.get(id)) {
            Some(Object::Set(set)) => set.prefetch(members),
            Some(Object::Hash(hash)) => hash.prefetch(members),
            _ => {}
        }
    }

    /// Adds an entry whose key is not there yet. O(1).
    pub(crate) fn insert(
        &mut self,
        hash: u64,
        key: &[u8],
        payload: Payload<'_>,
        expiry: Due,
        clock: AccessClock,
        epoch: u8,
    ) -> Spot {
        let plan = Blueprint::for_key(key, payload, expiry.expire_ms, clock, epoch);
        let at = self.arena.alloc(plan.size());
        let slot = self.arena.bytes_mut(at);
        plan.write_key(slot, key, &mut self.objects);
        plan.write(slot, &mut self.objects);
        let keys = keys!(self);
        let place = self.index.insert(hash, at, &keys);
        if expiry.expire_ms != NEVER {
            self.expiring += 1;
            self.note_due(place, expiry);
        }
        Spot { place, at }
    }

    /// Replaces value and expiry of an entry; returns the object that was the value. O(n) in the bytes of the slot.
    #[inline]
    pub(crate) fn overwrite(
        &mut self,
        spot: &mut Spot,
        payload: Payload<'_>,
        expiry: Due,
        clock: AccessClock,
    ) -> Option<Object> {
        let entry = self.entry(*spot);
        let (header, before, object) = (entry.header, entry.expire_ms(), entry.object());
        let removed = object.and_then(|id| self.objects.remove(id));
        let plan = Blueprint::replacing(header, payload, expiry.expire_ms, clock);
        if Arena::same_class(header.size(), plan.size()) && plan.keeps_key(header) {
            plan.write(self.arena.bytes_mut(spot.at), &mut self.objects);
        } else {
            self.move_entry(spot, plan);
        }
        self.count_expiry(spot.place, before, expiry);
        removed
    }

    /// Uses an entry and writes over its value where it lies; false, and nothing has changed, when `write` says that it cannot.
    #[inline]
    pub(crate) fn rewrite(
        &mut self,
        spot: Spot,
        settings: &Settings,
        now_ms: u64,
        rng: &mut Rng,
        write: impl FnOnce(Header, &mut [u8]) -> bool,
    ) -> bool {
        let slot = self.arena.bytes_mut(spot.at);
        let header = Header::read(slot);
        let written = write(header, slot);
        if written {
            header.with_clock(header.clock().touched(settings, now_ms, rng)).write(slot);
        }
        written
    }

    fn move_entry(&mut self, spot: &mut Spot, plan: Blueprint<'_>) {
        let old = self.entry(*spot).header;
        let at = self.arena.alloc(plan.size());
        self.arena.copy((spot.at, old.key_start()), (at, plan.key_start()), old.key_len());
        plan.write(self.arena.bytes_mut(at), &mut self.objects);
        self.leave_slot(spot, at);
    }

    /// Makes the `old` bytes at offset `at` of an entry, which are of its value, into `new` bytes that are not defined, and gives
    /// the bytes from where the slot begins. O(n) in the bytes of the slot.
    #[inline]
    fn splice(&mut self, spot: &mut Spot, at: usize, old: usize, new: usize) -> &mut [u8] {
        let slot = self.arena.bytes_mut(spot.at);
        let header = Header::read(slot);
        let spliced = header.with_value_len(header.value_len() + new - old);
        if Arena::same_class(header.size(), spliced.size()) {
            slot.copy_within(at + old..header.size(), at + new);
        } else {
            let to = self.arena.alloc(spliced.size());
            self.arena.copy_spliced(spot.at, to, (at, old, new), header.size());
            self.leave_slot(spot, to);
        }
        let slot = self.arena.bytes_mut(spot.at);
        spliced.write(slot);
        slot
    }

    /// The entry lies elsewhere now.
    fn leave_slot(&mut self, spot: &mut Spot, at: Ref) {
        self.arena.free(spot.at);
        self.index.set(spot.place, at);
        spot.at = at;
    }

    /// An entry that expired at `before` has another expiry.
    #[inline]
    fn count_expiry(&mut self, place: Place, before: u64, expiry: Due) {
        if before != expiry.expire_ms {
            self.expiring -= usize::from(before != NEVER);
            self.expiring += usize::from(expiry.expire_ms != NEVER);
            self.note_due(place, expiry);
        }
    }

    /// Sets or clears the expiry. O(n) in the bytes of the slot when there was none.
    pub(crate) fn set_expiry(&mut self, spot: &mut Spot, expiry: Due) {
        let entry = self.entry(*spot);
        let before = entry.expire_ms();
        if before == expiry.expire_ms {
            return;
        }
        if before != NEVER && expiry.expire_ms != NEVER {
            write_expiry(self.arena.bytes_mut(spot.at), expiry.expire_ms);
        } else {
            let old = entry.header;
            let new = old.with_expiry(expiry.expire_ms != NEVER);
            let at = self.arena.alloc(new.size());
            let rest = old.size() - old.key_start();
            self.arena.copy((spot.at, old.key_start()), (at, new.key_start()), rest);
            let slot = self.arena.bytes_mut(at);
            new.write(slot);
            if expiry.expire_ms != NEVER {
                write_expiry(slot, expiry.expire_ms);
            }
            self.leave_slot(spot, at);
        }
        self.count_expiry(spot.place, before, expiry);
    }

    /// Removes an entry; returns the object that was the value. O(1).
    pub(crate) fn remove(&mut self, spot: Spot) -> Option<Object> {
        let entry = self.entry(spot);
        let (value, key, expires) = (entry.object(), entry.key_object(), entry.expire_ms() != NEVER);
        self.expiring -= usize::from(expires);
        self.arena.free(spot.at);
        self.index.remove(spot.place);
        // A running snapshot walks the pairs in order: none may move to where it has been.
        if self.snapshot.is_none() {
            let keys = keys!(self);
            self.index.shrink(&keys);
        }
        if let Some(id) = key {
            self.objects.remove(id);
        }
        value.and_then(|id| self.objects.remove(id))
    }

    /// Removes an entry and returns its value and expiry. O(n) for a string, O(1) for a collection.
    pub(crate) fn take_entry(&mut self, spot: Spot) -> (Value, Option<u64>) {
        let entry = self.entry(spot);
        let expiry = entry.expiry();
        if entry.object().is_none() {
            let value = entry.value().to_value();
            self.remove(spot);
            return (value, expiry);
        }
        match self.remove(spot) {
            Some(object) => (object.into_value(), expiry),
            None => unreachable!("the value was an object"),
        }
    }

    /// The object that is a value, for changing it in place.
    #[inline]
    pub(crate) fn object_mut(&mut self, id: ObjectId) -> Option<&mut Object> {
        self.objects.get_mut(id)
    }

    /// The entry in a spot, after its clock has been set as by [`move_clock`](Self::move_clock).
    #[inline(always)]
    pub(crate) fn use_entry(
        &mut self,
        spot: Spot,
        clock: impl FnOnce(AccessClock) -> AccessClock,
    ) -> Entry<'_> {
        let slot = self.arena.bytes_mut(spot.at);
        let header = Header::read(slot);
        let moved = header.with_clock(clock(header.clock()));
        if moved != header {
            moved.write(slot);
        }
        Entry::new(slot, &self.objects)
    }

    /// Sets when or how often the entry was used, from when or how often it was before. An unchanged clock is not written:
    /// the entry's cache line stays clean.
    #[inline]
    pub(crate) fn move_clock(&mut self, spot: Spot, clock: impl FnOnce(AccessClock) -> AccessClock) {
        self.use_entry(spot, clock);
    }

    /// Marks an entry as known to the snapshot of this epoch.
    pub(crate) fn set_epoch(&mut self, at: Ref, epoch: u8) {
        let header = self.entry_at(at).header.with_epoch(epoch);
        header.write(self.arena.bytes_mut(at));
    }

    /// As [`set_epoch`](Self::set_epoch).
    pub(crate) fn stamp(&mut self, spot: Spot, epoch: u8) {
        self.set_epoch(spot.at, epoch);
    }

    // ---- walking ----

    /// Every entry. O(n).
    pub(crate) fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        self.index.iter().map(|at| self.entry_at(at))
    }

    /// Number of pairs of buckets, which [`pair`](Self::pair) counts through.
    pub(crate) fn pairs(&self) -> usize {
        self.index.pairs()
    }

    /// The entries of one pair of buckets.
    pub(crate) fn pair(&self, number: usize) -> SmallVec<[Ref; 64]> {
        let mut items = SmallVec::new();
        self.index.visit_pair(number, |_, at| items.push(at));
        for &at in &items {
            self.arena.prefetch(at);
        }
        items
    }

    /// The entry that a reference from [`pair`](Self::pair) leads to.
    pub(crate) fn at(&self, at: Ref) -> Entry<'_> {
        self.entry_at(at)
    }

    /// One step of a cursor iteration; see [`Buckets::scan`].
    pub(crate) fn scan<'a>(&'a self, cursor: u64, mut visit: impl FnMut(Entry<'a>)) -> u64 {
        self.index.scan(cursor, |at| visit(self.entry_at(at)))
    }

    /// A uniformly chosen entry. O(1) expected.
    pub(crate) fn random(&self, rng: &mut Rng) -> Option<Entry<'_>> {
        self.index.random(rng, &self.keys()).map(|(_, at)| self.entry_at(at))
    }

    // ---- eviction ----

    /// Up to `count` entries that stand close to each other, beginning at a random place; `volatile` ones only, if wanted.
    /// Few or none when the table is nearly empty. O(count).
    pub(crate) fn sample(&mut self, rng: &mut Rng, count: usize, volatile: bool) -> Sample {
        let mut sample = Sample::new();
        let pairs = self.pairs();
        let (mut pair, mut passed) = (rng.below(pairs), 0);
        for _ in 0..SAMPLED_PAIRS {
            if volatile {
                let Some(found) = self.index.next_volatile(pair) else { break };
                passed += (found + pairs - pair) % pairs;
                pair = found;
            }
            // Once around, and everything has been seen.
            if passed >= pairs || sample.len() >= count {
                break;
            }
            if volatile {
                self.add_volatile(pair, &mut sample);
            } else {
                self.index.visit_pair(pair, |_, at| sample.push(at));
            }
            pair = (pair + 1) % pairs;
            passed += 1;
        }
        if sample.len() > count {
            let start = rng.below(sample.len());
            sample.rotate_left(start);
            sample.truncate(count);
        }
        for &at in &sample {
            self.arena.prefetch(at);
        }
        sample
    }

    /// As [`random`](Self::random): where the entry is.
    pub(crate) fn random_ref(&self, rng: &mut Rng) -> Option<Ref> {
        self.index.random(rng, &self.keys()).map(|(_, at)| at)
    }

    /// Entries that expire soonest of many thousand. O(1).
    pub(crate) fn sample_due(&mut self, rng: &mut Rng) -> Sample {
        let mut sample = Sample::new();
        for _ in 0..SAMPLED_PAIRS {
            let Some(pair) = self.index.first_due(rng) else { break };
            // A pair whose first entry is gone says so only now, and another one may come before it.
            sample.clear();
            if self.add_volatile(pair, &mut sample) {
                break;
            }
        }
        sample
    }

    /// Adds the entries of a pair that expire, and corrects what the pair says of when that is. True when it was right.
    fn add_volatile(&mut self, pair: usize, sample: &mut Sample) -> bool {
        let mut dues = PairItems::new();
        for (place, at) in self.items(pair, true) {
            let expire_ms = self.entry_at(at).expire_ms();
            if expire_ms != NEVER {
                sample.push(at);
            }
            dues.push((place, self.due_of(expire_ms)));
        }
        self.index.set_due(pair, &dues)
    }

    /// The hash of an entry's key.
    pub(crate) fn hash_at(&self, at: Ref) -> u64 {
        self.hasher.hash_one(self.entry_at(at).key())
    }

    // ---- expiry ----

    fn due_of(&self, expire_ms: u64) -> u32 {
        due_at(expire_ms, self.due_base_ms)
    }

    fn note_due(&mut self, place: Place, expiry: Due) {
        if expiry.expire_ms != NEVER {
            self.due_base_ms.get_or_insert(expiry.now_ms);
            let due = self.due_of(expiry.expire_ms);
            self.index.note_due(place, due);
        }
    }

    /// Appends entries of the pairs before `end` whose time is over to `due`, at most `limit`, and returns the end of what is
    /// still to be searched, 0 when nothing is. The caller removes them all: they will not be found again. O(due entries +
    /// pairs / 100).
    ///
    /// Goes from the last pair to the first, because shrinking moves entries to earlier pairs.
    pub(crate) fn find_due(
        &mut self,
        mut end: usize,
        now_ms: u64,
        limit: usize,
        due: &mut Vec<(u64, Ref)>,
    ) -> usize {
        let Some(base) = self.due_base_ms else { return 0 };
        let now = (now_ms.saturating_sub(base) >> DUE_SHIFT).min(u64::from(NEVER_DUE - 1)) as u32;
        // The waits for memory of several pairs overlap: first for the buckets, then for the entries.
        let mut pairs: SmallVec<[usize; DUE_PAIRS]> = SmallVec::new();
        while pairs.len() < DUE_PAIRS {
            let Some(pair) = self.index.last_due(end, now) else {
                end = 0;
                break;
            };
            pairs.push(pair);
            end = pair;
        }
        for &pair in &pairs {
            self.index.prefetch_overflow(pair);
        }
        for &pair in &pairs {
            self.index.visit_soon(pair, |_, at| self.arena.prefetch_header(at));
        }
        let mut found = Sample::new();
        for &pair in &pairs {
            if !self.look_for_due(pair, now_ms, limit, &mut found) {
                end = pair + 1;
                break;
            }
        }
        for &at in &found {
            self.arena.prefetch(at);
        }
        due.extend(found.iter().map(|&at| (self.hash_at(at), at)));
        end
    }

    /// Adds the entries of a pair whose time is over, and has the pair know when the next one is due. False when there would
    /// be more than `limit`.
    fn look_for_due(&mut self, pair: usize, now_ms: u64, limit: usize, found: &mut Sample) -> bool {
        let before = found.len();
        let mut all = self.index.is_all_soon(pair);
        loop {
            let mut dues = PairItems::new();
            // Not moved into its iterator: it is half a kilobyte.
            let items = self.items(pair, all);
            for &(place, at) in &items {
                let entry = self.entry_at(at);
                if !entry.is_expired(now_ms) {
                    dues.push((place, self.due_of(entry.expire_ms())));
                } else if found.len() < limit {
                    found.push(at);
                } else {
                    return false;
                }
            }
            if all {
                self.index.set_due(pair, &dues);
                return true;
            }
            let first = dues.iter().map(|(_, due)| *due).min().unwrap_or(NEVER_DUE);
            if self.index.advance_due(pair, first) {
                return true;
            }
            // Of those that were due soon none is left: the others are looked at as well.
            found.truncate(before);
            all = true;
        }
    }

    /// The entries of a pair, or those of them that may be due soon, and where they are. Of most of them only the beginning is
    /// read, which is asked for, unless [`find_due`](Self::find_due) has done so.
    fn items(&self, pair: usize, all: bool) -> PairItems<Ref> {
        let mut items = PairItems::new();
        let add = |place, at| items.push((place, at));
        if all {
            self.index.visit_pair(pair, add);
            for &(_, at) in &items {
                self.arena.prefetch_header(at);
            }
        } else {
            self.index.visit_soon(pair, add);
        }
        items
    }

    /// Where the entry that [`find_due`](Self::find_due) found is.
    pub(crate) fn find_at(&self, hash: u64, at: Ref) -> Option<Spot> {
        self.index.find(hash, |other| other == at).map(|(place, at)| Spot { place, at })
    }

    // ---- memory ----

    /// Goes on with a pass of compaction for `budget` pairs of buckets, of which it takes off what it has done; true when the
    /// pass is over. An object counts as a pair. O(budget).
    pub(crate) fn compact(&mut self, budget: &mut usize, done: &mut Compacted) -> bool {
        let Compaction { pass, object } = &mut self.compaction;
        if object.is_none() {
            let (over, moved, stayed) = pass.go_on(&mut self.index, &mut self.arena, budget);
            done.add(Compacted { moved, stayed, keys_moved: moved, keys_stayed: stayed });
            if !over {
                return false;
            }
            *object = Some(0);
        }
        while let Some(from) = *object {
            if *budget == 0 {
                return false;
            }
            *budget -= 1;
            let Some((number, next)) = self.objects.next_mut(from) else { break };
            if number != from {
                *pass = Pass::default();
            }
            let (over, moved, stayed) = next.compact(pass, budget);
            done.add(Compacted { moved, stayed, ..Compacted::default() });
            *object = Some(if over { number + 1 } else { number });
            if over {
                *pass = Pass::default();
                done.keys_moved += u64::from(moved > 0);
            }
        }
        self.compaction = Compaction::default();
        true
    }

    /// Bytes that an entry takes, its part of the index included.
    pub(crate) fn entry_bytes(&self, spot: Spot) -> usize {
        let entry = self.entry(spot);
        let object =
            |id| self.objects.get(id).map_or(0, |object: &Object| size_of::<Object>() + object.heap_bytes());
        let index = self.index.heap_bytes().checked_div(self.len()).unwrap_or(0).min(INDEX_BYTES);
        crate::arena::slot_bytes(entry.header.size())
            + index
            + entry.object().map_or(0, object)
            + entry.key_object().map_or(0, object)
    }

    /// Bytes of the index and of the tables of arena and objects. Pages that are reserved and not used are left out, see
    /// [`Engine::unused_bytes`](crate::Engine::unused_bytes).
    pub(crate) fn overhead_bytes(&self) -> usize {
        self.index.heap_bytes() + self.objects.heap_bytes() + self.arena.heap_bytes()
            - self.arena.live_bytes()
            - self.arena.wasted_bytes()
    }

    /// Asserts every structural invariant; `inspect` sees each entry with its hash. O(n).
    pub(crate) fn check(&self, mut inspect: impl FnMut(u64, Entry<'_>)) {
        self.arena.check();
        let keys = self.keys();
        self.index.check(&keys);
        let (mut expiring, mut objects, mut live) = (0, 0, 0);
        for at in self.index.iter() {
            let entry = self.entry_at(at);
            expiring += usize::from(entry.expiry().is_some());
            objects += usize::from(entry.object().is_some()) + usize::from(entry.key_object().is_some());
            live += crate::arena::slot_bytes(entry.header.size());
            inspect(keys.hash(at), entry);
        }
        assert_eq!(expiring, self.expiring, "entries with an expiry are counted");
        assert_eq!(objects, self.objects.len(), "every object belongs to an entry");
        assert_eq!(live, self.arena.live_bytes(), "every slot belongs to an entry");
    }
}

/// The bytes of a small collection, to be changed where they lie. What it is, is up to who knows its kind.
pub(crate) struct Packed<'k> {
    db: &'k mut Db,
    spot: Spot,
    /// Learns where the entry is when it has moved.
    back: Option<&'k mut Option<Spot>>,
    kind: Kind,
    /// Where the listpack or intset begins in the slot, and where it ends.
    start: usize,
    end: usize,
}

impl<'k> Packed<'k> {
    #[inline]
    pub(crate) fn new(
        db: &'k mut Db,
        spot: Spot,
        header: Header,
        back: Option<&'k mut Option<Spot>>,
    ) -> Self {
        let shape = if header.kind() == Kind::ShapedList { Shape::BYTES } else { 0 };
        Self { db, spot, back, kind: header.kind(), start: header.value_start() + shape, end: header.size() }
    }

    #[inline]
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The collection.
    #[inline]
    pub(crate) fn value(&self) -> ValueRef<'_> {
        self.db.entry(self.spot).value()
    }

    /// The shape of a list.
    #[inline]
    pub(crate) fn shape(&self) -> Shape {
        if self.kind != Kind::ShapedList {
            return Shape::default();
        }
        let before = self.db.arena.bytes(self.spot.at).get(..self.start).unwrap_or_default();
        before.last_chunk().map_or_else(Shape::default, |shape| Shape::from_bytes(*shape))
    }

    /// Bytes of the key.
    pub(crate) fn key_len(&self) -> usize {
        self.db.entry(self.spot).key().len()
    }

    /// Whether so many bytes can be added without the collection becoming too large for its entry.
    #[inline]
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        // Short of the shape, which need not be known exactly: who is refused takes the long way.
        self.end - self.start + Shape::BYTES + bytes <= PACKED_MAX
    }

    /// Puts another value into the entry.
    pub(crate) fn overwrite(&mut self, payload: Payload<'_>, now_ms: u64) {
        let entry = self.db.entry(self.spot);
        let (expire_ms, clock) = (entry.expire_ms(), entry.header.clock());
        self.db.overwrite(&mut self.spot, payload, Due { expire_ms, now_ms }, clock);
        self.tell(Some(self.spot));
    }

    /// Removes the entry.
    pub(crate) fn remove(&mut self) {
        self.db.remove(self.spot);
        self.tell(None);
    }

    #[inline]
    fn tell(&mut self, spot: Option<Spot>) {
        if let Some(back) = &mut self.back {
            **back = spot;
        }
    }
}

impl Block for Packed<'_> {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self.db.arena.bytes(self.spot.at).get(self.start..self.end).unwrap_or_default()
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        self.db.arena.bytes_mut(self.spot.at).get_mut(self.start..self.end).unwrap_or_default()
    }

    #[inline]
    fn splice(&mut self, at: usize, old: usize, new: usize) -> &mut [u8] {
        let slot = self.db.splice(&mut self.spot, self.start + at, old, new);
        self.end = self.end + new - old;
        if let Some(back) = &mut self.back {
            **back = Some(self.spot);
        }
        slot.get_mut(self.start..self.end).unwrap_or_default()
    }
}

/// Most that an entry is said to take of the index: of a nearly empty one it is not its fault.
const INDEX_BYTES: usize = 8;

/// Largest collection, in bytes, that lies in its entry: changing its size may copy it.
const PACKED_MAX: usize = 512;

/// An expiry, and the moment at which it is set.
#[derive(Clone, Copy)]
pub(crate) struct Due {
    /// Milliseconds since 1970, or [`NEVER`].
    pub(crate) expire_ms: u64,
    pub(crate) now_ms: u64,
}

impl<'a> Payload<'a> {
    /// A string under a key of `key` bytes, in its canonical encoding. O(n).
    #[inline]
    pub(crate) fn of_string(key: usize, bytes: &'a [u8]) -> Self {
        match as_integer(bytes) {
            Some(value) => Self::Int(value),
            None => Self::of_text(key, bytes),
        }
    }

    #[inline]
    fn of_text(key: usize, bytes: &'a [u8]) -> Self {
        if fits_slot(key, bytes.len()) { Self::Text(bytes) } else { Self::Object(Object::of_text(bytes)) }
    }

    /// A collection, if it is small enough for the slot.
    pub(crate) fn of_small(key: usize, value: ValueRef<'a>) -> Option<Self> {
        let payload = match value {
            ValueRef::String(_) => return None,
            ValueRef::List(list) => Self::packed_list(list)?,
            ValueRef::Set(set) => match set.as_intset() {
                Some(ints) => Self::PackedInts(ints.as_bytes()),
                None => Self::PackedSet(set.as_listpack()?.as_bytes()),
            },
            ValueRef::Hash(hash) => Self::PackedHash(hash.as_listpack()?.as_bytes()),
        };
        (payload.len() <= PACKED_MAX && fits_slot(key, payload.len())).then_some(payload)
    }

    fn packed_list(list: ListRef<'a>) -> Option<Self> {
        let bytes = list.as_listpack()?.as_bytes();
        let shape = list.shape();
        Some(if shape == Shape::default() { Self::PackedList(bytes) } else { Self::ShapedList(shape, bytes) })
    }
}

impl Object {
    fn into_value(self) -> Value {
        match self {
            Self::Text(blob) => Value::String(StringValue::from_blob(blob)),
            Self::List(list) => Value::List(list),
            Self::Set(set) => Value::Set(set),
            Self::Hash(hash) => Value::Hash(hash),
        }
    }
}
