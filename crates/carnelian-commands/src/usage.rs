//! The arguments of a command as a tree, read from its usage line.
//!
//! A usage line is what a person writes down: `SET key value [NX | XX] [EX seconds | KEEPTTL]`. Words in capitals are
//! tokens, brackets hold what is optional, angle brackets choices, and `x [x ...]` repeats, or `a | b [a | b ...]` when it is
//! one of several each time. COMMAND DOCS replies with the
//! tree, so that clients can complete and check what a person types.

use crate::spec::{Begin, CommandSpec};

/// Kinds of arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentType {
    /// Text.
    Text,
    /// An integer.
    Integer,
    /// A floating-point number.
    Double,
    /// A key.
    Key,
    /// A pattern.
    Pattern,
    /// A time, counted since 1970.
    UnixTime,
    /// Nothing but its token.
    PureToken,
    /// One of several.
    OneOf,
    /// Several that belong together.
    Block,
}

impl ArgumentType {
    /// The name that COMMAND DOCS replies with.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::Key => "key",
            Self::Pattern => "pattern",
            Self::UnixTime => "unix-time",
            Self::PureToken => "pure-token",
            Self::OneOf => "oneof",
            Self::Block => "block",
        }
    }
}

/// One argument, or a group of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its name; of a group the names or tokens inside.
    pub name: String,
    /// What it is.
    pub kind: ArgumentType,
    /// The word that introduces it.
    pub token: Option<&'static str>,
    /// Which key spec finds it.
    pub key_spec: Option<usize>,
    /// Whether it can be left out.
    pub optional: bool,
    /// Whether it can be repeated.
    pub multiple: bool,
    /// Whether its token is repeated with it.
    pub multiple_token: bool,
    /// What a group holds.
    pub arguments: Vec<Argument>,
}

impl Argument {
    fn new(name: String, kind: ArgumentType) -> Self {
        Self {
            name,
            kind,
            token: None,
            key_spec: None,
            optional: false,
            multiple: false,
            multiple_token: false,
            arguments: Vec::new(),
        }
    }

    fn group(kind: ArgumentType, arguments: Vec<Self>) -> Self {
        let names: Vec<&str> = arguments.iter().map(|argument| argument.name.as_str()).collect();
        let name = names.join(if kind == ArgumentType::OneOf { "|" } else { " " });
        Self { arguments, ..Self::new(name, kind) }
    }

    /// The one argument there is, or all of them as a block.
    fn block(mut arguments: Vec<Self>) -> Self {
        match arguments.len() {
            1 => arguments.remove(0),
            _ => Self::group(ArgumentType::Block, arguments),
        }
    }
}

/// The arguments of a command. Containers and commands without arguments have none.
pub fn arguments(spec: &'static CommandSpec, parent: Option<&CommandSpec>) -> Vec<Argument> {
    let names = 1 + usize::from(parent.is_some());
    let mut words = words(spec.usage).into_iter().skip(names).peekable();
    let mut reader = Reader { spec, keys: 0 };
    let mut alternatives = parse(&mut words);
    match alternatives.len() {
        0 => Vec::new(),
        1 => reader.sequence(alternatives.remove(0), false),
        _ => vec![reader.choice(alternatives)],
    }
}

