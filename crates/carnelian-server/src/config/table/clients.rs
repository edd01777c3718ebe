//! Limits on connections and their buffers.

use super::security;
use crate::config::spec::{Id, Spec, Special, Unit, parameters};

parameters! {
    after security::END;
    /// Number of clients that may be connected at a time. Default: 10000.
    MAXCLIENTS = Spec::int("maxclients", 10_000, 1, u32::MAX as i128);
    /// Memory of all clients' buffers together, in bytes or as a percentage of `maxmemory`, above which the largest clients
    /// are disconnected; 0 for no limit. Default: 0.
    MAXMEMORY_CLIENTS = Spec::int("maxmemory-clients", 0, -100, i64::MAX as i128).unit(Unit::MemoryOrPercent);
    /// Replies waiting to be sent, by class (`normal`, `replica`, `pubsub`): hard limit in bytes, soft limit in bytes, and
    /// seconds for which the soft limit may be exceeded. Beyond, the client is disconnected; 0 for no limit.
    /// Default: `normal 0 0 0`, `replica 256mb 64mb 60`, `pubsub 32mb 8mb 60`.
    CLIENT_OUTPUT_BUFFER_LIMIT = Spec::special("client-output-buffer-limit", Special::OutputLimits);
    /// Bytes of requests that may be waiting from one client. Default: 1gb.
    CLIENT_QUERY_BUFFER_LIMIT = Spec::memory("client-query-buffer-limit", 1 << 30, 1 << 20, i64::MAX as i128);
    /// Bytes of the longest argument accepted, and so of the longest string. Default: 512mb.
    PROTO_MAX_BULK_LEN = Spec::memory("proto-max-bulk-len", 512 << 20, 1 << 20, i64::MAX as i128);
    /// Number of keys remembered for clients that cache what they read, 0 for no limit. Default: 1000000.
    TRACKING_TABLE_MAX_KEYS = Spec::long("tracking-table-max-keys", 1_000_000);
}
