//! The x87 80-bit long double in integer arithmetic, for `INCRBYFLOAT` and `HINCRBYFLOAT`.
//!
//! Redis adds in long double and prints 17 decimals, so on x86-64 the results carry 64 bits of significand. Doing this in
//! doubles gives other digits. Here everything is integer arithmetic, so every platform prints what x86-64 prints.

use super::strtod::{Format, Rounded, Text, round, scan};

const X87: Format = Format { bits: 64, least: -16_445, greatest: 16_383 };

/// Texts of this many bytes or more are refused, as Redis does.
pub const LONG_DOUBLE_TEXT_MAX: usize = 5 * 1024;

/// Digits behind the point that are printed.
const DECIMALS: u32 = 17;

/// An 80-bit extended-precision number. Infinities are values; a NaN is not.
#[derive(Clone, Copy, Debug)]
pub struct LongDouble {
    negative: bool,
    value: Rounded,
}

impl LongDouble {
    /// Zero.
    pub const ZERO: Self = Self { negative: false, value: Rounded::Zero };

    /// Reads a number as `strtold` does, correctly rounded. Redis' refusals: leading space, anything left over, NaN,
    /// overflow, underflow to zero, and texts of 5 KiB or more.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() >= LONG_DOUBLE_TEXT_MAX {
            return None;
        }
        let (negative, value) = match scan(text)? {
            Text::Infinity { negative } => (negative, Rounded::Overflow),
            Text::Hex { negative, mantissa, sticky, exponent } => {
                match round(mantissa, sticky, exponent, &X87) {
                    Rounded::Overflow => return None,
                    Rounded::Zero if mantissa != 0 => return None,
                    value => (negative, value),
                }
            }
            Text::Decimal { negative, whole, fraction, exponent } => {
                (negative, round_decimal(whole, fraction, exponent)?)
            }
        };
        Some(Self { negative, value })
    }

    /// An integer, exactly.
    pub fn from_i64(value: i64) -> Self {
        let magnitude = value.unsigned_abs() as u128;
        Self { negative: value < 0, value: round(magnitude, false, 0, &X87) }
    }

    /// Whether this is an infinity.
    pub fn is_infinite(self) -> bool {
        self.value == Rounded::Overflow
    }

    /// The sum, rounded to the nearest number, ties to even. `None` when it is not a number: infinity less infinity.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let ((s1, e1), (s2, e2)) = match (self.value, other.value) {
            (Rounded::Overflow, Rounded::Overflow) => {
                return (self.negative == other.negative).then_some(self);
            }
            (Rounded::Overflow, _) => return Some(self),
            (_, Rounded::Overflow) => return Some(other),
            (Rounded::Zero, Rounded::Zero) => {
                return Some(Self { negative: self.negative && other.negative, ..self });
            }
            (Rounded::Zero, _) => return Some(other),
            (_, Rounded::Zero) => return Some(self),
            (
                Rounded::Finite { significand: s1, exponent: e1 },
                Rounded::Finite { significand: s2, exponent: e2 },
            ) => ((s1, e1), (s2, e2)),
        };
        if e1 < e2 || (e1 == e2 && s1 < s2) {
            return other.add_smaller(self, (s2, e2), (s1, e1));
        }
        self.add_smaller(other, (s1, e1), (s2, e2))
    }

    /// Adds a number that is not greater in magnitude. Both significands are as far up as the format lets them, so the
    /// exponents order the magnitudes.
    fn add_smaller(self, other: Self, (s1, e1): (u64, i64), (s2, e2): (u64, i64)) -> Option<Self> {
        // 62 bits below the greater significand hold what rounding needs; one bit above takes the carry. What falls out
        // at the bottom only matters as being there, and stands in the lowest bit.
        const BELOW: u32 = 62;
        let greater = (s1 as u128) << BELOW;
        let smaller = (s2 as u128) << BELOW;
        let shift = (e1 - e2) as u32;
        let shifted = if shift > 127 {
            u128::from(smaller != 0)
        } else {
            let lost = smaller & ((1u128 << shift) - 1) != 0;
            smaller >> shift | u128::from(lost)
        };
        let sum = if self.negative == other.negative { greater + shifted } else { greater - shifted };
        if sum == 0 {
            return Some(Self::ZERO);
        }
        let value = round(sum, false, e1 - BELOW as i64, &X87);
        Some(Self { negative: self.negative, value })
    }

    /// Appends the number with 17 decimals less trailing zeros, never with an exponent, as `INCRBYFLOAT` replies.
    pub fn write_to(self, out: &mut Vec<u8>) {
        let start = out.len();
        if self.negative {
            out.push(b'-');
        }
        match self.value {
            Rounded::Overflow => return out.extend_from_slice(b"inf"),
            Rounded::Zero => out.push(b'0'),
            Rounded::Finite { significand, exponent } if exponent > 0 => {
                write_shifted(out, significand, exponent as usize);
            }
            Rounded::Finite { significand, exponent } => {
                write_fixed(out, significand, exponent.unsigned_abs());
            }
        }
        if out[start..] == *b"-0" {
            out.truncate(start);
            out.push(b'0');
        }
    }

    /// The number as text, see [`write_to`](Self::write_to).
    pub fn to_vec(self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_to(&mut out);
        out
    }
}

