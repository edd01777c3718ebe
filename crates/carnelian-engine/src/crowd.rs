//! Arenas that are close to what their references reach.
//!
//! A reference reaches 32 GiB. Whoever adds data is refused long before: what only changes entries may have to move each of
//! them into a larger slot, and must always find one.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// How many of them there are, in all engines of the process.
static CROWDED: AtomicUsize = AtomicUsize::new(0);

/// Whether commands that add data are to be refused, because some arena is close to the most that it can hold. One load.
#[inline]
pub fn is_crowded() -> bool {
    CROWDED.load(Relaxed) > 0
}

/// An arena that is close to the most that it can hold, for as long as this exists. Made by arenas; and by tests, which
/// have no 12 GiB to fill.
#[derive(Debug)]
pub struct Crowded(());

impl Default for Crowded {
    fn default() -> Self {
        CROWDED.fetch_add(1, Relaxed);
        Self(())
    }
}

impl Clone for Crowded {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Drop for Crowded {
    fn drop(&mut self) {
        CROWDED.fetch_sub(1, Relaxed);
    }
}
