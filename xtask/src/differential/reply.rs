//! Replies of both protocols, as plain trees.
//!
//! The reader here shares nothing with the project's own codec on purpose: a mistake made twice would not show.

use std::io::{self, Read};

/// One reply. Everything the wire said is kept, so that two equal trees came from equal bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reply {
    /// The byte that introduced it on the wire: `+ - : $ *` and, in RESP3, `_ , # ( = % ~ > | !`.
    pub(crate) kind: u8,
    /// The payload of a string; for everything else the text of its header line.
    pub(crate) text: Vec<u8>,
    /// Whether it is one of the three forms of nothing: `$-1`, `*-1` or `_`.
    pub(crate) null: bool,
    /// The elements of an aggregate. A map holds its keys and values in turn.
    pub(crate) items: Vec<Reply>,
}

impl Reply {
    fn nothing(kind: u8, text: Vec<u8>) -> Self {
        Self { kind, text, null: true, items: Vec::new() }
    }

    pub(crate) fn is_error(&self) -> bool {
        matches!(self.kind, b'-' | b'!')
    }

    pub(crate) fn is_aggregate(&self) -> bool {
        matches!(self.kind, b'*' | b'%' | b'~' | b'>') && !self.null
    }

    /// The text as a number, where it is one.
    pub(crate) fn number(&self) -> Option<i64> {
        std::str::from_utf8(&self.text).ok()?.parse().ok()
    }

    /// The reply as `redis-cli` would show it, on one line.
    pub(crate) fn show(&self) -> String {
        let text = || quote(&self.text);
        match self.kind {
            b'+' => String::from_utf8_lossy(&self.text).into_owned(),
            b'-' | b'!' => {
                let text = quote(&self.text).replace("\\\"", "\"");
                format!("(error) {}", &text[1..text.len() - 1])
            }
            b':' => format!("(integer) {}", String::from_utf8_lossy(&self.text)),
            b',' => format!("(double) {}", String::from_utf8_lossy(&self.text)),
            b'#' => format!("(bool) {}", String::from_utf8_lossy(&self.text)),
            b'(' => format!("(big number) {}", String::from_utf8_lossy(&self.text)),
            _ if self.null => format!("(nil {})", char::from(self.kind)),
            b'=' => format!("(verbatim) {}", text()),
            b'*' | b'~' | b'%' | b'>' => {
                let open = match self.kind {
                    b'*' => "[",
                    b'~' => "set[",
                    b'%' => "map[",
                    _ => "push[",
                };
                let items: Vec<String> = self.items.iter().map(Reply::show).collect();
                format!("{open}{}]", items.join(", "))
            }
            _ => text(),
        }
    }
}

/// Quotes bytes so that `redis-cli` reads them back as they were.
pub(crate) fn quote(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    carnelian_resp::quote_arg(&mut out, bytes);
    String::from_utf8_lossy(&out).into_owned()
}

/// An argument as `redis-cli` wants it: bare where that is safe, quoted elsewhere.
pub(crate) fn quote_argument(bytes: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:#*+/@()[]{}<>!?,^$%&=~|;".contains(byte);
    if !bytes.is_empty() && bytes.iter().all(plain) {
        String::from_utf8_lossy(bytes).into_owned()
    } else {
        quote(bytes)
    }
}

/// Reads replies from a stream.
pub(crate) struct ReplyReader<R> {
    stream: R,
    buffer: Vec<u8>,
    start: usize,
}

/// Deeper replies than this are refused; no command nests further than a handful.
const DEPTH_MAX: usize = 32;

impl<R: Read> ReplyReader<R> {
    pub(crate) fn new(stream: R) -> Self {
        Self { stream, buffer: Vec::with_capacity(64 << 10), start: 0 }
    }

    /// The next reply. The stream's own read timeout bounds the wait.
    pub(crate) fn read(&mut self) -> io::Result<Reply> {
        self.read_at(0)
    }

