//! BITOP: strings combined bit by bit.

use crate::ctx::{Ctx, TypedKeys};
use crate::error::{CommandError, CommandResult};
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};
use carnelian_engine::{EventClass, Expiry, StringValue};

pub(crate) const COMMANDS: &[CommandSpec] = &[CommandSpec::run("bitop", -4, Group::Bitmap, bitop)
    .flags(&[Flags::WRITE, Flags::DENYOOM])
    .keys(&[
        KeySpec::one(2, KeyFlags::OW.or(KeyFlags::UPDATE)),
        KeySpec::range(3, -1, 1, KeyFlags::RO.or(KeyFlags::ACCESS)),
    ])
    .docs(
        "2.6.0",
        "O(N)",
        "Combines strings bit by bit and stores the result.",
        "BITOP <AND | OR | XOR | NOT> destkey key [key ...]",
    )];

const _: () = check(COMMANDS);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    And,
    Or,
    Xor,
    Not,
}

fn bitop(ctx: &mut Ctx) -> CommandResult {
    let words =
        [("AND", Operation::And), ("OR", Operation::Or), ("XOR", Operation::Xor), ("NOT", Operation::Not)];
    let operation = words
        .into_iter()
        .find(|(word, _)| ctx.arg(1).eq_ignore_ascii_case(word.as_bytes()))
        .map(|(_, operation)| operation)
        .ok_or(CommandError::SYNTAX)?;
    let (target, sources) = (ctx.arg(2), ctx.cursor(3).rest());
    if operation == Operation::Not && sources.len() != 1 {
        return Err(CommandError::BITOP_NOT);
    }
    let mut result = Vec::new();
    for (index, key) in sources.iter().enumerate() {
        match ctx.keys.string(key)? {
            Some(string) if index == 0 => string.get().write_to(&mut result),
            Some(string) => string.get().with_bytes(|bytes| combine(&mut result, bytes, operation)),
            None => combine(&mut result, b"", operation),
        }
    }
    if operation == Operation::Not {
        for byte in &mut result {
            *byte = !*byte;
        }
    }
    let length = result.len();
    let mut entry = ctx.keys.entry(target);
    if length > 0 {
        entry.store(StringValue::from_raw(result).into(), Expiry::Never);
        entry.changed(EventClass::STRING, "set");
    } else if entry.remove() {
        entry.changed(EventClass::GENERIC, "del");
    }
    ctx.out.integer(length as i64);
    Ok(())
}

/// Combines `bytes` into `result`; the shorter one counts as followed by zero bytes.
fn combine(result: &mut Vec<u8>, bytes: &[u8], operation: Operation) {
    if result.len() < bytes.len() {
        result.resize(bytes.len(), 0);
    }
    let (common, rest) = result.split_at_mut(bytes.len());
    let pairs = common.iter_mut().zip(bytes);
    match operation {
        Operation::And => {
            pairs.for_each(|(to, from)| *to &= from);
            rest.fill(0);
        }
        Operation::Or => pairs.for_each(|(to, from)| *to |= from),
        Operation::Xor => pairs.for_each(|(to, from)| *to ^= from),
        Operation::Not => {}
    }
}
