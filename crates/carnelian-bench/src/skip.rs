//! Counting replies without building them.

/// The most bytes of an error's text that are kept.
const ERROR_BYTES_MAX: usize = 512;
/// The most digits (with a sign) that a length may have.
const LENGTH_BYTES_MAX: usize = 20;
/// The most elements that may be outstanding: far above any real reply, far below overflow.
const ELEMENTS_MAX: u64 = 1 << 40;

/// What [`ReplySkipper::feed`] found in the bytes that it was given.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Replies that ended in these bytes. Pushes are not replies.
    pub replies: u64,
    /// How many of them were errors.
    pub errors: u64,
}

/// The bytes are not RESP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipError {
    /// A reply begins with a byte that no type has.
    UnknownType(u8),
    /// A length is not a number, or one that no server sends.
    BadLength,
}

impl std::fmt::Display for SkipError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownType(byte) => {
                write!(f, "Protocol error, got \"{}\" as reply type byte", std::ascii::escape_default(*byte))
            }
            Self::BadLength => f.write_str("Protocol error, bad length in a reply"),
        }
    }
}

impl std::error::Error for SkipError {}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the type byte of the next value.
    Type,
    /// Inside a line that is the whole value, up to its LF.
    Line,
    /// Inside a length, of the type given.
    Length(u8),
    /// Inside the payload of a string, with so many bytes (its CR LF included) still to come.
    Payload(u64),
}

/// A resumable scanner of RESP2 and RESP3 replies that builds nothing: it counts replies as they end, notices
/// errors, keeps the text of the first one, and skips pushes and attributes. Constant memory, linear time; the
/// bytes of long strings are not looked at.
#[derive(Debug)]
pub struct ReplySkipper {
    state: State,
    /// Values still to end before the outermost one does; 0 between replies.
    outstanding: u64,
    /// The outermost value is a push.
    push: bool,
    /// The outermost value has elements: an error among them is part of an answer, not the answer.
    aggregate: bool,
    /// The outermost value is an error.
    error: bool,
    /// The text of the error at hand is being kept.
    keeping: bool,
    first_error: Vec<u8>,
    first_error_whole: bool,
    length: [u8; LENGTH_BYTES_MAX],
    length_bytes: usize,
}

impl Default for ReplySkipper {
    fn default() -> Self {
        Self {
            state: State::Type,
            outstanding: 0,
            push: false,
            aggregate: false,
            error: false,
            keeping: false,
            first_error: Vec::new(),
            first_error_whole: false,
            length: [0; LENGTH_BYTES_MAX],
            length_bytes: 0,
        }
    }
}

impl ReplySkipper {
    /// The text of the first error reply so far, without its type byte and line end, at most 512 bytes of it.
    pub fn first_error(&self) -> Option<&[u8]> {
        self.first_error_whole.then_some(&self.first_error)
    }

