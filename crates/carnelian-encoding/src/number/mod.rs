//! Numbers from and to text, with the exact rules of Redis.
//!
//! Integers are read strictly: what [`parse_i64`] accepts is exactly what [`write_i64`] would print, so a string that
//! parses can be kept as an integer and given back unchanged. Floating point is read with the rules of C's `strtod` in
//! the C locale, less what Redis refuses on top (leading space, NaN, overflow, underflow to zero).

mod float;
mod integer;
mod long_double;
mod strtod;

pub use float::{F64Text, format_f64, parse_f64, write_f64};
pub use integer::{I64Text, format_i64, parse_i64, parse_u64, parse_u64_lenient, write_i64, write_u64};
pub use long_double::{LONG_DOUBLE_TEXT_MAX, LongDouble};