fn words(usage: &'static str) -> Vec<&'static str> {
    let mut words = Vec::new();
    for mut word in usage.split_ascii_whitespace() {
        while word.len() > 1 && word.starts_with(['[', '<']) {
            words.push(&word[..1]);
            word = &word[1..];
        }
        let end = word.trim_end_matches([']', '>']).len();
        if end > 0 {
            words.push(&word[..end]);
        }
        for at in end..word.len() {
            words.push(&word[at..=at]);
        }
    }
    words
}

#[derive(Clone, PartialEq, Eq)]
enum Node {
    Word(&'static str),
    Optional(Vec<Vec<Node>>),
    Choice(Vec<Vec<Node>>),
}

/// Reads alternatives up to the end of their brackets. The tables of commands are the only source of usage lines, and
/// brackets that are missing there are taken as closed at the end.
fn parse(words: &mut impl Iterator<Item = &'static str>) -> Vec<Vec<Node>> {
    let mut alternatives = vec![Vec::new()];
    while let Some(word) = words.next() {
        let node = match word {
            "]" | ">" => break,
            "|" => {
                alternatives.push(Vec::new());
                continue;
            }
            "[" => Node::Optional(parse(words)),
            "<" => Node::Choice(parse(words)),
            word => Node::Word(word),
        };
        if let Some(sequence) = alternatives.last_mut() {
            sequence.push(node);
        }
    }
    alternatives
}

/// A word that introduces arguments, or an argument.
enum Item {
    Token(&'static str),
    Argument(Argument),
}

struct Reader {
    spec: &'static CommandSpec,
    /// Keys met so far.
    keys: usize,
}

impl Reader {
    fn choice(&mut self, alternatives: Vec<Vec<Node>>) -> Argument {
        let unit = own_repetition(&alternatives);
        let multiple = unit.is_some();
        let mut alternatives: Vec<Argument> = unit
            .unwrap_or(alternatives)
            .into_iter()
            .map(|sequence| Argument::block(self.sequence(sequence, true)))
            .collect();
        match alternatives.len() {
            1 => alternatives.remove(0),
            _ => Argument { multiple, ..Argument::group(ArgumentType::OneOf, alternatives) },
        }
    }

    /// `nested`: it stands in brackets.
    fn sequence(&mut self, nodes: Vec<Node>, nested: bool) -> Vec<Argument> {
        let mut items: Vec<Item> = Vec::new();
        for (position, node) in nodes.iter().enumerate() {
            match node {
                Node::Word(word) if is_token(word) => items.push(Item::Token(word)),
                Node::Word(word) => {
                    let argument = self.argument(word);
                    items.push(Item::Argument(argument));
                }
                Node::Choice(alternatives) => items.push(Item::Argument(self.choice(alternatives.clone()))),
                Node::Optional(alternatives) => {
                    if let Some(repeated) = repetition(alternatives, &nodes[..position]) {
                        let unit = items.split_off(items.len().saturating_sub(repeated));
                        let multiple_token = matches!(unit.first(), Some(Item::Token(_)));
                        let unit = fold(unit, false);
                        // What these two repeat stands in a block of its own in Redis.
                        let mut unit = if matches!(self.spec.name, "psubscribe" | "get") {
                            Argument::group(ArgumentType::Block, unit)
                        } else {
                            Argument::block(unit)
                        };
                        unit.multiple = true;
                        unit.multiple_token = multiple_token;
                        items.push(Item::Argument(unit));
                    } else {
                        let mut argument = self.choice(alternatives.clone());
                        argument.optional = true;
                        items.push(Item::Argument(argument));
                    }
                }
            }
        }
        fold(items, nested)
    }

    fn argument(&mut self, name: &'static str) -> Argument {
        let kind = kind(name, self.spec);
        let mut argument = Argument::new(name.to_owned(), kind);
        let specs = self.spec.keys;
        let is_unknown = |index: usize| specs.get(index).is_some_and(|spec| spec.begin == Begin::Unknown);
        match kind {
            ArgumentType::Key if !specs.is_empty() => {
                let last = specs.len() - 1;
                let next = self.keys.min(last);
                argument.key_spec = Some(if is_unknown(next) { last } else { next });
                self.keys += 1;
            }
            ArgumentType::Pattern => {
                argument.key_spec = (0..specs.len()).find(|index| is_unknown(*index));
            }
            _ => {}
        }
        argument
    }
}

/// How many nodes before this optional group it repeats: `x [x ...]`.
fn repetition(alternatives: &[Vec<Node>], before: &[Node]) -> Option<usize> {
    let [sequence] = alternatives else { return None };
    let (Node::Word("..."), unit) = sequence.split_last()? else { return None };
    before.ends_with(unit).then_some(unit.len())
}

/// The alternatives that are repeated, where the last one ends with all of them: `a | b [a | b ...]`.
fn own_repetition(alternatives: &[Vec<Node>]) -> Option<Vec<Vec<Node>>> {
    let mut unit = alternatives.to_vec();
    let Node::Optional(mut again) = unit.last_mut()?.pop()? else { return None };
    let is_repetition = again.last_mut()?.pop()? == Node::Word("...") && again == unit;
    (alternatives.len() > 1 && is_repetition).then_some(unit)
}

/// Gives tokens the arguments that follow them: those that cannot be left out, and in brackets that begin with a token and
/// hold several the others too.
fn fold(items: Vec<Item>, nested: bool) -> Vec<Argument> {
    let mut arguments = Vec::new();
    let mut items = items.into_iter().peekable();
    while let Some(item) = items.next() {
        let token = match item {
            Item::Argument(argument) => {
                arguments.push(argument);
                continue;
            }
            Item::Token(token) => token,
        };
        let mut operands = Vec::new();
        while let Some(Item::Argument(operand)) = items.next_if(
            |item| matches!(item, Item::Argument(operand) if !operand.optional && operand.token.is_none()),
        ) {
            operands.push(operand);
        }
        if nested && arguments.is_empty() && operands.len() > 1 {
            while let Some(Item::Argument(operand)) = items.next_if(|item| matches!(item, Item::Argument(_)))
            {
                operands.push(operand);
            }
        }
        let name = token.to_ascii_lowercase();
        let mut argument = match operands.len() {
            0 => Argument::new(name, ArgumentType::PureToken),
            // The token stands once, however many follow.
            1 if !operands[0].multiple => operands.remove(0),
            _ => Argument { name, ..Argument::group(ArgumentType::Block, operands) },
        };
        argument.token = Some(token);
        arguments.push(argument);
    }
    arguments
}

fn is_token(word: &str) -> bool {
    !word.bytes().any(|byte| byte.is_ascii_lowercase()) && word != "..."
}

fn kind(name: &str, spec: &CommandSpec) -> ArgumentType {
    match name {
        "key" | "newkey" | "source" | "destination" | "destkey" | "key1" | "key2"
            if !spec.keys.is_empty() =>
        {
            ArgumentType::Key
        }
        "pattern" => ArgumentType::Pattern,
        "unix-time-seconds" | "unix-time-milliseconds" => ArgumentType::UnixTime,
        "increment" if spec.name.ends_with("float") || spec.name.starts_with('z') => ArgumentType::Double,
        "timeout" if spec.name.starts_with('b') => ArgumentType::Double,
        "index" | "index1" | "index2" | "count" | "offset" | "start" | "stop" | "end" | "seconds"
        | "milliseconds" | "timeout" | "numkeys" | "db" | "destination-db" | "decrement" | "increment"
        | "cursor" | "protover" | "client-id" | "port" | "bit" | "version" | "len" | "min-match-len"
        | "rank" | "num-matches" | "numreplicas" | "value" | "limit" | "ttl" | "frequency"
            if name != "value" || matches!(spec.name, "setbit" | "bitfield") =>
        {
            ArgumentType::Integer
        }
        _ => ArgumentType::Text,
    }
}
