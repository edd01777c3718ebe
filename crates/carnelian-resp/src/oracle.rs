//! The language of requests as a grammar: the oracle that the fast parser is tested and fuzzed against.
//!
//! It reads a request from its beginning each time and copies the arguments. Nothing but tests should use it.

use nom::bytes::complete::{tag, take, take_until, take_while};
use nom::bytes::streaming;
use nom::character::complete::one_of;
use nom::combinator::{all_consuming, map_res, opt, recognize};
use nom::error::{Error, ErrorKind};
use nom::{IResult, Parser};

use crate::args::Args;
use crate::inline::split_args;
use crate::request::{Beginning, Limits, ProtocolError, RequestParser, Status};

/// What the grammar makes of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A request of this many bytes with these arguments.
    Complete(usize, Vec<Vec<u8>>),
    /// A request that goes on past the end.
    Incomplete,
    /// No request.
    Refused(ProtocolError),
}

/// The requests in a stream, and the refusal that ends it if one does.
pub type Requests = (Vec<Vec<Vec<u8>>>, Option<ProtocolError>);

/// What ends a grammar early: too little input, or a refusal.
enum Stop {
    Incomplete,
    Refused(ProtocolError),
}

type Step<'a, T> = Result<(&'a [u8], T), Stop>;

/// All requests in `input`, by the grammar.
pub fn requests(mut input: &[u8], limits: &Limits) -> Requests {
    let mut requests = Vec::new();
    loop {
        match request(input, limits) {
            Outcome::Complete(len, args) => {
                requests.push(args);
                input = &input[len..];
            }
            Outcome::Incomplete => return (requests, None),
            Outcome::Refused(error) => return (requests, Some(error)),
        }
    }
}

/// All requests in `input`, by the fast parser, which gets to see the bytes up to each of the ascending `cuts` in turn, and
/// then the rest. Panics where it breaks a promise other than finding what the grammar finds.
pub fn requests_in_pieces(input: &[u8], cuts: impl IntoIterator<Item = usize>, limits: Limits) -> Requests {
    let mut parser = RequestParser::new(limits);
    let (mut requests, mut start, mut beginning) = (Vec::new(), 0, Beginning::default());
    for end in cuts.into_iter().chain([input.len()]) {
        loop {
            let buffer = &input[start..end.max(start)];
            // Looking ahead says what parsing will say, or nothing.
            let mut spans = Vec::new();
            let ahead = if parser.is_midway() {
                None
            } else {
                // Nor does it depend on how the request before it began.
                let mut alone = Vec::new();
                let fresh = parser.look_ahead(buffer, 0, &mut alone, &mut Beginning::default());
                let seen = parser.look_ahead(buffer, 0, &mut spans, &mut beginning);
                assert_eq!(seen.map(|seen| seen.end), fresh.map(|seen| seen.end));
                assert_eq!(spans, alone);
                seen
            };
            let status = parser.parse(buffer);
            if let Some(seen) = ahead {
                assert_eq!(status, Ok(Status::Complete { len: seen.end }), "what is seen ahead is there");
                assert_eq!(parser.args(buffer), Args::new(buffer, &spans), "and is the same");
            }
            match status {
                Ok(Status::Complete { len }) => {
                    assert!(len > 0 && len <= buffer.len(), "a request of {len} bytes in {}", buffer.len());
                    requests.push(parser.args(buffer).iter().map(<[u8]>::to_vec).collect());
                    start += len;
                }
                Ok(Status::Incomplete { needed }) => {
                    assert!(
                        needed > buffer.len(),
                        "{needed} bytes are needed and {} are there",
                        buffer.len()
                    );
                    break;
                }
                Err(error) => return (requests, Some(error)),
            }
        }
    }
    // What is reserved must be in proportion to what was sent.
    let (reserved, most) = (parser.heap_bytes(), (1 << 16) + 64 * input.len());
    assert!(reserved <= most, "{reserved} bytes are reserved for {}", input.len());
    (requests, None)
}

/// Read the request that `input` begins with.
pub fn request(input: &[u8], limits: &Limits) -> Outcome {
    let step = match input.first() {
        None => Err(Stop::Incomplete),
        Some(b'*') => multibulk(input, limits),
        Some(_) => inline(input, limits),
    };
    match step {
        Ok((rest, args)) => Outcome::Complete(input.len() - rest.len(), args),
        Err(Stop::Incomplete) => Outcome::Incomplete,
        Err(Stop::Refused(error)) => Outcome::Refused(error),
    }
}

