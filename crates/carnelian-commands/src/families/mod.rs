//! The families of commands, listed once.

use crate::spec::CommandSpec;

mod connection;
mod help;
mod keys;
mod lists;
mod pubsub;
mod random;
mod sample;
mod scan;
mod server;
mod sets;
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
    lists::blocking::COMMANDS,
    lists::edit::COMMANDS,
    lists::ends::COMMANDS,
    lists::moving::COMMANDS,
    lists::read::COMMANDS,
    pubsub::COMMANDS,
    server::acl::COMMANDS,
    server::config::COMMANDS,
    server::diagnostics::COMMANDS,
    server::memory::COMMANDS,
    server::module::COMMANDS,
    server::persistence::COMMANDS,
    server::replication::COMMANDS,
    server::time::COMMANDS,
    sets::algebra::COMMANDS,
    sets::members::COMMANDS,
    sets::random::COMMANDS,
    strings::basic::COMMANDS,
    strings::multi::COMMANDS,
    transactions::COMMANDS,
];
