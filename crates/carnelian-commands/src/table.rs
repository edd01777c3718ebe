//! All commands, found by name.

use crate::families::FAMILIES;
use crate::spec::CommandSpec;
use carnelian_resp::Args;
use std::collections::HashMap;

/// Number of a command or subcommand in the table, dense from 0.
pub type CommandId = usize;

/// Longest name in bytes that look-ups need no allocation for; only commands that were renamed have longer ones.
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
    by_name: HashMap<Box<[u8]>, Command, ahash::RandomState>,
    entries: Vec<Entry>,
    /// Length of the longest name in bytes.
    longest: usize,
}

/// Why a command could not be renamed. The texts are what Redis says of `rename-command`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenameError {
    /// No command has the old name.
    NoSuchCommand,
    /// Another command has the new name.
    NameTaken,
}

impl std::fmt::Display for RenameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoSuchCommand => "No such command in rename-command",
            Self::NameTaken => "Target command name already exists",
        })
    }
}

impl std::error::Error for RenameError {}

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
            longest: MAX_NAME,
        };
        for spec in FAMILIES.iter().copied().flatten() {
            let entry = table.number(spec, None);
            let subcommands = spec.subcommands.iter().map(|sub| table.number(sub, Some(spec))).collect();
            table.by_name.insert(spec.name.as_bytes().into(), Command { entry, subcommands });
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

    /// Gives a command another name, by which alone it is found from now on; an empty name removes it. Statistics and
    /// errors keep the old name.
    ///
    /// # Errors
    ///
    /// [`RenameError`]; when the new name is taken the command has lost its old one already.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> Result<(), RenameError> {
        let command = self.by_name.remove(&*from.to_ascii_lowercase()).ok_or(RenameError::NoSuchCommand)?;
        if to.is_empty() {
            return Ok(());
        }
        let to = to.to_ascii_lowercase();
        if self.by_name.contains_key(&*to) {
            return Err(RenameError::NameTaken);
        }
        self.longest = self.longest.max(to.len());
        self.by_name.insert(to.into(), command);
        Ok(())
    }

    /// Commands that are not subcommands, in the order of the table, without those that were removed.
    pub fn commands(&self) -> impl Iterator<Item = Entry> {
        let mut found: Vec<Entry> = self.by_name.values().map(|command| command.entry).collect();
        found.sort_unstable_by_key(|entry| entry.id);
        found.into_iter()
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
        let Some(lower) = lower.get_mut(..name.len()) else {
            return if name.len() > self.longest {
                None
            } else {
                self.by_name.get(&*name.to_ascii_lowercase())
            };
        };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renamed_commands_are_found_by_their_new_name_alone() {
        let mut table = CommandTable::new();
        let count = table.commands().count();
        assert_eq!(table.rename(b"FlushDB", b"Badger"), Ok(()));
        assert!(table.get(b"flushdb").is_none());
        assert_eq!(table.get(b"BADGER").map(|entry| entry.spec.name), Some("flushdb"));
        let long = [b'X'; 100];
        assert_eq!(table.rename(b"keys", &long), Ok(()));
        assert_eq!(table.get(&[b'x'; 100]).map(|entry| entry.spec.name), Some("keys"));
        assert!(table.get(&[b'x'; 101]).is_none());
        assert_eq!(table.commands().count(), count);
        assert_eq!(table.rename(b"get", b""), Ok(()));
        assert!(table.get(b"get").is_none());
        assert_eq!(table.commands().count(), count - 1);
        assert_eq!(table.rename(b"get", b"x"), Err(RenameError::NoSuchCommand));
        assert_eq!(table.rename(b"set", b"del"), Err(RenameError::NameTaken));
    }
}
