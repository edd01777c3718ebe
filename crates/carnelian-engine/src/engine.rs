//! The shards and the one way to lock them.

use crate::gauge::Gauge;
use crate::keyspace::Keyspace;
use crate::lock::{Guard, LOCKS_APART, ReadGuard, Readers, Seat, ShardLock};
use crate::prefetch;
use crate::rng::Rng;
use crate::settings::Settings;
use crate::shard::Shard;
use ahash::RandomState;

/// Most shards an engine can have.
pub const MAX_SHARDS: usize = LOCKS_APART;

/// Looks at a held lock before [`Engine::lock_soon`] gives up.
const SPINS: u32 = 64;

/// How an engine is laid out. Fixed for its life.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Number of shards, rounded up to a power of two and at most [`MAX_SHARDS`].
    pub shards: usize,
    /// Number of databases.
    pub databases: usize,
    /// Seed of the key hash and of every table's hash. Take it from the operating system when clients are not trusted.
    pub seed: u64,
}

/// A set of shard numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardSet([u64; MAX_SHARDS / 64]);

impl ShardSet {
    /// No shard.
    pub const EMPTY: Self = Self([0; MAX_SHARDS / 64]);

    /// Adds a shard.
    #[inline]
    pub fn insert(&mut self, shard: usize) {
        self.0[(shard / 64) % (MAX_SHARDS / 64)] |= 1 << (shard % 64);
    }

    /// Shards of either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] | other.0[i]))
    }

    /// Whether every shard of `self` is in `other`.
    pub fn is_subset(self, other: Self) -> bool {
        (0..self.0.len()).all(|i| self.0[i] & !other.0[i] == 0)
    }

    /// Whether a shard is in both sets.
    pub fn overlaps(self, other: Self) -> bool {
        (0..self.0.len()).any(|i| self.0[i] & other.0[i] != 0)
    }

    /// Whether the set has no shard.
    #[inline]
    pub fn is_empty(self) -> bool {
        self == Self::EMPTY
    }

    /// The shards in ascending order.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(word, bits)| {
            std::iter::successors((bits != 0).then_some(bits), |bits| {
                let rest = bits & (bits - 1);
                (rest != 0).then_some(rest)
            })
            .map(move |bits| word * 64 + bits.trailing_zeros() as usize)
        })
    }
}

/// The hash of a key, for [`Engine::warm`] and [`Keyspace::enter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyHash(pub(crate) u64);

/// Keeps neighbouring shards on cache lines of their own (two, because of adjacent-line prefetch).
#[repr(align(128))]
struct Padded(ShardLock<Shard>);

/// The whole dataset.
pub struct Engine {
    shards: Box<[Padded]>,
    /// Reserved and unused bytes of each shard.
    gauges: Box<[Gauge]>,
    readers: Readers,
    databases: usize,
    hasher: RandomState,
    settings: Settings,
}

impl Engine {
    /// An empty engine.
    pub fn new(options: EngineOptions) -> Self {
        let count = options.shards.clamp(1, MAX_SHARDS).next_power_of_two();
        let databases = options.databases.max(1);
        let mut rng = Rng::new(options.seed);
        let mut hasher =
            || RandomState::with_seeds(rng.next_u64(), rng.next_u64(), rng.next_u64(), rng.next_u64());
        let (key_hasher, table_hasher) = (hasher(), hasher());
        let gauges: Box<[Gauge]> = (0..count).map(|_| Gauge::default()).collect();
        let readers = Readers::new();
        let shard = |(number, gauge): (usize, &Gauge)| {
            let shard = Shard::new(databases, Rng::new(rng.next_u64()), &key_hasher, gauge.clone());
            Padded(ShardLock::new(number, &readers, shard))
        };
        let shards = gauges.iter().enumerate().map(shard).collect();
        Self { shards, gauges, readers, databases, hasher: key_hasher, settings: Settings::new(table_hasher) }
    }

    /// A seat for a thread that reads often, while there are some. It lets [`Keyspace::enter_to_read`] do without locks; of
    /// use when several threads do.
    pub fn seat(&self) -> Option<Seat> {
        self.readers.seat()
    }

    /// Number of shards, a power of two.
    pub fn shard_count(&self) -> usize {
        self.shards.len()
    }

    /// Number of databases.
    pub fn databases(&self) -> usize {
        self.databases
    }

