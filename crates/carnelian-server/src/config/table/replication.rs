//! Primaries and replicas.

use super::aof;
use crate::config::spec::{Id, Spec, Special, parameters};

const DISKLESS_LOAD: &[(&str, u32)] = &[("disabled", 0), ("on-empty-db", 1), ("swapdb", 2)];
const PROPAGATION_ERRORS: &[(&str, u32)] = &[("ignore", 0), ("panic", 1), ("panic-on-replicas", 2)];

parameters! {
    after aof::END;
    /// Makes this server a replica of the primary at a host and port; `no one` for none. Default: none.
    REPLICAOF = Spec::special("replicaof", Special::ReplicaOf).alias("slaveof").immutable();
    /// Password to send to the primary. Default: unset.
    MASTERAUTH = Spec::optional("masterauth").binary().sensitive();
    /// User name to send to the primary along with the password. Default: unset, the default user.
    MASTERUSER = Spec::optional("masteruser").sensitive();
    /// A replica without a link to its primary still answers, with data that may be old. Default: yes.
    REPLICA_SERVE_STALE_DATA = Spec::flag("replica-serve-stale-data", true).alias("slave-serve-stale-data");
    /// A replica refuses writes of clients. Default: yes.
    REPLICA_READ_ONLY = Spec::flag("replica-read-only", true).alias("slave-read-only");
    /// A replica lets its primary evict keys, in place of applying `maxmemory` itself. Default: yes.
    REPLICA_IGNORE_MAXMEMORY = Spec::flag("replica-ignore-maxmemory", true).alias("slave-ignore-maxmemory");
    /// A replica frees its old dataset in the background when it takes a new one. Default: no.
    REPLICA_LAZY_FLUSH = Spec::flag("replica-lazy-flush", false).alias("slave-lazy-flush");
    /// A replica keeps executing commands of its primary when it cannot write them to disk. Default: no.
    REPLICA_IGNORE_DISK_WRITE_ERRORS = Spec::flag("replica-ignore-disk-write-errors", false);
    /// Rank of this replica when Sentinel chooses a new primary: lower is better, 0 is never chosen. Default: 100.
    REPLICA_PRIORITY = Spec::count("replica-priority", 100).alias("slave-priority");
    /// Sentinel tells its clients about this replica. Default: yes.
    REPLICA_ANNOUNCED = Spec::flag("replica-announced", true);
    /// Address this replica gives to its primary. Default: unset, the address of the connection.
    REPLICA_ANNOUNCE_IP = Spec::optional("replica-announce-ip").alias("slave-announce-ip");
    /// Port this replica gives to its primary, 0 for the one it listens on. Default: 0.
    REPLICA_ANNOUNCE_PORT = Spec::int("replica-announce-port", 0, 0, 65535).alias("slave-announce-port");
    /// Streams the dataset to replicas without a file in between. Default: yes.
    REPL_DISKLESS_SYNC = Spec::flag("repl-diskless-sync", true);
    /// Seconds to wait for more replicas before such a stream starts. Default: 5.
    REPL_DISKLESS_SYNC_DELAY = Spec::count("repl-diskless-sync-delay", 5);
    /// Number of waiting replicas at which the stream starts at once, 0 for no such number. Default: 0.
    REPL_DISKLESS_SYNC_MAX_REPLICAS = Spec::count("repl-diskless-sync-max-replicas", 0);
    /// How a replica loads a stream: `disabled` (by way of a file), `on-empty-db` (directly if it has no data), or `swapdb`
    /// (directly, keeping the old data until the end). Default: disabled.
    REPL_DISKLESS_LOAD = Spec::words("repl-diskless-load", DISKLESS_LOAD, 0).deny_loading();
    /// Seconds between the pings of a primary to its replicas. Default: 10.
    REPL_PING_REPLICA_PERIOD =
        Spec::int("repl-ping-replica-period", 10, 1, i32::MAX as i128).alias("repl-ping-slave-period");
    /// Seconds of silence after which the link between primary and replica counts as broken. Default: 60.
    REPL_TIMEOUT = Spec::int("repl-timeout", 60, 1, i32::MAX as i128);
    /// Lets the kernel collect data for replicas into fewer packets, at the price of a delay. Default: no.
    REPL_DISABLE_TCP_NODELAY = Spec::flag("repl-disable-tcp-nodelay", false);
    /// Bytes of recent writes kept, so that a replica can continue after a short break. Default: 1mb.
    REPL_BACKLOG_SIZE = Spec::memory("repl-backlog-size", 1 << 20, 1, i64::MAX as i128);
    /// Seconds after the last replica has gone at which those bytes are freed, 0 for never. Default: 3600.
    REPL_BACKLOG_TTL = Spec::long("repl-backlog-ttl", 3600);
    /// Number of replicas that must be in touch for writes to be taken, 0 for no such condition. Default: 0.
    MIN_REPLICAS_TO_WRITE = Spec::count("min-replicas-to-write", 0).alias("min-slaves-to-write");
    /// Seconds since its last message up to which a replica counts as in touch. Default: 10.
    MIN_REPLICAS_MAX_LAG = Spec::count("min-replicas-max-lag", 10).alias("min-slaves-max-lag");
    /// What happens when a command from the primary or the log fails: `ignore`, `panic` or `panic-on-replicas`. Default: ignore.
    PROPAGATION_ERROR_BEHAVIOR = Spec::words("propagation-error-behavior", PROPAGATION_ERRORS, 0);
}
