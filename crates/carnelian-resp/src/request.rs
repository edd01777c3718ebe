//! Requests: the resumable parser of what clients send.

use std::fmt;

use memchr::memchr;

use crate::args::{Args, Span};
use crate::inline::split_into;
use carnelian_encoding::number::parse_i64;

/// Most arguments a client that has not authenticated may send in one request.
const UNAUTHENTICATED_ARGS: usize = 10;
/// Longest argument, in bytes, a client that has not authenticated may send.
const UNAUTHENTICATED_BULK: usize = 16 * 1024;
/// Room made for spans when a request announces more arguments than this; the rest grows as bytes arrive.
const SPANS_AHEAD: usize = 1024;

/// What a client may send. All limits are checked before memory is reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most arguments of one request. Redis 7 allows what fits into a C `int`.
    pub max_args: usize,
    /// Longest argument, in bytes (`proto-max-bulk-len`).
    pub max_bulk: usize,
    /// Longest line, in bytes: an inline request, or the length line of a multibulk.
    pub max_inline: usize,
    /// Whether the client may send large requests. If not, 10 arguments of 16 KiB are the most, on top of the limits
    /// above and with their own error texts.
    pub authenticated: bool,
}

impl Limits {
    /// The limits of a client that has yet to authenticate: those of [`Limits::default`], and at most 10 arguments
    /// of 16,384 bytes.
    pub fn unauthenticated() -> Self {
        Self { authenticated: false, ..Self::default() }
    }

    /// Most arguments and longest argument, whatever the reason.
    #[inline(always)]
    fn strictest(&self) -> (usize, usize) {
        if self.authenticated {
            (self.max_args, self.max_bulk)
        } else {
            (self.max_args.min(UNAUTHENTICATED_ARGS), self.max_bulk.min(UNAUTHENTICATED_BULK))
        }
    }
}

impl Default for Limits {
    /// Redis' defaults: 2,147,483,647 arguments of at most 512 MiB, lines of at most 64 KiB, authenticated.
    fn default() -> Self {
        Self { max_args: i32::MAX as usize, max_bulk: 512 << 20, max_inline: 64 << 10, authenticated: true }
    }
}

/// What [`RequestParser::parse`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// A whole request; the next one begins `len` bytes into the input.
    Complete {
        /// Bytes the request takes, its line ends included.
        len: usize,
    },
    /// The request goes on past the end of the input.
    Incomplete {
        /// Bytes the input must at least have, from the start of the request, before another call can get further.
        /// Limits have been checked, so it is safe to reserve this much.
        needed: usize,
    },
}

/// Why a request is refused. The connection cannot be understood any further and has to be closed after the reply.
///
/// [`Display`](fmt::Display) gives Redis' text after "Protocol error: "; [`to_reply`](ProtocolError::to_reply) gives
/// all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtocolError {
    /// The line with the number of arguments is too long.
    TooBigMultibulkCount,
    /// The number of arguments is not a number, or above [`Limits::max_args`].
    InvalidMultibulkLength,
    /// More arguments than a client may send before it authenticates.
    UnauthenticatedMultibulkLength,
    /// An argument does not begin with `$` but with this byte.
    ExpectedDollar(u8),
    /// The line with the length of an argument is too long.
    TooBigBulkCount,
    /// The length of an argument is not a number, negative, or above [`Limits::max_bulk`].
    InvalidBulkLength,
    /// A longer argument than a client may send before it authenticates.
    UnauthenticatedBulkLength,
    /// An inline request is longer than [`Limits::max_inline`].
    TooBigInline,
    /// The quotes of an inline request do not balance.
    UnbalancedQuotes,
}

impl ProtocolError {
    /// The text of the error reply, code included and byte exact: `ERR Protocol error: ...`.
    pub fn to_reply(&self) -> Vec<u8> {
        match *self {
            // Formatting would write a byte above 127 as two.
            Self::ExpectedDollar(byte) => {
                [&b"ERR Protocol error: expected '$', got '"[..], &[byte], b"'"].concat()
            }
            _ => format!("ERR Protocol error: {self}").into_bytes(),
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::TooBigMultibulkCount => "too big mbulk count string",
            Self::InvalidMultibulkLength => "invalid multibulk length",
            Self::UnauthenticatedMultibulkLength => "unauthenticated multibulk length",
            Self::ExpectedDollar(byte) => return write!(f, "expected '$', got '{}'", byte as char),
            Self::TooBigBulkCount => "too big bulk count string",
            Self::InvalidBulkLength => "invalid bulk length",
            Self::UnauthenticatedBulkLength => "unauthenticated bulk length",
            Self::TooBigInline => "too big inline request",
            Self::UnbalancedQuotes => "unbalanced quotes in request",
        })
    }
}

