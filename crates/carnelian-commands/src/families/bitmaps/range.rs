//! Bits of a range: BITCOUNT and BITPOS.

use crate::ctx::{Ctx, TypedKeys};
use crate::cursor::integer;
use crate::error::{CommandError, CommandResult};
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};
use carnelian_resp::Args;

const KEYS: &[KeySpec] = &[KeySpec::one(1, KeyFlags::RO.or(KeyFlags::ACCESS))];
const HISTORY: &[(&str, &str)] = &[("7.0.0", "Options `BYTE` and `BIT`.")];

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::run("bitcount", -2, Group::Bitmap, bitcount)
        .flags(&[Flags::READONLY])
        .keys(KEYS)
        .docs(
            "2.6.0",
            "O(N)",
            "Counts the bits that are set in a string or a part of it.",
            "BITCOUNT key [start end [BYTE | BIT]]",
        )
        .history(HISTORY),
    CommandSpec::run("bitpos", -3, Group::Bitmap, bitpos)
        .flags(&[Flags::READONLY])
        .keys(KEYS)
        .docs(
            "2.8.7",
            "O(N)",
            "Finds the first bit that is set, or clear, in a string or a part of it.",
            "BITPOS key bit [start [end [BYTE | BIT]]]",
        )
        .history(HISTORY),
];

const _: () = check(COMMANDS);

/// The bits from `first` to `last`, both included.
#[derive(Clone, Copy)]
struct Bits {
    first: usize,
    last: usize,
}

/// Whether positions count bits.
fn unit(text: &[u8]) -> CommandResult<bool> {
    if text.eq_ignore_ascii_case(b"bit") {
        Ok(true)
    } else if text.eq_ignore_ascii_case(b"byte") {
        Ok(false)
    } else {
        Err(CommandError::SYNTAX)
    }
}

/// Turns positions, negative ones counted from the end, into bits of a string of `length` bytes.
fn resolve(start: i64, end: i64, by_bit: bool, length: usize) -> Option<Bits> {
    let total = if by_bit { length as i64 * 8 } else { length as i64 };
    let from_start = |position: i64| if position < 0 { (total + position).max(0) } else { position };
    let (start, end) = (from_start(start), from_start(end).min(total - 1));
    let width = if by_bit { 1 } else { 8 };
    (start <= end).then(|| Bits { first: start as usize * width, last: end as usize * width + (width - 1) })
}

/// The bits of byte `index` that lie in the range, as a mask.
fn mask(bits: Bits, index: usize) -> u8 {
    let mut mask = 0xff;
    if index == bits.first / 8 {
        mask &= 0xff >> (bits.first % 8);
    }
    if index == bits.last / 8 {
        mask &= 0xff << (7 - bits.last % 8);
    }
    mask
}

fn bitcount(ctx: &mut Ctx) -> CommandResult {
    let args = ctx.args;
    let Some(string) = ctx.keys.string(ctx.args.get(1).unwrap_or_default())? else {
        // Even if the other arguments make no sense.
        ctx.out.integer(0);
        return Ok(());
    };
    let count = string.get().with_bytes(|bytes| {
        CommandResult::Ok(count_range(args, bytes.len())?.map_or(0, |bits| count(bytes, bits)))
    })?;
    ctx.out.integer(count as i64);
    Ok(())
}

fn count_range(args: Args<'_>, length: usize) -> CommandResult<Option<Bits>> {
    match args.len() {
        2 => Ok(resolve(0, -1, false, length)),
        4 | 5 => {
            let (start, end) = (integer(&args[2])?, integer(&args[3])?);
            if start < 0 && end < 0 && start > end {
                return Ok(None);
            }
            let by_bit = args.get(4).map_or(Ok(false), unit)?;
            Ok(resolve(start, end, by_bit, length))
        }
        _ => Err(CommandError::SYNTAX),
    }
}

fn count(bytes: &[u8], bits: Bits) -> u64 {
    let (first, last) = (bits.first / 8, bits.last / 8);
    if first == last {
        return u64::from((bytes[first] & mask(bits, first)).count_ones());
    }
    let edges =
        (bytes[first] & mask(bits, first)).count_ones() + (bytes[last] & mask(bits, last)).count_ones();
    let (words, rest) = bytes[first + 1..last].as_chunks::<8>();
    let words: u64 = words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones())).sum();
    let rest: u64 = rest.iter().map(|byte| u64::from(byte.count_ones())).sum();
    u64::from(edges) + words + rest
}

fn bitpos(ctx: &mut Ctx) -> CommandResult {
    let args = ctx.args;
    let set = match integer(ctx.arg(2))? {
        0 => false,
        1 => true,
        _ => return Err(CommandError::BIT_ARGUMENT),
    };
    let Some(string) = ctx.keys.string(ctx.args.get(1).unwrap_or_default())? else {
        // Nothing is an endless row of clear bits.
        ctx.out.integer(if set { -1 } else { 0 });
        return Ok(());
    };
    let position = string.get().with_bytes(|bytes| position(args, bytes, set))?;
    ctx.out.integer(position);
    Ok(())
}

fn position(args: Args<'_>, bytes: &[u8], set: bool) -> CommandResult<i64> {
    let length = bytes.len();
    let bits = match args.len() {
        3 => resolve(0, -1, false, length),
        4..=6 => {
            let start = integer(&args[3])?;
            let by_bit = args.get(5).map_or(Ok(false), unit)?;
            let end = args.get(4).map_or(Ok(-1), integer)?;
            resolve(start, end, by_bit, length)
        }
        _ => return Err(CommandError::SYNTAX),
    };
    let Some(bits) = bits else { return Ok(-1) };
    Ok(match find(bytes, bits, set) {
        Some(position) => position as i64,
        // Without an end, the string is followed by endless clear bits.
        None if !set && args.len() < 5 => length as i64 * 8,
        None => -1,
    })
}

fn find(bytes: &[u8], bits: Bits, set: bool) -> Option<usize> {
    let (first, last) = (bits.first / 8, bits.last / 8);
    let flip = if set { 0 } else { 0xff };
    let at = |index: usize| {
        let found = (bytes[index] ^ flip) & mask(bits, index);
        (found != 0).then(|| index * 8 + found.leading_zeros() as usize)
    };
    if let Some(position) = at(first) {
        return Some(position);
    }
    if first == last {
        return None;
    }
    let middle = &bytes[first + 1..last];
    // Whole words without what is looked for are skipped.
    let (words, _) = middle.as_chunks::<8>();
    let dull = [flip; 8];
    let skipped = words.iter().position(|word| *word != dull).unwrap_or(words.len()) * 8;
    (first + 1 + skipped..=last).find_map(at)
}
