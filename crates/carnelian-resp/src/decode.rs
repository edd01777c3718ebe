//! The resumable decoder of replies.

use std::fmt;

use memchr::memchr;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::character::complete::{digit1, i64 as signed, one_of, u64 as unsigned};
use nom::combinator::{all_consuming, map, opt, recognize, value};
use nom::number::complete::double;
use nom::{IResult, Parser};

use crate::reply::Reply;

/// What a server may send. A length is checked when it is announced, and memory is reserved for no more than a few
/// elements, or 64 KiB, ahead of what has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// How deep collections may nest.
    pub max_depth: usize,
    /// Most values of one reply, at all depths together.
    pub max_elements: usize,
    /// Longest string, in bytes.
    pub max_bulk: usize,
    /// Longest line, in bytes: simple strings, errors, numbers.
    pub max_line: usize,
}

impl Default for DecodeLimits {
    /// 128 levels, 2^27 values, strings of 512 MiB, lines of 1 MiB.
    fn default() -> Self {
        Self { max_depth: 128, max_elements: 1 << 27, max_bulk: 512 << 20, max_line: 1 << 20 }
    }
}

/// Why bytes are no reply. The server is at fault, or is no such server; the connection cannot be used any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// No reply begins with this byte.
    UnknownType(u8),
    /// A line does not end with CR LF.
    LineEnd,
    /// A string is not followed by CR LF.
    BulkEnd,
    /// A length, number or truth value of the type with this first byte cannot be read.
    Malformed(u8),
    /// Collections nest deeper than [`DecodeLimits::max_depth`].
    TooDeep,
    /// More values than [`DecodeLimits::max_elements`].
    TooManyElements(u64),
    /// A string is longer than [`DecodeLimits::max_bulk`].
    BulkTooLong(u64),
    /// A line is longer than [`DecodeLimits::max_line`].
    LineTooLong,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownType(byte) => write!(f, "no reply begins with '{}'", byte.escape_ascii()),
            Self::LineEnd => f.write_str("a line does not end with CR LF"),
            Self::BulkEnd => f.write_str("a string is not followed by CR LF"),
            Self::Malformed(byte) => write!(f, "malformed reply of type '{}'", byte.escape_ascii()),
            Self::TooDeep => f.write_str("collections nest too deep"),
            Self::TooManyElements(count) => write!(f, "a collection of {count} values is too large"),
            Self::BulkTooLong(len) => write!(f, "a string of {len} bytes is too long"),
            Self::LineTooLong => f.write_str("a line is too long"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// What [`ReplyDecoder::decode`] did with its input.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// Bytes read. Without a reply this is all of the input.
    pub consumed: usize,
    /// The reply, if it is whole.
    pub reply: Option<Reply>,
}

/// Decoder of replies, resumable at every byte and without I/O.
///
/// Each call gets the bytes that follow those consumed by the last one, so nothing is read twice and the caller keeps
/// nothing. Nesting is followed with a stack of its own, not with recursion.
///
/// ```
/// use carnelian_resp::{Reply, ReplyDecoder};
/// let mut decoder = ReplyDecoder::default();
/// let first = decoder.decode(b"*2\r\n:1\r\n$3\r\nab").unwrap();
/// assert_eq!((first.consumed, first.reply), (14, None));
/// let second = decoder.decode(b"c\r\n+OK\r\n").unwrap();
/// assert_eq!(second.consumed, 3);
/// assert_eq!(second.reply, Some(Reply::Array(vec![Reply::Integer(1), Reply::Bulk(b"abc".to_vec())])));
/// ```
#[derive(Debug, Default)]
pub struct ReplyDecoder {
    limits: DecodeLimits,
    /// Collections that are not yet full, outermost first.
    open: Vec<Frame>,
    /// Values announced by the current reply so far.
    elements: usize,
    /// The beginning of a line whose end has not arrived.
    line: Vec<u8>,
    blob: Option<Blob>,
}

