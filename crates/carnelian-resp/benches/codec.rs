//! Benchmarks of the codec.

fn main() {}
