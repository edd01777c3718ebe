//! Finding keys by pattern.

use crate::ctx::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::families::scan::{ScanOptions, scan_cursor};
use crate::spec::{Categories, CommandSpec, Flags, Group, check};
use carnelian_encoding::glob::glob_match;
use carnelian_encoding::number::write_u64;
use carnelian_engine::ValueRef;

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

fn scan(ctx: &mut Ctx) -> CommandResult {
    let cursor = scan_cursor(ctx.arg(1))?;
    let mut options = ScanOptions::default();
    let mut value_type = None;
    let mut arguments = ctx.cursor(2);
    while !arguments.is_done() {
        if let Some(name) = arguments.word_with("TYPE") {
            value_type = Some(name);
        } else if !options.take(&mut arguments)? {
            return Err(CommandError::SYNTAX);
        }
    }
    let has_type = |value: ValueRef<'_>| {
        value_type.is_none_or(|wanted| wanted.eq_ignore_ascii_case(value.type_name().as_bytes()))
    };
    let mut found: Vec<Box<[u8]>> = Vec::new();
    let next = ctx.keys.scan(cursor, options.count, |key, value| {
        if options.matches(key) && has_type(value) {
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