/// Writes `significand / 2^shift`. Scaled by 10^17 it still fits 128 bits, so one rounding shift gives all digits.
fn write_fixed(out: &mut Vec<u8>, significand: u64, shift: u64) {
    const ONE: u128 = 10u128.pow(DECIMALS);
    let scaled = significand as u128 * ONE;
    let fixed = match shift {
        0 => scaled,
        1..=127 => {
            let kept = scaled >> shift;
            let rest = scaled & ((1 << shift) - 1);
            let half = 1u128 << (shift - 1);
            kept + u128::from(rest > half || (rest == half && kept & 1 == 1))
        }
        _ => 0,
    };
    let mut buffer = itoa::Buffer::new();
    out.extend_from_slice(buffer.format((fixed / ONE) as u64).as_bytes());
    let mut fraction = (fixed % ONE) as u64;
    if fraction != 0 {
        out.push(b'.');
        let mut digits = [b'0'; DECIMALS as usize];
        for digit in digits.iter_mut().rev() {
            *digit += (fraction % 10) as u8;
            fraction /= 10;
        }
        let len = digits.iter().rposition(|&digit| digit != b'0').map_or(0, |last| last + 1);
        out.extend_from_slice(&digits[..len]);
    }
}

/// Writes the integer `significand * 2^shift`, which may have nearly 5000 digits.
fn write_shifted(out: &mut Vec<u8>, significand: u64, shift: usize) {
    let mut limbs = vec![0u64; shift / 64 + 2];
    let shifted = (significand as u128) << (shift % 64);
    limbs[shift / 64] = shifted as u64;
    limbs[shift / 64 + 1] = (shifted >> 64) as u64;
    const CHUNK: u64 = 10u64.pow(19);
    let mut chunks = Vec::new();
    while let Some(last) = limbs.iter().rposition(|&limb| limb != 0) {
        limbs.truncate(last + 1);
        let mut rest = 0u64;
        for limb in limbs.iter_mut().rev() {
            let value = (rest as u128) << 64 | *limb as u128;
            *limb = (value / CHUNK as u128) as u64;
            rest = (value % CHUNK as u128) as u64;
        }
        chunks.push(rest);
    }
    for (i, &chunk) in chunks.iter().rev().enumerate() {
        let mut buffer = itoa::Buffer::new();
        let text = buffer.format(chunk).as_bytes();
        if i > 0 {
            out.resize(out.len() + 19 - text.len(), b'0');
        }
        out.extend_from_slice(text);
    }
}

/// Rounds `whole.fraction * 10^exponent`. `None` on overflow and on underflow to zero.
fn round_decimal(whole: &[u8], fraction: &[u8], exponent: i64) -> Option<Rounded> {
    let digits = || whole.iter().chain(fraction).map(|&digit| digit - b'0');
    let leading_zeros = digits().take_while(|&digit| digit == 0).count();
    let trailing_zeros = digits().rev().take_while(|&digit| digit == 0).count();
    let count = (whole.len() + fraction.len()).saturating_sub(leading_zeros + trailing_zeros);
    if leading_zeros == whole.len() + fraction.len() {
        return Some(Rounded::Zero);
    }
    let digits = || digits().skip(leading_zeros).take(count);
    let exponent = exponent - fraction.len() as i64 + trailing_zeros as i64;
    // The greatest number has 4933 digits before the point, the least begins 4951 places behind it.
    let magnitude = exponent + count as i64;
    if !(-4960..=4940).contains(&magnitude) {
        return None;
    }
    let rounded = match (count, exponent) {
        (0..=19, -19..=0) => {
            let value = digits().fold(0u64, |value, digit| value * 10 + digit as u64);
            let up = value.leading_zeros();
            let numerator = ((value << up) as u128) << 64;
            let denominator = 10u128.pow(exponent.unsigned_abs() as u32);
            let sticky = !numerator.is_multiple_of(denominator);
            round(numerator / denominator, sticky, -64 - up as i64, &X87)
        }
        _ => round_decimal_slowly(digits(), exponent),
    };
    (matches!(rounded, Rounded::Finite { .. })).then_some(rounded)
}