/// A string that has begun.
#[derive(Debug)]
struct Blob {
    kind: u8,
    len: usize,
    /// What has arrived of the string and of the CR LF behind it.
    bytes: Vec<u8>,
}

/// A collection that has begun.
#[derive(Debug)]
struct Frame {
    kind: u8,
    /// Values still to come.
    remaining: u64,
    items: Items,
}

#[derive(Debug)]
enum Items {
    Values(Vec<Reply>),
    Pairs(Vec<(Reply, Reply)>, Option<Reply>),
    /// Attributes that wait for their value.
    Attributes(Vec<(Reply, Reply)>),
}

/// What a line announces.
enum Token {
    Value(Reply),
    Blob(u8, u64),
    Collection(u8, u64),
}

/// Bytes reserved at most for a string that is announced but has not arrived.
const BLOB_AHEAD: usize = 64 << 10;
/// Values reserved at most for a collection that is announced but has not arrived.
const ITEMS_AHEAD: usize = 64;

impl ReplyDecoder {
    /// A decoder that stands before the first byte of a reply.
    pub fn new(limits: DecodeLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Whether a reply has been begun and is not yet whole.
    pub fn is_midway(&self) -> bool {
        !self.open.is_empty() || !self.line.is_empty() || self.blob.is_some()
    }

    /// Forget a reply that has been begun, for use with another connection.
    pub fn reset(&mut self) {
        *self = Self::new(self.limits);
    }

    /// Read on in the current reply, at most to its end. After an error the decoder must be [`reset`](Self::reset).
    pub fn decode(&mut self, input: &[u8]) -> Result<Decoded, DecodeError> {
        let mut at = 0;
        while at < input.len() {
            let rest = &input[at..];
            let (taken, value) = match self.blob.take() {
                Some(blob) => self.read_blob(blob, rest)?,
                None => self.read_line(rest)?,
            };
            at += taken;
            if let Some(reply) = value.and_then(|value| self.complete(value)) {
                self.elements = 0;
                return Ok(Decoded { consumed: at, reply: Some(reply) });
            }
        }
        Ok(Decoded { consumed: at, reply: None })
    }

    /// Take from `rest` what belongs to the string; gives the string once it is whole.
    fn read_blob(&mut self, mut blob: Blob, rest: &[u8]) -> Result<(usize, Option<Reply>), DecodeError> {
        let whole = blob.len + 2;
        let taken = rest.len().min(whole - blob.bytes.len());
        blob.bytes.extend_from_slice(&rest[..taken]);
        if blob.bytes.len() < whole {
            self.blob = Some(blob);
            return Ok((taken, None));
        }
        if !blob.bytes.ends_with(b"\r\n") {
            return Err(DecodeError::BulkEnd);
        }
        blob.bytes.truncate(blob.len);
        Ok((taken, Some(blob_reply(blob.kind, blob.bytes)?)))
    }

    /// Take the line that `rest` begins with or continues; gives a value if the line is one.
    fn read_line(&mut self, rest: &[u8]) -> Result<(usize, Option<Reply>), DecodeError> {
        let found = memchr(b'\n', rest);
        let taken = found.map_or(rest.len(), |end| end + 1);
        // The CR LF, and the byte that names the type, do not count.
        if self.line.len() + taken > self.limits.max_line.saturating_add(3) {
            return Err(DecodeError::LineTooLong);
        }
        if found.is_none() {
            self.line.extend_from_slice(rest);
            return Ok((taken, None));
        }
        let token = if self.line.is_empty() {
            read_token(&rest[..taken])?
        } else {
            self.line.extend_from_slice(&rest[..taken]);
            let token = read_token(&self.line)?;
            self.line.clear();
            token
        };
        Ok((taken, self.begin(token)?))
    }

    /// Make room for what a line announces; gives the value if there is nothing more to come.
    fn begin(&mut self, token: Token) -> Result<Option<Reply>, DecodeError> {
        match token {
            Token::Value(value) => Ok(Some(value)),
            Token::Blob(kind, len) => {
                let len = usize::try_from(len)
                    .ok()
                    .filter(|&len| len <= self.limits.max_bulk.min(usize::MAX - 2))
                    .ok_or(DecodeError::BulkTooLong(len))?;
                self.blob = Some(Blob { kind, len, bytes: Vec::with_capacity((len + 2).min(BLOB_AHEAD)) });
                Ok(None)
            }
            Token::Collection(kind, len) => {
                let paired = matches!(kind, b'%' | b'|');
                let remaining = if paired { len.checked_mul(2) } else { Some(len) };
                let elements = remaining
                    .and_then(|values| usize::try_from(values).ok())
                    .and_then(|values| self.elements.checked_add(values))
                    .filter(|&elements| elements <= self.limits.max_elements);
                let (Some(remaining), Some(elements)) = (remaining, elements) else {
                    return Err(DecodeError::TooManyElements(len));
                };
                if self.open.len() >= self.limits.max_depth {
                    return Err(DecodeError::TooDeep);
                }
                self.elements = elements;
                let ahead = (len as usize).min(ITEMS_AHEAD);
                let items = if paired {
                    Items::Pairs(Vec::with_capacity(ahead), None)
                } else {
                    Items::Values(Vec::with_capacity(ahead))
                };
                let frame = Frame { kind, remaining, items };
                if frame.remaining == 0 {
                    return Ok(self.close(frame));
                }
                self.open.push(frame);
                Ok(None)
            }
        }
    }

    /// Put a value into the innermost open collection and close those that are full by it; gives the outermost value
    /// once nothing is open.
    fn complete(&mut self, mut value: Reply) -> Option<Reply> {
        loop {
            let Some(frame) = self.open.last_mut() else { return Some(value) };
            frame.remaining -= 1;
            let full = frame.remaining == 0;
            match &mut frame.items {
                Items::Values(values) => values.push(value),
                Items::Pairs(pairs, key) => match key.take() {
                    None => *key = Some(value),
                    Some(key) => pairs.push((key, value)),
                },
                Items::Attributes(attributes) => {
                    let attributes = std::mem::take(attributes);
                    self.open.pop();
                    value = Reply::Attribute { attributes, reply: Box::new(value) };
                    continue;
                }
            }
            if !full {
                return None;
            }
            let frame = self.open.pop()?;
            value = self.close(frame)?;
        }
    }

    /// The value a full collection is. Attributes are none: they wait for the value that follows.
    fn close(&mut self, frame: Frame) -> Option<Reply> {
        match (frame.kind, frame.items) {
            (b'|', Items::Pairs(pairs, _)) => {
                self.open.push(Frame { kind: b'|', remaining: 1, items: Items::Attributes(pairs) });
                None
            }
            (_, Items::Pairs(pairs, _) | Items::Attributes(pairs)) => Some(Reply::Map(pairs)),
            (b'~', Items::Values(values)) => Some(Reply::Set(values)),
            (b'>', Items::Values(values)) => Some(Reply::Push(values)),
            (_, Items::Values(values)) => Some(Reply::Array(values)),
        }
    }
}

fn blob_reply(kind: u8, mut bytes: Vec<u8>) -> Result<Reply, DecodeError> {
    match kind {
        b'!' => Ok(Reply::Error(bytes)),
        b'=' => {
            let &[a, b, c, b':', ..] = &bytes[..] else { return Err(DecodeError::Malformed(kind)) };
            bytes.drain(..4);
            Ok(Reply::Verbatim { format: [a, b, c], text: bytes })
        }
        _ => Ok(Reply::Bulk(bytes)),
    }
}

/// Read a line, its end included.
fn read_token(line: &[u8]) -> Result<Token, DecodeError> {
    let line = line.strip_suffix(b"\r\n").ok_or(DecodeError::LineEnd)?;
    let (&kind, text) = line.split_first().ok_or(DecodeError::LineEnd)?;
    let token = match kind {
        b'+' => Token::Value(Reply::Simple(text.to_vec())),
        b'-' => Token::Value(Reply::Error(text.to_vec())),
        b':' => Token::Value(Reply::Integer(whole(signed, kind, text)?)),
        b'_' if text.is_empty() => Token::Value(Reply::Null),
        b'#' => Token::Value(Reply::Boolean(whole(truth, kind, text)?)),
        b',' => Token::Value(Reply::Double(whole(number, kind, text)?)),
        b'(' => Token::Value(Reply::BigNumber(whole(big_number, kind, text)?)),
        b'$' => whole(length, kind, text)?.map_or(Token::Value(Reply::Null), |len| Token::Blob(kind, len)),
        b'*' => whole(length, kind, text)?
            .map_or(Token::Value(Reply::NullArray), |len| Token::Collection(kind, len)),
        b'!' | b'=' => Token::Blob(kind, whole(unsigned, kind, text)?),
        b'%' | b'~' | b'>' | b'|' => Token::Collection(kind, whole(unsigned, kind, text)?),
        b'_' => return Err(DecodeError::Malformed(kind)),
        _ => return Err(DecodeError::UnknownType(kind)),
    };
    Ok(token)
}

/// Apply a grammar to the whole text.
fn whole<'a, T>(
    grammar: impl Parser<&'a [u8], Output = T, Error = nom::error::Error<&'a [u8]>>,
    kind: u8,
    text: &'a [u8],
) -> Result<T, DecodeError> {
    all_consuming(grammar).parse(text).map(|(_, value)| value).map_err(|_| DecodeError::Malformed(kind))
}

