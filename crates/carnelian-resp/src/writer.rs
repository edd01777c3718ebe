//! Replies: what a server writes.

use crate::decode::decode_reply;
use crate::shape::Shape;
use crate::shared::{SharedParts, is_worth_sharing};
use carnelian_encoding::number::write_f64;
use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;

/// The version of the protocol a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Protocol {
    /// RESP2, what every connection starts with.
    #[default]
    Resp2,
    /// RESP3, after `HELLO 3`.
    Resp3,
}

impl Protocol {
    /// The number that HELLO takes and reports.
    pub const fn version(self) -> i64 {
        match self {
            Self::Resp2 => 2,
            Self::Resp3 => 3,
        }
    }
}

/// A collection whose length was not known when it was begun; end it with the method that belongs to its kind.
#[derive(Debug)]
#[must_use = "a collection that is begun must be ended with its length"]
pub struct Deferred {
    /// Offset of the header in the buffer.
    at: usize,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Array,
    Map,
    Set,
}

/// Bytes a deferred header takes while its length is not known: a kind, one digit, CR and LF.
const DEFERRED: &[u8] = b"*0\r\n";

/// Strings below this length are written in one piece. Their length has at most two digits.
const SHORT: usize = 64;
/// Room for a number with its prefix and what ends the line.
const HEADER_MOST: usize = 48;

/// Writer of replies into one growing buffer.
///
/// Each method says what is meant; which form that takes in RESP2 or RESP3 is decided here and nowhere else.
/// Collections announce their length and are followed by that many values. Debug builds check that they are:
/// [`debug_check_complete`](Self::debug_check_complete) panics when a reply lacks values, and
/// [`debug_check_replies`](Self::debug_check_replies) also when there is a value too many.
///
/// ```
/// use carnelian_resp::{Protocol, ReplyWriter};
/// let mut reply = ReplyWriter::new(Protocol::Resp3);
/// reply.map(1);
/// reply.bulk(b"score");
/// reply.double(0.5);
/// reply.debug_check_complete();
/// assert_eq!(reply.buf(), b"%1\r\n$5\r\nscore\r\n,0.5\r\n");
/// ```
///
/// # Sending
///
/// The writer knows what of it has been sent: [`unsent_buf`](Self::unsent_buf) is to be sent next, and
/// [`advance`](Self::advance) says how much was. A caller that can send several slices at once asks for
/// [`share_large`](Self::share_large): then [large texts](Self::bulk_shared) are not copied into the buffer but lie
/// between its bytes, and [`unsent_slices`](Self::unsent_slices) has both.
#[derive(Debug, Default)]
pub struct ReplyWriter {
    buf: Vec<u8>,
    protocol: Protocol,
    shares: bool,
    /// How much of `buf` has been sent.
    sent: usize,
    /// Texts that are not in `buf`; `None` when there are none.
    shared: Option<Box<SharedParts>>,
    /// Bytes of these that have not been sent.
    shared_bytes: usize,
    shape: Shape,
}

impl ReplyWriter {
    /// A writer with an empty buffer.
    pub fn new(protocol: Protocol) -> Self {
        Self::with_buffer(protocol, Vec::new())
    }

    /// A writer that appends to `buf`, for reuse of memory or replies that are already there.
    pub fn with_buffer(protocol: Protocol, buf: Vec<u8>) -> Self {
        Self { buf, protocol, ..Self::default() }
    }

    /// From now on large texts are referred to: what is written is in [`unsent_slices`](Self::unsent_slices), and
    /// [`buf`](Self::buf) lacks them.
    pub fn share_large(&mut self) {
        self.shares = true;
    }

    /// The protocol in use.
    #[inline]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Change the protocol, from the next value on.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// What has been written, without texts that are referred to.
    #[inline]
    pub fn buf(&self) -> &[u8] {
        &self.buf
    }

    /// The buffer itself. What is appended here is not seen by the shape check.
    #[inline]
    pub fn buf_mut(&mut self) -> &mut Vec<u8> {
        &mut self.buf
    }

