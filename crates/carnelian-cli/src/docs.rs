//! What commands do and how they are written: for `help`, for hints while typing and for TAB.

use std::borrow::Cow;

use carnelian_resp::Reply;

/// Documentation of one command, or of one subcommand under its full name (`CONFIG GET`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandDoc {
    /// In upper case, words separated by single spaces.
    pub name: Cow<'static, str>,
    /// One sentence.
    pub summary: Cow<'static, str>,
    /// The arguments after the name: `key [NX|XX] [EX seconds]`.
    pub syntax: Cow<'static, str>,
    /// The group it is listed under, such as `string` or `sorted-set`.
    pub group: Cow<'static, str>,
    /// The Redis version it came in; empty when unknown.
    pub since: Cow<'static, str>,
}

impl CommandDoc {
    /// Documentation that is part of the program, usable in a `const` table.
    pub const fn new(
        name: &'static str,
        summary: &'static str,
        syntax: &'static str,
        group: &'static str,
        since: &'static str,
    ) -> Self {
        Self {
            name: Cow::Borrowed(name),
            summary: Cow::Borrowed(summary),
            syntax: Cow::Borrowed(syntax),
            group: Cow::Borrowed(group),
            since: Cow::Borrowed(since),
        }
    }
}

/// All commands known, by name.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Docs(Vec<CommandDoc>);

impl Docs {
    pub(crate) fn new(mut commands: Vec<CommandDoc>) -> Self {
        commands.sort_by(|a, b| a.name.cmp(&b.name));
        Self(commands)
    }

    /// Read a reply to COMMAND DOCS; `None` when it is none. Fields that are not as documented are left empty: a
    /// server's mistake there must not cost the prompt.
    pub(crate) fn from_reply(reply: &Reply) -> Option<Self> {
        let mut commands = Vec::new();
        for (name, fields) in pairs(reply)? {
            add_command(&mut commands, String::from_utf8_lossy(name.as_bytes()?).to_uppercase(), fields);
        }
        Some(Self::new(commands))
    }

    /// Commands for which `help` with these words is meant: all whose names begin with them, word by word.
    pub(crate) fn named<'a>(&'a self, words: &'a [&str]) -> impl Iterator<Item = &'a CommandDoc> {
        self.0.iter().filter(move |doc| {
            let mut name = doc.name.split(' ');
            words.iter().all(|word| name.next().is_some_and(|known| known.eq_ignore_ascii_case(word)))
        })
    }

    pub(crate) fn in_group<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a CommandDoc> {
        self.0.iter().filter(move |doc| doc.group.eq_ignore_ascii_case(group))
    }

