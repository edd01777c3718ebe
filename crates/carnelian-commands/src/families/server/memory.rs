//! MEMORY.

use crate::ctx::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::families::help;
use crate::host::HostCommand;
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};

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
    CommandSpec::run("usage", -3, Group::Server, usage)
        .flags(&[Flags::READONLY])
        .keys(&[KeySpec::one(2, KeyFlags::RO)])
        .docs(
            "4.0.0",
            "O(N), N being the number of elements sampled",
            "Returns the bytes that a key and its value take.",
            "MEMORY USAGE key [SAMPLES count]",
        ),
    help::spec("4.0.0", "MEMORY HELP", Group::Server),
];

pub(crate) const COMMANDS: &[CommandSpec] = &[CommandSpec::container("memory", Group::Server, SUBCOMMANDS)
    .docs("4.0.0", "Depends on the subcommand", "Commands about memory.", "MEMORY")];

const _: () = check(COMMANDS);

fn usage(ctx: &mut Ctx) -> CommandResult {
    let mut options = ctx.cursor(3);
    while !options.is_done() {
        let Some(count) = options.word_with("SAMPLES") else { return Err(CommandError::SYNTAX) };
        // The figure is exact without sampling; a bad count is refused all the same.
        usize::try_from(crate::cursor::integer(count)?).map_err(|_| CommandError::SYNTAX)?;
    }
    match ctx.keys.memory_usage(ctx.arg(2)) {
        Some(bytes) => ctx.out.integer(bytes as i64),
        None => ctx.out.null(),
    }
    Ok(())
}
