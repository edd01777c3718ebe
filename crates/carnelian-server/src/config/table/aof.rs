//! The append only file.

use super::snapshot;
use crate::config::checks;
use crate::config::spec::{Id, Spec, parameters};

const FSYNC: &[(&str, u32)] = &[("everysec", 2), ("always", 1), ("no", 0)];

parameters! {
    after snapshot::END;
    /// Logs every write to disk, so that little or nothing is lost in a crash. Default: no.
    APPENDONLY = Spec::flag("appendonly", false).deny_loading();
    /// First part of the names of the log's files. Default: appendonly.aof.
    APPENDFILENAME = Spec::text("appendfilename", "appendonly.aof").check(checks::appendfilename).immutable();
    /// Directory of the log's files, inside `dir`. Default: appendonlydir.
    APPENDDIRNAME = Spec::text("appenddirname", "appendonlydir").check(checks::appenddirname).immutable();
    /// When the log is forced to disk: `always` (before a write is answered), `everysec`, or `no` (left to the kernel).
    /// Default: everysec.
    APPENDFSYNC = Spec::words("appendfsync", FSYNC, 2);
    /// Does not force the log to disk while a snapshot or a rewrite of the log is running. Default: no.
    NO_APPENDFSYNC_ON_REWRITE = Spec::flag("no-appendfsync-on-rewrite", false);
    /// Growth in percent, since the last rewrite, at which the log is rewritten; 0 for never. Default: 100.
    AUTO_AOF_REWRITE_PERCENTAGE = Spec::count("auto-aof-rewrite-percentage", 100);
    /// Size in bytes below which the log is not rewritten on its own account. Default: 64mb.
    AUTO_AOF_REWRITE_MIN_SIZE = Spec::memory("auto-aof-rewrite-min-size", 64 << 20, 0, i64::MAX as i128);
    /// Loads a log whose end is cut off, up to the cut, in place of refusing it. Default: yes.
    AOF_LOAD_TRUNCATED = Spec::flag("aof-load-truncated", true);
    /// Rewrites the log as a snapshot followed by commands: quicker to write and to load. Default: yes.
    AOF_USE_RDB_PREAMBLE = Spec::flag("aof-use-rdb-preamble", true);
    /// Notes the time in the log, so that it can be restored up to a moment. Default: no.
    AOF_TIMESTAMP_ENABLED = Spec::flag("aof-timestamp-enabled", false);
    /// Writes a rewritten log to disk in steps of 4 MB rather than all at the end. Default: yes.
    AOF_REWRITE_INCREMENTAL_FSYNC = Spec::flag("aof-rewrite-incremental-fsync", true);
    /// Keeps the log's files that a rewrite made superfluous. Default: no.
    AOF_DISABLE_AUTO_GC = Spec::flag("aof-disable-auto-gc", false);
}
