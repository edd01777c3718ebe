//! BITFIELD: integers of any width at any bit of a string.

use super::{offset_in_limit, string_for_bits};
use crate::ctx::{Ctx, TypedKeys};
use crate::cursor::Cursor;
use crate::error::{CommandError, CommandResult};
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};
use carnelian_encoding::number::parse_i64;
use carnelian_engine::{EventClass, Settings};

const COST: &str = "O(1) for each operation";

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::run("bitfield", -2, Group::Bitmap, bitfield)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .keys(&[KeySpec::one(
            1,
            KeyFlags::RW.or(KeyFlags::UPDATE).or(KeyFlags::ACCESS).or(KeyFlags::VARIABLE_FLAGS),
        )
        .note("Reads and writes, as the operations say")])
        .docs(
            "3.2.0",
            COST,
            "Reads and changes integers of given widths inside a string.",
            "BITFIELD key [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] <SET encoding offset value | \
             INCRBY encoding offset increment> [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] \
             <SET encoding offset value | INCRBY encoding offset increment> ...]]",
        ),
    CommandSpec::run("bitfield_ro", -2, Group::Bitmap, bitfield)
        .flags(&[Flags::READONLY, Flags::FAST])
        .keys(&[KeySpec::one(1, KeyFlags::RO.or(KeyFlags::ACCESS))])
        .docs(
            "6.0.0",
            COST,
            "Reads integers of given widths inside a string.",
            "BITFIELD_RO key [GET encoding offset [GET encoding offset ...]]",
        ),
];

const _: () = check(COMMANDS);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Overflow {
    Wrap,
    Saturate,
    Fail,
}

#[derive(Clone, Copy)]
enum Action {
    Get,
    Set(i64),
    Add(i64),
}

/// An integer type: `i1` to `i64`, `u1` to `u63`.
#[derive(Clone, Copy)]
struct Width {
    signed: bool,
    bits: u32,
}

struct Operation {
    width: Width,
    offset: u64,
    action: Action,
    overflow: Overflow,
}

fn bitfield(ctx: &mut Ctx) -> CommandResult {
    let key = ctx.arg(1);
    let operations = parse(ctx.cursor(2), ctx.keys.settings())?;
    let last = operations
        .iter()
        .filter(|operation| !matches!(operation.action, Action::Get))
        .map(|operation| operation.offset + u64::from(operation.width.bits) - 1)
        .max();
    let Some(last) = last else {
        let string = ctx.keys.string(key)?;
        ctx.out.array(operations.len());
        for operation in &operations {
            let bits = string.map_or(0, |string| {
                string.get().with_bytes(|bytes| read_bits(bytes, operation.offset, operation.width.bits))
            });
            ctx.out.integer(operation.width.value(bits));
        }
        return Ok(());
    };
    if ctx.is("bitfield_ro") {
        return Err(CommandError::BITFIELD_READ_ONLY);
    }
    let mut entry = ctx.keys.entry(key);
    let (mut bytes, grown) = string_for_bits(&mut entry, last)?;
    ctx.out.array(operations.len());
    let mut changes = 0;
    for Operation { width, offset, action, overflow } in operations {
        let old = width.value(read_bits(&bytes, offset, width.bits));
        let new = match action {
            Action::Get => {
                ctx.out.integer(old);
                continue;
            }
            // The value for an unsigned integer is taken as unsigned: -1 is beyond all of them.
            // Redis measures the distance of a signed one to the greatest in 64 bits. That wraps for those furthest below,
            // which it therefore saturates to the greatest.
            Action::Set(value)
                if width.signed
                    && overflow == Overflow::Saturate
                    && width.bits < 64
                    && width.greatest().checked_sub(value).is_none() =>
            {
                i128::from(i64::MAX)
            }
            Action::Set(value) if width.signed => i128::from(value),
            Action::Set(value) => i128::from(value as u64),
            Action::Add(increment) => i128::from(old) + i128::from(increment),
        };
        let Some(new) = width.fit(new, overflow) else {
            ctx.out.null();
            continue;
        };
        write_bits(&mut bytes, offset, width.bits, new as u64);
        changes += u64::from(grown || old != new);
        ctx.out.integer(if matches!(action, Action::Set(_)) { old } else { new });
    }
    if changes > 0 {
        drop(bytes);
        entry.changed(EventClass::STRING, "setbit");
        // One of them is counted already.
        ctx.dirty(changes - 1);
    }
    Ok(())
}