impl std::error::Error for ProtocolError {}

/// A request that [`RequestParser::look_ahead`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Offset behind it.
    pub end: usize,
    /// It has the same first argument as the one before it, and as many of them.
    pub repeats: bool,
}

/// How a request begins: the number of its arguments, and the first of them, as bytes. A request that begins with the same
/// bytes need not have them read again.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beginning {
    /// The bytes, followed by zeros.
    bytes: u128,
    mask: u128,
    /// Number of bytes; 0 when none are known.
    len: usize,
    /// Number of arguments.
    count: usize,
    /// The first argument, from the start of the request on.
    name: Span,
}

impl Beginning {
    /// How the request at `at` begins, if that is short enough.
    fn of(input: &[u8], at: usize, spans: &[Span]) -> Self {
        let (Some(first), Some(bytes)) = (spans.first(), input.get(at..).and_then(|rest| rest.first_chunk()))
        else {
            return Self::default();
        };
        let name = Span { start: first.start - at, len: first.len };
        let len = name.start + name.len + 2;
        if len > size_of::<u128>() {
            return Self::default();
        }
        let mask = u128::MAX >> (u128::BITS - 8 * len as u32);
        Self { bytes: u128::from_le_bytes(*bytes) & mask, mask, len, count: spans.len(), name }
    }

    /// Whether the request at `at` begins so. Not near the end of the input.
    #[inline(always)]
    fn begins(&self, input: &[u8], at: usize) -> bool {
        self.len > 0
            && input
                .get(at..)
                .and_then(|rest| rest.first_chunk())
                .is_some_and(|bytes| u128::from_le_bytes(*bytes) & self.mask == self.bytes)
    }
}

/// How far the current request has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing of it yet. A complete request leaves its arguments behind in this phase.
    Start,
    /// In the line that gives the number of arguments.
    Count,
    /// In the line that gives the length of the next argument.
    Length,
    /// In the bytes of an argument of this length.
    Body(usize),
    /// In an inline request.
    Inline,
}

/// Parser of requests, resumable at every byte and without I/O.
///
/// The caller keeps the bytes: `input` always starts at the first byte of the current request and has grown, or
/// stayed, since the last call. It may have moved in memory; the parser keeps offsets only and never goes back by
/// more than the few digits of one length, however many calls a request takes. In a steady state no request
/// allocates.
///
/// What Redis accepts is accepted: the two bytes after an argument and the byte after a CR are skipped without a
/// look, as it does. Unlike Redis, a NUL byte does not hide the rest of a line.
///
/// ```
/// use carnelian_resp::{Limits, RequestParser, Status};
/// let mut parser = RequestParser::new(Limits::default());
/// let input = b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\nPING \"hello world\"\r\n";
/// assert_eq!(parser.parse(&input[..10]), Ok(Status::Incomplete { needed: 13 }));
/// assert_eq!(parser.parse(input), Ok(Status::Complete { len: 22 }));
/// assert_eq!(&parser.args(input)[1], b"key");
/// let rest = &input[22..];
/// assert_eq!(parser.parse(rest), Ok(Status::Complete { len: 20 }));
/// assert_eq!(&parser.args(rest)[1], b"hello world");
/// ```
#[derive(Debug)]
pub struct RequestParser {
    limits: Limits,
    phase: Phase,
    /// Offset of the line or argument being read.
    at: usize,
    /// Bytes of the current line that hold no line end.
    scanned: usize,
    /// Arguments still to come.
    remaining: usize,
    spans: Vec<Span>,
    /// Whether the spans lie in `scratch` and not in the input.
    inline: bool,
    /// Arguments of an inline request, unquoted.
    scratch: Vec<u8>,
}

