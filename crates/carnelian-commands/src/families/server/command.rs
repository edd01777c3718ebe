//! COMMAND: what the command table knows.

use crate::ctx::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::families::help;
use crate::spec::{Begin, Categories, CommandSpec, Find, Flags, Group, KeyFlags, KeySpec, check};
use crate::table::{CommandTable, Entry, Found};
use crate::usage::{self, Argument, ArgumentType};
use carnelian_encoding::glob::glob_match;
use carnelian_resp::ReplyWriter;

const SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec::run("count", 2, Group::Server, count)
        .flags(&[Flags::LOADING, Flags::STALE])
        .categories(&[Categories::CONNECTION])
        .docs("2.8.13", "O(1)", "Returns the number of commands.", "COMMAND COUNT"),
    CommandSpec::run("docs", -2, Group::Server, docs)
        .flags(&[Flags::LOADING, Flags::STALE])
        .categories(&[Categories::CONNECTION])
        .tips(&["nondeterministic_output_order"])
        .docs(
            "7.0.0",
            "O(N), N being the number of commands asked for",
            "Returns what the reference says about commands, about all without arguments.",
            "COMMAND DOCS [command-name [command-name ...]]",
        ),
    CommandSpec::run("getkeys", -4, Group::Server, get_keys)
        .flags(&[Flags::LOADING, Flags::STALE])
        .categories(&[Categories::CONNECTION])
        .docs(
            "2.8.13",
            "O(N), N being the number of arguments",
            "Returns the keys among the arguments of a command.",
            "COMMAND GETKEYS command [arg [arg ...]]",
        ),
    CommandSpec::run("getkeysandflags", -4, Group::Server, get_keys)
        .flags(&[Flags::LOADING, Flags::STALE])
        .categories(&[Categories::CONNECTION])
        .docs(
            "7.0.0",
            "O(N), N being the number of arguments",
            "Returns the keys among the arguments of a command, and what the command does with them.",
            "COMMAND GETKEYSANDFLAGS command [arg [arg ...]]",
        ),
    CommandSpec::run("info", -2, Group::Server, info)
        .flags(&[Flags::LOADING, Flags::STALE])
        .categories(&[Categories::CONNECTION])
        .tips(&["nondeterministic_output_order"])
        .docs(
            "2.8.13",
            "O(N), N being the number of commands asked for",
            "Returns facts about commands, about all without arguments.",
            "COMMAND INFO [command-name [command-name ...]]",
        )
        .history(&[("7.0.0", "The names can be left out; then all commands are described.")]),
    CommandSpec::run("list", -2, Group::Server, list)
        .flags(&[Flags::LOADING, Flags::STALE])
        .categories(&[Categories::CONNECTION])
        .tips(&["nondeterministic_output_order"])
        .docs(
            "7.0.0",
            "O(N), N being the number of commands",
            "Returns the names of commands and subcommands, all or those that a filter lets pass.",
            "COMMAND LIST [FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
        ),
    help::spec("5.0.0", "COMMAND HELP", Group::Server).categories(&[Categories::CONNECTION]),
];

pub(crate) const COMMANDS: &[CommandSpec] = &[CommandSpec::run("command", -1, Group::Server, command)
    .flags(&[Flags::LOADING, Flags::STALE])
    .categories(&[Categories::CONNECTION])
    .tips(&["nondeterministic_output_order"])
    .docs("2.8.13", "O(N), N being the number of commands", "Returns facts about every command.", "COMMAND")
    .subcommands(SUBCOMMANDS)];

const _: () = check(COMMANDS);

/// Flags that COMMAND INFO does not tell.
const HIDDEN: Flags = Flags::MAY_REPLICATE;

fn command(ctx: &mut Ctx) -> CommandResult {
    let table = ctx.node.table();
    ctx.out.array(table.commands().count());
    for entry in table.commands() {
        write_info(ctx.out, table, entry);
    }
    Ok(())
}

fn count(ctx: &mut Ctx) -> CommandResult {
    ctx.out.integer(ctx.node.table().commands().count() as i64);
    Ok(())
}

fn info(ctx: &mut Ctx) -> CommandResult {
    let names = ctx.cursor(2).rest();
    if names.is_empty() {
        return command(ctx);
    }
    let table = ctx.node.table();
    ctx.out.array(names.len());
    for name in names {
        match table.find_full_name(name) {
            Some(entry) => write_info(ctx.out, table, entry),
            None => ctx.out.null(),
        }
    }
    Ok(())
}

fn docs(ctx: &mut Ctx) -> CommandResult {
    let names = ctx.cursor(2).rest();
    let table = ctx.node.table();
    let entries: Vec<Entry> = if names.is_empty() {
        table.commands().collect()
    } else {
        names.iter().filter_map(|name| table.find_full_name(name)).collect()
    };
    ctx.out.map(entries.len());
    for entry in entries {
        ctx.out.bulk(entry.full_name().as_bytes());
        write_docs(ctx.out, table, entry);
    }
    Ok(())
}

