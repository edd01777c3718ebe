//! Requests of a read, made ready before the first of them runs.

use crate::batch::{Batch, Prepared};
use crate::table::Entry;
use carnelian_engine::{WARM_MOST, Wanted};
use carnelian_resp::{Args, Beginning, RequestParser, Span};

/// Memory for arguments that is kept between reads, in bytes.
const KEPT_BYTES: usize = 64 * 1024;

/// Requests of a read, parsed, looked up and hashed before the first of them runs.
#[derive(Default)]
pub struct Ahead {
    /// Arguments of all of them, as ranges of the input.
    spans: Vec<Span>,
    requests: Vec<Request>,
    /// Keys that they are on.
    wanted: Vec<Wanted>,
    /// The request that runs next.
    next: usize,
}

struct Request {
    /// Its arguments in `spans`: where they begin, and where they end.
    first: usize,
    end: usize,
    /// Offset behind it in the input.
    input_end: usize,
    prepared: Prepared,
}

impl Ahead {
    /// Forgets requests that will not run as they are.
    #[inline]
    pub fn clear(&mut self) {
        self.spans.clear();
        self.requests.clear();
        self.wanted.clear();
        self.next = 0;
    }

    /// Reads requests from offset `at` on, as many as it is worth while to prepare together, and asks the processor for
    /// what running them will read, so that the waits for memory overlap.
    #[inline(never)]
    pub fn fill(
        &mut self,
        batch: &mut Batch<'_>,
        parser: &RequestParser,
        db: usize,
        input: &[u8],
        mut at: usize,
    ) {
        self.clear();
        let node = batch.node;
        let mut beginning = Beginning::default();
        // The command of the request before; nothing is known of it when its name is more than the first argument.
        let (mut command, mut entry, mut known) = (Prepared::UNKNOWN, None, false);
        while self.requests.len() < WARM_MOST && self.wanted.len() < WARM_MOST {
            let first = self.spans.len();
            let Some(seen) = parser.look_ahead(input, at, &mut self.spans, &mut beginning) else { break };
            let args = Args::new(input, self.spans.get(first..).unwrap_or_default());
            at = seen.end;
            // Many pipelines send one command over and over.
            if !(seen.repeats && known) {
                command = node.number(args);
                entry = node.entry_of(command);
                known = entry.is_some_and(Entry::is_whole_name);
            }
            let key = entry.and_then(|entry| node.only_key(entry, args));
            if let Some(entry) = entry {
                // Many pipelines use one key over and over.
                if let Some(key) = key
                    && self.wanted.last().is_none_or(|last| last.key != key)
                {
                    self.wanted.push(Wanted { key, to_look: entry.looks() });
                } else if let Some(keys) = entry.several_keys() {
                    node.want_several(keys, args, &mut self.wanted);
                }
            }
            let prepared = Prepared { command, key };
            self.requests.push(Request { first, end: self.spans.len(), input_end: at, prepared });
        }
        // A single key has nothing to gain.
        if self.wanted.len() > 1 {
            batch.warm(db, &self.wanted);
        }
    }

    /// The next request: its arguments, what is known of it, and the offset behind it. It stays the next one until it has
    /// been [taken](Self::take).
    #[inline]
    pub fn next<'a>(&'a self, input: &'a [u8]) -> Option<(Args<'a>, Prepared, usize)> {
        self.nth(0, input)
    }

    /// As [`next`](Self::next), so many requests later.
    #[inline(always)]
    pub(crate) fn nth<'a>(&'a self, later: usize, input: &'a [u8]) -> Option<(Args<'a>, Prepared, usize)> {
        let request = self.requests.get(self.next + later)?;
        let spans = self.spans.get(request.first..request.end).unwrap_or_default();
        Some((Args::new(input, spans), request.prepared, request.input_end))
    }

    /// What is known of the request so many after the next one.
    #[inline]
    pub(crate) fn known(&self, later: usize) -> Option<Prepared> {
        self.requests.get(self.next + later).map(|request| request.prepared)
    }

    /// Goes on to the request so many after the next one.
    #[inline]
    pub fn take(&mut self, requests: usize) {
        self.next += requests;
    }

    /// Whether there is no next request.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.next >= self.requests.len()
    }

    /// Gives back memory that a request of many arguments left behind.
    #[inline]
    pub fn shrink(&mut self) {
        if self.spans.capacity() * size_of::<Span>() > KEPT_BYTES {
            *self = Self::default();
        }
    }
}
