//! Specs of saving and ending; the host runs them.

use crate::host::HostCommand;
use crate::spec::{Categories, CommandSpec, Flags, Group, check};

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::host("bgrewriteaof", 1, Group::Server, HostCommand::BgRewriteAof)
        .flags(&[Flags::NO_ASYNC_LOADING, Flags::ADMIN, Flags::NOSCRIPT])
        .docs("1.0.0", "O(1)", "Rewrites the append-only file in the background.", "BGREWRITEAOF"),
    CommandSpec::host("bgsave", -1, Group::Server, HostCommand::BgSave)
        .flags(&[Flags::NO_ASYNC_LOADING, Flags::ADMIN, Flags::NOSCRIPT])
        .docs("1.0.0", "O(1)", "Saves the dataset in the background.", "BGSAVE [SCHEDULE]")
        .history(&[("3.2.2", "Option `SCHEDULE`.")])
        .all_shards(),
    CommandSpec::host("lastsave", 1, Group::Server, HostCommand::LastSave)
        .flags(&[Flags::LOADING, Flags::STALE, Flags::FAST])
        .categories(&[Categories::ADMIN, Categories::DANGEROUS])
        .tips(&["nondeterministic_output"])
        .docs("1.0.0", "O(1)", "Returns when the dataset was last saved, in seconds since 1970.", "LASTSAVE"),
    CommandSpec::host("save", 1, Group::Server, HostCommand::Save)
        .flags(&[Flags::NO_ASYNC_LOADING, Flags::ADMIN, Flags::NOSCRIPT, Flags::NO_MULTI])
        .docs(
            "1.0.0",
            "O(N), N being the number of keys in all databases",
            "Saves the dataset before it replies.",
            "SAVE",
        )
        .all_shards(),
    CommandSpec::host("shutdown", -1, Group::Server, HostCommand::Shutdown)
        .flags(&[
            Flags::ADMIN,
            Flags::NOSCRIPT,
            Flags::LOADING,
            Flags::STALE,
            Flags::NO_MULTI,
            Flags::ALLOW_BUSY,
        ])
        .docs(
            "1.0.0",
            "O(N), N being the number of keys, when it saves; else O(1)",
            "Saves the dataset if asked or configured to, and ends the server.",
            "SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
        )
        .history(&[("7.0.0", "Options `NOW`, `FORCE` and `ABORT`.")])
        .all_shards(),
];

const _: () = check(COMMANDS);
