//! Doubles from and to text.

use super::strtod::{Format, Rounded, Text, round, scan};

const F64: Format = Format { bits: 53, least: -1074, greatest: 1023 };

/// Reads a double as Redis reads scores and increments: the grammar of `strtod` (decimal or hexadecimal, `inf` and
/// `infinity` in any case), correctly rounded, and nothing before or behind. NaN, overflow, and underflow to zero are
/// refused.
///
/// ```
/// # use carnelian_encoding::number::parse_f64;
/// assert_eq!(parse_f64(b"+1.5e3"), Some(1500.0));
/// assert_eq!(parse_f64(b"0x1.8p1"), Some(3.0));
/// assert_eq!(parse_f64(b"-INF"), Some(f64::NEG_INFINITY));
/// for refused in ["", " 1", "1 ", "nan", "1e999", "1e-999", ".", "0x", "1_0"] {
///     assert_eq!(parse_f64(refused.as_bytes()), None);
/// }
/// ```
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    match scan(text)? {
        Text::Infinity { negative } => Some(if negative { f64::NEG_INFINITY } else { f64::INFINITY }),
        Text::Decimal { whole, fraction, .. } => {
            // The text fits Rust's grammar too, and Rust rounds correctly; only the range is left to check.
            let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
            let is_zero = || whole.iter().chain(fraction).all(|&digit| digit == b'0');
            (value.is_finite() && (value != 0.0 || is_zero())).then_some(value)
        }
        Text::Hex { negative, mantissa, sticky, exponent } => {
            let magnitude = match round(mantissa, sticky, exponent, &F64) {
                Rounded::Zero if mantissa == 0 => 0.0,
                Rounded::Zero | Rounded::Overflow => return None,
                Rounded::Finite { significand, exponent } => {
                    let top = 63 - significand.leading_zeros() as i64 + exponent;
                    if top < -1022 {
                        f64::from_bits(significand << (exponent - F64.least))
                    } else {
                        let fraction = (significand << significand.leading_zeros()) << 1 >> 12;
                        f64::from_bits(((top + 1023) as u64) << 52 | fraction)
                    }
                }
            };
            Some(if negative { -magnitude } else { magnitude })
        }
    }
}

/// The text of a double, on the stack.
#[derive(Clone, Copy)]
pub struct F64Text {
    bytes: [u8; 40],
    len: u8,
}

impl F64Text {
    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len as usize]
    }

    fn push(&mut self, text: &[u8]) {
        let at = self.len as usize;
        self.bytes[at..at + text.len()].copy_from_slice(text);
        self.len += text.len() as u8;
    }

    fn push_zeros(&mut self, count: usize) {
        // The array starts as zero bytes, so the characters have to be written.
        let at = self.len as usize;
        self.bytes[at..at + count].fill(b'0');
        self.len += count as u8;
    }
}

impl AsRef<[u8]> for F64Text {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// Appends the text of `value`, see [`format_f64`].
pub fn write_f64(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(format_f64(value).as_bytes());
}

/// The text of a double as Redis prints it since 7.2: the shortest digits that read back as the same number, `inf`,
/// `-inf`, `nan`, `-0`. Integers that a 64-bit integer holds well print in full; other magnitudes take an exponent when
/// plain digits would be much longer.
///
/// ```
/// # use carnelian_encoding::number::format_f64;
/// let text = |value: f64| String::from_utf8(format_f64(value).as_bytes().to_vec()).unwrap();
/// assert_eq!(text(3.0), "3");
/// assert_eq!(text(0.1), "0.1");
/// assert_eq!(text(1e300), "1e+300");
/// assert_eq!(text(-1.5e-9), "-1.5e-9");
/// ```
pub fn format_f64(value: f64) -> F64Text {
    let mut text = F64Text { bytes: [0; 40], len: 0 };
    if value.is_nan() {
        text.push(b"nan");
        return text;
    }
    if value.is_sign_negative() {
        text.push(b"-");
    }
    let value = value.abs();
    // Up to half the range of an integer the conversion is exact wherever there is no fraction.
    const INTEGER_MAX: f64 = (i64::MAX / 2) as f64;
    if value.is_infinite() {
        text.push(b"inf");
    } else if value <= INTEGER_MAX && value.fract() == 0.0 {
        text.push(itoa::Buffer::new().format(value as u64).as_bytes());
    } else {
        push_shortest(&mut text, value);
    }
    text
}

/// Lays the shortest digits of a positive finite number out.
fn push_shortest(text: &mut F64Text, value: f64) {
    let mut buffer = ryu::Buffer::new();
    let (digits, len, exponent) = significant_digits(buffer.format_finite(value).as_bytes());
    let digits = &digits[..len];
    // The number is `digits * 10^exponent`, or `d.ddd * 10^scientific`.
    let scientific = exponent + len as i32 - 1;
    let magnitude = scientific.unsigned_abs() as usize;
    if exponent >= 0 && magnitude < len + 7 {
        text.push(digits);
        text.push_zeros(exponent as usize);
    } else if exponent < 0 && (exponent > -7 || magnitude < 4) {
        let decimals = exponent.unsigned_abs() as usize;
        if let Some(whole) = len.checked_sub(decimals).filter(|&whole| whole > 0) {
            text.push(&digits[..whole]);
            text.push(b".");
            text.push(&digits[whole..]);
        } else {
            text.push(b"0.");
            text.push_zeros(decimals - len);
            text.push(digits);
        }
    } else {
        text.push(&digits[..1]);
        if len > 1 {
            text.push(b".");
            text.push(&digits[1..]);
        }
        text.push(if scientific < 0 { b"e-" } else { b"e+" });
        text.push(itoa::Buffer::new().format(magnitude).as_bytes());
    }
}

/// Takes the digits and the power of ten out of text like `12.5`, `0.003` or `1.5e-9`.
fn significant_digits(text: &[u8]) -> ([u8; 20], usize, i32) {
    let (mantissa, exponent) = match text.iter().position(|&byte| byte == b'e') {
        None => (text, 0),
        Some(e) => (&text[..e], super::parse_i64(&text[e + 1..]).unwrap_or(0) as i32),
    };
    let mut digits = [0u8; 20];
    let (mut len, mut exponent, mut behind_point) = (0, exponent, false);
    for &byte in mantissa {
        if byte == b'.' {
            behind_point = true;
            continue;
        }
        exponent -= i32::from(behind_point);
        if len > 0 || byte != b'0' {
            digits[len] = byte;
            len += 1;
        }
    }
    while len > 1 && digits[len - 1] == b'0' {
        len -= 1;
        exponent += 1;
    }
    (digits, len, exponent)
}
