//! The slow log: commands that took long, latest first.

use crate::config::find_spec;
use carnelian_resp::Args;
use parking_lot::Mutex;
use std::collections::VecDeque;

/// Arguments kept of one command.
const MAX_ARGS: usize = 32;
/// Bytes kept of one argument.
const MAX_ARG_BYTES: usize = 128;

/// One slow command.
#[derive(Clone, Debug)]
pub(crate) struct SlowEntry {
    pub(crate) id: u64,
    /// Seconds since 1970.
    pub(crate) time_s: u64,
    pub(crate) duration_us: u64,
    pub(crate) args: Vec<Vec<u8>>,
    pub(crate) address: String,
    pub(crate) name: Vec<u8>,
}

#[derive(Debug, Default)]
struct State {
    next_id: u64,
    entries: VecDeque<SlowEntry>,
}

/// The log. A leaf lock; taken only for commands above the threshold.
#[derive(Debug, Default)]
pub(crate) struct Slowlog(Mutex<State>);

impl Slowlog {
    /// Adds a command and drops the oldest ones beyond `max_len`.
    pub(crate) fn add(&self, mut entry: SlowEntry, max_len: usize) {
        let mut state = self.0.lock();
        entry.id = state.next_id;
        state.next_id += 1;
        state.entries.push_front(entry);
        state.entries.truncate(max_len);
    }

    /// The latest `count` entries.
    pub(crate) fn latest(&self, count: usize) -> Vec<SlowEntry> {
        self.0.lock().entries.iter().take(count).cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().entries.len()
    }

    pub(crate) fn clear(&self) {
        self.0.lock().entries.clear();
    }
}

/// Shown in place of a secret.
const REDACTED: &[u8] = b"(redacted)";

/// The arguments of a command as the slow log and MONITOR may show them: without passwords.
pub(crate) fn without_secrets(args: Args<'_>) -> Vec<&[u8]> {
    let is =
        |at: usize, word: &str| args.get(at).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
    let mut shown: Vec<&[u8]> = args.iter().collect();
    if is(0, "auth") {
        shown[1..].fill(REDACTED);
    } else if is(0, "hello") {
        for at in 2..shown.len() {
            if is(at, "auth") {
                let end = shown.len().min(at + 3);
                shown[at + 1..end].fill(REDACTED);
                break;
            }
        }
    } else if is(0, "config") && is(1, "set") {
        for at in (3..shown.len()).step_by(2) {
            if find_spec(&args[at - 1]).is_some_and(|spec| spec.sensitive) {
                shown[at] = REDACTED;
            }
        }
    }
    shown
}

/// What is kept of a command's arguments: long ones are cut, and many are counted.
pub(crate) fn shorten<'a>(args: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let total = args.len();
    let shown = if total > MAX_ARGS { MAX_ARGS - 1 } else { total };
    let mut kept: Vec<Vec<u8>> = args
        .take(shown)
        .map(|arg| {
            if arg.len() <= MAX_ARG_BYTES {
                return arg.to_vec();
            }
            let mut cut = arg[..MAX_ARG_BYTES].to_vec();
            cut.extend_from_slice(format!("... ({} more bytes)", arg.len() - MAX_ARG_BYTES).as_bytes());
            cut
        })
        .collect();
    if total > shown {
        kept.push(format!("... ({} more arguments)", total - shown).into_bytes());
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::{shorten, without_secrets};
    use carnelian_resp::OwnedArgs;

    #[test]
    fn secrets_are_left_out() {
        for (given, shown) in [
            ("get key", "get key"),
            ("AUTH secret", "AUTH (redacted)"),
            ("auth ann secret", "auth (redacted) (redacted)"),
            ("hello 3 auth ann secret setname x", "hello 3 auth (redacted) (redacted) setname x"),
            ("hello 3 auth ann", "hello 3 auth (redacted)"),
            ("hello", "hello"),
            ("config set maxmemory 1 RequirePass secret", "config set maxmemory 1 RequirePass (redacted)"),
            ("config set requirepass", "config set requirepass"),
            ("config get requirepass", "config get requirepass"),
        ] {
            let words: Vec<&[u8]> = given.split(' ').map(str::as_bytes).collect();
            let args = OwnedArgs::from_slices(&words);
            let expected: Vec<&[u8]> = shown.split(' ').map(str::as_bytes).collect();
            assert_eq!(without_secrets(args.as_args()), expected, "{given}");
        }
    }

    #[test]
    fn long_commands_are_cut() {
        let long = [b'x'; 200];
        let args: Vec<&[u8]> = std::iter::repeat_n(&long[..], 40).collect();
        let kept = shorten(args.into_iter());
        assert_eq!(kept.len(), 32);
        assert_eq!(kept[0], [&[b'x'; 128][..], b"... (72 more bytes)"].concat());
        assert_eq!(kept[31], b"... (9 more arguments)");
    }
}
