//! Specs of CONFIG; the host runs it.

use crate::families::help;
use crate::host::HostCommand;
use crate::spec::{CommandSpec, Flags, Group, check};

const SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec::host("get", -3, Group::Server, HostCommand::ConfigGet)
        .flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .docs(
            "2.0.0",
            "O(N), N being the number of patterns",
            "Returns the parameters that match patterns, with their values.",
            "CONFIG GET parameter [parameter ...]",
        )
        .history(&[("7.0.0", "Takes several patterns.")]),
    CommandSpec::host("resetstat", 2, Group::Server, HostCommand::ConfigResetStat)
        .flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .docs("2.0.0", "O(1)", "Sets the statistics of INFO back to zero.", "CONFIG RESETSTAT"),
    CommandSpec::host("rewrite", 2, Group::Server, HostCommand::ConfigRewrite)
        .flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .docs("2.8.0", "O(1)", "Writes the configuration as it is now to its file.", "CONFIG REWRITE"),
    CommandSpec::host("set", -4, Group::Server, HostCommand::ConfigSet)
        .flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .docs(
            "2.0.0",
            "O(N), N being the number of parameters",
            "Changes parameters: all of them or, on an error, none.",
            "CONFIG SET parameter value [parameter value ...]",
        )
        .history(&[("7.0.0", "Takes several parameters.")]),
    help::spec("5.0.0", "CONFIG HELP", Group::Server),
];

pub(crate) const COMMANDS: &[CommandSpec] = &[CommandSpec::container("config", Group::Server, SUBCOMMANDS)
    .docs("2.0.0", "Depends on the subcommand", "Commands about the configuration.", "CONFIG")];

const _: () = check(COMMANDS);