impl RequestParser {
    /// A parser that stands before the first byte of a request.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            phase: Phase::Start,
            at: 0,
            scanned: 0,
            remaining: 0,
            spans: Vec::new(),
            inline: false,
            scratch: Vec::new(),
        }
    }

    /// The limits in force.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Change the limits, from the next length that is read on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Whether a request has been begun and not yet completed.
    pub fn is_midway(&self) -> bool {
        self.phase != Phase::Start
    }

    /// Forget the current request, so that the next call starts a new one. Not needed after
    /// [`Status::Complete`]; after an error it makes the parser usable for another connection.
    pub fn reset(&mut self) {
        self.phase = Phase::Start;
        self.at = 0;
        self.scanned = 0;
        self.remaining = 0;
        self.spans.clear();
        self.scratch.clear();
        self.inline = false;
    }

    /// Forget the current request and give back the memory that a large one left behind.
    pub fn shrink(&mut self) {
        self.reset();
        self.spans = Vec::new();
        self.scratch = Vec::new();
    }

    /// Bytes held on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.spans.capacity() * size_of::<Span>() + self.scratch.capacity()
    }

    /// Bytes of a request in the making that have been read for good: what is before the line or argument being read.
    pub fn settled_bytes(&self) -> usize {
        if self.is_midway() { self.at } else { 0 }
    }

    /// The arguments of the request that the last call of [`parse`](Self::parse) completed; `input` is what that
    /// call was given. An empty request has none.
    #[inline]
    pub fn args<'a>(&'a self, input: &'a [u8]) -> Args<'a> {
        Args::new(if self.inline { &self.scratch } else { input }, &self.spans)
    }

    /// Read on in the current request.
    ///
    /// After an error the parser stays where it is; close the connection, or [`reset`](Self::reset) it.
    #[inline]
    pub fn parse(&mut self, input: &[u8]) -> Result<Status, ProtocolError> {
        if self.phase == Phase::Start {
            let Some(&first) = input.first() else {
                return Ok(Status::Incomplete { needed: 1 });
            };
            self.spans.clear();
            self.scanned = 0;
            self.at = 0;
            self.inline = first != b'*';
            if self.inline {
                self.scratch.clear();
                self.phase = Phase::Inline;
            } else if let Some(len) = self.parse_plain(input) {
                return Ok(Status::Complete { len });
            }
        }
        if self.phase == Phase::Inline { self.parse_inline(input) } else { self.parse_multibulk(input) }
    }

    /// Reads one request that begins at offset `at` without touching the state of the parser, for looking at the requests
    /// of a read before the first of them runs. Its arguments are appended to `spans`, as ranges of `input`. `beginning`
    /// is how the request before it began, and learns how this one does: pipelines send one command over and over.
    ///
    /// Only whole multibulk requests with at least one argument, short numbers and nothing beyond the limits are read.
    /// Anything else gives `None` and leaves `spans` as it was: [`parse`](Self::parse) finds out what it is. The parser
    /// must not be in the middle of a request.
    ///
    /// ```
    /// use carnelian_resp::{Args, Beginning, Limits, RequestParser};
    /// let parser = RequestParser::new(Limits::default());
    /// let input = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*2\r\n$3\r\nGET\r\n$1\r\nl\r\n*2\r\n$3\r\nG";
    /// let (mut spans, mut beginning) = (Vec::new(), Beginning::default());
    /// let first = parser.look_ahead(input, 0, &mut spans, &mut beginning).unwrap();
    /// assert!(first.end == 20 && !first.repeats);
    /// let second = parser.look_ahead(input, 20, &mut spans, &mut beginning).unwrap();
    /// assert!(second.end == 40 && second.repeats, "another GET");
    /// assert_eq!(&Args::new(input, &spans[2..])[1], b"l");
    /// assert!(parser.look_ahead(input, 40, &mut spans, &mut beginning).is_none());
    /// assert_eq!(spans.len(), 4);
    /// ```
    #[inline]
    pub fn look_ahead(
        &self,
        input: &[u8],
        at: usize,
        spans: &mut Vec<Span>,
        beginning: &mut Beginning,
    ) -> Option<Seen> {
        debug_assert!(!self.is_midway(), "requests are looked at from their first byte on");
        let before = spans.len();
        let (max_args, max_bulk) = self.limits.strictest();
        let repeats =
            beginning.begins(input, at) && beginning.count <= max_args && beginning.name.len <= max_bulk;
        let plain = if repeats {
            spans.reserve(beginning.count);
            spans.push(Span { start: at + beginning.name.start, len: beginning.name.len });
            read_arguments(input, at + beginning.len, beginning.count - 1, max_bulk, spans)
        } else {
            read_plain(input, at, &self.limits, spans)
        };
        match plain {
            Plain::Whole { end } if spans.len() > before => {
                if !repeats {
                    *beginning = Beginning::of(input, at, &spans[before..]);
                }
                Some(Seen { end, repeats })
            }
            _ => {
                spans.truncate(before);
                None
            }
        }
    }

    /// Read a multibulk request that is all there and has only short numbers within the limits: nearly every one.
    /// It works on local variables alone. Anything else gives `None`, with the parser where that begins;
    /// [`parse_multibulk`](Self::parse_multibulk) reads on from there and finds out what it is.
    #[inline]
    fn parse_plain(&mut self, input: &[u8]) -> Option<usize> {
        match read_plain(input, 0, &self.limits, &mut self.spans) {
            Plain::Whole { end } => return Some(end),
            Plain::Cut { at, remaining } => {
                self.at = at;
                self.remaining = remaining;
                self.phase = Phase::Length;
            }
            Plain::No => self.phase = Phase::Count,
        }
        None
    }

    fn parse_multibulk(&mut self, input: &[u8]) -> Result<Status, ProtocolError> {
        if self.phase == Phase::Count {
            match self.count(input)? {
                Line::Read => {}
                Line::Partial => return Ok(Status::Incomplete { needed: input.len() + 1 }),
            }
        }
        while self.remaining > 0 {
            if self.phase == Phase::Length {
                match self.length(input)? {
                    Line::Read => {}
                    Line::Partial => return Ok(Status::Incomplete { needed: input.len() + 1 }),
                }
            }
            let Phase::Body(len) = self.phase else { break };
            let start = self.at;
            let needed = start.saturating_add(len).saturating_add(2);
            if needed > input.len() {
                return Ok(Status::Incomplete { needed });
            }
            self.spans.push(Span { start, len });
            self.at = needed;
            self.remaining -= 1;
            self.phase = Phase::Length;
        }
        self.phase = Phase::Start;
        Ok(Status::Complete { len: self.at })
    }

    /// Read the number of arguments. Afterwards `remaining` is set, and the phase is `Length`.
    fn count(&mut self, input: &[u8]) -> Result<Line, ProtocolError> {
        let Some(line) = self.line(input, ProtocolError::TooBigMultibulkCount)? else {
            return Ok(Line::Partial);
        };
        let digits = line.strip_prefix(b"*").unwrap_or(line);
        let count = parse_i64(digits).ok_or(ProtocolError::InvalidMultibulkLength)?;
        // A negative number is an empty request.
        let count = usize::try_from(count).unwrap_or(0);
        if count > self.limits.max_args {
            return Err(ProtocolError::InvalidMultibulkLength);
        }
        if count > UNAUTHENTICATED_ARGS && !self.limits.authenticated {
            return Err(ProtocolError::UnauthenticatedMultibulkLength);
        }
        self.spans.reserve(count.min(SPANS_AHEAD));
        self.remaining = count;
        self.phase = Phase::Length;
        Ok(Line::Read)
    }

    /// Read the length of the next argument. Afterwards the phase is `Body`.
    #[inline]
    fn length(&mut self, input: &[u8]) -> Result<Line, ProtocolError> {
        let plain = if self.scanned == 0 { plain_number(input, self.at, b'$') } else { None };
        let len = if let Some((len, next)) = plain {
            self.at = next;
            len
        } else {
            let Some(len) = self.long_length(input)? else { return Ok(Line::Partial) };
            len
        };
        if len > self.limits.max_bulk {
            return Err(ProtocolError::InvalidBulkLength);
        }
        if len > UNAUTHENTICATED_BULK && !self.limits.authenticated {
            return Err(ProtocolError::UnauthenticatedBulkLength);
        }
        self.phase = Phase::Body(len);
        Ok(Line::Read)
    }

    #[cold]
    fn long_length(&mut self, input: &[u8]) -> Result<Option<usize>, ProtocolError> {
        let Some(line) = self.line(input, ProtocolError::TooBigBulkCount)? else { return Ok(None) };
        match line.split_first() {
            Some((b'$', digits)) => parse_i64(digits)
                .and_then(|len| usize::try_from(len).ok())
                .map(Some)
                .ok_or(ProtocolError::InvalidBulkLength),
            // An empty line: its first byte is the CR that ended it.
            None => Err(ProtocolError::ExpectedDollar(b'\r')),
            Some((&other, _)) => Err(ProtocolError::ExpectedDollar(other)),
        }
    }

    /// The line at `at` without its end, `None` if it has not all arrived. Moves `at` behind it.
    #[cold]
    fn line<'i>(
        &mut self,
        input: &'i [u8],
        too_long: ProtocolError,
    ) -> Result<Option<&'i [u8]>, ProtocolError> {
        let rest = input.get(self.at..).unwrap_or_default();
        let Some(end) = self.find(rest, b'\r', too_long)? else { return Ok(None) };
        // The byte after the CR must be there but, as in Redis, may be anything.
        if end + 1 >= rest.len() {
            self.scanned = end;
            return Ok(None);
        }
        self.at += end + 2;
        self.scanned = 0;
        Ok(Some(&rest[..end]))
    }

    /// Find the end of a line, from where the last search stopped.
    fn find(
        &mut self,
        rest: &[u8],
        end: u8,
        too_long: ProtocolError,
    ) -> Result<Option<usize>, ProtocolError> {
        let max = self.limits.max_inline;
        match memchr(end, rest.get(self.scanned..).unwrap_or_default()) {
            Some(more) if self.scanned + more <= max => Ok(Some(self.scanned + more)),
            None if rest.len() <= max => {
                self.scanned = rest.len();
                Ok(None)
            }
            // Judged by where the line ends and not by what has arrived, so that the answer does not depend on how
            // the network cut the bytes.
            _ => Err(too_long),
        }
    }

    fn parse_inline(&mut self, input: &[u8]) -> Result<Status, ProtocolError> {
        let Some(end) = self.find(input, b'\n', ProtocolError::TooBigInline)? else {
            return Ok(Status::Incomplete { needed: input.len() + 1 });
        };
        let line = &input[..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !split_into(line, &mut self.scratch, &mut self.spans) {
            return Err(ProtocolError::UnbalancedQuotes);
        }
        self.phase = Phase::Start;
        Ok(Status::Complete { len: end + 1 })
    }
}

