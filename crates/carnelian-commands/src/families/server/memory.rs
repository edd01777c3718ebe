//! MEMORY.

use crate::families::help;
use crate::host::HostCommand;
use crate::spec::{CommandSpec, Group, check};

const SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec::host("doctor", 2, Group::Server, HostCommand::MemoryDoctor)
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
        .docs("4.0.0", "O(1)", "Returns a report on memory for people.", "MEMORY DOCTOR"),
    CommandSpec::host("malloc-stats", 2, Group::Server, HostCommand::MemoryMallocStats)
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
        .docs(
            "4.0.0",
            "Depends on how much memory is allocated",
            "Returns statistics of the allocator.",
            "MEMORY MALLOC-STATS",
        ),
    CommandSpec::host("purge", 2, Group::Server, HostCommand::MemoryPurge)
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .docs(
            "4.0.0",
            "Depends on how much memory is allocated",
            "Makes the allocator give memory back to the system.",
            "MEMORY PURGE",
        ),
    CommandSpec::host("stats", 2, Group::Server, HostCommand::MemoryStats)
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
        .docs("4.0.0", "O(1)", "Returns what memory is used for.", "MEMORY STATS")
        .all_shards(),
    help::spec("4.0.0", "MEMORY HELP", Group::Server),
];

pub(crate) const COMMANDS: &[CommandSpec] = &[CommandSpec::container("memory", Group::Server, SUBCOMMANDS)
    .docs("4.0.0", "Depends on the subcommand", "Commands about memory.", "MEMORY")];

const _: () = check(COMMANDS);
