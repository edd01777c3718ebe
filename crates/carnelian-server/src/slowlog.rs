//! The slow log: commands that took long, latest first.

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
