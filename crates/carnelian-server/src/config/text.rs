//! Numbers and quoting as configuration texts have them.

use carnelian_resp::quote_arg;

/// A decimal 64-bit integer without superfluous characters: no leading zeros, spaces or `+`.
pub(super) fn strict_i64(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    match digits {
        [b'0'] if digits.len() == text.len() => Some(0),
        [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => {
            std::str::from_utf8(text).ok()?.parse().ok()
        }
        _ => None,
    }
}

/// What C's `strtoll` makes of a whole text: leading white space and a sign are allowed and the empty text is 0.
/// `None` if anything follows the number. The flag tells that the value was out of range and is the nearest end.
pub(super) fn strtoll(text: &[u8], base: u32) -> Option<(i64, bool)> {
    if text.is_empty() {
        return Some((0, false));
    }
    let start = text.iter().position(|b| !is_space(*b))?;
    let (negative, digits) = match &text[start..] {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value: i128 = 0;
    for byte in digits {
        let digit = char::from(*byte).to_digit(base)?;
        value = value.saturating_mul(i128::from(base)).saturating_add(i128::from(digit));
    }
    if negative {
        value = -value;
    }
    let held = value.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    Some((held as i64, held != value))
}

/// Bytes with an optional unit. No digits at all count as 0, as they do in Redis. Beyond 64 bits the value saturates, where
/// Redis would let the multiplication wrap around.
pub(super) fn memory(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let factor: u64 = match text[digits..].to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    if digits >= 128 {
        return None;
    }
    let value = text[..digits]
        .iter()
        .fold(0_u64, |value, digit| value.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(value.saturating_mul(factor))
}

/// Bytes in the largest unit that divides them.
pub(super) fn format_memory(bytes: u64) -> String {
    for (shift, unit) in [(30, "gb"), (20, "mb"), (10, "kb")] {
        if bytes != 0 && bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Removes spaces, tabs and line ends at both ends of a line.
pub(super) fn trim(line: &[u8]) -> &[u8] {
    let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    let start = line.iter().position(|b| !blank(b)).unwrap_or(line.len());
    let end = line.iter().rposition(|b| !blank(b)).map_or(start, |last| last + 1);
    &line[start..end]
}

/// Appends `text`, quoted only if it would not read back as one word otherwise.
pub(super) fn quote_if_needed(out: &mut Vec<u8>, text: &[u8]) {
    let plain = |b: &u8| matches!(b, b'!'..=b'~') && !matches!(b, b'"' | b'\'' | b'\\');
    if !text.is_empty() && text.iter().all(plain) {
        out.extend_from_slice(text);
    } else {
        quote_arg(out, text);
    }
}
