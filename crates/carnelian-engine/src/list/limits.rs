//! How large the nodes of a list become, from `list-max-listpack-size`.

use crate::settings::Settings;

/// Bytes that a node may reach when its size is limited by a number of entries.
const COUNTED_NODE_MAX_BYTES: usize = 8192;
/// What an entry is taken to need beside its text, so that its exact form need not be known. As in Redis: with the same
/// estimate nodes end at the same elements.
const ENTRY_OVERHEAD: usize = 8;
/// What merging two listpacks is taken to save. As in Redis, which has it from an older layout.
const MERGE_SAVES: usize = 11;
/// Sizes of nodes are limited to this many entries, whatever is configured.
const FILL_MAX: i64 = i16::MAX as i64;
/// The lowest setting: nodes of 64 KiB.
const FILL_MIN: i64 = -5;

/// What a list keeps of the settings it began with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(unreachable_pub, reason = "a sealed trait names it")]
pub struct Shape {
    /// `list-max-listpack-size`, within its limits.
    pub(super) fill: i16,
    /// `list-compress-depth`: nodes at each end that are not compressed, 0 for no compression.
    pub(super) depth: u16,
}

impl Default for Shape {
    /// What the settings are unless somebody changes them: nodes of 8 KiB, none compressed.
    fn default() -> Self {
        Self { fill: -2, depth: 0 }
    }
}

impl Shape {
    /// Bytes that it takes in an entry.
    pub(crate) const BYTES: usize = 4;

    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        let ([a, b], [c, d]) = (self.fill.to_le_bytes(), self.depth.to_le_bytes());
        [a, b, c, d]
    }

    pub(crate) fn from_bytes([a, b, c, d]: [u8; Self::BYTES]) -> Self {
        Self { fill: i16::from_le_bytes([a, b]), depth: u16::from_le_bytes([c, d]) }
    }

    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            fill: settings.list_max_listpack_size().clamp(FILL_MIN, FILL_MAX) as i16,
            depth: u16::try_from(settings.list_compress_depth()).unwrap_or(u16::MAX),
        }
    }
}

/// The limits of a node.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    entries: usize,
    bytes: usize,
    large: usize,
}

impl Limits {
    #[inline]
    pub(super) fn new(shape: Shape, settings: &Settings) -> Self {
        let (entries, bytes) = match shape.fill {
            fill @ 0.. => (fill.max(1) as usize, COUNTED_NODE_MAX_BYTES),
            fill => (usize::MAX, 4096 << (fill.unsigned_abs() - 1)),
        };
        let large = match settings.list_packed_threshold() {
            0 => bytes,
            threshold => threshold - 1,
        };
        Self { entries, bytes, large }
    }

    /// Whether an element of `len` bytes gets a node of its own.
    #[inline]
    pub(super) fn is_large(self, len: usize) -> bool {
        len > self.large
    }

    /// Whether a node of `bytes` may grow by an element of `len` bytes.
    #[inline]
    fn allow_bytes(self, bytes: usize, len: usize) -> bool {
        bytes + len + ENTRY_OVERHEAD <= self.bytes
    }

    /// Whether replacing an element may make a node of `before` bytes one of `bytes`. Redis sets no limit there, and lets
    /// replaced elements blow up a node.
    pub(super) fn allow_replaced(self, bytes: usize, before: usize) -> bool {
        bytes <= self.bytes.max(before)
    }

    /// Whether a node of `bytes` and `entries` may get one more, of `len` bytes.
    #[inline]
    pub(super) fn allow_one_more(self, bytes: usize, entries: usize, len: usize) -> bool {
        self.allow_bytes(bytes, len) && entries < self.entries
    }

    /// Whether two nodes that hold so much together may be one.
    pub(super) fn allow_merge(self, bytes: usize, entries: usize) -> bool {
        entries <= self.entries && bytes - MERGE_SAVES <= self.bytes
    }
}
