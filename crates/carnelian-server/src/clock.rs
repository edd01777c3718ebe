//! The server's clocks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Wall clock for expiry, cycle counter for durations.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    cycles: quanta::Clock,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { cycles: quanta::Clock::new() }
    }

    /// Milliseconds since 1970.
    #[inline]
    #[expect(clippy::unused_self, reason = "a clock of the server, whatever it reads")]
    pub(crate) fn unix_ms(&self) -> u64 {
        let since = since_epoch();
        // Cheaper than the same in 128 bits.
        since.as_secs() * 1000 + u64::from(since.subsec_millis())
    }

    /// Microseconds since 1970.
    #[expect(clippy::unused_self, reason = "a clock of the server, whatever it reads")]
    pub(crate) fn unix_us(&self) -> u64 {
        since_epoch().as_micros() as u64
    }

    /// Nanoseconds of a monotonic clock with no particular start.
    #[inline]
    pub(crate) fn ticks_ns(&self) -> u64 {
        self.cycles.delta_as_nanos(0, self.cycles.raw())
    }
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
