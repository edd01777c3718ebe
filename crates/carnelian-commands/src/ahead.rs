//! Requests of a read, made ready before the first of them runs.

use crate::batch::{Batch, Prepared};
use crate::table::Entry;
use carnelian_engine::{KeyHash, WARM_MOST, Wanted};
use carnelian_resp::{Args, Beginning, RequestParser, Span};
use smallvec::SmallVec;

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
    members: Members,
    /// The last command, when its name was only the first argument of a request that began so.
    last: Option<(u16, Beginning)>,
    /// The request that runs next.
    next: usize,
}

/// Members of one set, or fields of one hash, that several requests in a row are on. Of one key in each read, for the others have
/// less to gain.
#[derive(Default)]
struct Members {
    /// Hash and place of the key in `spans`.
    key: Option<(KeyHash, usize)>,
    places: Vec<usize>,
}

impl Members {
    fn clear(&mut self) {
        self.key = None;
        self.places.clear();
    }

    /// Adds what follows the key in this place, if it comes before `end`.
    fn add(&mut self, key: KeyHash, place: usize, end: usize) {
        if self.key.get_or_insert((key, place)).0 == key && place + 1 < end {
            self.places.push(place + 1);
        }
    }
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
        self.members.clear();
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
        // The command of the request before: many clients send one command over and over. Nothing is known of it when its
        // name is more than the first argument.
        let (mut command, mut beginning) = self.last.unwrap_or((Prepared::UNKNOWN, Beginning::default()));
        let (mut entry, mut known) = (node.entry_of(command), self.last.is_some());
        while self.requests.len() < WARM_MOST && self.wanted.len() < WARM_MOST {
            let first = self.spans.len();
            let Some(seen) = parser.look_ahead(input, at, &mut self.spans, &mut beginning) else { break };
            let args = Args::new(input, self.spans.get(first..).unwrap_or_default());
            at = seen.end;
            if !(seen.repeats && known) {
                command = node.number(args);
                entry = node.entry_of(command);
                known = entry.is_some_and(Entry::is_whole_name);
            }
            let key = entry.and_then(|entry| node.only_key(entry, args));
            if let Some(entry) = entry {
                if let Some(key) = key {
                    // Many pipelines use one key over and over.
                    if self.wanted.last().is_none_or(|last| last.key != key) {
                        self.wanted.push(Wanted { key, to_look: entry.looks() });
                    } else if let Some(place) = entry.key_before_member() {
                        self.members.add(key, first + place, self.spans.len());
                    }
                } else if let Some(keys) = entry.several_keys() {
                    node.want_several(keys, args, &mut self.wanted);
                }
            }
            let prepared = Prepared { command, key };
            self.requests.push(Request { first, end: self.spans.len(), input_end: at, prepared });
        }
        self.last = known.then_some((command, beginning));
        // A single key has nothing to gain.
        if self.wanted.len() > 1 {
            batch.warm(db, &self.wanted);
        }
        if self.members.key.is_some() {
            self.warm_members(batch, db, input);
        }
    }

    #[inline(never)]
    fn warm_members(&self, batch: &mut Batch<'_>, db: usize, input: &[u8]) {
        let args = Args::new(input, &self.spans);
        let members: SmallVec<[&[u8]; WARM_MOST]> =
            self.members.places.iter().filter_map(|place| args.get(*place)).collect();
        if let Some((hash, place)) = self.members.key
            && let Some(key) = args.get(place)
        {
            batch.warm_members(db, hash, key, &members);
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