    /// Scans `bytes`, wherever in a reply they begin and end.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<Skipped, SkipError> {
        let mut skipped = Skipped::default();
        while let Some(&first) = bytes.first() {
            match self.state {
                State::Type => {
                    bytes = &bytes[1..];
                    self.begin(first)?;
                }
                State::Line => {
                    let end = memchr::memchr(b'\n', bytes);
                    self.keep(&bytes[..end.unwrap_or(bytes.len())]);
                    let Some(end) = end else { break };
                    bytes = &bytes[end + 1..];
                    self.end_of_value(&mut skipped);
                }
                State::Length(kind) => {
                    bytes = &bytes[1..];
                    match first {
                        b'\n' => self.length_read(kind, &mut skipped)?,
                        b'\r' => {}
                        _ if self.length_bytes == LENGTH_BYTES_MAX => return Err(SkipError::BadLength),
                        _ => {
                            self.length[self.length_bytes] = first;
                            self.length_bytes += 1;
                        }
                    }
                }
                State::Payload(left) => {
                    let now = left.min(bytes.len() as u64);
                    let (payload, rest) = bytes.split_at(now as usize);
                    // The last two bytes are the line end, which `end_of_value` trims off a kept text.
                    self.keep(payload);
                    bytes = rest;
                    if now == left {
                        self.end_of_value(&mut skipped);
                    } else {
                        self.state = State::Payload(left - now);
                    }
                }
            }
        }
        Ok(skipped)
    }

    fn begin(&mut self, kind: u8) -> Result<(), SkipError> {
        let outermost = self.outstanding == 0;
        if outermost {
            self.outstanding = 1;
            self.push = kind == b'>';
            self.aggregate = false;
            self.error = false;
        }
        // An attribute comes before its value, so the outermost value may still be an error after one.
        if matches!(kind, b'-' | b'!') && self.outstanding == 1 && !self.aggregate {
            self.error = true;
            self.keeping = !self.first_error_whole;
        }
        match kind {
            b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => self.state = State::Line,
            b'$' | b'!' | b'=' | b'*' | b'~' | b'>' | b'%' | b'|' => {
                self.length_bytes = 0;
                self.state = State::Length(kind);
            }
            other => return Err(SkipError::UnknownType(other)),
        }
        Ok(())
    }

    fn length_read(&mut self, kind: u8, skipped: &mut Skipped) -> Result<(), SkipError> {
        let length = match &self.length[..self.length_bytes] {
            // The null string and the null array of RESP2.
            b"-1" if matches!(kind, b'$' | b'*') => {
                self.end_of_value(skipped);
                return Ok(());
            }
            digits => parse_length(digits).ok_or(SkipError::BadLength)?,
        };
        let inner = match kind {
            b'$' | b'!' | b'=' => {
                self.state = State::Payload(length + 2);
                return Ok(());
            }
            b'%' | b'|' => length * 2,
            _ => length,
        };
        self.outstanding += inner;
        if self.outstanding > ELEMENTS_MAX {
            return Err(SkipError::BadLength);
        }
        if kind == b'|' {
            // The attribute has no place of its own: the value that it is about is still to come.
            self.state = State::Type;
        } else {
            self.aggregate |= inner > 0 && self.outstanding == 1 + inner;
            self.end_of_value(skipped);
        }
        Ok(())
    }

    fn end_of_value(&mut self, skipped: &mut Skipped) {
        self.state = State::Type;
        self.outstanding -= 1;
        if self.keeping {
            self.keeping = false;
            self.first_error_whole = true;
            let text = self.first_error.trim_ascii_end().len();
            self.first_error.truncate(text);
        }
        if self.outstanding == 0 && !self.push {
            skipped.replies += 1;
            skipped.errors += u64::from(self.error);
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.keeping {
            let room = ERROR_BYTES_MAX - self.first_error.len();
            self.first_error.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }
}

/// A count of elements or bytes; None if it is not a number, or beyond [`ELEMENTS_MAX`].
fn parse_length(digits: &[u8]) -> Option<u64> {
    let mut length = 0_u64;
    for digit in digits {
        length =
            length.checked_mul(10)?.checked_add(u64::from(digit.checked_sub(b'0').filter(|d| *d < 10)?))?;
    }
    (!digits.is_empty() && length <= ELEMENTS_MAX).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(bytes: &[u8], replies: u64, errors: u64) {
        // At every split point the sum must be the same.
        for split in 0..=bytes.len() {
            let mut skipper = ReplySkipper::default();
            let first = skipper.feed(&bytes[..split]).unwrap();
            let second = skipper.feed(&bytes[split..]).unwrap();
            let sum = (first.replies + second.replies, first.errors + second.errors);
            assert_eq!(sum, (replies, errors), "split at {split} of {:?}", bytes.escape_ascii().to_string());
        }
    }

    #[test]
    fn replies_of_every_type_count_once() {
        for reply in [
            "+OK\r\n",
            ":1\r\n",
            "$-1\r\n",
            "*-1\r\n",
            "$0\r\n\r\n",
            "$5\r\na\r\nbc\r\n",
            "*0\r\n",
            "_\r\n",
            "#t\r\n",
            ",1.5\r\n",
            "(12345678901234567890\r\n",
            "=7\r\ntxt:abc\r\n",
            "%1\r\n+a\r\n:1\r\n",
            "~2\r\n:1\r\n:2\r\n",
            "*2\r\n*1\r\n$1\r\na\r\n*0\r\n",
            "|1\r\n+a\r\n:1\r\n+OK\r\n",
            "*1\r\n|1\r\n+a\r\n*0\r\n:5\r\n",
        ] {
            check(reply.as_bytes(), 1, 0);
            check(reply.repeat(3).as_bytes(), 3, 0);
        }
    }

    #[test]
    fn pushes_are_not_replies_and_only_outermost_errors_are_errors() {
        check(b">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n+OK\r\n", 1, 0);
        check(b">1\r\n-x\r\n", 0, 0);
        check(b"-ERR a\r\n+OK\r\n!5\r\nERR b\r\n", 3, 2);
        check(b"*2\r\n-ERR a\r\n:1\r\n", 1, 0);
        check(b"*2\r\n:1\r\n-ERR a\r\n", 1, 0);
        check(b"*1\r\n*1\r\n-ERR a\r\n", 1, 0);
        check(b"|1\r\n+a\r\n:1\r\n-ERR a\r\n", 1, 1);
    }

    #[test]
    fn the_first_error_is_kept_whole_but_bounded() {
        let error = |bytes: &[u8]| {
            let mut skipper = ReplySkipper::default();
            for byte in bytes {
                skipper.feed(std::slice::from_ref(byte)).unwrap();
            }
            skipper.first_error().map(<[u8]>::to_vec)
        };
        assert_eq!(error(b"+OK\r\n"), None);
        assert_eq!(error(b"-ERR par"), None);
        assert_eq!(error(b"-ERR one\r\n-ERR two\r\n").unwrap(), b"ERR one");
        assert_eq!(error(b"!7\r\nERR one\r\n").unwrap(), b"ERR one");
        assert_eq!(error(&[b"-", &[b'x'; 5000][..], b"\r\n"].concat()).unwrap().len(), ERROR_BYTES_MAX);
    }

    #[test]
    fn what_is_not_resp_is_refused() {
        let refused = |bytes: &[u8]| ReplySkipper::default().feed(bytes).unwrap_err();
        assert_eq!(refused(b"HTTP/1.1 200 OK\r\n"), SkipError::UnknownType(b'H'));
        assert_eq!(refused(b"+OK\r\nx"), SkipError::UnknownType(b'x'));
        for bad in [
            "$\r\n",
            "$x\r\n",
            "$-2\r\n",
            "*-2\r\n",
            "$?\r\n",
            "%-1\r\n",
            "*99999999999999999999\r\n",
            "$18446744073709551615\r\n",
            "*1099511627776\r\n*9\r\n",
            "$000000000000000000001\r\n",
        ] {
            assert_eq!(refused(bad.as_bytes()), SkipError::BadLength, "{bad:?}");
        }
        assert!(SkipError::UnknownType(b'\n').to_string().contains("\\n"));
    }

    /// A random reply as bytes.
    fn reply() -> impl Strategy<Value = Vec<u8>> {
        let leaf = prop_oneof![
            "[a-zA-Z ]{0,12}".prop_map(|text| format!("+{text}\r\n").into_bytes()),
            any::<i64>().prop_map(|number| format!(":{number}\r\n").into_bytes()),
            prop::collection::vec(any::<u8>(), 0..40).prop_map(|payload| {
                [format!("${}\r\n", payload.len()).as_bytes(), &payload, b"\r\n"].concat()
            }),
            Just(b"$-1\r\n".to_vec()),
            Just(b"_\r\n".to_vec()),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(|elements| [
                    format!("*{}\r\n", elements.len()).into_bytes(),
                    elements.concat()
                ]
                .concat()),
                prop::collection::vec((inner.clone(), inner), 0..3).prop_map(|pairs| {
                    let elements: Vec<u8> =
                        pairs.iter().flat_map(|(k, v)| [k.clone(), v.clone()].concat()).collect();
                    [format!("%{}\r\n", pairs.len()).into_bytes(), elements].concat()
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_replies_at_any_splits(replies in prop::collection::vec(reply(), 1..6), chunk in 1_usize..20) {
            let bytes = replies.concat();
            check(&bytes, replies.len() as u64, 0);
            let mut skipper = ReplySkipper::default();
            let mut count = 0;
            for piece in bytes.chunks(chunk) {
                count += skipper.feed(piece).unwrap().replies;
            }
            prop_assert_eq!(count, replies.len() as u64);
        }

        /// What the codec reads as so many replies is counted as so many, whatever bytes they are made of.
        #[test]
        fn counts_what_the_codec_decodes(
            bytes in prop::collection::vec(prop::sample::select(b"*$+-:,#(_=!%~|>0123\r\n\r\n\r\nt".to_vec()), 0..60),
        ) {
            let (mut rest, mut expected) = (&bytes[..], 0);
            let mut skipper = ReplySkipper::default();
            let mut counted = 0;
            while let Ok(Some((reply, consumed))) = carnelian_resp::decode_reply(rest) {
                expected += u64::from(!matches!(reply, carnelian_resp::Reply::Push(_)));
                counted += skipper.feed(&rest[..consumed]).unwrap().replies;
                prop_assert_eq!(counted, expected);
                rest = &rest[consumed..];
            }
        }

        /// A reply counts when its last byte arrives, not before.
        #[test]
        fn a_reply_ends_with_its_last_byte(reply in reply()) {
            let mut skipper = ReplySkipper::default();
            prop_assert_eq!(skipper.feed(&reply[..reply.len() - 1]).unwrap().replies, 0);
            prop_assert_eq!(skipper.feed(&reply[reply.len() - 1..]).unwrap().replies, 1);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"*$>|%-1239\r\n".to_vec())], 0..80)) {
            let _ = ReplySkipper::default().feed(&bytes);
        }
    }
}
