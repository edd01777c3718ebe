//! When, or how often, an entry was used: the 24 bits behind OBJECT IDLETIME, OBJECT FREQ and eviction.

use crate::rng::Rng;
use crate::settings::Settings;

/// Counter a new entry starts with, so that it is not evicted before it had a chance.
const LFU_INITIAL: u32 = 5;

/// Either the second of the last use (24 bits, which come round after 194 days), or an access counter (8 bits) with the
/// minute of its last decay (16 bits, which come round after 45 days), as Redis keeps them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccessClock(u32);

impl AccessClock {
    /// The clock of an entry created now.
    #[inline]
    pub fn new(settings: &Settings, now_ms: u64) -> Self {
        if settings.track_frequency() {
            Self::from_frequency(LFU_INITIAL as u8, now_ms)
        } else {
            Self(seconds(now_ms))
        }
    }

    pub(crate) fn from_bits(bits: u32) -> Self {
        Self(bits & CLOCK_MASK)
    }

    pub(crate) fn bits(self) -> u32 {
        self.0
    }

    /// A clock with the given access counter, as a snapshot file or RESTORE gives it.
    pub fn from_frequency(counter: u8, now_ms: u64) -> Self {
        Self((minutes(now_ms) << 8) | u32::from(counter))
    }

    /// A clock last used `idle_seconds` ago.
    pub fn from_idle(idle_seconds: u64, now_ms: u64) -> Self {
        Self(seconds(now_ms.saturating_sub(idle_seconds.saturating_mul(1000))))
    }

    /// The clock after a use. Equal to `self` when nothing moved, so that a read need not write.
    #[inline]
    pub fn touched(self, settings: &Settings, now_ms: u64, rng: &mut Rng) -> Self {
        if !settings.track_frequency() {
            return Self(seconds(now_ms));
        }
        self.counted(settings, now_ms, rng)
    }

    /// The counter after a use.
    #[cold]
    fn counted(self, settings: &Settings, now_ms: u64, rng: &mut Rng) -> Self {
        let counter = u32::from(self.frequency(settings, now_ms));
        let above = counter.saturating_sub(LFU_INITIAL);
        // The counter is logarithmic: the more it shows, the rarer it moves.
        let odds = u64::from(above) * u64::from(settings.lfu_log_factor()) + 1;
        let bump = counter < 255 && rng.next_u64().is_multiple_of(odds);
        Self::from_frequency((counter + u32::from(bump)) as u8, now_ms)
    }

    /// Seconds since the last use.
    pub fn idle_seconds(self, now_ms: u64) -> u64 {
        let elapsed = seconds(now_ms).wrapping_sub(self.0) & CLOCK_MASK;
        // The clock of a worker may be a little behind the one that touched the entry.
        if elapsed > CLOCK_MASK - 60 { 0 } else { u64::from(elapsed) }
    }

    /// Minutes since the access counter last moved or decayed.
    pub(crate) fn idle_minutes(self, now_ms: u64) -> u64 {
        let elapsed = minutes(now_ms).wrapping_sub(self.0 >> 8) & 0xffff;
        // As above: the clock of another worker may be ahead.
        if elapsed == 0xffff { 0 } else { u64::from(elapsed) }
    }

    /// The access counter after the decay that is due.
    pub fn frequency(self, settings: &Settings, now_ms: u64) -> u8 {
        let elapsed = minutes(now_ms).wrapping_sub(self.0 >> 8) & 0xffff;
        let decay = match settings.lfu_decay_minutes() {
            0 => 0,
            period => elapsed / period,
        };
        (self.0 & 255).saturating_sub(decay) as u8
    }
}

const CLOCK_MASK: u32 = 0x00ff_ffff;

const fn seconds(now_ms: u64) -> u32 {
    (now_ms / 1000) as u32 & CLOCK_MASK
}

const fn minutes(now_ms: u64) -> u32 {
    (now_ms / 60_000) as u32 & 0xffff
}
