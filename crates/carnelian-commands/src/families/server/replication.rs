//! Specs of replication; the host runs it.

use crate::host::HostCommand;
use crate::spec::{Categories, CommandSpec, Flags, Group, check};

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::host("failover", -1, Group::Server, HostCommand::Failover)
        .flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::STALE])
        .docs(
            "6.2.0",
            "O(1)",
            "Hands the role of the master over to a replica.",
            "FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]",
        ),
    CommandSpec::host("psync", -3, Group::Server, HostCommand::Sync)
        .flags(&[Flags::NO_ASYNC_LOADING, Flags::ADMIN, Flags::NO_MULTI, Flags::NOSCRIPT])
        .docs(
            "2.8.0",
            "O(1)",
            "Begins or goes on with replication; sent by replicas.",
            "PSYNC replicationid offset",
        ),
    CommandSpec::host("replicaof", 3, Group::Server, HostCommand::ReplicaOf)
        .flags(&[Flags::NO_ASYNC_LOADING, Flags::ADMIN, Flags::NOSCRIPT, Flags::STALE])
        .docs(
            "5.0.0",
            "O(1)",
            "Makes the server a replica of another one, or a master.",
            "REPLICAOF <host port | NO ONE>",
        ),
    CommandSpec::host("role", 1, Group::Server, HostCommand::Role)
        .flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE, Flags::FAST])
        .categories(&[Categories::ADMIN, Categories::DANGEROUS])
        .docs("2.8.12", "O(1)", "Returns the part that the server plays in replication.", "ROLE"),
    CommandSpec::host("slaveof", 3, Group::Server, HostCommand::ReplicaOf)
        .flags(&[Flags::NO_ASYNC_LOADING, Flags::ADMIN, Flags::NOSCRIPT, Flags::STALE])
        .docs(
            "1.0.0",
            "O(1)",
            "Makes the server a replica of another one, or a master.",
            "SLAVEOF <host port | NO ONE>",
        )
        .deprecated("5.0.0", "`REPLICAOF`"),
    CommandSpec::host("sync", 1, Group::Server, HostCommand::Sync)
        .flags(&[Flags::NO_ASYNC_LOADING, Flags::ADMIN, Flags::NO_MULTI, Flags::NOSCRIPT])
        .docs("1.0.0", "O(1)", "Begins replication; sent by old replicas.", "SYNC"),
    CommandSpec::host("wait", 3, Group::Generic, HostCommand::Wait)
        .flags(&[Flags::NOSCRIPT])
        .without_group_category()
        .categories(&[Categories::CONNECTION])
        .tips(&["request_policy:all_shards", "response_policy:agg_min"])
        .docs(
            "3.0.0",
            "O(1)",
            "Waits until replicas have received the writes of this connection.",
            "WAIT numreplicas timeout",
        ),
];

const _: () = check(COMMANDS);
