//! How much memory the process uses.

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
