//! The parts that C's `strtod` and `strtold` have in common: the grammar, and rounding to a binary format.

/// A number as its text says it, before it is rounded to a format.
#[derive(Debug)]
pub(super) enum Text<'a> {
    /// `inf` or `infinity`.
    Infinity {
        /// Whether a minus sign was there.
        negative: bool,
    },
    /// Decimal digits, to be multiplied by 10^exponent.
    Decimal {
        negative: bool,
        /// The digits before the point.
        whole: &'a [u8],
        /// The digits behind it.
        fraction: &'a [u8],
        /// The exponent as written, clamped to a range far outside every format.
        exponent: i64,
    },
    /// A hexadecimal number, exactly or with the lost bits folded into `sticky`.
    Hex { negative: bool, mantissa: u128, sticky: bool, exponent: i64 },
}

/// Exponents are clamped here; texts are shorter than this, so digits cannot bring them back into range.
const EXPONENT_CLAMP: i64 = 1 << 40;

/// Reads a whole text by the grammar of `strtod`. `None` if the text is empty, starts with space, has anything left over,
/// or is a NaN: Redis refuses all of these.
pub(super) fn scan(text: &[u8]) -> Option<Text<'_>> {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    if rest.eq_ignore_ascii_case(b"inf") || rest.eq_ignore_ascii_case(b"infinity") {
        return Some(Text::Infinity { negative });
    }
    if let [b'0', b'x' | b'X', hex @ ..] = rest {
        return scan_hex(negative, hex);
    }
    let (whole, rest) = take_while(rest, u8::is_ascii_digit);
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => take_while(rest, u8::is_ascii_digit),
        rest => (&[][..], rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let exponent = scan_exponent(rest, *b"eE")?;
    Some(Text::Decimal { negative, whole, fraction, exponent })
}

fn take_while(text: &[u8], accept: impl Fn(&u8) -> bool) -> (&[u8], &[u8]) {
    let len = text.iter().position(|byte| !accept(byte)).unwrap_or(text.len());
    text.split_at(len)
}

/// The exponent that makes up the rest of the text; none at all is 0.
fn scan_exponent(rest: &[u8], markers: [u8; 2]) -> Option<i64> {
    let digits = match rest {
        [] => return Some(0),
        [marker, digits @ ..] if markers.contains(marker) => digits,
        _ => return None,
    };
    let (negative, digits) = match digits {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let magnitude =
        digits.iter().fold(0i64, |value, &digit| (value * 10 + (digit - b'0') as i64).min(EXPONENT_CLAMP));
    Some(if negative { -magnitude } else { magnitude })
}

fn scan_hex(negative: bool, text: &[u8]) -> Option<Text<'static>> {
    let (whole, rest) = take_while(text, u8::is_ascii_hexdigit);
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => take_while(rest, u8::is_ascii_hexdigit),
        rest => (&[][..], rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut exponent = scan_exponent(rest, *b"pP")? - 4 * fraction.len() as i64;
    let (mut mantissa, mut sticky) = (0u128, false);
    for &digit in whole.iter().chain(fraction) {
        let digit = (digit as char).to_digit(16).unwrap_or(0) as u128;
        if mantissa >> 120 == 0 {
            mantissa = mantissa << 4 | digit;
        } else {
            sticky |= digit != 0;
            exponent += 4;
        }
    }
    Some(Text::Hex { negative, mantissa, sticky, exponent })
}

/// A binary floating-point format.
pub(super) struct Format {
    /// Bits of the significand.
    pub(super) bits: u32,
    /// Weight exponent of the lowest bit of the smallest denormal number.
    pub(super) least: i64,
    /// Weight exponent of the highest bit of the greatest number.
    pub(super) greatest: i64,
}

/// A rounded value: `significand * 2^exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rounded {
    Zero,
    Finite {
        /// At most `bits` bits.
        significand: u64,
        exponent: i64,
    },
    Overflow,
}

/// Rounds `mantissa * 2^exponent` (and a little more if `sticky`) to the nearest number of the format, ties to even.
pub(super) fn round(mantissa: u128, sticky: bool, exponent: i64, format: &Format) -> Rounded {
    if mantissa == 0 {
        return Rounded::Zero;
    }
    let top = 127 - mantissa.leading_zeros() as i64;
    // What is rounded away is below the significand, and below the least bit that the format knows.
    let drop = (top + 1 - format.bits as i64).max(format.least - exponent);
    let (mut significand, mut exponent) = if drop <= 0 {
        // Nothing is lost; the value is shifted to the top so that there is one form for each value.
        let shift = (-drop) as u32;
        (mantissa << shift, exponent - shift as i64)
    } else if drop > 127 {
        return Rounded::Zero;
    } else {
        let kept = mantissa >> drop;
        let rest = mantissa & ((1 << drop) - 1);
        let half = 1u128 << (drop - 1);
        let up = rest > half || (rest == half && (sticky || kept & 1 == 1));
        (kept + u128::from(up), exponent + drop)
    };
    if significand >> format.bits != 0 {
        significand >>= 1;
        exponent += 1;
    }
    if significand == 0 {
        return Rounded::Zero;
    }
    if exponent + 127 - significand.leading_zeros() as i64 > format.greatest {
        return Rounded::Overflow;
    }
    Rounded::Finite { significand: significand as u64, exponent }
}
