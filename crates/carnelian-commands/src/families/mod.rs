//! The families of commands, listed once.

use crate::spec::CommandSpec;

mod connection;
mod help;
mod keys;
mod pubsub;
mod server;
mod strings;
mod transactions;

/// Every command there is.
pub(crate) const FAMILIES: &[&[CommandSpec]] = &[
    connection::basic::COMMANDS,
    connection::client::COMMANDS,
    keys::basic::COMMANDS,
    keys::databases::COMMANDS,
    keys::expire::COMMANDS,
    keys::object::COMMANDS,
    keys::rename::COMMANDS,
    keys::scan::COMMANDS,
    keys::sort::COMMANDS,
    pubsub::COMMANDS,
    server::acl::COMMANDS,
    server::command::COMMANDS,
    server::config::COMMANDS,
    server::diagnostics::COMMANDS,
    server::memory::COMMANDS,
    server::module::COMMANDS,
    server::persistence::COMMANDS,
    server::replication::COMMANDS,
    server::time::COMMANDS,
    strings::basic::COMMANDS,
    strings::multi::COMMANDS,
    transactions::COMMANDS,
];
