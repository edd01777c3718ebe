//! Strings.

pub(crate) mod basic;
mod expire;
pub(crate) mod multi;