/// Whether a length line has arrived.
enum Line {
    Read,
    Partial,
}

/// What [`read_plain`] found.
enum Plain {
    /// A whole request, up to this offset.
    Whole { end: usize },
    /// A request whose argument at this offset is not plain or not all there; so many arguments are missing.
    Cut { at: usize, remaining: usize },
    /// Something else.
    No,
}

/// Reads a multibulk request at `at` as long as all is there, the numbers are short and the limits are kept.
#[inline]
fn read_plain(input: &[u8], at: usize, limits: &Limits, spans: &mut Vec<Span>) -> Plain {
    let (max_args, max_bulk) = limits.strictest();
    let Some((count, at)) = plain_number(input, at, b'*') else { return Plain::No };
    if count > max_args.min(SPANS_AHEAD) {
        return Plain::No;
    }
    spans.reserve(count);
    read_arguments(input, at, count, max_bulk, spans)
}

/// As [`read_plain`], from the first of `count` arguments on.
#[inline(always)]
fn read_arguments(
    input: &[u8],
    mut at: usize,
    count: usize,
    max_bulk: usize,
    spans: &mut Vec<Span>,
) -> Plain {
    for read in 0..count {
        let plain = plain_number(input, at, b'$').and_then(|(len, start)| {
            // Neither number can be large enough to overflow: one is an offset, the other has few digits.
            let next = start + len + 2;
            (len <= max_bulk && next <= input.len()).then_some((Span { start, len }, next))
        });
        let Some((span, next)) = plain else { return Plain::Cut { at, remaining: count - read } };
        spans.push(span);
        at = next;
    }
    Plain::Whole { end: at }
}

