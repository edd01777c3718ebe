//! Specs of CLIENT; the host runs it.

use crate::families::help;
use crate::host::HostCommand;
use crate::spec::{CommandSpec, Flags, Group, check};

const SUBCOMMANDS: &[CommandSpec] = &[
CommandSpec::host("caching", 3, Group::Connection, HostCommand::ClientCaching).flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE]).docs("6.0.0", "O(1)", "Says whether the keys of the next command are tracked, in the modes OPTIN and OPTOUT.", "CLIENT CACHING <YES | NO>"),
CommandSpec::host("getname", 2, Group::Connection, HostCommand::ClientGetName).flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE]).docs("2.6.9", "O(1)", "Returns the name of the connection.", "CLIENT GETNAME"),
CommandSpec::host("getredir", 2, Group::Connection, HostCommand::ClientGetRedir).flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE]).docs("6.0.0", "O(1)", "Returns the client that tracking sends its invalidations to.", "CLIENT GETREDIR"),
CommandSpec::host("id", 2, Group::Connection, HostCommand::ClientId).flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE]).docs("5.0.0", "O(1)", "Returns the number of the connection.", "CLIENT ID"),
CommandSpec::host("info", 2, Group::Connection, HostCommand::ClientInfo).flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE]).tips(&["nondeterministic_output"]).docs("6.2.0", "O(1)", "Describes the connection.", "CLIENT INFO"),
CommandSpec::host("kill", -3, Group::Connection, HostCommand::ClientKill).flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE]).docs("2.4.0", "O(N), N being the number of connections", "Closes connections that match an address or filters.", "CLIENT KILL <ip:port | <[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | [USER username] | [ADDR ip:port] | [LADDR ip:port] | [SKIPME <YES | NO>] [[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | [USER username] | [ADDR ip:port] | [LADDR ip:port] | [SKIPME <YES | NO>] ...]>>").history(&[("2.8.12", "Filters instead of an address."), ("2.8.12", "Filter `ID`."), ("3.2.0", "Type `master`."), ("5.0.0", "Type `replica`; `slave` remains as another name of it."), ("6.2.0", "Filter `LADDR`.")]),
CommandSpec::host("list", -2, Group::Connection, HostCommand::ClientList).flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE]).tips(&["nondeterministic_output"]).docs("2.4.0", "O(N), N being the number of connections", "Describes all connections, one a line.", "CLIENT LIST [TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]").history(&[("2.8.12", "Field `id`."), ("5.0.0", "Filter `TYPE`."), ("6.0.0", "Field `user`."), ("6.2.0", "Fields `argv-mem`, `tot-mem`, `laddr` and `redir`; filter `ID`."), ("7.0.0", "Fields `resp`, `multi-mem`, `rbs` and `rbp`."), ("7.0.3", "Field `ssub`.")]),
CommandSpec::host("no-evict", 3, Group::Connection, HostCommand::ClientNoEvict).flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE]).docs("7.0.0", "O(1)", "Protects the connection from being closed when clients take too much memory.", "CLIENT NO-EVICT <ON | OFF>"),
CommandSpec::host("no-touch", 3, Group::Connection, HostCommand::ClientNoTouch).flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE]).docs("7.2.0", "O(1)", "Keeps the commands of this connection from counting as uses of keys.", "CLIENT NO-TOUCH <ON | OFF>"),
CommandSpec::host("pause", -3, Group::Connection, HostCommand::ClientPause).flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE]).docs("2.9.50", "O(1)", "Stops serving commands of clients for some time.", "CLIENT PAUSE timeout [WRITE | ALL]").history(&[("6.2.0", "Mode `WRITE`, which lets reads go on.")]),
CommandSpec::host("reply", 3, Group::Connection, HostCommand::ClientReply).flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE]).docs("3.2.0", "O(1)", "Says whether the server replies to this connection.", "CLIENT REPLY <ON | OFF | SKIP>"),
CommandSpec::host("setinfo", 4, Group::Connection, HostCommand::ClientSetInfo).flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE]).tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]).docs("7.2.0", "O(1)", "Notes the name or the version of the client library.", "CLIENT SETINFO <LIB-NAME libname | LIB-VER libver>"),
CommandSpec::host("setname", 3, Group::Connection, HostCommand::ClientSetName).flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE]).docs("2.6.9", "O(1)", "Names the connection.", "CLIENT SETNAME connection-name"),
CommandSpec::host("tracking", -3, Group::Connection, HostCommand::ClientTracking).flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE]).docs("6.0.0", "O(1), more with some of the options", "Turns on or off that the server tells of keys the client should no longer cache.", "CLIENT TRACKING <ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]"),
CommandSpec::host("trackinginfo", 2, Group::Connection, HostCommand::ClientTrackingInfo).flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE]).docs("6.2.0", "O(1)", "Tells how tracking is set for the connection.", "CLIENT TRACKINGINFO"),
CommandSpec::host("unblock", -3, Group::Connection, HostCommand::ClientUnblock).flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE]).docs("5.0.0", "O(log N), N being the number of connections", "Ends the waiting of a client in a blocking command.", "CLIENT UNBLOCK client-id [TIMEOUT | ERROR]"),
CommandSpec::host("unpause", 2, Group::Connection, HostCommand::ClientUnpause).flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE]).docs("6.2.0", "O(N), N being the number of paused clients", "Goes on serving commands after CLIENT PAUSE.", "CLIENT UNPAUSE"),
help::spec("5.0.0", "CLIENT HELP", Group::Connection),
];

pub(crate) const COMMANDS: &[CommandSpec] = &[CommandSpec::container(
    "client",
    Group::Connection,
    SUBCOMMANDS,
)
.docs("2.4.0", "Depends on the subcommand", "Commands about client connections.", "CLIENT")];

const _: () = check(COMMANDS);
