//! The lock of a shard: exclusive for who changes it, and for who only reads it nothing that another thread writes.
//!
//! A lock that counts its readers is written by each of them, and so is as slow for two readers as for two writers: the
//! cache line with the count travels between their cores. Here every thread that reads often has a [`Seat`] with memory
//! of its own, where it says which shards it reads. Whoever wants to change a shard takes its lock, which keeps new readers
//! out, and then looks at every seat and waits for those that are still reading.
//!
//! Looking at the seats costs a writer, so readers are let in this way only where it pays: a lock is **open** to them after
//! as many locked reads in a row as there are seats, and **closed** again by the next writer. When readers have opened it
//! again before it was written again, they are many, and it stays open for one more writer after that, then for three,
//! and so on. In a shard that is only written a lock costs two atomic operations on one word, as any lock does.
//!
//! # Why a writer and a reader never meet
//!
//! Four accesses, all sequentially consistent, so that there is one order of them for all threads:
//!
//! | reader | writer |
//! |---|---|
//! | R1 sets its bit in its slot | W1 sets `LOCKED` in the state |
//! | R2 reads the state: open and not locked? | W2 reads the slots: is the bit set? |
//!
//! If R2 finds the shard unlocked it comes before W1 in that order, so R1 comes before W2, and the writer sees the bit: it
//! waits. If R2 comes after W1 the reader sees the lock, clears its bit and has read nothing. The writer goes on once it
//! has read each slot without the bit. What clears a bit is a release and what W2 reads is an acquire, so all that the reader
//! did happens before all that the writer does. In the other direction the writer's unlocking is a release, and R2 an
//! acquire. A slot is written by its own thread only, and every write to it is a release, so W2 may just as well find a
//! later value than the one that cleared the bit.
//!
//! That the seat is not missed: a seat is counted before its first R1, and the count is read after W1, both in the same
//! order.

#![allow(unsafe_code, reason = "it hands out references by a protocol that the compiler does not know")]

use crate::sync::{
    AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Condvar, Mutex, Reading, SEATS, SPINS_BEFORE_SLEEP,
    SPINS_FOR_READERS, Shared, Writing, in_one_order, spin_loop, yield_now,
};
use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Relaxed, Release, SeqCst};

/// Locks that one set of [`Readers`] can tell apart; numbers beyond share a bit with others.
pub const LOCKS_APART: usize = 256;

/// Most pauses between two looks at a lock that is held.
const PAUSES_MAX: u32 = 8;

const WORDS: usize = LOCKS_APART / 64;

// The state of a lock. Only who holds it changes anything but LOCKED and PARKED.
/// Somebody has it.
const LOCKED: u32 = 1;
/// Somebody sleeps until it is unlocked.
const PARKED: u32 = 1 << 1;
/// Seated readers may enter while it is not locked.
const OPEN: u32 = 1 << 2;
/// One locked read since the last write of a closed lock. Twelve bits count them.
const ONE_READ: u32 = 1 << 3;
const READS: u32 = 0xfff * ONE_READ;
/// One writer more that leaves an open lock open. Eight bits count them.
const ONE_WRITE: u32 = 1 << 16;
const WRITES: u32 = 0xff * ONE_WRITE;
/// The lock has been opened once more without having been written twice while closed. The bits from here on count that.
const ONE_OPENING: u32 = 1 << 24;
/// More openings in a row than these make no difference.
const OPENINGS_MAX: u32 = 4;
/// Not locked, not open, nothing counted.
const CLOSED: u32 = 0;

/// What a state becomes by a use that may have changed the value.
#[inline]
fn written(state: u32) -> u32 {
    match state & (OPEN | WRITES) {
        0..OPEN => CLOSED,
        OPEN => state & !(LOCKED | PARKED | OPEN),
        _ => (state & !(LOCKED | PARKED)) - ONE_WRITE,
    }
}

