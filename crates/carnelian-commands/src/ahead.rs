//! Requests of a read, made ready before the first of them runs.

use crate::batch::{Batch, Prepared};
use carnelian_engine::{WARM_MOST, Warming};
use carnelian_resp::{Args, Beginning, RequestParser, Span};

/// Memory for arguments that is kept between reads, in bytes.
const KEPT_BYTES: usize = 64 * 1024;

/// Requests of a read, parsed, looked up and hashed before the first of them runs.
#[derive(Default)]
pub struct Ahead {
    /// Arguments of all of them, as ranges of the input.
    spans: Vec<Span>,
    requests: Vec<Request>,
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
    pub fn clear(&mut self) {
        self.spans.clear();
        self.requests.clear();
        self.next = 0;
    }

    /// Reads requests from offset `at` on, as many as it is worth while to prepare together, and asks the processor for
    /// what running them will read, so that the waits for memory overlap.
    #[inline(never)]
    pub fn fill(
        &mut self,
        batch: &Batch<'_>,
        parser: &RequestParser,
        db: usize,
        input: &[u8],
        mut at: usize,
    ) {
        self.clear();
        let (node, seat) = (batch.node, batch.seat);
        let engine = node.engine();
        let mut warming: Option<Warming<'_, '_>> = None;
        let mut beginning = Beginning::default();
        let (mut last_word, mut last_command, mut last_shard) = (None, 0, None);
        while self.requests.len() < WARM_MOST && warming.as_ref().is_none_or(Warming::has_room) {
            let first = self.spans.len();
            let Some(seen) = parser.look_ahead(input, at, &mut self.spans, &mut beginning) else { break };
            let input_end = seen.end;
            let args = Args::new(input, self.spans.get(first..).unwrap_or_default());
            // Many pipelines send one command over and over.
            let word = self.spans.get(first).and_then(|name| word(input, *name));
            let prepared = if word.is_some() && word == last_word {
                node.prepare_known(last_command, args)
            } else {
                let prepared = node.prepare(args);
                last_word = word.filter(|_| node.is_whole_name(prepared));
                last_command = prepared.command;
                prepared
            };
            at = input_end;
            let looks = node.looks(prepared);
            let begin = || Warming::new(engine, db, seat);
            match prepared.key {
                // A single key has nothing to gain.
                Some(key) if at < input.len() || warming.is_some() => {
                    let warming = warming.get_or_insert_with(begin);
                    if warming.ask(key, looks)
                        && let Some(place) = node.key_before_member(prepared)
                        && let Some([name, member]) =
                            self.spans.get(first + place..).and_then(<[Span]>::first_chunk)
                    {
                        warming.ask_member(key, bytes(input, *name), bytes(input, *member));
                    }
                }
                Some(_) => {}
                None => {
                    if let Some(keys) = node.several_keys(prepared) {
                        node.warm_several(keys, args, warming.get_or_insert_with(begin));
                    }
                }
            }
            let shard = prepared.key.map(|key| engine.shard_of_key(key));
            // A lock that is kept would keep readers out.
            if shard.is_some()
                && shard == last_shard
                && (seat.is_none() || !looks)
                && let Some(last) = self.requests.last_mut()
            {
                last.prepared.goes_on = true;
            }
            last_shard = shard;
            self.requests.push(Request { first, end: self.spans.len(), input_end, prepared });
        }
        if let Some(warming) = warming {
            warming.finish();
        }
    }

    /// The next request: its arguments, what is known of it, and the offset behind it.
    #[inline]
    pub fn next<'a>(&'a mut self, input: &'a [u8]) -> Option<(Args<'a>, &'a Prepared, usize)> {
        let request = self.requests.get(self.next)?;
        self.next += 1;
        let spans = self.spans.get(request.first..request.end).unwrap_or_default();
        Some((Args::new(input, spans), &request.prepared, request.input_end))
    }

    /// Whether there is a next request.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.next >= self.requests.len()
    }

    /// Gives back memory that a request of many arguments left behind.
    pub fn shrink(&mut self) {
        if self.spans.capacity() * size_of::<Span>() > KEPT_BYTES {
            *self = Self::default();
        }
    }
}

fn bytes(input: &[u8], span: Span) -> &[u8] {
    input.get(span.start..span.start + span.len).unwrap_or_default()
}

/// A name of at most seven bytes as a number, which also tells its length. Not of one that ends close to the end of the
/// input.
#[inline]
fn word(input: &[u8], name: Span) -> Option<u64> {
    let bytes = input.get(name.start..)?.first_chunk::<8>()?;
    (name.len < 8)
        .then(|| u64::from_le_bytes(*bytes) & !(u64::MAX << (8 * name.len)) | (name.len as u64) << 56)
}
