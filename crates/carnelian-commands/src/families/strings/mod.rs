//! Strings.

pub(crate) mod basic;
pub(crate) mod counter;
mod expire;
pub(crate) mod lcs;
pub(crate) mod multi;
pub(crate) mod range;