    fn read_at(&mut self, depth: usize) -> io::Result<Reply> {
        if depth > DEPTH_MAX {
            return Err(invalid("a reply nested too deeply"));
        }
        let line = self.line()?;
        let (&kind, text) = line.split_first().ok_or_else(|| invalid("an empty line for a reply"))?;
        let text = text.to_vec();
        match kind {
            b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => {
                Ok(Reply { kind, null: kind == b'_', text, items: Vec::new() })
            }
            b'$' | b'=' | b'!' => {
                let Some(len) = length(&text)? else { return Ok(Reply::nothing(kind, text)) };
                let text = self.exact(len)?;
                if self.exact(2)? != b"\r\n" {
                    return Err(invalid("a string that does not end where it said"));
                }
                Ok(Reply { kind, text, null: false, items: Vec::new() })
            }
            b'*' | b'~' | b'>' | b'%' => {
                let Some(len) = length(&text)? else { return Ok(Reply::nothing(kind, text)) };
                let count = if kind == b'%' { len * 2 } else { len };
                let items = (0..count).map(|_| self.read_at(depth + 1)).collect::<io::Result<_>>()?;
                Ok(Reply { kind, text, null: false, items })
            }
            _ => Err(invalid(&format!("a reply that begins with {:?}", char::from(kind)))),
        }
    }

    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut from = self.start;
        loop {
            if let Some(at) = self.buffer[from..].windows(2).position(|pair| pair == b"\r\n") {
                let end = from + at;
                let line = self.buffer[self.start..end].to_vec();
                self.start = end + 2;
                return Ok(line);
            }
            // A CR may be the last byte so far; look at it again together with what follows.
            from = self.buffer.len().saturating_sub(1).max(self.start);
            let (before, len) = (self.start, self.buffer.len());
            self.fill()?;
            debug_assert!(self.buffer.len() - self.start > len - before);
            from -= before - self.start;
        }
    }

    fn exact(&mut self, len: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() - self.start < len {
            self.fill()?;
        }
        let bytes = self.buffer[self.start..self.start + len].to_vec();
        self.start += len;
        Ok(bytes)
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let mut chunk = [0; 16 << 10];
        let count = self.stream.read(&mut chunk)?;
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed"));
        }
        self.buffer.extend_from_slice(&chunk[..count]);
        Ok(())
    }
}

fn length(text: &[u8]) -> io::Result<Option<usize>> {
    let number: i64 = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| invalid("a length that is not a number"))?;
    match number {
        -1 => Ok(None),
        0..=0x2000_0000 => Ok(Some(number as usize)),
        _ => Err(invalid("a length out of range")),
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the server sent {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives out one byte at a time, so that every split point is met.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            into[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    fn check(wire: &str, shown: &str) {
        assert_eq!(ReplyReader::new(wire.as_bytes()).read().unwrap().show(), shown);
        assert_eq!(ReplyReader::new(Trickle(wire.as_bytes())).read().unwrap().show(), shown);
    }

    #[test]
    fn replies_of_both_protocols_are_read() {
        check("+OK\r\n", "OK");
        check("-ERR no\r\n", "(error) ERR no");
        check(":-12\r\n", "(integer) -12");
        check("$5\r\na\r\nb\"\r\n", r#""a\r\nb\"""#);
        check("$-1\r\n", "(nil $)");
        check("$2\r\n-1\r\n", "\"-1\"");
        check("*-1\r\n", "(nil *)");
        check("_\r\n", "(nil _)");
        check("*2\r\n:1\r\n*0\r\n", "[(integer) 1, []]");
        check("%1\r\n$1\r\na\r\n#t\r\n", "map[\"a\", (bool) t]");
        check("~1\r\n,1.5\r\n", "set[(double) 1.5]");
    }

    #[test]
    fn nonsense_is_an_error() {
        for wire in ["?\r\n", "$x\r\n", "$2\r\nabc\r\n", "*9999999999\r\n", "\r\n", "$3\r\nab"] {
            assert!(ReplyReader::new(wire.as_bytes()).read().is_err(), "{wire:?}");
        }
        let deep = "*1\r\n".repeat(1000);
        assert!(ReplyReader::new(deep.as_bytes()).read().is_err());
    }
}
