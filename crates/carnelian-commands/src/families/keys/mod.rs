//! Keys of any type.

pub(crate) mod basic;
pub(crate) mod databases;
pub(crate) mod dump;
pub(crate) mod expire;
pub(crate) mod object;
pub(crate) mod rename;
pub(crate) mod scan;
pub(crate) mod sort;
