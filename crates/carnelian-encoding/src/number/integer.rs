//! Integers from and to decimal text.

/// Reads the decimal form of an integer. Only the canonical form is accepted: no sign but a leading `-`, no space, no
/// leading zeros, not `-0`, and in range.
///
/// ```
/// # use carnelian_encoding::number::parse_i64;
/// assert_eq!(parse_i64(b"-9223372036854775808"), Some(i64::MIN));
/// for refused in ["", "-", "+1", " 1", "01", "-0", "9223372036854775808"] {
///     assert_eq!(parse_i64(refused.as_bytes()), None);
/// }
/// ```
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'0'] => return Some(0),
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let magnitude = parse_nonzero(digits)?;
    if negative {
        // The magnitude of the least integer is one more than that of the greatest.
        0i64.checked_sub_unsigned(magnitude)
    } else {
        i64::try_from(magnitude).ok()
    }
}

/// Reads the canonical decimal form of an unsigned integer: digits without leading zeros, in range.
#[inline]
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    if text == b"0" { Some(0) } else { parse_nonzero(text) }
}

/// At most 20 digits, the first of which is not zero.
#[inline]
fn parse_nonzero(digits: &[u8]) -> Option<u64> {
    let (&first, rest) = digits.split_first()?;
    if !matches!(first, b'1'..=b'9') || digits.len() > 20 {
        return None;
    }
    let mut value = (first - b'0') as u64;
    if digits.len() < 20 {
        // 19 digits cannot overflow.
        for &byte in rest {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            value = value * 10 + digit as u64;
        }
        return Some(value);
    }
    for &byte in rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(digit as u64)?;
    }
    Some(value)
}

/// Reads an unsigned integer the way Redis reads the parts of stream IDs: canonical signed text first (a negative one is
/// refused), else as C's `strtoull` does, which also takes leading space, a sign and leading zeros. A minus sign on text
/// that is no canonical integer wraps around, as in C.
pub fn parse_u64_lenient(text: &[u8]) -> Option<u64> {
    if let Some(int) = parse_i64(text) {
        return u64::try_from(int).ok();
    }
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value = 0u64;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(digit as u64)?;
    }
    Some(if negative { value.wrapping_neg() } else { value })
}

/// The decimal form of an integer, on the stack.
#[derive(Clone, Copy)]
pub struct I64Text {
    bytes: [u8; 20],
    len: u8,
}

impl I64Text {
    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len as usize]
    }
}

impl AsRef<[u8]> for I64Text {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// The decimal form of `value`, without allocating.
pub fn format_i64(value: i64) -> I64Text {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(value).as_bytes();
    let mut bytes = [0; 20];
    bytes[..text.len()].copy_from_slice(text);
    I64Text { bytes, len: text.len() as u8 }
}

/// Appends the decimal form of `value`.
#[inline]
pub fn write_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends the decimal form of `value`.
#[inline]
pub fn write_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}
