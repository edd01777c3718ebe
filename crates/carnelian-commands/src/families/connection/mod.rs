//! The connection.

pub(crate) mod basic;
pub(crate) mod client;
