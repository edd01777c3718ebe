//! What the configuration promises, checked from outside.

mod defaults;
