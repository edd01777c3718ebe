//! Settings that data structures and the keyspace consult, changeable at any time.

use crate::crowd::Gates;
use ahash::RandomState;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicUsize, Ordering::Relaxed};

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident / $set:ident : $atomic:ident = $type:ty = $default:expr;)*) => {
        /// Tunables shared by all shards. Every getter is one relaxed load; a change applies to the operations that follow.
        #[derive(Debug)]
        pub struct Settings {
            /// Hashes the fields and members of large collections; fixed for the engine's life.
            hasher: RandomState,
            /// Told by arenas that are close to the most that they can hold.
            gates: Gates,
            $($name: $atomic,)*
        }

        impl Settings {
            pub(crate) fn new(hasher: RandomState) -> Self {
                Self { hasher, gates: Gates::default(), $($name: $atomic::new($default),)* }
            }

            pub(crate) fn hasher(&self) -> &RandomState {
                &self.hasher
            }

            pub(crate) fn gates(&self) -> &Gates {
                &self.gates
            }

            $(
                $(#[$doc])*
                #[inline]
                pub fn $name(&self) -> $type { self.$name.load(Relaxed) }

                #[doc = concat!("Changes [`", stringify!($name), "`](Self::", stringify!($name), ").")]
                pub fn $set(&self, value: $type) { self.$name.store(value, Relaxed); }
            )*
        }
    };
}

settings! {
    /// Most fields a hash keeps in its listpack encoding.
    hash_max_listpack_entries / set_hash_max_listpack_entries: AtomicUsize = usize = 128;
    /// Longest field or value, in bytes, that a listpack-encoded hash holds.
    hash_max_listpack_value / set_hash_max_listpack_value: AtomicUsize = usize = 64;
    /// Most members a set of integers keeps in its intset encoding.
    set_max_intset_entries / set_set_max_intset_entries: AtomicUsize = usize = 512;
    /// Most members a set keeps in its listpack encoding; 0 turns the encoding off.
    set_max_listpack_entries / set_set_max_listpack_entries: AtomicUsize = usize = 128;
    /// Longest member, in bytes, that a listpack-encoded set holds.
    set_max_listpack_value / set_set_max_listpack_value: AtomicUsize = usize = 64;
    /// Size of a list node: entries when positive, -1 to -5 for 4, 8, 16, 32 or 64 KiB. A list keeps what it began with.
    list_max_listpack_size / set_list_max_listpack_size: AtomicI64 = i64 = -2;
    /// Nodes at each end of a list that are never compressed; 0 compresses none. A list keeps what it began with.
    list_compress_depth / set_list_compress_depth: AtomicUsize = usize = 0;
    /// Bytes from which a list element gets a node of its own; 0 means "when it exceeds the node size".
    list_packed_threshold / set_list_packed_threshold: AtomicUsize = usize = 0;
    /// Longest string, in bytes (`proto-max-bulk-len`).
    max_bulk_len / set_max_bulk_len: AtomicUsize = usize = 512 << 20;
    /// Version of the payloads that DUMP returns (`rdb-version`).
    rdb_version / set_rdb_version: AtomicU32 = u32 = 11;
    /// Whether long strings in those payloads are compressed (`rdbcompression`).
    rdb_compression / set_rdb_compression: AtomicBool = bool = true;
    /// Classes of keyspace events that somebody wants, as bits of [`EventClass`](crate::EventClass).
    notify_events / set_notify_events: AtomicU32 = u32 = 0;
    /// Whether entries count accesses (LFU) instead of remembering when they were last used.
    track_frequency / set_track_frequency: AtomicBool = bool = false;
    /// Whether only changes count as uses of an entry, not reads.
    track_changes / set_track_changes: AtomicBool = bool = false;
    /// What gives way when memory is short, as a number: see [`eviction_policy`](Self::eviction_policy).
    eviction_code / set_eviction_code: AtomicU32 = u32 = 0;
    /// Entries looked at to find one that gives way (`maxmemory-samples`).
    eviction_samples / set_eviction_samples: AtomicUsize = usize = 5;
    /// Whether values that DEL removes are freed in the background (`lazyfree-lazy-user-del`).
    lazy_user_del / set_lazy_user_del: AtomicBool = bool = false;
    /// Whether FLUSHALL and FLUSHDB free in the background unless told otherwise (`lazyfree-lazy-user-flush`).
    lazy_user_flush / set_lazy_user_flush: AtomicBool = bool = false;
    /// Whether values that commands remove as a side effect are freed in the background (`lazyfree-lazy-server-del`).
    lazy_server_del / set_lazy_server_del: AtomicBool = bool = false;
    /// Whether values whose time is over are freed in the background (`lazyfree-lazy-expire`).
    lazy_expire / set_lazy_expire: AtomicBool = bool = false;
    /// Whether values that give way for want of memory are freed in the background (`lazyfree-lazy-eviction`).
    lazy_eviction / set_lazy_eviction: AtomicBool = bool = false;
    /// Whether small integers are said to be shared by OBJECT REFCOUNT.
    shares_integers / set_shares_integers: AtomicBool = bool = true;
    /// How slowly the access counter saturates (`lfu-log-factor`).
    lfu_log_factor / set_lfu_log_factor: AtomicU32 = u32 = 10;
    /// Minutes after which the access counter loses one (`lfu-decay-time`).
    lfu_decay_minutes / set_lfu_decay_minutes: AtomicU32 = u32 = 1;
    /// Whether the server still loads its dataset: expired keys are kept then, as the file has them.
    loading / set_loading: AtomicBool = bool = false;
}
