//! All commands, found by name.

use crate::families::FAMILIES;
use crate::names::Names;
use crate::spec::{Begin, CommandSpec, Find, Flags, Group, Handler, KeyFlags, KeySpec, Scope};
use carnelian_resp::Args;

/// Number of a command or subcommand in the table, dense from 0.
pub type CommandId = usize;

/// Where the keys of a command are, as far as the dispatcher can tell without looking at key specs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// It locks no shard.
    None,
    /// Its only key is this argument.
    One(u8),
    /// The key specs tell.
    Many,
}

impl Keys {
    fn of(spec: &CommandSpec) -> Self {
        match spec.keys {
            _ if spec.scope == Scope::All => Self::Many,
            [] => Self::None,
            [KeySpec { begin: Begin::Index(index), find: Find::Range { last: 0, .. }, flags, .. }]
                if !flags.has(KeyFlags::NOT_KEY) =>
            {
                Self::One(*index)
            }
            _ => Self::Many,
        }
    }
}

/// A command with its place in the table.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The command.
    pub spec: &'static CommandSpec,
    /// Its parent, for a subcommand.
    pub parent: Option<&'static CommandSpec>,
    /// Its number.
    pub id: CommandId,
    pub(crate) keys: Keys,
    /// How many arguments it takes, its name included: the least, and the most. None are right for a command that only has
    /// subcommands.
    arity: (u16, u16),
    short: bool,
}

impl Entry {
    /// Whether it can run with so many arguments, its name included.
    #[inline]
    pub(crate) fn accepts(&self, arguments: usize) -> bool {
        let (least, most) = self.arity;
        arguments >= usize::from(least) && (arguments <= usize::from(most) || most == u16::MAX)
    }

    /// Whether its first argument alone tells which command it is.
    pub(crate) fn is_whole_name(&self) -> bool {
        self.parent.is_none() && self.spec.subcommands.is_empty()
    }

    /// Whether it may run on a shard that is not locked.
    #[inline]
    pub(crate) fn looks(&self) -> bool {
        self.spec.scope == Scope::Look
    }

    /// Where a command with several keys has them. The first key spec is nearly always all; this is but a hint.
    pub(crate) fn several_keys(&self) -> Option<&'static KeySpec> {
        if self.keys == Keys::Many { self.spec.keys.first() } else { None }
    }

    /// Where a command on one set or hash has its key. What follows it is the first member or field for most of them.
    #[inline]
    pub(crate) fn key_before_member(&self) -> Option<usize> {
        match (self.spec.group, self.keys) {
            (Group::Set | Group::Hash, Keys::One(place)) => Some(usize::from(place)),
            _ => None,
        }
    }

    /// Whether its calls are so short that looking at the clock for each would cost more than they tell: several that follow
    /// each other may be timed together.
    #[inline]
    pub(crate) fn is_short(&self) -> bool {
        self.short
    }

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
    /// Numbers of `commands`.
    names: Names,
    commands: Vec<Command>,
    entries: Vec<Entry>,
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
#[derive(Clone, Copy)]
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
        let mut table = Self { names: Names::default(), commands: Vec::new(), entries: Vec::new() };
        for spec in FAMILIES.iter().copied().flatten() {
            let entry = table.number(spec, None);
            let subcommands = spec.subcommands.iter().map(|sub| table.number(sub, Some(spec))).collect();
            table.names.insert(spec.name.as_bytes(), table.commands.len() as u16);
            table.commands.push(Command { entry, subcommands });
        }
        table
    }

    fn number(&mut self, spec: &'static CommandSpec, parent: Option<&'static CommandSpec>) -> Entry {
        let arity = match (spec.handler, spec.arity) {
            (Handler::Subcommands, _) => (u16::MAX, 0),
            (_, exactly @ 0..) => (exactly as u16, exactly as u16),
            (_, at_least) => (at_least.unsigned_abs(), u16::MAX),
        };
        let short = spec.flags.has(Flags::FAST) || spec.complexity == "O(1)";
        let entry = Entry { spec, parent, id: self.entries.len(), keys: Keys::of(spec), arity, short };
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
        let command = self.names.remove(from).ok_or(RenameError::NoSuchCommand)?;
        if to.is_empty() {
            return Ok(());
        }
        if self.names.get(to).is_some() {
            return Err(RenameError::NameTaken);
        }
        self.names.insert(to, command);
        Ok(())
    }

    /// Commands that are not subcommands, in the order of the table, without those that were removed.
    pub fn commands(&self) -> impl Iterator<Item = Entry> {
        let mut named: Vec<u16> = self.names.numbers().collect();
        named.sort_unstable();
        named.into_iter().filter_map(|number| Some(self.commands.get(usize::from(number))?.entry))
    }

    /// Finds a command by name, in any case.
    #[inline]
    pub fn get(&self, name: &[u8]) -> Option<Entry> {
        self.command(name).map(|command| command.entry)
    }

    #[inline]
    fn command(&self, name: &[u8]) -> Option<&Command> {
        self.commands.get(usize::from(self.names.get(name)?))
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