fn list(ctx: &mut Ctx) -> CommandResult {
    enum Filter<'a> {
        None,
        Module,
        Category(Option<Categories>),
        Pattern(&'a [u8]),
    }
    let mut cursor = ctx.cursor(2);
    let filter = if cursor.is_done() {
        Filter::None
    } else if cursor.remaining() != 3 || !cursor.word("FILTERBY") {
        return Err(CommandError::SYNTAX);
    } else if cursor.word("MODULE") {
        Filter::Module
    } else if cursor.word("ACLCAT") {
        Filter::Category(Categories::named(cursor.take()?))
    } else if cursor.word("PATTERN") {
        Filter::Pattern(cursor.take()?)
    } else {
        return Err(CommandError::SYNTAX);
    };
    let array = ctx.out.begin_array();
    let mut count = 0;
    for entry in ctx.node.table().entries() {
        let name = entry.full_name();
        let passes = match filter {
            Filter::None => true,
            // There are no modules, so no command is of one.
            Filter::Module => false,
            Filter::Category(category) => {
                category.is_some_and(|category| entry.spec.all_categories().has(category))
            }
            Filter::Pattern(pattern) => glob_match(pattern, name.as_bytes(), true),
        };
        if passes {
            ctx.out.bulk(name.as_bytes());
            count += 1;
        }
    }
    ctx.out.end_array(array, count);
    Ok(())
}

fn get_keys(ctx: &mut Ctx) -> CommandResult {
    let args = ctx.cursor(2).rest();
    let Found::Command(entry) = ctx.node.table().find(args) else {
        return Err(CommandError::GETKEYS_COMMAND);
    };
    let spec = entry.spec;
    if spec.keys.iter().all(|key| key.flags.has(KeyFlags::NOT_KEY)) {
        return Err(CommandError::GETKEYS_NO_KEYS);
    }
    if !spec.accepts(args.len()) {
        return Err(CommandError::GETKEYS_ARITY);
    }
    let mut found = Vec::new();
    spec.keys_with_flags(args, |position, flags| {
        if let Some(key) = args.get(position) {
            found.push((key, flags));
        }
    });
    if found.is_empty() && !spec.flags.has(Flags::NO_MANDATORY_KEYS) {
        return Err(CommandError::GETKEYS_ARGUMENTS);
    }
    let with_flags = ctx.is("getkeysandflags");
    ctx.out.array(found.len());
    for (key, flags) in found {
        if with_flags {
            ctx.out.array(2);
            ctx.out.bulk(key);
            write_names(ctx.out, flags.names());
        } else {
            ctx.out.bulk(key);
        }
    }
    Ok(())
}

fn write_names(out: &mut ReplyWriter, names: impl Iterator<Item = &'static str>) {
    let set = out.begin_set();
    let mut count = 0;
    for name in names {
        out.simple(name);
        count += 1;
    }
    out.end_set(set, count);
}

/// Subcommands of an entry.
fn subcommands(table: &CommandTable, entry: Entry) -> impl Iterator<Item = Entry> {
    let is_sub = move |sub: &&Entry| sub.parent.is_some_and(|parent| std::ptr::eq(parent, entry.spec));
    table.entries().iter().filter(is_sub).copied()
}

fn write_info(out: &mut ReplyWriter, table: &CommandTable, entry: Entry) {
    let spec = entry.spec;
    let (first, last, step) = spec.legacy_range();
    out.array(10);
    out.bulk(entry.full_name().as_bytes());
    out.integer(spec.arity.into());
    let flags = spec.all_flags();
    write_names(
        out,
        Flags::ALL.iter().filter(|(flag, _)| flags.has(*flag) && *flag != HIDDEN).map(|(_, name)| *name),
    );
    out.integer(first.into());
    out.integer(last.into());
    out.integer(step.into());
    let categories = spec.all_categories();
    let set = out.begin_set();
    let mut count = 0;
    for name in categories.names() {
        out.simple(&format!("@{name}"));
        count += 1;
    }
    out.end_set(set, count);
    out.set(spec.tips.len());
    for tip in spec.tips {
        out.bulk(tip.as_bytes());
    }
    out.set(spec.keys.len());
    for key in spec.keys {
        write_key_spec(out, key);
    }
    if spec.subcommands.is_empty() {
        out.set(0);
    } else {
        out.array(spec.subcommands.len());
        for sub in subcommands(table, entry) {
            write_info(out, table, sub);
        }
    }
}

/// Writes `type` and `spec` of one half of a key spec, the latter as a map of numbers.
fn write_half(out: &mut ReplyWriter, name: &str, kind: &str, numbers: &[(&str, i64)]) {
    out.bulk(name.as_bytes());
    out.map(2);
    out.bulk(b"type");
    out.bulk(kind.as_bytes());
    out.bulk(b"spec");
    out.map(numbers.len());
    for (name, number) in numbers {
        out.bulk(name.as_bytes());
        out.integer(*number);
    }
}

