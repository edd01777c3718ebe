//! Lists.

use crate::error::{CommandError, CommandResult};
use crate::spec::{KeyFlags, KeySpec};
use carnelian_engine::End;

pub(crate) mod blocking;
pub(crate) mod edit;
pub(crate) mod ends;
pub(crate) mod moving;
pub(crate) mod read;

const POPPED: KeyFlags = KeyFlags::RW.or(KeyFlags::ACCESS).or(KeyFlags::DELETE);
const PUSHED: KeyFlags = KeyFlags::RW.or(KeyFlags::INSERT);
const SOURCE_AND_DESTINATION: &[KeySpec] = &[KeySpec::one(1, POPPED), KeySpec::one(2, PUSHED)];

/// The end of a list that an argument names.
fn end(arg: &[u8]) -> CommandResult<End> {
    if arg.eq_ignore_ascii_case(b"left") {
        Ok(End::Left)
    } else if arg.eq_ignore_ascii_case(b"right") {
        Ok(End::Right)
    } else {
        Err(CommandError::SYNTAX)
    }
}

const fn push_event(end: End) -> &'static str {
    match end {
        End::Left => "lpush",
        End::Right => "rpush",
    }
}

const fn pop_event(end: End) -> &'static str {
    match end {
        End::Left => "lpop",
        End::Right => "rpop",
    }
}

/// First index and number of the elements from `start` to `stop`, both included, negative ones counted from the tail;
/// `None` when there are none.
fn span(len: usize, start: i64, stop: i64) -> Option<(usize, usize)> {
    let len = len as i64;
    let absolute = |index: i64| if index < 0 { index.saturating_add(len) } else { index };
    let start = absolute(start).max(0);
    let stop = absolute(stop).min(len - 1);
    (start <= stop).then(|| (start as usize, (stop - start + 1) as usize))
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn spans_at_every_edge() {
        assert_eq!(span(3, 0, -1), Some((0, 3)));
        assert_eq!(span(3, -2, 1), Some((1, 1)));
        assert_eq!(span(3, i64::MIN, i64::MAX), Some((0, 3)));
        assert_eq!(span(3, i64::MAX, i64::MIN), None);
        assert_eq!(span(3, 3, 5), None);
        assert_eq!(span(3, 2, 1), None);
        assert_eq!(span(0, 0, -1), None);
    }
}
