//! The families of commands, listed once.

use crate::spec::CommandSpec;

mod bitmaps;
mod connection;
mod hashes;
mod help;
mod keys;
mod lists;
mod pubsub;
mod random;
mod scan;
mod server;
mod sets;
mod strings;
mod transactions;

/// Every command there is.
pub(crate) const FAMILIES: &[&[CommandSpec]] = &[
    bitmaps::bit::COMMANDS,
    bitmaps::field::COMMANDS,
    bitmaps::operation::COMMANDS,
    bitmaps::range::COMMANDS,
    connection::basic::COMMANDS,
    connection::client::COMMANDS,
    hashes::number::COMMANDS,
    hashes::random::COMMANDS,
    hashes::read::COMMANDS,
    hashes::write::COMMANDS,
    keys::basic::COMMANDS,
    keys::databases::COMMANDS,
    keys::dump::COMMANDS,
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
    server::command::COMMANDS,
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
    strings::counter::COMMANDS,
    strings::lcs::COMMANDS,
    strings::multi::COMMANDS,
    strings::range::COMMANDS,
    transactions::COMMANDS,
];
