//! One shard's part of one database: index, entries, objects.

use crate::access::AccessClock;
use crate::arena::{Arena, Ref};
use crate::buckets::{Buckets, Items, NEVER_DUE, Place, Probe, Warmed};
use crate::entry::{Blueprint, Entry, Header, NEVER, Payload, fits_slot, write_expiry, write_int};
use crate::gauge::Gauge;
use crate::list::{ListRef, Shape};
use crate::objects::{Object, ObjectId, Objects};
use crate::rng::Rng;
use crate::settings::Settings;
use crate::snapshot::DbSnapshot;
use crate::string::{StringValue, as_integer, may_be_integer};
use crate::value::{Value, ValueRef};
use crate::watch::Presence;
use ahash::RandomState;
use smallvec::SmallVec;

/// log2 of the milliseconds that due times of pairs are counted in.
const DUE_SHIFT: u32 = 6;

/// Pairs of buckets that a sample is looked for in, while they are empty.
const SAMPLED_PAIRS: usize = 256;

/// Entries to choose one from.
pub(crate) type Sample = SmallVec<[Ref; 64]>;

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
}

/// What the index needs to know of entries.
struct Keys<'a> {
    arena: &'a Arena,
    objects: &'a Objects,
    hasher: &'a RandomState,
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
}

/// Recognises the entry of a key, and keeps its header.
struct OfKey<'a> {
    db: &'a Db,
    key: &'a [u8],
    header: &'a mut Header,
}

impl Probe for OfKey<'_> {
    #[inline(always)]
    fn is(&mut self, at: Ref) -> bool {
        let entry = self.db.entry_at(at);
        *self.header = entry.header;
        entry.is_of(self.key)
    }
}

impl Db {
    /// An empty one, whose keys are hashed by `hasher`, in a shard with this gauge.
    pub(crate) fn new(hasher: RandomState, gauge: Gauge) -> Self {
        Self {
            index: Buckets::default(),
            arena: Arena::with_gauge(gauge),
            objects: Objects::default(),
            hasher,
            expiring: 0,
            due_base_ms: None,
            snapshot: None,
        }
    }

    /// Takes everything out.
    pub(crate) fn take(&mut self, gauge: Gauge) -> Self {
        let empty = Self::new(self.hasher.clone(), gauge);
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
        Keys { arena: &self.arena, objects: &self.objects, hasher: &self.hasher }
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
        let mut header = Header::NONE;
        let (place, at) = self.index.find(hash, OfKey { db: self, key, header: &mut header })?;
        Some((Spot { place, at }, header))
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
        let keys = Keys { arena: &self.arena, objects: &self.objects, hasher: &self.hasher };
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

    /// Replaces a text by another one of its length, in an entry without expiry; false when the entry or the text is another
    /// one. O(n).
    #[inline]
    pub(crate) fn rewrite(
        &mut self,
        spot: Spot,
        bytes: &[u8],
        settings: &Settings,
        now_ms: u64,
        rng: &mut Rng,
    ) -> bool {
        let slot = self.arena.bytes_mut(spot.at);
        let header = Header::read(slot);
        // A short one might be an integer.
        let Some(place) = header.lasting_text().filter(|_| !may_be_integer(bytes)) else { return false };
        match slot.get_mut(place) {
            Some(place) if place.len() == bytes.len() => place.copy_from_slice(bytes),
            _ => return false,
        }
        header.with_clock(header.clock().touched(settings, now_ms, rng)).write(slot);
        true
    }

    /// Replaces an integer by another one of its width, whether its entry expires or not; false when the value is another one.
    #[inline]
    pub(crate) fn rewrite_int(
        &mut self,
        spot: Spot,
        value: i64,
        settings: &Settings,
        now_ms: u64,
        rng: &mut Rng,
    ) -> bool {
        let slot = self.arena.bytes_mut(spot.at);
        let header = Header::read(slot);
        let Some(place) = header.int().and_then(|place| slot.get_mut(place)) else { return false };
        if !write_int(value, place) {
            return false;
        }
        header.with_clock(header.clock().touched(settings, now_ms, rng)).write(slot);
        true
    }

    fn move_entry(&mut self, spot: &mut Spot, plan: Blueprint<'_>) {
        let old = self.entry(*spot).header;
        let at = self.arena.alloc(plan.size());
        self.arena.copy((spot.at, old.key_start()), (at, plan.key_start()), old.key_len());
        plan.write(self.arena.bytes_mut(at), &mut self.objects);
        self.leave_slot(spot, at);
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
            let keys = Keys { arena: &self.arena, objects: &self.objects, hasher: &self.hasher };
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
        let mut soonest = NEVER;
        for at in self.pair(pair) {
            let expire_ms = self.entry_at(at).expire_ms();
            if expire_ms != NEVER {
                soonest = soonest.min(expire_ms);
                sample.push(at);
            }
        }
        let due = self.due_of(soonest);
        self.index.correct_due(pair, due)
    }

    /// The hash of an entry's key.
    pub(crate) fn hash_at(&self, at: Ref) -> u64 {
        self.hasher.hash_one(self.entry_at(at).key())
    }

    // ---- expiry ----

    fn due_of(&self, expire_ms: u64) -> u32 {
        if expire_ms == NEVER {
            return NEVER_DUE;
        }
        let since = expire_ms.saturating_sub(self.due_base_ms.unwrap_or(expire_ms));
        (since >> DUE_SHIFT).min(u64::from(NEVER_DUE - 1)) as u32
    }

    fn note_due(&mut self, place: Place, expiry: Due) {
        if expiry.expire_ms != NEVER {
            self.due_base_ms.get_or_insert(expiry.now_ms);
            let due = self.due_of(expiry.expire_ms);
            self.index.note_due(place.pair(), due);
        }
    }

    /// Appends the entries whose time is over to `due` until there are `limit`. The caller removes them all: they will not
    /// be found again. O(due entries + pairs / 4).
    pub(crate) fn find_due(&mut self, now_ms: u64, limit: usize, due: &mut Vec<(u64, Ref)>) {
        let Some(base) = self.due_base_ms else { return };
        let now = (now_ms.saturating_sub(base) >> DUE_SHIFT) as u32;
        let mut from = 0;
        let mut items: SmallVec<[Ref; 64]> = SmallVec::new();
        while let Some(pair) = self.index.next_due(from, now) {
            let mut rest = NEVER;
            items.clear();
            self.index.visit_pair(pair, |_, at| items.push(at));
            // Nearly all of them live on, and of those only the beginning is read.
            for &at in &items {
                self.arena.prefetch_header(at);
            }
            for &at in &items {
                let entry = self.entry_at(at);
                if entry.is_expired(now_ms) {
                    if due.len() >= limit {
                        return;
                    }
                    due.push((self.hash_at(at), at));
                } else {
                    rest = rest.min(entry.expire_ms());
                }
            }
            let rest = self.due_of(rest);
            self.index.set_due(pair, rest);
            from = pair + 1;
        }
    }

    /// Where the entry that [`find_due`](Self::find_due) found is.
    pub(crate) fn find_at(&self, hash: u64, at: Ref) -> Option<Spot> {
        self.index.find(hash, |other| other == at).map(|(place, at)| Spot { place, at })
    }

    // ---- memory ----

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
        self.index.check(&keys, |at| self.due_of(self.entry_at(at).expire_ms()));
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

/// Most that an entry is said to take of the index: of a nearly empty one it is not its fault.
const INDEX_BYTES: usize = 8;

/// Largest collection, in bytes, that lies in its entry: changing it copies it.
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
