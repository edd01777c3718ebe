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
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        // A clock that was set to before 1970 stands still.
        u64::try_from(now.tv_sec).map_or(0, |seconds| seconds * 1000 + now.tv_nsec as u64 / 1_000_000)
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
