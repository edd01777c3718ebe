//! What a handler works with.

use crate::cursor::Cursor;
use crate::dispatch::Node;
use crate::error::{CommandError, CommandResult};
use crate::session::Session;
use crate::spec::CommandSpec;
use carnelian_engine::{
    Content, Edit, Element, EventClass, Hash, HashRef, Keyspace, List, ListRef, Set, SetRef, ShardSet,
    StringRef, ValueRef, ValueType,
};
use carnelian_resp::{Args, ReplyWriter};

/// One running command: its arguments, the keys, and where the reply goes.
///
/// The fields are public so that a handler can hold a value of `keys` while it writes to `out`.
pub struct Ctx<'c, 'e> {
    /// The arguments, the command's name first.
    pub args: Args<'c>,
    /// The keys of the locked shards, in the session's database.
    pub keys: &'c mut Keyspace<'e>,
    /// The reply.
    pub out: &'c mut ReplyWriter,
    /// The client.
    pub session: &'c mut Session,
    /// The command table, the statistics and the host.
    pub node: &'c Node,
    /// The command.
    pub spec: &'static CommandSpec,
    /// The command whose subcommand it is.
    pub parent: Option<&'static CommandSpec>,
    /// Set when a blocked command runs again because this key became ready: it looks at no other.
    pub ready_key: Option<&'c [u8]>,
    pub(crate) block: Option<Box<BlockRequest>>,
}

/// A command's wish to wait.
pub(crate) struct BlockRequest {
    pub(crate) keys: Vec<Box<[u8]>>,
    pub(crate) wants: ValueType,
    pub(crate) shards: ShardSet,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) on_timeout: TimeoutReply,
}

/// What a blocked client gets when its time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutReply {
    /// A null.
    Null,
    /// A null array.
    NullArray,
    /// The number 0.
    Zero,
}

impl TimeoutReply {
    /// Writes it.
    pub fn write(self, out: &mut ReplyWriter) {
        match self {
            Self::Null => out.null(),
            Self::NullArray => out.null_array(),
            Self::Zero => out.integer(0),
        }
    }
}

impl<'c> Ctx<'c, '_> {
    /// The arguments from position `from` on, for parsing one after the other.
    pub fn cursor(&self, from: usize) -> Cursor<'c> {
        Cursor::new(self.args, from)
    }

    /// The argument at `index`. The arity check has made sure of the command's mandatory ones.
    #[inline]
    pub fn arg(&self, index: usize) -> &'c [u8] {
        self.args.get(index).unwrap_or_default()
    }

    /// Whether the command was called by one of these names.
    pub fn is(&self, name: &str) -> bool {
        self.spec.name == name
    }

    /// Counts changes to the dataset.
    pub fn dirty(&mut self, changes: u64) {
        self.keys.effects.dirty += changes;
    }

    /// One change to `key`: watchers and waiting clients learn of it, the event is recorded, and the change counts.
    pub fn changed(&mut self, class: EventClass, event: &'static str, key: &[u8]) {
        self.keys.changed(class, event, key);
        self.keys.effects.dirty += 1;
    }

    /// Removes `key` with a `del` event because its last element is gone. The change itself has been counted.
    pub fn remove_emptied(&mut self, key: &[u8]) {
        if self.keys.remove(key) {
            self.keys.changed(EventClass::GENERIC, "del", key);
        }
    }

    /// Waits until time runs out: nothing else but CLIENT UNBLOCK can end it. `None` is for ever. Inside a transaction it
    /// replies at once.
    pub fn wait_for_time(&mut self, timeout_ms: Option<u64>, on_timeout: TimeoutReply) {
        self.block_on(&[], ValueType::String, None, timeout_ms, on_timeout);
    }

    /// The reply to a blocking command that finds nothing: waits until one of `keys` holds a value of type `wants`, or
    /// time runs out. `destination` names a key that serving the client takes besides. Inside a transaction, where nothing
    /// can wait, it replies as if time had run out.
    pub fn block_on(
        &mut self,
        keys: &[&[u8]],
        wants: ValueType,
        destination: Option<&[u8]>,
        timeout_ms: Option<u64>,
        on_timeout: TimeoutReply,
    ) {
        if !self.session.may_block() {
            on_timeout.write(self.out);
            return;
        }
        let mut shards = ShardSet::EMPTY;
        if let Some(destination) = destination {
            shards = self.node.engine().shards_of(&[destination]).union(self.node.engine().shards_of(keys));
        }
        let keys = keys.iter().map(|key| Box::from(*key)).collect();
        self.block = Some(Box::new(BlockRequest { keys, wants, shards, timeout_ms, on_timeout }));
    }
}