    fn groups(&self) -> Vec<&str> {
        let mut groups: Vec<&str> = self.0.iter().map(|doc| doc.group.as_ref()).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    /// Whole lines that `line` can become.
    pub(crate) fn completions(&self, line: &str) -> Vec<String> {
        let begins = |name: &str, typed: &str| {
            name.get(..typed.len()).is_some_and(|start| start.eq_ignore_ascii_case(typed))
        };
        let help = line.get(..5).filter(|start| start.eq_ignore_ascii_case("help "));
        let typed = if help.is_some() { line[5..].trim_start() } else { line };
        let kept = &line[..line.len() - typed.len()];
        let mut lines = Vec::new();
        if help.is_some() {
            let groups = self.groups().into_iter().map(|group| format!("@{group}"));
            lines.extend(groups.filter(|topic| begins(topic, typed)).map(|topic| format!("{kept}{topic}")));
        }
        let names = self.0.iter().filter(|doc| begins(&doc.name, typed));
        lines.extend(names.map(|doc| format!("{kept}{}", doc.name)));
        lines
    }

    /// The arguments that may follow what has been typed so far, to be shown behind the cursor.
    pub(crate) fn hint(&self, line: &str) -> Option<String> {
        let words = carnelian_resp::split_args(line.as_bytes())?;
        let typed_of = |doc: &CommandDoc| {
            let mut count = 0;
            for word in doc.name.split(' ') {
                if !words.get(count).is_some_and(|typed| typed.eq_ignore_ascii_case(word.as_bytes())) {
                    return None;
                }
                count += 1;
            }
            Some(count)
        };
        // "config get" is a better guess for "config get x" than "config".
        let known = self.0.iter().filter_map(|doc| Some((typed_of(doc)?, doc)));
        let (name_words, doc) = known.max_by_key(|(count, _)| *count)?;
        // Leave out what has been typed; from the first optional argument on there is no telling what that was.
        let mut rest: &str = &doc.syntax;
        for _ in name_words..words.len() {
            if rest.starts_with('[') {
                break;
            }
            rest = rest.split_once(' ').map_or("", |(_, rest)| rest);
        }
        let gap = if line.ends_with(|last: char| last.is_ascii_whitespace()) { "" } else { " " };
        Some(format!("{gap}{rest}"))
    }
}

/// Pairs of a map, or of the flat array that stands for it in RESP2.
fn pairs(reply: &Reply) -> Option<Vec<(&Reply, &Reply)>> {
    match reply {
        Reply::Map(pairs) => Some(pairs.iter().map(|(key, value)| (key, value)).collect()),
        Reply::Array(values) => Some(values.chunks_exact(2).map(|pair| (&pair[0], &pair[1])).collect()),
        _ => None,
    }
}

fn add_command(commands: &mut Vec<CommandDoc>, name: String, fields: &Reply) {
    let mut doc = CommandDoc::new("", "", "", "", "");
    let index = commands.len();
    let mut subcommands = Vec::new();
    for (key, value) in pairs(fields).unwrap_or_default() {
        let text = || Cow::Owned(String::from_utf8_lossy(value.as_bytes().unwrap_or_default()).into_owned());
        match key.as_bytes().unwrap_or_default() {
            b"summary" => doc.summary = text(),
            b"since" => doc.since = text(),
            b"group" => doc.group = text(),
            b"arguments" => {
                let mut syntax = String::new();
                push_arguments(&mut syntax, value, " ");
                doc.syntax = syntax.into();
            }
            b"subcommands" => subcommands = pairs(value).unwrap_or_default(),
            _ => {}
        }
    }
    for (full, fields) in subcommands {
        // The server writes "config|get".
        let full = String::from_utf8_lossy(full.as_bytes().unwrap_or_default()).to_uppercase();
        let word = full.split_once('|').map_or(full.as_str(), |(_, word)| word);
        add_command(commands, format!("{name} {word}"), fields);
    }
    doc.name = name.into();
    commands.insert(index, doc);
}

fn push_arguments(syntax: &mut String, arguments: &Reply, separator: &str) {
    for (i, argument) in arguments.as_slice().unwrap_or_default().iter().enumerate() {
        if i > 0 {
            syntax.push_str(separator);
        }
        push_argument(syntax, argument);
    }
}

/// Append one argument as COMMAND DOCS describes it: `[TOKEN name [name ...]]`.
fn push_argument(syntax: &mut String, argument: &Reply) {
    let (mut name, mut shown, mut token, mut kind) = (None, None, None, "");
    let (mut optional, mut multiple, mut token_repeats) = (false, false, false);
    let mut nested = None;
    for (key, value) in pairs(argument).unwrap_or_default() {
        let text = value.as_str();
        match key.as_bytes().unwrap_or_default() {
            b"name" => name = text,
            b"display_text" => shown = text,
            b"token" => token = text,
            b"type" => kind = text.unwrap_or_default(),
            b"arguments" => nested = Some(value),
            b"flags" => {
                for flag in value.as_slice().unwrap_or_default() {
                    match flag.as_bytes().unwrap_or_default() {
                        b"optional" => optional = true,
                        b"multiple" => multiple = true,
                        b"multiple_token" => token_repeats = true,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    let or_quotes = |text: &str| if text.is_empty() { "\"\"".to_owned() } else { text.to_owned() };
    let mut token = token.map(or_quotes).unwrap_or_default();
    let mut value = String::new();
    match (kind, nested) {
        ("pure-token", _) => {}
        ("oneof", Some(nested)) => push_arguments(&mut value, nested, "|"),
        ("block", Some(nested)) => push_arguments(&mut value, nested, " "),
        _ => value = or_quotes(shown.or(name).unwrap_or_default()),
    }
    if !token.is_empty() && kind != "pure-token" {
        token.push(' ');
    }
    let repeated = if multiple {
        format!(" [{}{value} ...]", if token_repeats { token.as_str() } else { "" })
    } else {
        String::new()
    };
    let (open, close) = if optional { ("[", "]") } else { ("", "") };
    for part in [open, &token, &value, &repeated, close] {
        syntax.push_str(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn docs() -> Docs {
        Docs::new(vec![
            CommandDoc::new("SET", "", "key value [NX|XX] [GET]", "string", "1.0.0"),
            CommandDoc::new("CONFIG", "", "", "server", ""),
            CommandDoc::new("CONFIG SET", "", "parameter value [parameter value ...]", "server", ""),
            CommandDoc::new("CONFIG GET", "", "parameter [parameter ...]", "server", ""),
        ])
    }

    #[test]
    fn hints_show_what_is_left_to_type() {
        let hint = |line| docs().hint(line);
        assert_eq!(hint("set").as_deref(), Some(" key value [NX|XX] [GET]"));
        assert_eq!(hint("SET ").as_deref(), Some("key value [NX|XX] [GET]"));
        assert_eq!(hint("set k").as_deref(), Some(" value [NX|XX] [GET]"));
        assert_eq!(hint("set k 'a b' ").as_deref(), Some("[NX|XX] [GET]"));
        assert_eq!(hint("set k v nx ").as_deref(), Some("[NX|XX] [GET]"));
        assert_eq!(hint("config set ").as_deref(), Some("parameter value [parameter value ...]"));
        assert_eq!((hint(""), hint("se"), hint("set \"open")), (None, None, None));
    }

    #[test]
    fn completes_commands_and_help_topics() {
        assert_eq!(docs().completions("conf"), ["CONFIG", "CONFIG GET", "CONFIG SET"]);
        assert_eq!(docs().completions("help  @s"), ["help  @server", "help  @string"]);
        assert_eq!(docs().completions("HELP se"), ["HELP SET"]);
        assert_eq!(docs().completions("é"), [""; 0]);
    }

    #[test]
    fn help_takes_the_first_words_of_a_name() {
        let names = |words: &[&str]| docs().named(words).map(|doc| doc.name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(&["config"]), ["CONFIG", "CONFIG GET", "CONFIG SET"]);
        assert_eq!(names(&["config", "get"]), ["CONFIG GET"]);
        assert_eq!(names(&["conf"]), [""; 0]);
    }

    fn bulk(text: &str) -> Reply {
        Reply::Bulk(text.into())
    }

    fn flat(pairs: &[(&str, Reply)]) -> Reply {
        Reply::Array(pairs.iter().flat_map(|(key, value)| [bulk(key), value.clone()]).collect())
    }

    #[test]
    fn reads_command_docs() {
        let flags =
            |names: &[&str]| Reply::Array(names.iter().map(|name| Reply::Simple((*name).into())).collect());
        let argument = |name: &str, kind: &str| vec![("name", bulk(name)), ("type", bulk(kind))];
        let with = |mut base: Vec<(&'static str, Reply)>, key, value| {
            base.push((key, value));
            flat(&base)
        };
        let arguments = Reply::Array(vec![
            with(argument("key", "key"), "flags", flags(&["multiple"])),
            with(argument("nx", "pure-token"), "token", bulk("NX")),
            flat(&[
                ("type", bulk("oneof")),
                (
                    "arguments",
                    Reply::Array(vec![flat(&argument("a", "integer")), flat(&argument("b", "string"))]),
                ),
                ("flags", flags(&["optional"])),
            ]),
            flat(&[
                ("name", bulk("p")),
                ("type", bulk("pattern")),
                ("token", bulk("BY")),
                ("display_text", bulk("pattern")),
                ("flags", flags(&["optional", "multiple", "multiple_token"])),
            ]),
        ]);
        let sub = flat(&[("thing|list", flat(&[("summary", bulk("Lists things."))]))]);
        let reply = flat(&[(
            "thing",
            flat(&[("group", bulk("generic")), ("arguments", arguments), ("subcommands", sub)]),
        )]);
        let docs = Docs::from_reply(&reply).unwrap();
        let [thing, list] = docs.0.as_slice() else { panic!("{docs:?}") };
        assert_eq!((&*thing.name, &*thing.group), ("THING", "generic"));
        assert_eq!(thing.syntax, "key [key ...] NX [a|b] [BY pattern [BY pattern ...]]");
        assert_eq!((&*list.name, &*list.summary), ("THING LIST", "Lists things."));
        assert_eq!(Docs::from_reply(&Reply::Error("ERR".into())), None);
    }
}
