//! Byte strings as text: the quoted form of formatted replies, and JSON strings.

use carnelian_resp::quote_arg;
use std::io::Write;

/// The bytes in double quotes, so that the result can be typed back in and gives the same bytes.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    quote_arg(&mut out, bytes);
    // Every byte written above is ASCII.
    String::from_utf8_lossy(&out).into_owned()
}

/// Append a JSON string whose content is passed through as it is, apart from what RFC 8259 makes us escape. Bytes
/// that are not UTF-8 stay as they are.
pub(crate) fn push_json(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            0..=0x1f => {
                let _ = write!(out, "\\u{byte:04x}");
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// Append a pure-ASCII JSON string: the quoted form of `bytes` with its backslashes doubled, the quotes inside too.
pub(crate) fn push_ascii_json(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut text = Vec::new();
    quote_arg(&mut text, bytes);
    for byte in text {
        if byte == b'\\' {
            out.push(b'\\');
        }
        out.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(push: fn(&mut Vec<u8>, &[u8]), bytes: &[u8], expected: &[u8]) {
        let mut out = Vec::new();
        push(&mut out, bytes);
        assert_eq!(out, expected, "{}", String::from_utf8_lossy(&out));
    }

    #[test]
    fn quotes_what_is_not_printable_ascii() {
        check(quote_arg, b"", br#""""#);
        check(quote_arg, b"a\"b\\c", br#""a\"b\\c""#);
        check(quote_arg, b"\n\r\t\x07\x08\0\x7f\xff~", br#""\n\r\t\a\b\x00\x7f\xff~""#);
    }

    #[test]
    fn quoted_text_reads_back_as_the_same_bytes() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(carnelian_resp::split_args(quoted(&all).as_bytes()), Some(vec![all]));
    }

    #[test]
    fn json_keeps_what_json_allows() {
        check(
            push_json,
            b"\\\"\n\x0c\r\t\x08\0\x1f\x7f\xc3\xb0",
            b"\"\\\\\\\"\\n\\f\\r\\t\\b\\u0000\\u001f\x7f\xc3\xb0\"",
        );
        check(push_ascii_json, b"\xf0e\"", br#""\\xf0e\\"""#);
    }
}
