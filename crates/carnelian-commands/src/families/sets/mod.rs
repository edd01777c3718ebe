//! Sets.

pub(super) mod algebra;
pub(super) mod members;
pub(super) mod random;