/// What it becomes by a use that has only looked at it, where there are so many seats.
fn looked_at(state: u32, seats: u32) -> u32 {
    let state = state & !(LOCKED | PARKED);
    let reads = (state & READS) / ONE_READ + 1;
    if seats == 0 {
        CLOSED
    } else if state & OPEN != 0 {
        state
    } else if reads < seats {
        state + ONE_READ
    } else {
        let openings = state / ONE_OPENING;
        let (writes, openings) = ((1 << openings) - 1, (openings + 1).min(OPENINGS_MAX));
        OPEN | (writes * ONE_WRITE) | (openings * ONE_OPENING)
    }
}

/// Those who may read shards without locking them: what the locks of an engine have in common.
#[derive(Clone)]
pub struct Readers(Arc<Common>);

struct Common {
    slots: Box<[Slot]>,
    /// All seats taken so far have numbers below this.
    seats_end: AtomicUsize,
    /// Held by who goes to sleep and by who wakes.
    sleep: Mutex<()>,
    unlocked: Condvar,
}

/// What the thread on one seat reads now: a bit for each lock. It is written by that thread alone, and keeps a pair of
/// cache lines for itself, because processors fetch them in pairs.
#[derive(Default)]
#[repr(align(128))]
struct Slot {
    reads: [AtomicU64; WORDS],
    taken: AtomicBool,
}

impl Readers {
    /// Nobody yet.
    pub fn new() -> Self {
        Self(Arc::new(Common {
            slots: (0..SEATS).map(|_| Slot::default()).collect(),
            seats_end: AtomicUsize::new(0),
            sleep: Mutex::new(()),
            unlocked: Condvar::new(),
        }))
    }

    /// A seat for the calling thread; `None` when all are taken. It is given back when dropped. O(seats).
    pub fn seat(&self) -> Option<Seat> {
        // Acquire: what the one who sat there before did is done.
        let number = self.0.slots.iter().position(|slot| !slot.taken.swap(true, AcqRel))?;
        self.0.seats_end.fetch_max(number + 1, SeqCst);
        Some(Seat { common: Arc::clone(&self.0), number, one_thread: PhantomData })
    }
}

impl Default for Readers {
    fn default() -> Self {
        Self::new()
    }
}

/// A thread's right to [read](ShardLock::read). It can be sent to another thread, but not used by two.
pub struct Seat {
    common: Arc<Common>,
    number: usize,
    one_thread: PhantomData<Cell<()>>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(slot) = self.common.slots.get(self.number) {
            // Guards borrow the seat, so none is alive; but one that was forgotten has left its bit.
            for word in &slot.reads {
                if word.load(Relaxed) != 0 {
                    word.store(0, Release);
                }
            }
            slot.taken.store(false, Release);
        }
    }
}

/// What a lock is besides the value in it.
struct Gate {
    state: Apart<AtomicU32>,
    number: usize,
    common: Arc<Common>,
}

/// What is written by everyone who takes the lock is not next to what they read behind it: that may stay in their caches.
#[repr(align(128))]
struct Apart<T>(T);

/// A value behind a lock.
///
/// Locks are not recursive, and who reads must not lock: a thread that locks what it has locked or reads waits for itself
/// for ever.
///
/// ```
/// use carnelian_engine::lock::{Readers, ShardLock};
///
/// let readers = Readers::new();
/// let lock = ShardLock::new(0, &readers, 5);
/// let seat = readers.seat().unwrap();
/// *lock.lock() += 1;
/// assert!(lock.read(&seat).is_none(), "it was changed last, so whoever reads it has to lock it");
/// lock.lock().only_read();
/// let (one, other) = (lock.read(&seat).unwrap(), lock.try_lock());
/// assert!(*one == 6 && other.is_none());
/// ```
pub struct ShardLock<T> {
    gate: Gate,
    value: Shared<T>,
}

// SAFETY: the lock gives a value out to one thread for changing it or to several for looking at it, never both, so it may
// be shared if the value may be sent (the first) and shared (the second).
unsafe impl<T: Send + Sync> Sync for ShardLock<T> {}

impl<T> ShardLock<T> {
    /// A value behind a lock with this number among those that `readers` read. Locks with equal numbers work, but the
    /// readers of one hold up the writers of the other.
    pub fn new(number: usize, readers: &Readers, value: T) -> Self {
        let common = Arc::clone(&readers.0);
        let gate = Gate { state: Apart(AtomicU32::new(CLOSED)), number: number % LOCKS_APART, common };
        Self { gate, value: Shared::new(value) }
    }

