//! Why commands are to be looked at more closely before they run: one word, so that those on their way ask for one thing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The host wants to be asked.
const HOST: usize = 1;
/// What one arena adds that is close to the most that it can hold.
const CROWDED: usize = 2;

/// Whether something speaks against running commands unasked: the host may want to be, or an arena of the engine may be close
/// to what its references reach. They reach 32 GiB. Whoever adds data is refused long before: what only changes
/// entries may have to move each of them into a larger slot, and must always find one.
#[derive(Clone, Debug, Default)]
pub struct Gates(Arc<AtomicUsize>);

impl Gates {
    /// Whether nothing does. One load.
    #[inline]
    pub fn are_open(&self) -> bool {
        self.0.load(Relaxed) == 0
    }

    /// The host wants to be asked before each command, or no longer.
    pub fn set_host(&self, asks: bool) {
        if asks {
            self.0.fetch_or(HOST, Relaxed);
        } else {
            self.0.fetch_and(!HOST, Relaxed);
        }
    }

    /// Whether what adds data is to be refused, because some arena is close to the most that it can hold.
    pub fn are_crowded(&self) -> bool {
        self.0.load(Relaxed) >= CROWDED
    }

    /// Makes them crowded for as long as the result exists. For arenas; and for tests, which have no 12 GiB to fill.
    pub fn crowd(&self) -> Crowded {
        self.0.fetch_add(CROWDED, Relaxed);
        Crowded(self.clone())
    }
}

/// An arena that is close to the most that it can hold.
#[derive(Debug)]
pub struct Crowded(Gates);

impl Clone for Crowded {
    fn clone(&self) -> Self {
        self.0.crowd()
    }
}

impl Drop for Crowded {
    fn drop(&mut self) {
        self.0.0.fetch_sub(CROWDED, Relaxed);
    }
}
