//! How much memory the process uses.

use parking_lot::Mutex;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// A reading of the process' memory, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemoryReading {
    /// Requested by the program and not freed.
    pub used: u64,
    /// In pages that the allocator uses.
    pub active: u64,
    /// In pages that the allocator keeps resident.
    pub resident: u64,
    /// Mapped by the allocator.
    pub mapped: u64,
}

/// Where readings come from. The binary knows its allocator.
pub struct MemorySource {
    /// Name of the allocator, as INFO gives it.
    pub allocator: &'static str,
    /// Takes a reading.
    pub read: fn() -> MemoryReading,
    /// Bytes that the calling thread has allocated, less those that it has freed, whoever allocated them. To cost
    /// nanoseconds. With it `maxmemory` holds at every command; without, at every reading.
    pub balance: Option<fn() -> i64>,
    /// Has what the calling thread allocates from now on taken from a part of memory of its own: workers do not wait for each
    /// other then.
    pub set_apart: Option<fn()>,
    /// The allocator's own statistics, for people (MEMORY MALLOC-STATS).
    pub statistics: fn() -> String,
    /// Gives unused pages back to the system (MEMORY PURGE).
    pub purge: fn(),
}

impl Default for MemorySource {
    /// The resident size of the process, for programs that embed the server.
    fn default() -> Self {
        Self {
            allocator: "libc",
            read: || {
                let resident = resident_bytes();
                MemoryReading { used: resident, active: resident, resident, mapped: resident }
            },
            balance: None,
            set_apart: None,
            statistics: || "Stats not supported for the current allocator".to_owned(),
            purge: || {},
        }
    }
}

/// Resident bytes of the process.
pub fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|statm| statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()));
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}

/// What one thread has published of its balance; on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Published(AtomicI64);

/// The memory in use, at any moment: what there was at the start, and the balances of all threads of the server since.
///
/// Threads publish their balance when they have run a batch of commands, and whenever they ask themselves.
pub(crate) struct Ledger {
    source: MemorySource,
    /// In use when the ledger was opened.
    base: i64,
    accounts: Mutex<Accounts>,
    /// Number of accounts ever opened, which says whether a thread knows them all.
    opened: AtomicUsize,
    /// The latest reading, where threads have no balance.
    reading: AtomicU64,
    /// The reading up to which enough has been removed, in that case.
    settled: AtomicU64,
}

#[derive(Default)]
struct Accounts {
    all: Vec<Arc<Published>>,
    /// Those whose thread has ended. Their balance stays, and the next thread goes on from it.
    idle: Vec<Arc<Published>>,
}

thread_local! {
    static SEAT: RefCell<Option<Seat>> = const { RefCell::new(None) };
}

/// A thread's place in the ledger.
struct Seat {
    ledger: Arc<Ledger>,
    account: Arc<Published>,
    balance: fn() -> i64,
    /// The balance for which its account shows nothing.
    zero: i64,
    /// All accounts, as far as known.
    known: Vec<Arc<Published>>,
}

impl Seat {
    #[inline]
    fn publish(&self) {
        self.account.0.store((self.balance)().wrapping_sub(self.zero), Relaxed);
    }

    #[inline]
    fn total(&mut self) -> i64 {
        self.publish();
        if self.known.len() != self.ledger.opened.load(Relaxed) {
            self.known.clone_from(&self.ledger.accounts.lock().all);
        }
        self.known.iter().map(|account| account.0.load(Relaxed)).sum()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.publish();
        self.ledger.accounts.lock().idle.push(Arc::clone(&self.account));
    }
}

/// Ends the thread's place in the ledger when it is dropped.
#[must_use]
pub(crate) struct Seated(());

impl Drop for Seated {
    fn drop(&mut self) {
        drop(SEAT.take());
    }
}

/// Publishes what the calling thread has allocated, if it has a place in a ledger.
#[inline]
pub(crate) fn publish() {
    SEAT.with_borrow(|seat| {
        if let Some(seat) = seat {
            seat.publish();
        }
    });
}

impl Ledger {
    /// Opens it: from now on threads are to be seated before they allocate or free what lasts.
    pub(crate) fn open(source: MemorySource) -> Arc<Self> {
        let used = (source.read)().used;
        Arc::new(Self {
            source,
            base: used.cast_signed(),
            accounts: Mutex::default(),
            opened: AtomicUsize::new(0),
            reading: AtomicU64::new(used),
            settled: AtomicU64::new(0),
        })
    }

    /// Has the calling thread allocate apart from the others.
    pub(crate) fn set_apart(&self) {
        if let Some(set_apart) = self.source.set_apart {
            set_apart();
        }
    }

    /// Has what the calling thread allocates and frees counted, until the result is dropped.
    pub(crate) fn seat(self: &Arc<Self>) -> Seated {
        if let Some(balance) = self.source.balance {
            let account = {
                let mut accounts = self.accounts.lock();
                accounts.idle.pop().unwrap_or_else(|| {
                    let account = Arc::<Published>::default();
                    accounts.all.push(Arc::clone(&account));
                    self.opened.store(accounts.all.len(), Relaxed);
                    account
                })
            };
            let zero = balance().wrapping_sub(account.0.load(Relaxed));
            let seat = Seat { ledger: Arc::clone(self), account, balance, zero, known: Vec::new() };
            drop(SEAT.replace(Some(seat)));
        }
        Seated(())
    }

    /// Whether it is known at any moment how much memory is in use.
    #[inline]
    pub(crate) fn is_exact(&self) -> bool {
        self.source.balance.is_some()
    }

    /// Allocated bytes: exact but for what other threads have done since they last published, or the latest reading. Cheap.
    #[inline]
    pub(crate) fn allocated(&self) -> u64 {
        if !self.is_exact() {
            return self.reading.load(Relaxed);
        }
        let total = SEAT.with_borrow_mut(|seat| seat.as_mut().map(Seat::total));
        let sum = || self.accounts.lock().all.iter().map(|account| account.0.load(Relaxed)).sum();
        (self.base + total.unwrap_or_else(sum)).max(0).cast_unsigned()
    }

    /// Where the readings come from.
    pub(crate) fn source(&self) -> &MemorySource {
        &self.source
    }

    /// Takes a reading, where threads have no balance. To be called several times a second.
    pub(crate) fn refresh(&self) {
        if !self.is_exact() {
            self.reading.store((self.source.read)().used, Relaxed);
        }
    }

    /// Bytes by which `used` exceeds the limit, as far as removing keys can help.
    ///
    /// A resident size does not fall when keys are removed; their memory is used again instead. So what has grown beyond
    /// the limit is answered with removals once, see [`settle`](Self::settle); a size that stays needs no more of them.
    #[inline]
    pub(crate) fn excess(&self, used: u64, limit: u64) -> u64 {
        if self.is_exact() {
            return used.saturating_sub(limit);
        }
        if used <= limit {
            self.settled.store(0, Relaxed);
            return 0;
        }
        used.saturating_sub(limit.max(self.settled.load(Relaxed)))
    }

    /// So many bytes of keys have been removed, where only readings tell of the memory in use.
    pub(crate) fn settle(&self, bytes: u64, limit: u64) {
        if !self.is_exact() {
            let settled = self.settled.load(Relaxed).max(limit).saturating_add(bytes);
            self.settled.store(settled, Relaxed);
        }
    }
}
