//! Parameters of the engine that Redis 7.0 does not have, or that mean something else here.

use super::general;
use crate::config::checks;
use crate::config::spec::{Id, Spec, parameters};

parameters! {
    after general::END;
    /// Number of parts of the keyspace that are locked on their own: a power of two up to 256, or 0 to let the server choose
    /// from the number of threads. Default: 0.
    SHARDS = Spec::int("shards", 0, 0, 256).check_int(checks::shards).immutable().settable_unchanged();
    /// Format version of snapshots and of what DUMP returns: 10 (Redis 7.0 reads it) or 11 (Redis 7.2). Default: 11.
    RDB_VERSION = Spec::int("rdb-version", 11, 10, 11);
    /// Number of threads that serve clients; each runs the commands it reads. Default: the number of processor cores
    /// (Redis: 1).
    IO_THREADS = Spec::int("io-threads", 0, 1, 128).cores().immutable();
    /// In Redis, whether the extra threads also read. Every thread here reads. Default: no.
    IO_THREADS_DO_READS = Spec::flag("io-threads-do-reads", false).immutable().inert();
}