    /// Take everything written and leave an empty buffer. Texts that are referred to are copied.
    pub fn take(&mut self) -> Vec<u8> {
        self.shape.clear();
        self.sent = 0;
        self.shared_bytes = 0;
        let buf = std::mem::take(&mut self.buf);
        match self.shared.take() {
            Some(shared) => shared.copied(&buf, 0),
            None => buf,
        }
    }

    /// Bytes that the buffer takes, used or not, without texts that are referred to.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.buf.capacity() + self.shared.as_ref().map_or(0, |shared| shared.heap_bytes())
    }

    /// Bytes in the buffer: a place that [`truncate`](Self::truncate) goes back to.
    #[inline]
    pub fn len(&self) -> usize {
        self.buf.len()
    }

    /// Whether nothing has been written.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.buf.is_empty()
    }

    /// Forget everything written; the memory is kept.
    pub fn clear(&mut self) {
        self.shape.clear();
        self.buf.clear();
        self.sent = 0;
        if self.shared.take().is_some() {
            self.shared_bytes = 0;
        }
    }

    /// Forget what was written after the buffer was `len` bytes long, for example half a reply before an error.
    pub fn truncate(&mut self, len: usize) {
        self.shape.truncate(len);
        self.buf.truncate(len);
        if let Some(shared) = &mut self.shared {
            shared.truncate(len);
            self.count_shared();
        }
    }

    /// Bytes that have not been sent, those of texts that are referred to included.
    #[inline]
    pub fn unsent(&self) -> usize {
        self.buf.len() - self.sent + self.shared_bytes
    }

    /// Of [`unsent`](Self::unsent), the bytes of texts that are referred to. Unless it is 0,
    /// [`unsent_slices`](Self::unsent_slices) has to be sent.
    #[inline]
    pub fn unsent_shared(&self) -> usize {
        self.shared_bytes
    }

    /// What of the buffer has not been sent, without texts that are referred to.
    #[inline]
    pub fn unsent_buf(&self) -> &[u8] {
        &self.buf[self.sent..]
    }

    /// Fills `slices` with what is to be sent next, and returns how many there are: fewer than there is room for only if
    /// that is everything. O(slices).
    pub fn unsent_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        match (&self.shared, slices.first_mut()) {
            (Some(shared), _) => shared.slices(&self.buf, self.sent, slices),
            (None, Some(slice)) if self.sent < self.buf.len() => {
                *slice = IoSlice::new(self.unsent_buf());
                1
            }
            (None, _) => 0,
        }
    }

    /// The next `count` bytes have been sent. Texts that have been sent are let go of at once, the buffer is kept until it
    /// is [cleared](Self::clear).
    #[inline]
    pub fn advance(&mut self, count: usize) {
        if let Some(shared) = &mut self.shared {
            self.sent = shared.advance(self.sent, count);
            self.count_shared();
        } else {
            self.sent += count;
        }
        debug_assert!(self.sent <= self.buf.len(), "what was sent had been written");
    }

    /// Gives back the memory of what has been sent if that is more than `most` bytes. Places in the buffer change. O(n)
    /// in what has not been sent.
    pub fn shed_sent(&mut self, most: usize) {
        if self.sent > most {
            self.buf = self.unsent_buf().to_vec();
            if let Some(shared) = &mut self.shared {
                shared.shift(self.sent);
            }
            self.shape.clear();
            self.sent = 0;
        }
    }

    fn count_shared(&mut self) {
        self.shared_bytes = self.shared.as_ref().map_or(0, |shared| shared.bytes());
        if self.shared_bytes == 0 {
            self.shared = None;
        }
    }

    /// In debug builds, panic unless every reply so far is whole. Costs nothing in release builds.
    #[inline]
    pub fn debug_check_complete(&self) {
        self.shape.check_complete();
    }

    /// In debug builds, panic unless exactly `count` whole replies have been written since the buffer was `start` bytes
    /// long. It decodes them again, so it is linear in their size; in release builds it does nothing.
    #[inline]
    pub fn debug_check_replies(&self, start: usize, count: usize) {
        if cfg!(debug_assertions) {
            let copied = self.shared.as_ref().map(|shared| shared.copied(&self.buf, start));
            let mut rest = copied.as_deref().or_else(|| self.buf.get(start..)).unwrap_or_default();
            let mut found = 0;
            while let Ok(Some((_, len))) = decode_reply(rest) {
                rest = &rest[len..];
                found += 1;
            }
            assert!(
                rest.is_empty() && found == count,
                "what was written is not {count} reply or replies but {found} and {} bytes more: {}",
                rest.len(),
                self.buf[start..].escape_ascii()
            );
        }
    }

    /// A simple string, for short fixed texts. CR and LF become spaces.
    #[inline]
    pub fn simple(&mut self, text: &str) {
        self.value();
        self.line(b'+', text.as_bytes());
    }

    /// The simple string `OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.value();
        self.buf.extend_from_slice(b"+OK\r\n");
    }

    /// An error, its code included: `ERR no such key`. CR and LF at the end are dropped and elsewhere become spaces, so
    /// that text from outside cannot forge a reply.
    pub fn error(&mut self, text: impl AsRef<[u8]>) {
        let mut text = text.as_ref();
        while let [rest @ .., b'\r' | b'\n'] = text {
            text = rest;
        }
        self.value();
        self.line(b'-', text);
    }

    /// An integer.
    #[inline]
    pub fn integer(&mut self, value: i64) {
        self.value();
        self.header(b':', value);
    }

    /// A string of bytes.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.value();
        self.blob(b'$', bytes);
    }

    /// A string of bytes that are part of a text. They are not copied, if the caller can send them so and they are many: the
    /// reply shows them as they are now, because whoever shares a text does not change it.
    ///
    /// A reference to less than half of the text's memory is not kept.
    ///
    /// # Panics
    ///
    /// When the part reaches beyond the text.
    #[cold]
    pub fn bulk_shared(&mut self, text: &Arc<Vec<u8>>, part: Range<usize>) {
        let bytes = &text[part.clone()];
        if !self.shares || !is_worth_sharing(text, &part) {
            return self.bulk(bytes);
        }
        self.value();
        self.header(b'$', bytes.len());
        let at = self.buf.len();
        self.shared_bytes += part.len();
        self.shared.get_or_insert_default().push(at, Arc::clone(text), part);
        self.buf.extend_from_slice(b"\r\n");
    }

    /// An integer as a string of bytes.
    #[inline]
    pub fn bulk_integer(&mut self, value: i64) {
        self.bulk(itoa::Buffer::new().format(value).as_bytes());
    }

    /// No value, where a string would stand.
    #[inline]
    pub fn null(&mut self) {
        self.value();
        self.buf.extend_from_slice(match self.protocol {
            Protocol::Resp2 => b"$-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// No value, where an array would stand.
    #[inline]
    pub fn null_array(&mut self) {
        self.value();
        self.buf.extend_from_slice(match self.protocol {
            Protocol::Resp2 => b"*-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// An array of `count` values.
    #[inline]
    pub fn array(&mut self, count: usize) {
        self.shape.open(self.buf.len(), Some(count));
        self.header(b'*', count);
    }

    /// A map of `pairs` keys and values, alternating. RESP2: an array of twice as many values.
    #[inline]
    pub fn map(&mut self, pairs: usize) {
        self.shape.open(self.buf.len(), Some(pairs.saturating_mul(2)));
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', pairs.saturating_mul(2)),
            Protocol::Resp3 => self.header(b'%', pairs),
        }
    }

    /// A set of `count` values. RESP2: an array.
    #[inline]
    pub fn set(&mut self, count: usize) {
        self.shape.open(self.buf.len(), Some(count));
        self.header(self.either(b'*', b'~'), count);
    }

    /// A message outside the order of requests and replies, of `count` values. RESP2: an array.
    #[inline]
    pub fn push(&mut self, count: usize) {
        self.shape.open(self.buf.len(), Some(count));
        self.header(self.either(b'*', b'>'), count);
    }

    /// Attributes of the value that follows: `pairs` keys and values, alternating. RESP2 has no form for them: nothing
    /// is written, the result is false, and the caller leaves out the pairs.
    #[must_use = "in RESP2 the pairs must not be written"]
    pub fn attribute(&mut self, pairs: usize) -> bool {
        let possible = self.protocol == Protocol::Resp3;
        if possible {
            self.shape.open_attribute(self.buf.len(), pairs.saturating_mul(2));
            self.header(b'|', pairs);
        }
        possible
    }

    /// A floating point number, printed with the fewest digits that read back the same. RESP2: a string.
    pub fn double(&mut self, value: f64) {
        self.value();
        match self.protocol {
            Protocol::Resp3 => {
                self.buf.push(b',');
                write_f64(&mut self.buf, value);
                self.buf.extend_from_slice(b"\r\n");
            }
            Protocol::Resp2 => {
                // No double takes more than 27 bytes, so the length has one or two digits: write it afterwards.
                let at = self.buf.len();
                self.buf.extend_from_slice(b"$00\r\n");
                write_f64(&mut self.buf, value);
                let len = self.buf.len() - at - 5;
                self.buf[at + 1] = b'0' + (len / 10) as u8;
                self.buf[at + 2] = b'0' + (len % 10) as u8;
                if len < 10 {
                    self.buf.remove(at + 1);
                }
                self.buf.extend_from_slice(b"\r\n");
            }
        }
    }

    /// A truth value. RESP2: the integer 1 or 0.
    pub fn boolean(&mut self, value: bool) {
        self.value();
        self.buf.extend_from_slice(match (self.protocol, value) {
            (Protocol::Resp2, true) => b":1\r\n",
            (Protocol::Resp2, false) => b":0\r\n",
            (Protocol::Resp3, true) => b"#t\r\n",
            (Protocol::Resp3, false) => b"#f\r\n",
        });
    }

    /// An integer of any size, in decimal. RESP2: a string.
    pub fn big_number(&mut self, digits: &str) {
        self.value();
        match self.protocol {
            Protocol::Resp2 => self.blob(b'$', digits.as_bytes()),
            Protocol::Resp3 => self.line(b'(', digits.as_bytes()),
        }
    }

    /// A text with its format, three bytes such as `txt` or `mkd` (cut or filled with spaces). RESP2: a string.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        self.value();
        match self.protocol {
            Protocol::Resp2 => self.blob(b'$', text),
            Protocol::Resp3 => {
                let mut prefix = *b"   :";
                for (to, from) in prefix.iter_mut().take(3).zip(format.bytes()) {
                    *to = from;
                }
                self.header(b'=', text.len() + prefix.len());
                self.buf.extend_from_slice(&prefix);
                self.buf.extend_from_slice(text);
                self.buf.extend_from_slice(b"\r\n");
            }
        }
    }

    /// A whole reply that is already encoded.
    #[inline]
    pub fn raw(&mut self, encoded: &[u8]) {
        self.value();
        self.buf.extend_from_slice(encoded);
    }

    /// Begin an array whose length is not yet known.
    pub fn begin_array(&mut self) -> Deferred {
        self.begin(Kind::Array)
    }

    /// Begin a map whose length is not yet known.
    pub fn begin_map(&mut self) -> Deferred {
        self.begin(Kind::Map)
    }

    /// Begin a set whose length is not yet known.
    pub fn begin_set(&mut self) -> Deferred {
        self.begin(Kind::Set)
    }

    /// End an array of `count` values. If the length has more than one digit, what was written since the array was
    /// begun moves by the difference.
    pub fn end_array(&mut self, array: Deferred, count: usize) {
        self.end(array, Kind::Array, b'*', count, count);
    }

    /// End a map of `pairs` keys and values; moves bytes as [`end_array`](Self::end_array) does.
    pub fn end_map(&mut self, map: Deferred, pairs: usize) {
        let values = pairs.saturating_mul(2);
        match self.protocol {
            Protocol::Resp2 => self.end(map, Kind::Map, b'*', values, values),
            Protocol::Resp3 => self.end(map, Kind::Map, b'%', pairs, values),
        }
    }

    /// End a set of `count` values; moves bytes as [`end_array`](Self::end_array) does.
    pub fn end_set(&mut self, set: Deferred, count: usize) {
        self.end(set, Kind::Set, self.either(b'*', b'~'), count, count);
    }

    fn begin(&mut self, kind: Kind) -> Deferred {
        let at = self.buf.len();
        self.shape.open(at, None);
        self.buf.extend_from_slice(DEFERRED);
        Deferred { at, kind }
    }

    fn end(&mut self, deferred: Deferred, kind: Kind, prefix: u8, count: usize, values: usize) {
        debug_assert_eq!(deferred.kind, kind, "a collection is ended as what it was begun");
        self.shape.close(deferred.at, values);
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(count).as_bytes();
        let at = deferred.at;
        if digits.len() > 1 {
            let extra = digits.len() - 1;
            let end = self.buf.len();
            self.buf.resize(end + extra, 0);
            self.buf.copy_within(at + DEFERRED.len()..end, at + DEFERRED.len() + extra);
            self.shape.moved(at, extra);
            if let Some(shared) = &mut self.shared {
                shared.moved(at, extra);
            }
        }
        self.buf[at] = prefix;
        self.buf[at + 1..at + 1 + digits.len()].copy_from_slice(digits);
        self.buf[at + 1 + digits.len()..][..2].copy_from_slice(b"\r\n");
    }

    #[inline(always)]
    fn either(&self, resp2: u8, resp3: u8) -> u8 {
        match self.protocol {
            Protocol::Resp2 => resp2,
            Protocol::Resp3 => resp3,
        }
    }

    #[inline(always)]
    fn value(&mut self) {
        self.shape.value(self.buf.len());
    }

    #[inline(always)]
    fn header(&mut self, prefix: u8, number: impl itoa::Integer + TryInto<u8> + Copy) {
        // Nearly every number is small, and what has a fixed size is written without a call.
        match number.try_into() {
            Ok(one @ 0..10) => return self.buf.extend_from_slice(&[prefix, b'0' + one, b'\r', b'\n']),
            Ok(two @ 10..100) => {
                return self.buf.extend_from_slice(&[prefix, b'0' + two / 10, b'0' + two % 10, b'\r', b'\n']);
            }
            _ => {}
        }
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(number).as_bytes();
        // Put together in a block of fixed size, as short strings are.
        let (mut block, len) = ([prefix; HEADER_MOST], digits.len());
        block[1..=len].copy_from_slice(digits);
        block[1 + len..3 + len].copy_from_slice(b"\r\n");
        let end = self.buf.len() + 3 + len;
        self.buf.extend_from_slice(&block);
        self.buf.truncate(end);
    }

    #[inline(always)]
    fn blob(&mut self, prefix: u8, bytes: &[u8]) {
        if bytes.len() < SHORT {
            self.short_blob(prefix, bytes);
            return;
        }
        self.buf.reserve(bytes.len() + 25);
        self.header(prefix, bytes.len());
        self.buf.extend_from_slice(bytes);
        self.buf.extend_from_slice(b"\r\n");
    }

    /// A short string is put together in a block of fixed size, which is appended without a call for each of its parts.
    #[inline]
    fn short_blob(&mut self, prefix: u8, bytes: &[u8]) {
        let len = bytes.len();
        let mut block = [0; SHORT + 8];
        block[0] = prefix;
        let mut at = 1;
        if len >= 10 {
            block[at] = b'0' + (len / 10) as u8;
            at += 1;
        }
        block[at] = b'0' + (len % 10) as u8;
        block[at + 1..at + 3].copy_from_slice(b"\r\n");
        at += 3;
        block[at..at + len].copy_from_slice(bytes);
        at += len;
        block[at..at + 2].copy_from_slice(b"\r\n");
        let end = self.buf.len() + at + 2;
        self.buf.extend_from_slice(&block);
        self.buf.truncate(end);
    }

    fn line(&mut self, prefix: u8, text: &[u8]) {
        self.buf.reserve(text.len() + 3);
        self.buf.push(prefix);
        let start = self.buf.len();
        self.buf.extend_from_slice(text);
        if memchr::memchr2(b'\r', b'\n', text).is_some() {
            for byte in &mut self.buf[start..] {
                if matches!(byte, b'\r' | b'\n') {
                    *byte = b' ';
                }
            }
        }
        self.buf.extend_from_slice(b"\r\n");
    }
}