fn write_key_spec(out: &mut ReplyWriter, key: &KeySpec) {
    out.map(3 + usize::from(!key.notes.is_empty()));
    if !key.notes.is_empty() {
        out.bulk(b"notes");
        out.bulk(key.notes.as_bytes());
    }
    out.bulk(b"flags");
    write_names(out, key.flags.names());
    match key.begin {
        Begin::Index(index) => write_half(out, "begin_search", "index", &[("index", index.into())]),
        Begin::Unknown => write_half(out, "begin_search", "unknown", &[]),
        Begin::Keyword { word, from } => {
            out.bulk(b"begin_search");
            out.map(2);
            out.bulk(b"type");
            out.bulk(b"keyword");
            out.bulk(b"spec");
            out.map(2);
            out.bulk(b"keyword");
            out.bulk(word.as_bytes());
            out.bulk(b"startfrom");
            out.integer(from.into());
        }
    }
    match key.find {
        Find::Range { last, step, limit } => write_half(
            out,
            "find_keys",
            "range",
            &[("lastkey", last.into()), ("keystep", step.into()), ("limit", limit.into())],
        ),
        Find::KeyNum { count_at, first, step } => write_half(
            out,
            "find_keys",
            "keynum",
            &[("keynumidx", count_at.into()), ("firstkey", first.into()), ("keystep", step.into())],
        ),
        Find::Unknown => write_half(out, "find_keys", "unknown", &[]),
    }
}

fn write_docs(out: &mut ReplyWriter, table: &CommandTable, entry: Entry) {
    let spec = entry.spec;
    let arguments =
        if matches!(spec.subcommands, []) { usage::arguments(spec, entry.parent) } else { Vec::new() };
    let map = out.begin_map();
    let mut count = 4;
    for (name, text) in [
        ("summary", spec.summary),
        ("since", spec.since),
        ("group", spec.group.name()),
        ("complexity", spec.complexity),
    ] {
        out.bulk(name.as_bytes());
        out.bulk(text.as_bytes());
    }
    if spec.system || spec.deprecated.is_some() {
        count += 1;
        out.bulk(b"doc_flags");
        write_names(
            out,
            [(spec.deprecated.is_some(), "deprecated"), (spec.system, "syscmd")]
                .into_iter()
                .filter_map(|(set, name)| set.then_some(name)),
        );
    }
    if let Some((since, by)) = spec.deprecated {
        count += 2;
        out.bulk(b"deprecated_since");
        out.bulk(since.as_bytes());
        out.bulk(b"replaced_by");
        out.bulk(by.as_bytes());
    }
    if !spec.history.is_empty() {
        count += 1;
        out.bulk(b"history");
        out.set(spec.history.len());
        for (since, change) in spec.history {
            out.array(2);
            out.bulk(since.as_bytes());
            out.bulk(change.as_bytes());
        }
    }
    if !arguments.is_empty() {
        count += 1;
        out.bulk(b"arguments");
        write_arguments(out, &arguments);
    }
    if !spec.subcommands.is_empty() {
        count += 1;
        out.bulk(b"subcommands");
        out.map(spec.subcommands.len());
        for sub in subcommands(table, entry) {
            out.bulk(sub.full_name().as_bytes());
            write_docs(out, table, sub);
        }
    }
    out.end_map(map, count);
}

fn write_arguments(out: &mut ReplyWriter, arguments: &[Argument]) {
    out.array(arguments.len());
    for argument in arguments {
        let flags = [
            (argument.optional, "optional"),
            (argument.multiple, "multiple"),
            (argument.multiple_token, "multiple_token"),
        ];
        let has_flags = flags.iter().any(|(set, _)| *set);
        let is_group = matches!(argument.kind, ArgumentType::OneOf | ArgumentType::Block);
        let more = [argument.key_spec.is_some(), argument.token.is_some(), has_flags, is_group];
        out.map(2 + more.into_iter().filter(|more| *more).count());
        out.bulk(b"name");
        out.bulk(argument.name.as_bytes());
        out.bulk(b"type");
        out.bulk(argument.kind.name().as_bytes());
        if let Some(index) = argument.key_spec {
            out.bulk(b"key_spec_index");
            out.integer(index as i64);
        }
        if let Some(token) = argument.token {
            out.bulk(b"token");
            out.bulk(token.as_bytes());
        }
        if has_flags {
            out.bulk(b"flags");
            write_names(out, flags.into_iter().filter_map(|(set, name)| set.then_some(name)));
        }
        if is_group {
            out.bulk(b"arguments");
            write_arguments(out, &argument.arguments);
        }
    }
}
