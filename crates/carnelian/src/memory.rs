//! How much memory the process uses, as its allocator knows.

use carnelian_server::{MemoryReading, MemorySource};
use tikv_jemalloc_ctl::thread::{self, ThreadLocal};
use tikv_jemalloc_ctl::{epoch, stats};

pub(crate) fn source() -> MemorySource {
    MemorySource { allocator: "jemalloc-5.3.0", read, balance: Some(balance), purge }
}

fn read() -> MemoryReading {
    // The figures are of the last epoch; a failure leaves them as they were.
    let _ = epoch::advance();
    let figure = |read: Result<usize, _>| read.map_or(0, |bytes: usize| bytes as u64);
    MemoryReading {
        used: figure(stats::allocated::read()),
        active: figure(stats::active::read()),
        resident: figure(stats::resident::read()),
        mapped: figure(stats::mapped::read()),
    }
}

thread_local! {
    /// Where the allocator counts what this thread has allocated and what it has freed.
    static COUNTERS: Option<(ThreadLocal<u64>, ThreadLocal<u64>)> =
        Some((thread::allocatedp::read().ok()?, thread::deallocatedp::read().ok()?));
}

fn balance() -> i64 {
    COUNTERS.with(|counters| {
        counters
            .as_ref()
            .map_or(0, |(allocated, freed)| allocated.get().wrapping_sub(freed.get()).cast_signed())
    })
}

fn purge() {
    // The allocator gives dirty pages back by itself within seconds; there is nothing that safe code could hurry.
}