/// A length; `-1` stands for a null.
fn length(text: &[u8]) -> IResult<&[u8], Option<u64>> {
    alt((value(None, tag("-1")), map(unsigned, Some))).parse(text)
}

fn truth(text: &[u8]) -> IResult<&[u8], bool> {
    alt((value(true, tag("t")), value(false, tag("f")))).parse(text)
}

/// A double; Redis before 7.2 also sent what C prints for a NaN whose sign is set.
fn number(text: &[u8]) -> IResult<&[u8], f64> {
    alt((value(f64::NEG_INFINITY, tag("-inf")), value(f64::NAN, tag("-nan")), double)).parse(text)
}

fn big_number(text: &[u8]) -> IResult<&[u8], String> {
    map(recognize((opt(one_of("+-")), digit1)), |digits: &[u8]| String::from_utf8_lossy(digits).into_owned())
        .parse(text)
}

/// Decode the reply that `input` begins with: the reply and its length, or `None` if it goes on past the end of the
/// input. For input that arrives in pieces use [`ReplyDecoder`], which does not start anew.
pub fn decode_reply(input: &[u8]) -> Result<Option<(Reply, usize)>, DecodeError> {
    let Decoded { consumed, reply } = ReplyDecoder::default().decode(input)?;
    Ok(reply.map(|reply| (reply, consumed)))
}

/// Append a request in the multibulk form, the one that carries any bytes.
///
/// ```
/// let mut out = Vec::new();
/// carnelian_resp::encode_command(&mut out, &["GET", "key"]);
/// assert_eq!(out, b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n");
/// ```
pub fn encode_command(out: &mut Vec<u8>, args: &[impl AsRef<[u8]>]) {
    let mut digits = itoa::Buffer::new();
    out.reserve(16 + args.iter().map(|arg| arg.as_ref().len() + 16).sum::<usize>());
    out.push(b'*');
    out.extend_from_slice(digits.format(args.len()).as_bytes());
    out.extend_from_slice(b"\r\n");
    for arg in args {
        let arg = arg.as_ref();
        out.push(b'$');
        out.extend_from_slice(digits.format(arg.len()).as_bytes());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}