fn parse(mut cursor: Cursor<'_>, settings: &Settings) -> CommandResult<Vec<Operation>> {
    let mut operations = Vec::new();
    let mut overflow = Overflow::Wrap;
    while !cursor.is_done() {
        if let Some(kind) = cursor.word_with("OVERFLOW") {
            overflow = if kind.eq_ignore_ascii_case(b"wrap") {
                Overflow::Wrap
            } else if kind.eq_ignore_ascii_case(b"sat") {
                Overflow::Saturate
            } else if kind.eq_ignore_ascii_case(b"fail") {
                Overflow::Fail
            } else {
                return Err(CommandError::BITFIELD_OVERFLOW);
            };
            continue;
        }
        let make: Option<fn(i64) -> Action> = if cursor.remaining() >= 3 && cursor.word("GET") {
            None
        } else if cursor.remaining() >= 4 && cursor.word("SET") {
            Some(Action::Set)
        } else if cursor.remaining() >= 4 && cursor.word("INCRBY") {
            Some(Action::Add)
        } else {
            return Err(CommandError::SYNTAX);
        };
        let width = Width::parse(cursor.take()?)?;
        let offset = offset(cursor.take()?, width, settings)?;
        let action = match make {
            Some(make) => make(cursor.integer()?),
            None => Action::Get,
        };
        operations.push(Operation { width, offset, action, overflow });
    }
    Ok(operations)
}

/// Reads an offset in bits, or after a `#` in integers of this width.
fn offset(text: &[u8], width: Width, settings: &Settings) -> CommandResult<u64> {
    let offset = match text {
        [b'#', number @ ..] => parse_i64(number).and_then(|number| number.checked_mul(i64::from(width.bits))),
        number => parse_i64(number),
    };
    offset.and_then(|offset| offset_in_limit(offset, settings)).ok_or(CommandError::BIT_OFFSET)
}

impl Width {
    fn parse(text: &[u8]) -> CommandResult<Self> {
        let (signed, bits, most) = match text {
            [b'i', bits @ ..] => (true, bits, 64),
            [b'u', bits @ ..] => (false, bits, 63),
            _ => return Err(CommandError::BITFIELD_TYPE),
        };
        let bits =
            parse_i64(bits).filter(|bits| (1..=most).contains(bits)).ok_or(CommandError::BITFIELD_TYPE)?;
        Ok(Self { signed, bits: bits as u32 })
    }

    /// The integer that such bits stand for.
    fn value(self, bits: u64) -> i64 {
        let unused = 64 - self.bits;
        if self.signed { (bits << unused) as i64 >> unused } else { bits as i64 }
    }

    /// The greatest signed integer of this width.
    fn greatest(self) -> i64 {
        i64::MAX >> (64 - self.bits)
    }

    /// The integer that is stored for `value`; `None` when it does not fit and should fail.
    fn fit(self, value: i128, overflow: Overflow) -> Option<i64> {
        let (least, most) = if self.signed {
            (-(1i128 << (self.bits - 1)), (1i128 << (self.bits - 1)) - 1)
        } else {
            (0, (1i128 << self.bits) - 1)
        };
        if (least..=most).contains(&value) {
            return Some(value as i64);
        }
        match overflow {
            Overflow::Fail => None,
            Overflow::Saturate => Some(value.clamp(least, most) as i64),
            Overflow::Wrap => {
                let mask = u64::MAX >> (64 - self.bits);
                Some(self.value(value as u64 & mask))
            }
        }
    }
}

/// The bits at `offset`, the first one highest; what lies beyond the string is zero.
fn read_bits(bytes: &[u8], offset: u64, bits: u32) -> u64 {
    // 64 bits at any offset touch at most nine bytes.
    let (first, skip) = ((offset >> 3) as usize, (offset & 7) as u32);
    let window = (0..9)
        .fold(0u128, |window, at| window << 8 | u128::from(bytes.get(first + at).copied().unwrap_or(0)));
    (window >> (72 - skip - bits)) as u64 & (u64::MAX >> (64 - bits))
}

/// Writes the low `bits` of `value` at `offset`. The string is long enough.
fn write_bits(bytes: &mut [u8], offset: u64, bits: u32, value: u64) {
    let (first, skip) = ((offset >> 3) as usize, (offset & 7) as u32);
    let shift = 72 - skip - bits;
    let mask = u128::from(u64::MAX >> (64 - bits)) << shift;
    let value = u128::from(value) << shift & mask;
    for (at, byte) in bytes.iter_mut().skip(first).take(9).enumerate() {
        let down = 64 - 8 * at;
        *byte = *byte & !((mask >> down) as u8) | (value >> down) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::{read_bits, write_bits};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bits_are_where_a_bit_by_bit_walk_finds_them(
            mut bytes in prop::collection::vec(any::<u8>(), 20),
            offset in 0u64..90,
            bits in 1u32..=64,
            value: u64,
        ) {
            let bit = |bytes: &[u8], at: u64| bytes[(at / 8) as usize] >> (7 - at % 8) & 1;
            let before = bytes.clone();
            let walked = (0..u64::from(bits)).fold(0u64, |n, i| n << 1 | u64::from(bit(&bytes, offset + i)));
            prop_assert_eq!(read_bits(&bytes, offset, bits), walked);
            write_bits(&mut bytes, offset, bits, value);
            prop_assert_eq!(read_bits(&bytes, offset, bits), value & (u64::MAX >> (64 - bits)));
            for at in (0..offset).chain(offset + u64::from(bits)..160) {
                prop_assert_eq!(bit(&bytes, at), bit(&before, at));
            }
        }
    }
}