    /// The tunables.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Bytes that the shards have taken from the allocator for entries and do not use: what is left of pages where entries
    /// were removed, or are still to come. It needs no lock. O(shards).
    pub fn unused_bytes(&self) -> usize {
        self.gauges.iter().map(Gauge::get).sum::<isize>().max(0).cast_unsigned()
    }

    #[inline]
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash_one(key)
    }

    #[inline]
    pub(crate) fn shard_of_hash(&self, hash: u64) -> usize {
        // The tables use the low half of the hash.
        (hash >> 48) as usize & (self.shards.len() - 1)
    }

    /// The shard that holds `key`, in every database.
    #[inline]
    pub fn shard_of(&self, key: &[u8]) -> usize {
        self.shard_of_hash(self.hash(key))
    }

    /// The shards that hold `keys`.
    pub fn shards_of(&self, keys: &[&[u8]]) -> ShardSet {
        let mut set = ShardSet::EMPTY;
        for key in keys {
            set.insert(self.shard_of(key));
        }
        set
    }

    /// The hash of a key.
    #[inline]
    pub fn key_hash(&self, key: &[u8]) -> KeyHash {
        KeyHash(self.hash(key))
    }

    /// The shard that holds the key with this hash, in every database.
    #[inline]
    pub fn shard_of_key(&self, key: KeyHash) -> usize {
        self.shard_of_hash(key.0)
    }

    #[inline]
    pub(crate) fn lock_of(&self, shard: usize) -> Option<&ShardLock<Shard>> {
        self.shards.get(shard).map(|shard| &shard.0)
    }

    /// Asks for the lock of a shard, to look at it or to take it: nothing is waited for.
    #[inline]
    pub(crate) fn prefetch_lock(&self, shard: usize, to_look: bool) {
        if let Some(lock) = self.lock_of(shard) {
            if to_look {
                prefetch::item(lock.word());
            } else {
                prefetch::item_to_write(lock.word());
            }
        }
    }

    /// All shards.
    pub fn all_shards(&self) -> ShardSet {
        let mut set = ShardSet::EMPTY;
        for shard in 0..self.shards.len() {
            set.insert(shard);
        }
        set
    }

    /// Locks shards in ascending order, which makes deadlock impossible as long as no caller locks while it holds
    /// locks. Blocks until all are free.
    pub fn lock(&self, set: ShardSet) -> Shards<'_> {
        let mut locked = Shards::none();
        for shard in set.iter() {
            if let Some(lock) = self.lock_of(shard) {
                locked.add(shard, lock.lock());
            }
        }
        locked.all = locked.len() >= self.shards.len();
        locked
    }

    /// Locks one shard if nobody holds it.
    #[inline]
    pub fn try_lock(&self, shard: usize) -> Option<Shards<'_>> {
        let mut locked = Shards::none();
        self.try_lock_into(shard, &mut locked).then_some(locked)
    }

    /// As [`try_lock`](Self::try_lock), besides what is locked.
    #[inline]
    pub(crate) fn try_lock_into<'e>(&'e self, shard: usize, locked: &mut Shards<'e>) -> bool {
        let Some(guard) = self.lock_of(shard).and_then(ShardLock::try_lock) else { return false };
        locked.put(shard, guard);
        locked.all = self.shards.len() == 1;
        true
    }

    /// Locks shards as [`lock`](Self::lock) does, but gives up, with nothing locked, when one of them stays held for longer
    /// than a short command takes (a few microseconds): for threads that have better to do than to sleep.
    ///
    /// # Errors
    ///
    /// The shard that is held.
    pub fn lock_soon(&self, set: ShardSet) -> Result<Shards<'_>, usize> {
        let (mut locked, mut spins) = (Shards::none(), SPINS);
        for shard in set.iter() {
            let Some(lock) = self.lock_of(shard) else { continue };
            locked.add(shard, lock.lock_soon(&mut spins).ok_or(shard)?);
        }
        locked.all = locked.len() >= self.shards.len();
        Ok(locked)
    }

    /// A view of locked shards for one database at one moment (milliseconds since 1970).
    pub fn keyspace<'e>(&'e self, shards: Shards<'e>, db: usize, now_ms: u64) -> Keyspace<'e> {
        Keyspace::new(self, shards, db, now_ms)
    }
}

#[cold]
fn not_locked(shard: usize) -> ! {
    panic!("shard {shard} is used without its lock: a key is missing from a command's key specs")
}

