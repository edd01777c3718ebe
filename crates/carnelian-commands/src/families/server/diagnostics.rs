//! Specs of what shows how the server is doing; the host runs it.

use crate::families::help;
use crate::host::HostCommand;
use crate::spec::{Categories, CommandSpec, Flags, Group, check};

const LATENCY: &[CommandSpec] = &[
    CommandSpec::host("doctor", 2, Group::Server, HostCommand::Latency)
        .flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
        .docs("2.8.13", "O(1)", "Returns a report on latency for people.", "LATENCY DOCTOR"),
    CommandSpec::host("graph", 3, Group::Server, HostCommand::Latency)
        .flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
        .docs("2.8.13", "O(1)", "Draws the latencies of an event as text.", "LATENCY GRAPH event"),
    CommandSpec::host("histogram", -2, Group::Server, HostCommand::Latency)
        .flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
        .docs(
            "7.0.0",
            "O(N), N being the number of commands",
            "Returns how the latencies of commands are distributed.",
            "LATENCY HISTOGRAM [command [command ...]]",
        ),
    CommandSpec::host("history", 3, Group::Server, HostCommand::Latency)
        .flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
        .docs("2.8.13", "O(1)", "Returns times and latencies of an event.", "LATENCY HISTORY event"),
    CommandSpec::host("latest", 2, Group::Server, HostCommand::Latency)
        .flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
        .docs("2.8.13", "O(1)", "Returns the newest and the worst latency of every event.", "LATENCY LATEST"),
    CommandSpec::host("reset", -2, Group::Server, HostCommand::Latency)
        .flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .docs(
            "2.8.13",
            "O(1)",
            "Forgets latencies of events, of all events without arguments.",
            "LATENCY RESET [event [event ...]]",
        ),
    help::spec("2.8.13", "LATENCY HELP", Group::Server),
];

const SLOWLOG: &[CommandSpec] = &[
    CommandSpec::host("get", -2, Group::Server, HostCommand::Slowlog)
        .flags(&[Flags::ADMIN, Flags::LOADING, Flags::STALE])
        .tips(&["request_policy:all_nodes", "nondeterministic_output"])
        .docs(
            "2.2.12",
            "O(N), N being the number of entries",
            "Returns the newest entries of the slow log: 10, or as many as asked for, -1 for all.",
            "SLOWLOG GET [count]",
        )
        .history(&[("4.0.0", "Entries tell the address and the name of the client.")]),
    CommandSpec::host("len", 2, Group::Server, HostCommand::Slowlog)
        .flags(&[Flags::ADMIN, Flags::LOADING, Flags::STALE])
        .tips(&["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"])
        .docs("2.2.12", "O(1)", "Returns the number of entries in the slow log.", "SLOWLOG LEN"),
    CommandSpec::host("reset", 2, Group::Server, HostCommand::Slowlog)
        .flags(&[Flags::ADMIN, Flags::LOADING, Flags::STALE])
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .docs("2.2.12", "O(N), N being the number of entries", "Empties the slow log.", "SLOWLOG RESET"),
    help::spec("6.2.0", "SLOWLOG HELP", Group::Server),
];

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::host("debug", -2, Group::Server, HostCommand::Debug)
        .flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .docs("1.0.0", "Depends on the subcommand", "Commands for testing and debugging the server.", "DEBUG")
        .system()
        .all_shards(),
    CommandSpec::host("info", -1, Group::Server, HostCommand::Info)
        .flags(&[Flags::LOADING, Flags::STALE])
        .categories(&[Categories::DANGEROUS])
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
        .docs(
            "1.0.0",
            "O(1)",
            "Returns facts and statistics of the server as text.",
            "INFO [section [section ...]]",
        )
        .history(&[("7.0.0", "Takes several sections.")])
        .all_shards(),
    CommandSpec::container("latency", Group::Server, LATENCY).docs(
        "2.8.13",
        "Depends on the subcommand",
        "Commands about what took long.",
        "LATENCY",
    ),
    CommandSpec::host("lolwut", -1, Group::Server, HostCommand::Lolwut)
        .flags(&[Flags::READONLY, Flags::FAST])
        .docs(
            "5.0.0",
            "O(N), N being the size of the picture",
            "Draws a piece of computer art and tells the version.",
            "LOLWUT [VERSION version]",
        ),
    CommandSpec::host("monitor", 1, Group::Server, HostCommand::Monitor)
        .flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .docs(
            "1.0.0",
            "O(N), N being the number of commands that the server runs",
            "Shows every command that the server runs, as it runs.",
            "MONITOR",
        ),
    CommandSpec::container("slowlog", Group::Server, SLOWLOG).docs(
        "2.2.12",
        "Depends on the subcommand",
        "Commands about the log of slow commands.",
        "SLOWLOG",
    ),
];

const _: () = check(COMMANDS);
