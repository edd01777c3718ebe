//! Floating point numbers as text, the way Redis prints them from version 7.2 on.

use std::io::Write;

/// Append `value` with the fewest digits that read back as the same number.
///
/// The layout is the one replies have: integers in full up to 2^62, a decimal fraction down to about 1e-7, otherwise an exponent with its sign and without padding (`1e+20`); `inf`, `-inf`, `nan`.
pub(crate) fn append_f64(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        return out.extend_from_slice(b"nan");
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    if value.is_infinite() {
        return out.extend_from_slice(b"inf");
    }
    if value == 0.0 {
        return out.push(b'0');
    }
    // Integers are printed in full over half the range of 64 bits, where the conversion is exact.
    if value.fract() == 0.0 && value.abs() <= (i64::MAX / 2) as f64 {
        return out.extend_from_slice(itoa::Buffer::new().format(value.abs() as u64).as_bytes());
    }
    // `d.ddde-7`: the shortest digits, to be laid out anew. 17 digits, a point and the exponent fit easily.
    let mut text = [0_u8; 40];
    let mut cursor = &mut text[..];
    // Writing into a large enough array cannot fail.
    let _ = write!(cursor, "{:e}", value.abs());
    let left = cursor.len();
    let text = &text[..40 - left];
    let split = text.iter().position(|&byte| byte == b'e').unwrap_or(text.len());
    let point =
        text.get(split + 1..).and_then(|exp| std::str::from_utf8(exp).ok()).and_then(|exp| exp.parse().ok());
    let point: i32 = point.unwrap_or(0);
    let mut digits = [0_u8; 20];
    let mut count = 0;
    for &byte in text[..split].iter().filter(|byte| byte.is_ascii_digit()).take(20) {
        digits[count] = byte;
        count += 1;
    }
    layout(out, &digits[..count], point);
}

/// Write `d.ddd * 10^exponent`.
fn layout(out: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    let count = digits.len() as i32;
    // The power of ten of the last digit: the number is `digits * 10^scale`.
    let scale = exponent - (count - 1);
    if scale >= 0 && exponent < count + 7 {
        out.extend_from_slice(digits);
        out.extend(std::iter::repeat_n(b'0', scale as usize));
    } else if scale < 0 && (scale > -7 || exponent.abs() < 4) {
        let whole = count + scale;
        if whole <= 0 {
            out.extend_from_slice(b"0.");
            out.extend(std::iter::repeat_n(b'0', -whole as usize));
            out.extend_from_slice(digits);
        } else {
            out.extend_from_slice(&digits[..whole as usize]);
            out.push(b'.');
            out.extend_from_slice(&digits[whole as usize..]);
        }
    } else {
        out.push(digits[0]);
        if count > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        out.push(b'e');
        out.push(if exponent < 0 { b'-' } else { b'+' });
        out.extend_from_slice(itoa::Buffer::new().format(exponent.unsigned_abs()).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::append_f64;
    use proptest::prelude::*;

    fn text(value: f64) -> String {
        let mut out = Vec::new();
        append_f64(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn layouts() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (3.1, "3.1"),
            (0.1, "0.1"),
            (0.000_123, "0.000123"),
            (1e7, "10000000"),
            (1e8, "100000000"),
            (1e18, "1000000000000000000"),
            (1e19, "1e+19"),
            (12_345_678_901_234_567_000.0, "12345678901234567000"),
            (1e20, "1e+20"),
            (12_345_678_901.0, "12345678901"),
            (123_456_789_012_345_680.0, "123456789012345680"),
            (1e-5, "0.00001"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (1.23e-7, "1.23e-7"),
            (0.001_234_567_89, "0.00123456789"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (5e-324, "5e-324"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(text(value), expected);
        }
    }

    proptest! {
        #[test]
        fn reads_back_as_the_same_number(value in any::<f64>()) {
            let back: f64 = text(value).parse().unwrap();
            prop_assert!(back.to_bits() == value.to_bits() || value.is_nan() && back.is_nan());
        }
    }
}
