//! How much memory the process uses, as its allocator knows.

use crate::huge_pages;
use carnelian_server::{MemoryReading, MemorySource};
use tikv_jemalloc_ctl::stats_print::{Options, stats_print};
use tikv_jemalloc_ctl::thread::{self, ThreadLocal};
use tikv_jemalloc_ctl::{Access, AsName, arenas, epoch, stats};

/// The memory of this process, whose freed pages a thread of the allocator gives back from now on, and whose full ranges
/// [another](huge_pages) moves to huge pages.
pub(crate) fn source() -> MemorySource {
    // Without it threads give back what they have freed when they allocate, which an idle server does not do: 200 MB of a set
    // stayed for as long as one looked. Where it cannot be had things stay so.
    #[cfg(not(target_os = "macos"))]
    let _ = tikv_jemalloc_ctl::max_background_threads::write(1);
    run_thread(true);
    huge_pages::start();
    MemorySource {
        allocator: "jemalloc-5.3.0",
        read,
        balance: Some(balance),
        set_apart: Some(set_apart),
        statistics,
        purge,
    }
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

fn statistics() -> String {
    let mut text = Vec::new();
    // Writing to a vector does not fail.
    let _ = stats_print(&mut text, Options::default());
    String::from_utf8_lossy(&text).into_owned()
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

/// Gives the calling thread an arena. There is one for all threads otherwise: the allocator would make four for each core, and
/// keeps statistics of each from the first time that any are read, 14 kilobytes of them.
fn set_apart() {
    let arena: Result<u32, _> = "arenas.create\0".name().read();
    // Where there can be no more the thread stays where it is.
    if let Ok(arena) = arena {
        let _ = "thread.arena\0".name().write(arena);
    }
}

/// Starts or stops the allocator's thread.
fn run_thread(on: bool) {
    #[cfg(not(target_os = "macos"))]
    let _ = tikv_jemalloc_ctl::background_thread::write(on);
}

/// Every arena keeps unused pages for no time at all for a moment: it gives back at once those that it has. While the
/// allocator's thread runs they would be left to it, and it takes its time.
fn purge() {
    run_thread(false);
    give_back();
    run_thread(true);
}

fn give_back() {
    let Ok(mut name) = "arena.0.dirty_decay_ms\0".name().mib::<[usize; 3]>() else { return };
    for arena in 0..arenas::narenas::read().unwrap_or(0) {
        name[1] = arena as usize;
        // An arena that no thread has used is not there.
        let kept_ms: Result<isize, _> = name.update(0);
        if let Ok(kept_ms) = kept_ms {
            let _ = name.write(kept_ms);
        }
    }
}