/// Places for shards that are locked one by one. A shard has one of them, which it may share with others where there are more
/// shards.
const PLACES: usize = 16;
/// The number of no shard.
const NO_SHARD: u16 = u16::MAX;

/// Locked shards. Dropping it unlocks them.
///
/// Shards that one command needs are locked together, in ascending order. Besides, a batch locks shards one by one as its
/// commands come to them and may keep them; nobody waits for a lock meanwhile, so that is no danger.
pub struct Shards<'e> {
    /// The shard that was turned to last.
    current: usize,
    /// Shards that were locked one by one, each in its place, and their numbers.
    guards: [Option<Guard<'e, Shard>>; PLACES],
    numbers: [u16; PLACES],
    /// How many these are.
    singles: u32,
    /// Whether every shard is locked.
    all: bool,
    /// The current shard, if it is read without its lock.
    looked_at: Option<ReadGuard<'e, Shard>>,
    /// Shards that were locked together, in ascending order.
    others: Option<Box<Others<'e>>>,
}

/// Locks with the numbers of their shards.
struct Others<'e>(Vec<(usize, Guard<'e, Shard>)>);

impl<'e> Shards<'e> {
    /// No locked shard: for commands that touch no key.
    #[inline(always)]
    pub fn none() -> Self {
        Self {
            current: 0,
            guards: [const { None }; PLACES],
            numbers: [NO_SHARD; PLACES],
            singles: 0,
            all: false,
            looked_at: None,
            others: None,
        }
    }

    /// Turns to a shard that may be locked. Whether it is.
    #[inline(always)]
    pub(crate) fn turn_to(&mut self, shard: usize) -> bool {
        self.current = shard;
        usize::from(self.numbers[shard % PLACES]) == shard
    }

    /// Adds a shard that has been locked on its own, and turns to it.
    #[inline]
    fn put(&mut self, shard: usize, guard: Guard<'e, Shard>) {
        let place = shard % PLACES;
        self.current = shard;
        self.singles += u32::from(self.guards[place].is_none());
        self.guards[place] = Some(guard);
        self.numbers[place] = shard as u16;
    }

    /// Adds a shard that is locked together with others, which come in ascending order.
    fn add(&mut self, shard: usize, guard: Guard<'e, Shard>) {
        if self.others.is_none() && self.singles == 0 {
            return self.put(shard, guard);
        }
        let (first, place) = (self.current, self.current % PLACES);
        let others = self.others.get_or_insert_with(|| {
            // There is more than one: they are kept in their order.
            (self.singles, self.numbers[place]) = (0, NO_SHARD);
            Box::new(Others(self.guards[place].take().map(|guard| (first, guard)).into_iter().collect()))
        });
        others.0.push((shard, guard));
    }

    /// Says that the current shard was only looked at: after some uses like that it can be
    /// [read without its lock](Keyspace::enter_to_read).
    #[inline]
    pub fn only_read(&mut self) {
        if let Some(guard) = &mut self.guards[self.current % PLACES] {
            guard.only_read();
        }
    }

    /// A shard that is not locked, for looking at it. Nothing else may be held.
    #[inline]
    pub(crate) fn look_at(&mut self, shard: usize, guard: ReadGuard<'e, Shard>) {
        (self.looked_at, self.current) = (Some(guard), shard);
    }

    /// Unlocks all of them.
    #[inline(always)]
    pub fn release(&mut self) {
        let place = self.current % PLACES;
        if self.singles == 1 && self.guards[place].is_some() {
            self.guards[place] = None;
            self.numbers[place] = NO_SHARD;
            self.singles = 0;
        }
        self.looked_at = None;
        if self.singles > 0 || self.others.is_some() {
            self.release_several();
        }
        self.all = false;
    }

    #[inline(never)]
    fn release_several(&mut self) {
        self.guards = [const { None }; PLACES];
        self.numbers = [NO_SHARD; PLACES];
        self.singles = 0;
        self.others = None;
    }

    /// Whether no shard is locked.
    #[inline]
    pub fn is_none_locked(&self) -> bool {
        self.singles == 0 && self.others.is_none()
    }

    /// Whether every shard of the engine is locked.
    pub fn is_all(&self) -> bool {
        self.all
    }

    /// The locked shard numbers.
    pub fn set(&self) -> ShardSet {
        let mut set = ShardSet::EMPTY;
        for (shard, _) in self.numbered() {
            set.insert(shard);
        }
        set
    }

