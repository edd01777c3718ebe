//! Splitting a line into words with Redis' quoting: inline requests, config lines, lines typed into a client.

use crate::args::Span;

/// Split a line into words, or `None` when its quotes do not balance.
///
/// - Words are separated by blanks: space, tab, CR, LF, vertical tab and form feed before a word; the first four
///   of them end it.
/// - Inside double quotes `\xHH` is a byte, `\n` `\r` `\t` `\b` `\a` are what they are in C, and a backslash before
///   anything else gives that byte. Inside single quotes only `\'` is special.
/// - Quotes may begin inside a word; a closing quote must be followed by a blank or the end.
///
/// A NUL byte is an ordinary byte.
///
/// ```
/// use carnelian_resp::split_args;
/// assert_eq!(split_args(br#"set "a key" 'it''s'"#), None);
/// assert_eq!(split_args(br#"set "\x41 key" 'it\'s'"#).unwrap(), [b"set".to_vec(), b"A key".to_vec(), b"it's".to_vec()]);
/// ```
pub fn split_args(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (mut bytes, mut spans) = (Vec::new(), Vec::new());
    split_into(line, &mut bytes, &mut spans)
        .then(|| spans.iter().map(|span| bytes[span.start..span.start + span.len].to_vec()).collect())
}

/// Append an argument in double quotes, with escapes for all that is not printable ASCII: [`split_args`] gives it back,
/// and it never ends the line it stands in. O(n).
///
/// ```
/// let mut line = Vec::new();
/// carnelian_resp::quote_arg(&mut line, b"a\x00\"b\"\n");
/// assert_eq!(line, br#""a\x00\"b\"\n""#);
/// ```
pub fn quote_arg(out: &mut Vec<u8>, arg: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.reserve(arg.len() + 2);
    out.push(b'"');
    for &byte in arg {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x07 => out.extend_from_slice(b"\\a"),
            0x08 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => {
                let digit = |nibble: u8| HEX[usize::from(nibble)];
                out.extend_from_slice(&[b'\\', b'x', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    out.push(b'"');
}

/// As [`split_args`], into reused buffers; false when the quotes do not balance. One pass, no allocation beyond the
/// growth of the two vectors.
pub(crate) fn split_into(line: &[u8], bytes: &mut Vec<u8>, spans: &mut Vec<Span>) -> bool {
    let mut at = 0;
    loop {
        while line.get(at).is_some_and(|&byte| is_blank(byte)) {
            at += 1;
        }
        if at == line.len() {
            return true;
        }
        let start = bytes.len();
        let Some(end) = word(line, at, bytes) else { return false };
        spans.push(Span { start, len: bytes.len() - start });
        at = end;
    }
}

/// Append the word that begins at `at`; returns where it ends, or `None` for quotes that do not balance.
fn word(line: &[u8], mut at: usize, bytes: &mut Vec<u8>) -> Option<usize> {
    while let Some(&byte) = line.get(at) {
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => break,
            quote @ (b'"' | b'\'') => {
                let end = quoted(line, at + 1, quote, bytes)?;
                return line.get(end).is_none_or(|&next| is_blank(next)).then_some(end);
            }
            plain => bytes.push(plain),
        }
        at += 1;
    }
    Some(at)
}

/// Append what stands between quotes, `at` being just after the opening one; returns where the closing one ends.
fn quoted(line: &[u8], mut at: usize, quote: u8, bytes: &mut Vec<u8>) -> Option<usize> {
    loop {
        match (*line.get(at)?, line.get(at + 1)) {
            (b'\\', Some(&next)) if quote == b'"' => {
                if let (b'x', Some(byte)) = (next, hex_byte(line.get(at + 2..at + 4))) {
                    bytes.push(byte);
                    at += 4;
                    continue;
                }
                bytes.push(match next {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => other,
                });
                at += 2;
            }
            (b'\\', Some(b'\'')) => {
                bytes.push(b'\'');
                at += 2;
            }
            (byte, _) if byte == quote => return Some(at + 1),
            (byte, _) => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
}

fn hex_byte(pair: Option<&[u8]>) -> Option<u8> {
    let &[high, low] = pair? else { return None };
    Some(((high as char).to_digit(16)? << 4 | (low as char).to_digit(16)?) as u8)
}

/// What C's `isspace` accepts in its default locale.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 11 | 12)
}

#[cfg(test)]
mod tests {
    use super::split_args;

    fn check(line: &[u8], words: &[&[u8]]) {
        let got = split_args(line)
            .unwrap_or_else(|| panic!("{:?} does not split", line.escape_ascii().to_string()));
        assert_eq!(got, words, "{}", line.escape_ascii());
    }

    #[test]
    fn words_and_quotes() {
        check(b"", &[]);
        check(b" \t\r\n\x0b\x0c", &[]);
        check(b"ping", &[b"ping"]);
        check(b"  set  a\tb ", &[b"set", b"a", b"b"]);
        check(b"a\x0bb \x0bc", &[b"a\x0bb", b"c"]);
        check(b"a\0b", &[b"a\0b"]);
        check(br#""" '' x"#, &[b"", b"", b"x"]);
        check(br#"pre"fix ed" x"#, &[b"prefix ed", b"x"]);
        check(br#""\x00\xfF\xZZ\n\r\t\b\a\\\"\q""#, &[b"\0\xffxZZ\n\r\t\x08\x07\\\"q"]);
        check(br#""\x4""#, &[b"x4"]);
        check(br"'it\'s \n \x41'", &[br"it's \n \x41"]);
        check(br"a\x41", &[br"a\x41"]);
        check(b"\"a\"\x0bb", &[b"a", b"b"]);
    }

    #[test]
    fn quotes_that_do_not_balance() {
        for line in
            [&br#"""#[..], b"'", br#""a"b"#, b"'a'b", br#""a\"#, br#""a\""#, br"'a\'", b"a \"b", b"\"a\"\0"]
        {
            assert_eq!(split_args(line), None, "{}", line.escape_ascii());
        }
    }
}