fn multibulk<'a>(input: &'a [u8], limits: &Limits) -> Step<'a, Vec<Vec<u8>>> {
    let (mut input, header) = line(input, limits, ProtocolError::TooBigMultibulkCount)?;
    let count = number(&header[1..]).ok_or(Stop::Refused(ProtocolError::InvalidMultibulkLength))?;
    if count > limits.max_args as i64 {
        return Err(Stop::Refused(ProtocolError::InvalidMultibulkLength));
    }
    if count > 10 && !limits.authenticated {
        return Err(Stop::Refused(ProtocolError::UnauthenticatedMultibulkLength));
    }
    let mut args = Vec::new();
    for _ in 0..count {
        let (rest, arg) = bulk(input, limits)?;
        args.push(arg.to_vec());
        input = rest;
    }
    Ok((input, args))
}

fn bulk<'a>(input: &'a [u8], limits: &Limits) -> Step<'a, &'a [u8]> {
    let (rest, header) = line(input, limits, ProtocolError::TooBigBulkCount)?;
    let Some(digits) = header.strip_prefix(b"$") else {
        return Err(Stop::Refused(ProtocolError::ExpectedDollar(input[0])));
    };
    let len = match number(digits) {
        Some(len) if len >= 0 && len as u64 <= limits.max_bulk as u64 => len as u64,
        _ => return Err(Stop::Refused(ProtocolError::InvalidBulkLength)),
    };
    if len > 16384 && !limits.authenticated {
        return Err(Stop::Refused(ProtocolError::UnauthenticatedBulkLength));
    }
    (streaming::take::<_, _, Error<&[u8]>>(len), streaming::take(2_usize))
        .parse(rest)
        .map(|(rest, (bytes, _))| (rest, bytes))
        .map_err(|_| Stop::Incomplete)
}

fn inline<'a>(input: &'a [u8], limits: &Limits) -> Step<'a, Vec<Vec<u8>>> {
    let (rest, line) =
        until(b"\n", 1)(input).or_else(|_| refuse(input, limits, ProtocolError::TooBigInline))?;
    check(line, limits, ProtocolError::TooBigInline)?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    split_args(line).map(|args| (rest, args)).ok_or(Stop::Refused(ProtocolError::UnbalancedQuotes))
}

/// A line up to its CR, and that with the one byte behind it taken off.
fn line<'a>(input: &'a [u8], limits: &Limits, too_long: ProtocolError) -> Step<'a, &'a [u8]> {
    match until(b"\r", 2)(input) {
        Ok((rest, line)) => check(line, limits, too_long).map(|()| (rest, line)),
        // The CR may be there and only the byte behind it missing.
        Err(_) => match until(b"\r", 1)(input) {
            Ok((_, line)) => check(line, limits, too_long).and(Err(Stop::Incomplete)),
            Err(_) => refuse(input, limits, too_long),
        },
    }
}

fn until<'a>(end: &'static [u8], width: usize) -> impl Fn(&'a [u8]) -> IResult<&'a [u8], &'a [u8]> {
    move |input| (take_until(end), take(width)).parse(input).map(|(rest, (line, _))| (rest, line))
}

fn check(line: &[u8], limits: &Limits, too_long: ProtocolError) -> Result<(), Stop> {
    if line.len() > limits.max_inline { Err(Stop::Refused(too_long)) } else { Ok(()) }
}

fn refuse<'a, T>(input: &[u8], limits: &Limits, too_long: ProtocolError) -> Step<'a, T> {
    check(input, limits, too_long).and(Err(Stop::Incomplete))
}

/// A decimal integer without plus sign, blanks, or needless zeros, within `i64`.
fn number(text: &[u8]) -> Option<i64> {
    fn positive(text: &[u8]) -> IResult<&[u8], &[u8]> {
        recognize((one_of("123456789"), take_while(|byte: u8| byte.is_ascii_digit()))).parse(text)
    }
    fn zero(text: &[u8]) -> IResult<&[u8], &[u8]> {
        tag("0").parse(text)
    }
    let signed = recognize((opt(tag("-")), positive));
    let digits = nom::branch::alt((signed, zero));
    let mut number = all_consuming(map_res(digits, |digits: &[u8]| {
        std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| digits.parse().ok())
            .ok_or(Error::new(digits, ErrorKind::Digit))
    }));
    number.parse(text).ok().map(|(_, number)| number)
}
