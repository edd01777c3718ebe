//! What the line of waiting clients is made of. Its models (`tests/line_models.rs`) are compiled from the same source with a
//! module of the same shape in this one's place, whose parts try out every order that the memory model allows.

pub(crate) use parking_lot::Mutex;
pub(crate) use std::sync::atomic::{AtomicU64, AtomicUsize};

/// Tries in vain after which a client goes before all others.
pub(crate) const PATIENCE: u32 = 12;