    /// Where its state is, for asking the processor for it.
    pub(crate) fn word(&self) -> &impl Sized {
        &self.gate.state.0
    }

    /// Takes the lock. Sleeps until it is free, and waits until all who read have finished.
    #[inline]
    pub fn lock(&self) -> Guard<'_, T> {
        if !self.gate.take() {
            self.gate.take_patiently();
        }
        let unlock = self.gate.taken();
        if self.gate.is_open() {
            self.gate.wait_for_readers();
        }
        Guard { value: self.value.get_mut(), unlock }
    }

    /// Takes the lock if nobody has it, and nobody reads for longer than a short command does.
    #[inline]
    pub fn try_lock(&self) -> Option<Guard<'_, T>> {
        if !self.gate.take() {
            return None;
        }
        self.settle(&mut { SPINS_FOR_READERS })
    }

    /// Takes the lock as soon as it is free, but gives up when that takes more than `spins` short pauses. Those that were
    /// made are subtracted.
    #[inline]
    pub fn lock_soon(&self, spins: &mut u32) -> Option<Guard<'_, T>> {
        if !self.gate.take() && !self.gate.take_soon(spins) {
            return None;
        }
        self.settle(spins)
    }

    /// Having taken the lock, waits for those who read for at most `spins` looks.
    #[inline]
    fn settle(&self, spins: &mut u32) -> Option<Guard<'_, T>> {
        let mut unlock = self.gate.taken();
        if self.gate.is_open() && !self.gate.readers_are_gone(spins) {
            // There may be readers still, so the next who takes the lock has to look for them, too.
            unlock.keep();
            return None;
        }
        Some(Guard { value: self.value.get_mut(), unlock })
    }

    /// Looks at the value without writing anything that other threads write. `None` when that is not possible now: the
    /// lock is taken or closed to readers, or the seat reads it already, or belongs to others' locks. Whoever then takes
    /// the lock for reading says so with [`Guard::only_read`].
    #[inline]
    pub fn read<'l>(&'l self, seat: &'l Seat) -> Option<ReadGuard<'l, T>> {
        let gate = &self.gate;
        if !gate.admits(Relaxed) || !Arc::ptr_eq(&seat.common, &gate.common) {
            return None;
        }
        let word = seat.common.slots.get(seat.number)?.reads.get(gate.number / 64)?;
        let (before, bit) = (word.load(Relaxed), gate.bit());
        if before & bit != 0 {
            return None;
        }
        // R1.
        word.store(before | bit, SeqCst);
        in_one_order();
        let leave = Leave { word, bit };
        // R2.
        if !gate.admits(SeqCst) {
            return None;
        }
        Some(ReadGuard { value: self.value.get(), _leave: leave })
    }
}

impl Gate {
    /// W1. Sets `LOCKED`; true if it was not set.
    #[inline(always)]
    fn take(&self) -> bool {
        self.state.0.fetch_or(LOCKED, SeqCst) & LOCKED == 0
    }

    #[inline(always)]
    fn admits(&self, order: std::sync::atomic::Ordering) -> bool {
        self.state.0.load(order) & (LOCKED | OPEN) == OPEN
    }

    /// Whether there may be readers. For who holds the lock: nobody else changes this.
    #[inline(always)]
    fn is_open(&self) -> bool {
        self.state.0.load(Relaxed) & OPEN != 0
    }

