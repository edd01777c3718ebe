//! RDB snapshots.

use super::carnelian;
use crate::config::checks;
use crate::config::spec::{Id, Spec, Special, parameters};

const SANITIZE: &[(&str, u32)] = &[("no", 0), ("yes", 1), ("clients", 2)];

parameters! {
    after carnelian::END;
    /// Points at which a snapshot is taken: pairs of seconds and changes, due when at least that many changes were made and
    /// that many seconds have passed. Several lines add up; an empty string takes no snapshots. Default: `3600 1 300 100 60 10000`.
    SAVE = Spec::special("save", Special::Save);
    /// Refuses writes after a snapshot failed, until one succeeds. Default: yes.
    STOP_WRITES_ON_BGSAVE_ERROR = Spec::flag("stop-writes-on-bgsave-error", true);
    /// Compresses long strings in snapshots with LZF. Default: yes.
    RDBCOMPRESSION = Spec::flag("rdbcompression", true);
    /// Ends snapshots with a checksum and checks it on loading. Default: yes.
    RDBCHECKSUM = Spec::flag("rdbchecksum", true).immutable();
    /// How thoroughly values from snapshots and RESTORE are checked: `no`, `yes`, or `clients` (only what clients send).
    /// Default: no.
    SANITIZE_DUMP_PAYLOAD = Spec::words("sanitize-dump-payload", SANITIZE, 0);
    /// File name of the snapshot, in `dir`. Default: dump.rdb.
    DBFILENAME = Spec::text("dbfilename", "dump.rdb").check(checks::dbfilename).protected();
    /// Deletes snapshots that only served a replication, when neither snapshots nor the append only file are on. Default: no.
    RDB_DEL_SYNC_FILES = Spec::flag("rdb-del-sync-files", false);
    /// Writes snapshots to disk in steps of 4 MB rather than all at the end. Default: yes.
    RDB_SAVE_INCREMENTAL_FSYNC = Spec::flag("rdb-save-incremental-fsync", true);
    /// Microseconds to pause after each key saved (negative: keys for each microsecond), to slow a snapshot down in tests.
    /// Default: 0.
    RDB_KEY_SAVE_DELAY = Spec::int("rdb-key-save-delay", 0, i32::MIN as i128, i32::MAX as i128).hidden();
    /// Microseconds to pause after each key loaded (negative: keys for each microsecond), to slow loading down in tests.
    /// Default: 0.
    KEY_LOAD_DELAY = Spec::int("key-load-delay", 0, i32::MIN as i128, i32::MAX as i128).hidden();
    /// Taken for compatibility: clients are looked after all the time while a dataset is loaded. Default: 2097152.
    LOADING_PROCESS_EVENTS_INTERVAL_BYTES =
        Spec::int("loading-process-events-interval-bytes", 2 << 20, 1024, i32::MAX as i128).hidden();
}
