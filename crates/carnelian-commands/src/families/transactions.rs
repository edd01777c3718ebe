//! Transactions; the dispatcher runs them.

use crate::spec::{CommandSpec, Flags, Group, Handler, KeyFlags, KeySpec, TransactionCommand, check};

const fn command(name: &'static str, arity: i16, command: TransactionCommand) -> CommandSpec {
    CommandSpec::new(name, arity, Group::Transactions, Handler::Transaction(command)).flags(&[
        Flags::NOSCRIPT,
        Flags::LOADING,
        Flags::STALE,
    ])
}

pub(crate) const COMMANDS: &[CommandSpec] = &[
    command("multi", 1, TransactionCommand::Multi).flags(&[Flags::FAST, Flags::ALLOW_BUSY]).docs(
        "1.2.0",
        "O(1)",
        "Begins a transaction: commands that follow are queued.",
        "MULTI",
    ),
    command("exec", 1, TransactionCommand::Exec).flags(&[Flags::SKIP_SLOWLOG]).docs(
        "1.2.0",
        "Depends on the commands in the transaction",
        "Runs the queued commands as one unit, unless a watched key has changed.",
        "EXEC",
    ),
    command("discard", 1, TransactionCommand::Discard).flags(&[Flags::FAST, Flags::ALLOW_BUSY]).docs(
        "2.0.0",
        "O(N), N being the number of queued commands",
        "Drops the queued commands and stops watching.",
        "DISCARD",
    ),
    command("watch", -2, TransactionCommand::Watch)
        .flags(&[Flags::FAST, Flags::ALLOW_BUSY])
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO)])
        .docs(
            "2.2.0",
            "O(1) for each key",
            "Makes the next transaction fail if one of the keys changes before it.",
            "WATCH key [key ...]",
        ),
    command("unwatch", 1, TransactionCommand::Unwatch).flags(&[Flags::FAST, Flags::ALLOW_BUSY]).docs(
        "2.2.0",
        "O(1)",
        "Stops watching all keys.",
        "UNWATCH",
    ),
];

const _: () = check(COMMANDS);
