//! Strings.

pub(crate) mod basic;
