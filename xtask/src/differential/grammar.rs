//! Command syntaxes: how the table writes them, and how random commands are made from one.
//!
//! `UPPER` stands for itself and `lower` for a [`Slot`], a kind of argument. `[x]` may be left out, `(x|y)` and `[x|y]`
//! are choices, and `x...` is `x` once or more.

use super::rng::Rng;
use super::slots::Slot;

/// A parsed syntax.
#[derive(Debug)]
pub(crate) enum Node {
    Word(&'static str),
    Slot(Slot),
    Sequence(Vec<Node>),
    Choice(Vec<Node>),
    Optional(Box<Node>),
    Repeated(Box<Node>),
}

/// The most repetitions of one `x...`.
const REPEAT_MAX: usize = 5;

impl Node {
    /// Parses a syntax of the table.
    ///
    /// # Panics
    /// When the table is wrong, which is a mistake in this program and not in its input.
    pub(crate) fn parse(syntax: &'static str) -> Node {
        let mut parser = Parser { tokens: tokens(syntax), at: 0, syntax };
        let node = parser.choice();
        assert!(parser.at == parser.tokens.len(), "unbalanced brackets in {syntax:?}");
        node
    }

    /// Appends a random instance of the syntax.
    pub(crate) fn emit(&self, rng: &mut Rng, into: &mut Vec<Vec<u8>>) {
        match self {
            Node::Word(word) => into.push(word.as_bytes().to_vec()),
            Node::Slot(slot) => slot.emit(rng, into),
            Node::Choice(nodes) => rng.pick(nodes).emit(rng, into),
            Node::Optional(node) => {
                if rng.chance(35) {
                    node.emit(rng, into);
                }
            }
            Node::Repeated(node) => {
                let count = if rng.chance(50) { 1 } else { 1 + rng.below(REPEAT_MAX) };
                for _ in 0..count {
                    node.emit(rng, into);
                }
            }
            Node::Sequence(nodes) => {
                // Options may come in any order, so a run of them at the end is sometimes turned round.
                let options = nodes.iter().rev().take_while(|node| matches!(node, Node::Optional(_))).count();
                let (fixed, options) = nodes.split_at(nodes.len() - options);
                for node in fixed {
                    node.emit(rng, into);
                }
                let turned = rng.chance(30);
                for at in 0..options.len() {
                    options[if turned { options.len() - 1 - at } else { at }].emit(rng, into);
                }
            }
        }
    }
}

fn tokens(syntax: &'static str) -> Vec<&'static str> {
    let mut tokens = Vec::new();
    for mut word in syntax.split_whitespace() {
        while let Some(at) = word.find(['[', ']', '(', ')', '|']) {
            if at > 0 {
                tokens.push(&word[..at]);
            }
            tokens.push(&word[at..=at]);
            word = &word[at + 1..];
        }
        match word.strip_suffix("...") {
            Some("") => tokens.push("..."),
            Some(word) => tokens.extend([word, "..."]),
            None if word.is_empty() => {}
            None => tokens.push(word),
        }
    }
    tokens
}

struct Parser {
    tokens: Vec<&'static str>,
    at: usize,
    syntax: &'static str,
}

impl Parser {
    fn peek(&self) -> Option<&'static str> {
        self.tokens.get(self.at).copied()
    }

    fn choice(&mut self) -> Node {
        let mut choices = vec![self.sequence()];
        while self.peek() == Some("|") {
            self.at += 1;
            choices.push(self.sequence());
        }
        if choices.len() == 1 { choices.remove(0) } else { Node::Choice(choices) }
    }

    fn sequence(&mut self) -> Node {
        let mut nodes = Vec::new();
        while let Some(token) = self.peek() {
            if matches!(token, "|" | "]" | ")") {
                break;
            }
            self.at += 1;
            let node = match token {
                "[" => Node::Optional(Box::new(self.until("]"))),
                "(" => self.until(")"),
                _ if token.chars().all(|c| !c.is_ascii_lowercase()) => Node::Word(token),
                _ => Node::Slot(
                    Slot::named(token).unwrap_or_else(|| panic!("no slot {token:?} in {:?}", self.syntax)),
                ),
            };
            let repeated = self.peek() == Some("...");
            self.at += usize::from(repeated);
            nodes.push(if repeated { Node::Repeated(Box::new(node)) } else { node });
        }
        Node::Sequence(nodes)
    }

    fn until(&mut self, close: &str) -> Node {
        let node = self.choice();
        assert!(self.peek() == Some(close), "no {close:?} in {:?}", self.syntax);
        self.at += 1;
        node
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_choices_and_repetitions_are_made() {
        let node = Node::parse("SET X [NX|XX] (A|B C)...");
        let mut rng = Rng::new(1);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..500 {
            let mut args = Vec::new();
            node.emit(&mut rng, &mut args);
            let line: Vec<_> = args.iter().map(|arg| String::from_utf8_lossy(arg).into_owned()).collect();
            let line = line.join(" ");
            assert!(line.starts_with("SET X"));
            assert!(line.ends_with('A') || line.ends_with("B C"), "{line}");
            seen.insert(line);
        }
        for line in ["SET X A", "SET X NX B C", "SET X XX A A", "SET X A B C"] {
            assert!(seen.contains(line), "{line}");
        }
    }
}