    /// For who has just set `LOCKED`: what it becomes afterwards, unless something else is said.
    #[inline(always)]
    fn taken(&self) -> Unlock<'_> {
        Unlock { gate: self, next: written(self.state.0.load(Relaxed)) }
    }

    fn bit(&self) -> u64 {
        1 << (self.number % 64)
    }

    #[cold]
    fn take_soon(&self, spins: &mut u32) -> bool {
        let mut pause = 1;
        while *spins > 0 {
            // Each look holds up who has the lock: the longer it is held, the more seldom.
            let pauses = pause.min(*spins);
            *spins -= pauses;
            for _ in 0..pauses {
                spin_loop();
            }
            pause = (2 * pause).min(PAUSES_MAX);
            // Looking does not take the cache line away from who has the lock; trying does.
            if self.state.0.load(Relaxed) & LOCKED == 0 && self.take() {
                return true;
            }
        }
        false
    }

    #[cold]
    fn take_patiently(&self) {
        if self.take_soon(&mut { SPINS_BEFORE_SLEEP }) {
            return;
        }
        let mut sleep = self.common.sleep.lock();
        // Whoever unlocks after PARKED is set finds it, and cannot call before this thread sleeps, because the mutex is
        // held until then. It stays set when the lock is taken here: others may sleep.
        while self.state.0.fetch_or(LOCKED | PARKED, SeqCst) & LOCKED != 0 {
            self.common.unlocked.wait(&mut sleep);
        }
    }

    #[cold]
    fn wait_for_readers(&self) {
        while !self.readers_are_gone(&mut { SPINS_FOR_READERS }) {
            yield_now();
        }
    }

    /// W2, for who has set `LOCKED`: whether each seat has been seen not reading. Takes at most `spins` looks.
    #[cold]
    fn readers_are_gone(&self, spins: &mut u32) -> bool {
        in_one_order();
        let seats = self.common.seats_end.load(SeqCst);
        let words = self.common.slots.iter().take(seats).filter_map(|slot| slot.reads.get(self.number / 64));
        for word in words {
            while word.load(SeqCst) & self.bit() != 0 {
                if *spins == 0 {
                    return false;
                }
                *spins -= 1;
                spin_loop();
            }
        }
        true
    }

    #[cold]
    fn wake(&self) {
        drop(self.common.sleep.lock());
        // Those who sleep for another lock sleep on.
        self.common.unlocked.notify_all();
    }
}

/// The value, for changing it. Dropping it unlocks.
pub struct Guard<'l, T> {
    value: Writing<T>,
    // Dropped last.
    unlock: Unlock<'l>,
}

struct Unlock<'l> {
    gate: &'l Gate,
    /// What the state becomes.
    next: u32,
}

impl<T> Guard<'_, T> {
    /// Says that the value was only looked at. After enough such uses in a row the lock opens to seated readers.
    #[inline]
    pub fn only_read(&mut self) {
        let gate = self.unlock.gate;
        let seats = gate.common.seats_end.load(Relaxed) as u32;
        self.unlock.next = looked_at(gate.state.0.load(Relaxed), seats);
    }

    /// Says that the value was only looked at, and that this does not count: the lock stays as open or closed as it is.
    #[inline]
    pub fn keep(&mut self) {
        self.unlock.keep();
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the lock is taken until this guard is dropped, and every seat was seen not reading since, so no other
        // thread has a reference. The lock outlives the guard and holds the value.
        self.value.with(|value| unsafe { &*value })
    }
}

impl<T> DerefMut for Guard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and the guard itself is borrowed mutably, so this thread has no other reference either.
        self.value.with(|value| unsafe { &mut *value })
    }
}

impl Unlock<'_> {
    #[inline]
    fn keep(&mut self) {
        self.next = self.gate.state.0.load(Relaxed) & !(LOCKED | PARKED);
    }
}

impl Drop for Unlock<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.gate.state.0.swap(self.next, SeqCst) & PARKED != 0 {
            self.gate.wake();
        }
    }
}

/// The value, for looking at it. Dropping it lets writers in.
pub struct ReadGuard<'l, T> {
    value: Reading<T>,
    // Dropped last.
    _leave: Leave<'l>,
}

struct Leave<'l> {
    word: &'l AtomicU64,
    bit: u64,
}

impl<T> Deref for ReadGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: this seat's bit is set until the guard is dropped and the lock was not taken when it had been set, so
        // whoever takes it waits: see the top of this file. The lock outlives the guard and holds the value.
        self.value.with(|value| unsafe { &*value })
    }
}

impl Drop for Leave<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        // Nobody else writes the slot: the seat is used by one thread, and a guard cannot leave it.
        self.word.store(self.word.load(Relaxed) & !self.bit, Release);
    }
}
