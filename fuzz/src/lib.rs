//! What the fuzz targets do with their bytes, as plain functions that panic when something is wrong.
//!
//! Each target is listed in [`TARGETS`], has a file in `fuzz_targets` that hands it to libFuzzer, and inputs to start
//! from in `seeds`. `tests/seeds.rs` runs the seeds without a fuzzer.

mod encoding;
mod keyspace;
mod rdb;
mod resp;

pub use encoding::{intset, listpack};
pub use keyspace::keyspace;
pub use rdb::rdb_loader;
pub use resp::{reply_decoder, request_parser};

/// A target: its name and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// Every target, by the name of its binary and its folder of seeds.
pub const TARGETS: &[Target] = &[
    ("intset", intset),
    ("keyspace", keyspace),
    ("listpack", listpack),
    ("rdb_loader", rdb_loader),
    ("reply_decoder", reply_decoder),
    ("request_parser", request_parser),
];
