//! Finding keys by pattern.

use crate::ctx::Ctx;
use crate::cursor::Cursor;
use crate::error::{CommandError, CommandResult};
use crate::spec::{Categories, CommandSpec, Flags, Group, check};
use carnelian_encoding::glob::glob_match;
use carnelian_encoding::number::write_u64;

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::run("keys", 2, Group::Generic, keys)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::DANGEROUS])
        .tips(&["request_policy:all_shards", "nondeterministic_output_order"])
        .docs(
            "1.0.0",
            "O(N), N being the number of keys",
            "Returns every key that matches a pattern.",
            "KEYS pattern",
        )
        .all_shards(),
    CommandSpec::run("scan", -2, Group::Generic, scan)
        .flags(&[Flags::READONLY])
        .tips(&["nondeterministic_output", "request_policy:special"])
        .docs(
            "2.8.0",
            "O(1) for a call, O(N) for a whole iteration",
            "Goes through the keys of the selected database in steps.",
            "SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]",
        )
        .history(&[("6.0.0", "Option `TYPE`.")])
        .all_shards(),
];

const _: () = check(COMMANDS);

fn keys(ctx: &mut Ctx) -> CommandResult {
    let pattern = ctx.arg(1);
    let array = ctx.out.begin_array();
    let mut count = 0;
    let all = pattern == b"*";
    ctx.keys.for_each(|key, _, _| {
        if all || glob_match(pattern, key, false) {
            ctx.out.bulk(key);
            count += 1;
        }
    });
    ctx.out.end_array(array, count);
    Ok(())
}

/// The options of SCAN and its kin.
pub(crate) struct ScanOptions<'a> {
    /// How much to look at.
    pub(crate) count: usize,
    pattern: Option<&'a [u8]>,
    value_type: Option<&'a [u8]>,
}

impl<'a> ScanOptions<'a> {
    /// Reads the options; TYPE only where there are types to choose from.
    pub(crate) fn parse(mut cursor: Cursor<'a>, with_type: bool) -> CommandResult<Self> {
        let mut options = Self { count: 10, pattern: None, value_type: None };
        while !cursor.is_done() {
            if let Some(count) = cursor.word_with("COUNT") {
                let count = crate::cursor::integer(count)?;
                options.count =
                    usize::try_from(count).ok().filter(|count| *count > 0).ok_or(CommandError::SYNTAX)?;
            } else if let Some(pattern) = cursor.word_with("MATCH") {
                options.pattern = Some(pattern).filter(|pattern| *pattern != b"*");
            } else if with_type && let Some(name) = cursor.word_with("TYPE") {
                options.value_type = Some(name);
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(options)
    }

    /// Whether an element is asked for.
    pub(crate) fn matches(&self, element: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob_match(pattern, element, false))
    }

    fn matches_type(&self, name: &str) -> bool {
        self.value_type.is_none_or(|wanted| wanted.eq_ignore_ascii_case(name.as_bytes()))
    }
}

/// Reads a cursor by the rules of C's `strtoul`, but without leading space.
pub(crate) fn scan_cursor(text: &[u8]) -> CommandResult<u64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    // Nothing at all reads as 0, a sign alone is refused.
    if digits.is_empty() && !text.is_empty() {
        return Err(CommandError::INVALID_CURSOR);
    }
    let mut value = 0u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        let next = value.checked_mul(10).and_then(|value| value.checked_add(u64::from(digit)));
        value = next.filter(|_| digit <= 9).ok_or(CommandError::INVALID_CURSOR)?;
    }
    Ok(if negative { value.wrapping_neg() } else { value })
}

fn scan(ctx: &mut Ctx) -> CommandResult {
    let cursor = scan_cursor(ctx.arg(1))?;
    let options = ScanOptions::parse(ctx.cursor(2), true)?;
    let mut found: Vec<Box<[u8]>> = Vec::new();
    let next = ctx.keys.scan(cursor, options.count, |key, value| {
        if options.matches(key) && options.matches_type(value.type_name()) {
            found.push(key.into());
        }
    });
    let mut text = Vec::new();
    write_u64(&mut text, next);
    ctx.out.array(2);
    ctx.out.bulk(&text);
    ctx.out.array(found.len());
    for key in found {
        ctx.out.bulk(&key);
    }
    Ok(())
}