/// Typed access to values: `None` when the key does not exist, an error when it holds another type.
pub trait TypedKeys {
    /// The string at `key`, for reading.
    fn string(&mut self, key: &[u8]) -> CommandResult<Option<StringRef<'_>>>;
    /// The list at `key`, for reading.
    fn list(&mut self, key: &[u8]) -> CommandResult<Option<ListRef<'_>>>;
    /// The list at `key`, for changing it.
    fn list_mut(&mut self, key: &[u8]) -> CommandResult<Option<Edit<'_, List>>>;
    /// The list at `key`, created empty when there is none. The caller adds to it.
    fn list_or_new<'k>(&'k mut self, key: &'k [u8]) -> CommandResult<Edit<'k, List>>;
    /// The set at `key`, for reading.
    fn set(&mut self, key: &[u8]) -> CommandResult<Option<SetRef<'_>>>;
    /// The set at `key`, for changing it.
    fn set_mut(&mut self, key: &[u8]) -> CommandResult<Option<Edit<'_, Set>>>;
    /// The set at `key`, created empty in the encoding that suits `first` and `expected` members when there is none. The
    /// caller adds to it.
    fn set_or_new<'k>(
        &'k mut self,
        key: &'k [u8],
        first: &[u8],
        expected: usize,
    ) -> CommandResult<Edit<'k, Set>>;
    /// The hash at `key`, for reading.
    fn hash(&mut self, key: &[u8]) -> CommandResult<Option<HashRef<'_>>>;
    /// The hash at `key`, for changing it.
    fn hash_mut(&mut self, key: &[u8]) -> CommandResult<Option<Edit<'_, Hash>>>;
    /// The hash at `key`, created empty when there is none. The caller adds to it.
    fn hash_or_new<'k>(&'k mut self, key: &'k [u8]) -> CommandResult<Edit<'k, Hash>>;
}

impl TypedKeys for Keyspace<'_> {
    #[inline]
    fn string(&mut self, key: &[u8]) -> CommandResult<Option<StringRef<'_>>> {
        match self.read(key) {
            None => Ok(None),
            Some(ValueRef::String(value)) => Ok(Some(value)),
            Some(_) => Err(CommandError::WRONG_TYPE),
        }
    }

    fn list(&mut self, key: &[u8]) -> CommandResult<Option<ListRef<'_>>> {
        Ok(self.get::<List>(key)?)
    }

    fn list_mut(&mut self, key: &[u8]) -> CommandResult<Option<Edit<'_, List>>> {
        Ok(self.edit(key)?)
    }

    fn list_or_new<'k>(&'k mut self, key: &'k [u8]) -> CommandResult<Edit<'k, List>> {
        let settings = self.settings();
        Ok(self.edit_or_insert(key, || List::new(settings))?)
    }

    fn set(&mut self, key: &[u8]) -> CommandResult<Option<SetRef<'_>>> {
        Ok(self.get::<Set>(key)?)
    }

    fn set_mut(&mut self, key: &[u8]) -> CommandResult<Option<Edit<'_, Set>>> {
        Ok(self.edit(key)?)
    }

    fn set_or_new<'k>(
        &'k mut self,
        key: &'k [u8],
        first: &[u8],
        expected: usize,
    ) -> CommandResult<Edit<'k, Set>> {
        let settings = self.settings();
        Ok(self.edit_or_insert(key, || Set::for_member(first, expected, settings))?)
    }

    fn hash(&mut self, key: &[u8]) -> CommandResult<Option<HashRef<'_>>> {
        Ok(self.get::<Hash>(key)?)
    }

    fn hash_mut(&mut self, key: &[u8]) -> CommandResult<Option<Edit<'_, Hash>>> {
        Ok(self.edit(key)?)
    }

    fn hash_or_new<'k>(&'k mut self, key: &'k [u8]) -> CommandResult<Edit<'k, Hash>> {
        Ok(self.edit_or_insert(key, Hash::new)?)
    }
}

/// Writing elements as bulk strings.
pub trait ElementReply {
    /// Writes a bulk string with the element's text.
    fn element(&mut self, element: Element<'_>);
    /// Writes a string value as a bulk string. A large one is referred to.
    fn string(&mut self, value: StringRef<'_>);
}

impl ElementReply for ReplyWriter {
    #[inline]
    fn element(&mut self, element: Element<'_>) {
        match element {
            Element::Str(bytes) => self.bulk(bytes),
            Element::Int(value) => self.bulk_integer(value),
        }
    }

    #[inline]
    fn string(&mut self, value: StringRef<'_>) {
        if let Content::Blob(blob) = value.content() {
            return self.bulk_shared(blob, 0..blob.len());
        }
        self.element(value.get());
    }
}