    /// Shards that serving blocked clients could take once a key of the locked shards becomes ready. Clients whose keys
    /// have lain in a shard count until all of that shard's are gone.
    pub fn shards_of_waiters(&self) -> ShardSet {
        self.iter().fold(ShardSet::EMPTY, |set, shard| set.union(shard.wait_needs))
    }

    /// Whether a client waits for a key of the current shard, see [`shards_of_waiters`](Self::shards_of_waiters).
    #[inline]
    pub fn has_waiters(&self) -> bool {
        !self.get(self.current).wait_needs.is_empty()
    }

    /// The shard with this number. Asking for one that is not locked is a bug of the caller's key specification.
    #[inline(always)]
    pub(crate) fn get_mut(&mut self, shard: usize) -> &mut Shard {
        let place = shard % PLACES;
        if usize::from(self.numbers[place]) == shard
            && let Some(guard) = &mut self.guards[place]
        {
            return guard;
        }
        match self.others.as_mut().and_then(|others| others.find(self.all, shard)) {
            Some(found) => found,
            None => not_locked(shard),
        }
    }

    /// As [`get_mut`](Self::get_mut), for reading only.
    #[inline(always)]
    pub(crate) fn get(&self, shard: usize) -> &Shard {
        match self.single(shard) {
            Some(guard) => guard,
            None => self.get_other(shard),
        }
    }

    /// A shard that has been locked on its own.
    #[inline(always)]
    pub(crate) fn single(&self, shard: usize) -> Option<&Shard> {
        let place = shard % PLACES;
        if usize::from(self.numbers[place]) == shard { self.guards[place].as_deref() } else { None }
    }

    #[inline]
    fn get_other(&self, shard: usize) -> &Shard {
        match &self.looked_at {
            Some(guard) if self.current == shard => guard,
            _ => self.get_locked_together(shard),
        }
    }

    #[inline(never)]
    fn get_locked_together(&self, shard: usize) -> &Shard {
        match self.numbered().find(|(number, _)| *number == shard) {
            Some((_, found)) => found,
            None => not_locked(shard),
        }
    }

    /// Those that were locked together in ascending order.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (usize, &Shard)> {
        let singles = self.numbers.iter().zip(&self.guards);
        let singles = singles.filter_map(|(number, guard)| Some((usize::from(*number), guard.as_deref()?)));
        let others =
            self.others.iter().flat_map(|others| &others.0).map(|(number, guard)| (*number, &**guard));
        singles.chain(others)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Shard> {
        self.numbered().map(|(_, shard)| shard)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Shard> {
        let others = self.others.iter_mut().flat_map(|others| &mut others.0).map(|(_, guard)| &mut **guard);
        self.guards.iter_mut().filter_map(|guard| guard.as_deref_mut()).chain(others)
    }

    /// How many shards are locked.
    pub(crate) fn len(&self) -> usize {
        self.singles as usize + self.others.as_ref().map_or(0, |others| others.0.len())
    }

    /// The locked shard in this place, of those that were locked together or the only one.
    pub(crate) fn nth_mut(&mut self, place: usize) -> Option<&mut Shard> {
        if self.others.is_none() {
            return self.guards.iter_mut().filter_map(|guard| guard.as_deref_mut()).nth(place);
        }
        self.others.as_mut()?.0.get_mut(place).map(|(_, guard)| &mut **guard)
    }

    /// As [`nth_mut`](Self::nth_mut), for reading only.
    pub(crate) fn nth(&self, place: usize) -> Option<&Shard> {
        match &self.others {
            Some(others) => others.0.get(place).map(|(_, guard)| &**guard),
            None => self.iter().nth(place),
        }
    }

    /// The shard that was turned to last, or the first of those that were locked together.
    pub(crate) fn leading_mut(&mut self) -> Option<&mut Shard> {
        match &mut self.others {
            Some(others) => others.0.first_mut().map(|(_, guard)| &mut **guard),
            None => self.guards[self.current % PLACES].as_deref_mut(),
        }
    }
}

impl Others<'_> {
    /// The shard with this number; `all` if every shard is locked.
    #[inline(never)]
    fn find(&mut self, all: bool, shard: usize) -> Option<&mut Shard> {
        let place = if all { Some(shard) } else { self.0.iter().position(|(number, _)| *number == shard) };
        self.0.get_mut(place?).map(|(_, guard)| &mut **guard)
    }
}