/// The general case, with integers as long as they need to be (at most about 5000 digits on each side).
fn round_decimal_slowly(digits: impl Iterator<Item = u8>, exponent: i64) -> Rounded {
    let mut numerator = Big::default();
    for digit in digits {
        numerator.multiply_add(10, digit as u64);
    }
    let mut denominator = Big(vec![1]);
    let scaled = if exponent >= 0 { &mut numerator } else { &mut denominator };
    let mut power = exponent.unsigned_abs();
    while power > 0 {
        let step = power.min(19);
        scaled.multiply_add(10u64.pow(step as u32), 0);
        power -= step;
    }
    // Shift one of them so that the quotient has 66 or 67 bits, then divide bit by bit.
    let shift = 66 - (numerator.bits() as i64 - denominator.bits() as i64);
    if shift >= 0 {
        numerator.shift_left(shift as usize);
    } else {
        denominator.shift_left(shift.unsigned_abs() as usize);
    }
    let (quotient, sticky) = divide_to_67_bits(numerator, denominator);
    round(quotient, sticky, -shift, &X87)
}

/// Divides where the quotient is known to be below 2^67; tells whether there is a remainder.
fn divide_to_67_bits(mut numerator: Big, mut denominator: Big) -> (u128, bool) {
    denominator.shift_left(67);
    let mut quotient = 0u128;
    for _ in 0..=67 {
        quotient <<= 1;
        if numerator.subtract_if_not_less(&denominator) {
            quotient |= 1;
        }
        denominator.halve();
    }
    (quotient, numerator.bits() > 0)
}

/// A natural number of any size: 64-bit limbs, least significant first, no zero limb on top.
#[derive(Default)]
struct Big(Vec<u64>);

impl Big {
    fn bits(&self) -> usize {
        self.0.last().map_or(0, |top| self.0.len() * 64 - top.leading_zeros() as usize)
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    fn multiply_add(&mut self, factor: u64, addend: u64) {
        let mut carry = addend;
        for limb in &mut self.0 {
            let value = *limb as u128 * factor as u128 + carry as u128;
            *limb = value as u64;
            carry = (value >> 64) as u64;
        }
        if carry > 0 {
            self.0.push(carry);
        }
    }

    fn shift_left(&mut self, bits: usize) {
        let shift = bits % 64;
        if shift > 0 {
            let mut carry = 0;
            for limb in &mut self.0 {
                let value = *limb;
                *limb = value << shift | carry;
                carry = value >> (64 - shift);
            }
            self.0.push(carry);
        }
        self.0.splice(0..0, std::iter::repeat_n(0, bits / 64));
        self.trim();
    }

    fn halve(&mut self) {
        let mut carry = 0;
        for limb in self.0.iter_mut().rev() {
            let value = *limb;
            *limb = value >> 1 | carry << 63;
            carry = value & 1;
        }
        self.trim();
    }

    fn subtract_if_not_less(&mut self, other: &Self) -> bool {
        let less = self.0.len() < other.0.len()
            || (self.0.len() == other.0.len() && self.0.iter().rev().lt(other.0.iter().rev()));
        if less {
            return false;
        }
        let mut borrow = false;
        for (i, limb) in self.0.iter_mut().enumerate() {
            let (value, b1) = limb.overflowing_sub(other.0.get(i).copied().unwrap_or(0));
            let (value, b2) = value.overflowing_sub(u64::from(borrow));
            *limb = value;
            borrow = b1 || b2;
        }
        self.trim();
        true
    }
}