/// The number in the line at `at` that begins with `kind`, and the offset behind the line. `None` for anything but
/// one to nine digits, also for what is cut off.
#[inline(always)]
fn plain_number(input: &[u8], at: usize, kind: u8) -> Option<(usize, usize)> {
    // The shortest line is `$0` CR LF. At least two bytes follow it in a whole request that has arguments, so five can
    // be looked at with one check.
    let &[first, high, low, end, _] = input.get(at..)?.first_chunk::<5>()?;
    let (high, tens) = (high.wrapping_sub(b'0'), usize::from(high.wrapping_sub(b'0')));
    if first != kind || high > 9 {
        return None;
    }
    if low == b'\r' {
        return Some((tens, at + 4));
    }
    let low = low.wrapping_sub(b'0');
    if low > 9 || high == 0 {
        return None;
    }
    let value = tens * 10 + usize::from(low);
    if end == b'\r' { Some((value, at + 5)) } else { longer_number(input, at + 3, value) }
}

/// The rest of a number of more than two digits.
fn longer_number(input: &[u8], at: usize, mut value: usize) -> Option<(usize, usize)> {
    let rest = input.get(at..)?;
    for (i, &byte) in rest.iter().enumerate().take(8) {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            value = value * 10 + usize::from(digit);
        } else if byte == b'\r' && i + 1 < rest.len() {
            return Some((value, at + i + 2));
        } else {
            return None;
        }
    }
    None
}
