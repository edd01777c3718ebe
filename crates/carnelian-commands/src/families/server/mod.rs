//! The server.

pub(crate) mod acl;
pub(crate) mod command;
pub(crate) mod config;
pub(crate) mod diagnostics;
pub(crate) mod memory;
pub(crate) mod module;
pub(crate) mod persistence;
pub(crate) mod replication;
pub(crate) mod time;
