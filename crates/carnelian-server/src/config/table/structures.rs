//! Up to where values use their compact encodings.

use super::memory;
use crate::config::spec::{Id, Spec, parameters};

const LONG_MAX: i128 = i64::MAX as i128;

parameters! {
    after memory::END;
    /// Number of fields up to which a hash is stored compactly. Default: 512.
    HASH_MAX_LISTPACK_ENTRIES = Spec::long("hash-max-listpack-entries", 512).alias("hash-max-ziplist-entries");
    /// Bytes of a field or value up to which a hash is stored compactly. Default: 64.
    HASH_MAX_LISTPACK_VALUE =
        Spec::memory("hash-max-listpack-value", 64, 0, LONG_MAX).alias("hash-max-ziplist-value");
    /// Size of a node of a list: -1 to -5 for 4, 8, 16, 32 or 64 KB, a positive number for that many elements. Default: -2.
    LIST_MAX_LISTPACK_SIZE = Spec::int("list-max-listpack-size", -2, i32::MIN as i128, i32::MAX as i128)
        .alias("list-max-ziplist-size");
    /// Number of nodes at each end of a list that are never compressed; 0 compresses none at all. Default: 0.
    LIST_COMPRESS_DEPTH = Spec::count("list-compress-depth", 0);
    /// Number of members up to which a set of integers is stored as a sorted array. Default: 512.
    SET_MAX_INTSET_ENTRIES = Spec::long("set-max-intset-entries", 512);
    /// Number of members up to which a set is stored compactly. Default: 128. (From Redis 7.2.)
    SET_MAX_LISTPACK_ENTRIES = Spec::long("set-max-listpack-entries", 128);
    /// Bytes of a member up to which a set is stored compactly. Default: 64. (From Redis 7.2.)
    SET_MAX_LISTPACK_VALUE = Spec::memory("set-max-listpack-value", 64, 0, LONG_MAX);
    /// Number of members up to which a sorted set is stored compactly. Default: 128.
    ZSET_MAX_LISTPACK_ENTRIES = Spec::long("zset-max-listpack-entries", 128).alias("zset-max-ziplist-entries");
    /// Bytes of a member up to which a sorted set is stored compactly. Default: 64.
    ZSET_MAX_LISTPACK_VALUE =
        Spec::memory("zset-max-listpack-value", 64, 0, LONG_MAX).alias("zset-max-ziplist-value");
    /// Bytes up to which a HyperLogLog is stored in its sparse form. Default: 3000.
    HLL_SPARSE_MAX_BYTES = Spec::memory("hll-sparse-max-bytes", 3000, 0, LONG_MAX);
    /// Bytes of a block of a stream, 0 for no limit. Default: 4096.
    STREAM_NODE_MAX_BYTES = Spec::memory("stream-node-max-bytes", 4096, 0, LONG_MAX);
    /// Number of entries of a block of a stream, 0 for no limit. Default: 100.
    STREAM_NODE_MAX_ENTRIES = Spec::long("stream-node-max-entries", 100);
    /// In Redis, spends a little time in the background on growing tables. Tables here grow as they are used. Default: yes.
    ACTIVEREHASHING = Spec::flag("activerehashing", true).inert();
}
