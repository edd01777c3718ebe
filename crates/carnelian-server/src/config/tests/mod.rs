//! What the configuration promises, checked from outside. Texts of errors were recorded from Redis 7.0.15.

mod args;
mod defaults;
mod docs;
mod get;
mod load;
mod rewrite;
mod set;
