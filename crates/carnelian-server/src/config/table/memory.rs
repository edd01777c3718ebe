//! Memory limit, eviction, expiry, freeing.

use super::clients;
use crate::config::spec::{Id, Spec, parameters};

const POLICIES: &[(&str, u32)] = &[
    ("volatile-lru", 0),
    ("volatile-lfu", 1),
    ("volatile-random", 2),
    ("volatile-ttl", 3),
    ("allkeys-lru", 4),
    ("allkeys-lfu", 5),
    ("allkeys-random", 6),
    ("noeviction", 7),
    ("allkeys-lrm", 8),
    ("volatile-lrm", 9),
];

parameters! {
    after clients::END;
    /// Bytes of memory to use at most, 0 for no limit: beyond it keys give way as `maxmemory-policy` says, before a command
    /// runs. Default: 0.
    MAXMEMORY = Spec::memory("maxmemory", 0, 0, u64::MAX as i128);
    /// What gives way when the limit is reached: `noeviction` (writes fail), or keys by age of use (`allkeys-lru`,
    /// `volatile-lru`), by age of the last change (`allkeys-lrm`, `volatile-lrm`), by frequency (`allkeys-lfu`, `volatile-lfu`), at random (`allkeys-random`, `volatile-random`) or
    /// those that expire first (`volatile-ttl`); `volatile` means only keys with a time to live. Default: noeviction.
    MAXMEMORY_POLICY = Spec::words("maxmemory-policy", POLICIES, 7);
    /// Number of keys looked at to choose one to evict: more is more precise and slower. Default: 5.
    MAXMEMORY_SAMPLES = Spec::int("maxmemory-samples", 5, 1, i32::MAX as i128);
    /// How much delay eviction may cause, from 0 (little) to 100 (any). Default: 10.
    MAXMEMORY_EVICTION_TENACITY = Spec::int("maxmemory-eviction-tenacity", 10, 0, 100);
    /// How hard it is for the counter of uses (LFU) to rise: the greater, the more uses it takes. Default: 10.
    LFU_LOG_FACTOR = Spec::count("lfu-log-factor", 10);
    /// Minutes after which the counter of uses (LFU) falls by one, 0 for on every look. Default: 1.
    LFU_DECAY_TIME = Spec::count("lfu-decay-time", 1);
    /// How much of a worker's time expiry may take while more is due, from 1 (a quarter) to 10 (43%). Default: 1.
    ACTIVE_EXPIRE_EFFORT = Spec::int("active-expire-effort", 1, 1, 10);
    /// Frees evicted values in the background. Default: no.
    LAZYFREE_LAZY_EVICTION = Spec::flag("lazyfree-lazy-eviction", false);
    /// Frees expired values in the background. Default: no.
    LAZYFREE_LAZY_EXPIRE = Spec::flag("lazyfree-lazy-expire", false);
    /// Frees values that a command replaces (RENAME, SUNIONSTORE) in the background. Default: no.
    LAZYFREE_LAZY_SERVER_DEL = Spec::flag("lazyfree-lazy-server-del", false);
    /// Makes DEL behave like UNLINK. Default: no.
    LAZYFREE_LAZY_USER_DEL = Spec::flag("lazyfree-lazy-user-del", false);
    /// Makes FLUSHALL and FLUSHDB free in the background unless told SYNC. Default: no.
    LAZYFREE_LAZY_USER_FLUSH = Spec::flag("lazyfree-lazy-user-flush", false);
    /// Has the allocator return memory in a thread of its own. Default: yes.
    JEMALLOC_BG_THREAD = Spec::flag("jemalloc-bg-thread", true).inert();
    /// Moves keys, members and fields together, so that memory that removed ones have left goes back. Default: no.
    ACTIVEDEFRAG = Spec::flag("activedefrag", false);
    /// Wasted bytes below which defragmentation does not start. Default: 100mb.
    ACTIVE_DEFRAG_IGNORE_BYTES = Spec::memory("active-defrag-ignore-bytes", 100 << 20, 1, i64::MAX as i128);
    /// Percentage of waste at which defragmentation starts. Default: 10.
    ACTIVE_DEFRAG_THRESHOLD_LOWER = Spec::int("active-defrag-threshold-lower", 10, 0, 1000);
    /// Percentage of waste at which defragmentation works hardest. Default: 100.
    ACTIVE_DEFRAG_THRESHOLD_UPPER = Spec::int("active-defrag-threshold-upper", 100, 0, 1000);
    /// Least share of processor time for defragmentation, in percent. Default: 1.
    ACTIVE_DEFRAG_CYCLE_MIN = Spec::int("active-defrag-cycle-min", 1, 1, 99);
    /// Greatest share of processor time for defragmentation, in percent. Default: 25.
    ACTIVE_DEFRAG_CYCLE_MAX = Spec::int("active-defrag-cycle-max", 25, 1, 99);
    /// Number of elements above which a collection is defragmented in steps. Default: 1000.
    ACTIVE_DEFRAG_MAX_SCAN_FIELDS =
        Spec::int("active-defrag-max-scan-fields", 1000, 1, i64::MAX as i128).inert();
}
