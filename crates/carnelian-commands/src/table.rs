//! All commands, found by name.

use crate::families::FAMILIES;
use crate::spec::CommandSpec;
use carnelian_resp::Args;
use std::collections::HashMap;

/// Number of a command or subcommand in the table, dense from 0.
pub type CommandId = usize;

/// Longest name of a command or subcommand in bytes, known so that look-ups need no allocation.
const MAX_NAME: usize = 32;

/// A command with its place in the table.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The command.
    pub spec: &'static CommandSpec,
    /// Its parent, for a subcommand.
    pub parent: Option<&'static CommandSpec>,
    /// Its number.
    pub id: CommandId,
}

impl Entry {
    /// The name as statistics and errors give it: `get`, `config|set`.
    pub fn full_name(&self) -> String {
        match self.parent {
            Some(parent) => format!("{}|{}", parent.name, self.spec.name),
            None => self.spec.name.to_owned(),
        }
    }
}

struct Command {
    entry: Entry,
    subcommands: Vec<Entry>,
}

/// The commands of a server.
pub struct CommandTable {
    by_name: HashMap<&'static [u8], Command, ahash::RandomState>,
    entries: Vec<Entry>,
}

/// What a look-up found.
pub enum Found {
    /// A command or subcommand.
    Command(Entry),
    /// The command exists, but not this subcommand of it.
    UnknownSubcommand(Entry),
    /// No such command.
    Unknown,
}

impl Default for CommandTable {
    fn default() -> Self {
        Self::new()
    }
}

impl CommandTable {
    /// The table of every family.
    pub fn new() -> Self {
        let mut table = Self {
            by_name: HashMap::with_hasher(ahash::RandomState::with_seeds(1, 2, 3, 4)),
            entries: Vec::new(),
        };
        for spec in FAMILIES.iter().copied().flatten() {
            let entry = table.number(spec, None);
            let subcommands = spec.subcommands.iter().map(|sub| table.number(sub, Some(spec))).collect();
            table.by_name.insert(spec.name.as_bytes(), Command { entry, subcommands });
        }
        table
    }

    fn number(&mut self, spec: &'static CommandSpec, parent: Option<&'static CommandSpec>) -> Entry {
        let entry = Entry { spec, parent, id: self.entries.len() };
        self.entries.push(entry);
        entry
    }

    /// Every command and subcommand; an entry's place is its number.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Commands without subcommands.
    pub fn commands(&self) -> impl Iterator<Item = Entry> {
        self.entries.iter().filter(|entry| entry.parent.is_none()).copied()
    }

    /// Finds a command by name, in any case.
    #[inline]
    pub fn get(&self, name: &[u8]) -> Option<Entry> {
        self.command(name).map(|command| command.entry)
    }

    #[inline]
    fn command(&self, name: &[u8]) -> Option<&Command> {
        if let Some(command) = self.by_name.get(name) {
            return Some(command);
        }
        let mut lower = [0; MAX_NAME];
        let lower = lower.get_mut(..name.len())?;
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        self.by_name.get(&*lower)
    }

    /// Finds the command, or the subcommand, that arguments name.
    #[inline]
    pub fn find(&self, args: Args<'_>) -> Found {
        let Some(command) = args.get(0).and_then(|name| self.command(name)) else { return Found::Unknown };
        if command.subcommands.is_empty() {
            return Found::Command(command.entry);
        }
        let Some(name) = args.get(1) else { return Found::Command(command.entry) };
        let sub = command.subcommands.iter().find(|sub| sub.spec.name.as_bytes().eq_ignore_ascii_case(name));
        match sub {
            Some(sub) => Found::Command(*sub),
            None => Found::UnknownSubcommand(command.entry),
        }
    }

    /// Finds a command by the name that statistics give it, `parent|sub` included.
    pub fn find_full_name(&self, name: &[u8]) -> Option<Entry> {
        let mut parts = name.splitn(2, |byte| *byte == b'|');
        let command = self.command(parts.next()?)?;
        match parts.next() {
            None => Some(command.entry),
            Some(sub) => command
                .subcommands
                .iter()
                .find(|entry| entry.spec.name.as_bytes().eq_ignore_ascii_case(sub))
                .copied(),
        }
    }
}
