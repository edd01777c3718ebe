//! What a command is: one constant that metadata, documentation, gates and key extraction all derive from.

use crate::ctx::Ctx;
use crate::error::CommandResult;
use crate::host::HostCommand;
use carnelian_resp::Args;

macro_rules! bits {
    ($(#[$doc:meta])* $type:ident: $repr:ty { $($(#[$item_doc:meta])* $name:ident = $bit:expr, $text:expr;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $type($repr);

        impl $type {
            /// None.
            pub const NONE: Self = Self(0);
            $($(#[$item_doc])* pub const $name: Self = Self(1 << $bit);)*

            /// Every bit with the name that replies give it, in the order of replies.
            pub const ALL: &'static [(Self, &'static str)] = &[$((Self::$name, $text)),*];

            /// Both.
            #[must_use]
            pub const fn or(self, other: Self) -> Self { Self(self.0 | other.0) }

            /// Whether every bit of `other` is set.
            pub const fn has(self, other: Self) -> bool { self.0 & other.0 == other.0 }

            /// Whether any bit of `other` is set.
            pub const fn has_any(self, other: Self) -> bool { self.0 & other.0 != 0 }

            /// The bits.
            pub const fn bits(self) -> $repr { self.0 }

            /// The bit with this name, in any case.
            pub fn named(name: &[u8]) -> Option<Self> {
                let found = Self::ALL.iter().find(|(_, text)| text.as_bytes().eq_ignore_ascii_case(name));
                found.map(|(bit, _)| *bit)
            }

            /// Names of the bits that are set, in the order of replies.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                Self::ALL.iter().filter(move |(bit, _)| self.has(*bit)).map(|(_, name)| *name)
            }
        }

        impl std::ops::BitOr for $type {
            type Output = Self;
            fn bitor(self, other: Self) -> Self { self.or(other) }
        }
    };
}

bits! {
    /// Properties of a command that gates and COMMAND INFO know.
    Flags: u32 {
        /// May change data.
        WRITE = 0, "write";
        /// Only reads data.
        READONLY = 1, "readonly";
        /// Refused when memory is short.
        DENYOOM = 2, "denyoom";
        /// Administrative.
        ADMIN = 3, "admin";
        /// Of the publish/subscribe family.
        PUBSUB = 4, "pubsub";
        /// Not from scripts.
        NOSCRIPT = 5, "noscript";
        /// May block the client.
        BLOCKING = 6, "blocking";
        /// Allowed while the dataset is loading.
        LOADING = 7, "loading";
        /// Allowed on a replica with stale data.
        STALE = 8, "stale";
        /// Not shown to MONITOR.
        SKIP_MONITOR = 9, "skip_monitor";
        /// Not logged in the slow log.
        SKIP_SLOWLOG = 10, "skip_slowlog";
        /// Accepted for a slot being imported.
        ASKING = 11, "asking";
        /// O(1) or O(log n).
        FAST = 12, "fast";
        /// Allowed before authentication.
        NO_AUTH = 13, "no_auth";
        /// May be propagated although it does not write.
        MAY_REPLICATE = 14, "may_replicate";
        /// Can be called without any of its keys.
        NO_MANDATORY_KEYS = 15, "no_mandatory_keys";
        /// Not while a replica loads asynchronously.
        NO_ASYNC_LOADING = 16, "no_async_loading";
        /// Not inside a transaction.
        NO_MULTI = 17, "no_multi";
        /// Where the keys are depends on the arguments. Derived from the key specs.
        MOVABLE_KEYS = 18, "movablekeys";
        /// Allowed while a script runs too long.
        ALLOW_BUSY = 19, "allow_busy";
    }
}

bits! {
    /// ACL categories.
    Categories: u32 {
        /// Touches keys of any type.
        KEYSPACE = 0, "keyspace";
        /// Reads values.
        READ = 1, "read";
        /// Writes values.
        WRITE = 2, "write";
        /// Sets.
        SET = 3, "set";
        /// Sorted sets.
        SORTED_SET = 4, "sortedset";
        /// Lists.
        LIST = 5, "list";
        /// Hashes.
        HASH = 6, "hash";
        /// Strings.
        STRING = 7, "string";
        /// Bitmaps.
        BITMAP = 8, "bitmap";
        /// HyperLogLogs.
        HYPERLOGLOG = 9, "hyperloglog";
        /// Geospatial indexes.
        GEO = 10, "geo";
        /// Streams.
        STREAM = 11, "stream";
        /// Publish/subscribe.
        PUBSUB = 12, "pubsub";
        /// Administration.
        ADMIN = 13, "admin";
        /// O(1) or O(log n).
        FAST = 14, "fast";
        /// Everything that is not fast.
        SLOW = 15, "slow";
        /// May block the client.
        BLOCKING = 16, "blocking";
        /// Needs care.
        DANGEROUS = 17, "dangerous";
        /// About the connection.
        CONNECTION = 18, "connection";
        /// Transactions.
        TRANSACTION = 19, "transaction";
        /// Scripting.
        SCRIPTING = 20, "scripting";
    }
}

bits! {
    /// What a command does with the keys that a key spec finds.
    KeyFlags: u32 {
        /// Reads.
        RO = 0, "RO";
        /// Reads and writes.
        RW = 1, "RW";
        /// Overwrites.
        OW = 2, "OW";
        /// Removes.
        RM = 3, "RM";
        /// Returns or copies the value.
        ACCESS = 4, "access";
        /// Changes the value.
        UPDATE = 5, "update";
        /// Adds without removing or changing what is there.
        INSERT = 6, "insert";
        /// Removes content.
        DELETE = 7, "delete";
        /// Is not a key, only hashed like one.
        NOT_KEY = 8, "not_key";
        /// The spec does not find all keys.
        INCOMPLETE = 9, "incomplete";
        /// The flags depend on the arguments.
        VARIABLE_FLAGS = 10, "variable_flags";
    }
}

/// Where a key spec begins to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At this argument.
    Index(u8),
    /// After this word, looked for from argument `from` on; from the end when negative.
    Keyword {
        /// The word, in capitals.
        word: &'static str,
        /// The argument to begin at.
        from: i8,
    },
    /// Cannot be told.
    Unknown,
}

/// How a key spec goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// A run of arguments.
    Range {
        /// The last one, counted from the first; negative ones from the end of the arguments.
        last: i16,
        /// Distance between keys.
        step: u8,
        /// With `last == -1`: only the first 1/`limit` of the remaining arguments, when above 1.
        limit: u8,
    },
    /// As many as another argument says.
    KeyNum {
        /// Where the number is, counted from the begin.
        count_at: u8,
        /// Where the first key is, counted from the begin.
        first: u8,
        /// Distance between keys.
        step: u8,
    },
    /// Cannot be told.
    Unknown,
}

/// Which arguments are keys and what becomes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// Where to begin.
    pub begin: Begin,
    /// How to go on.
    pub find: Find,
    /// What the command does with them.
    pub flags: KeyFlags,
    /// A remark for readers of COMMAND INFO; may be empty.
    pub notes: &'static str,
}

impl KeySpec {
    /// The one key at argument `index`.
    pub const fn one(index: u8, flags: KeyFlags) -> Self {
        Self::range(index, 0, 1, flags)
    }

    /// Keys from argument `index` to `last` (counted from `index`; from the end when negative) in steps.
    pub const fn range(index: u8, last: i16, step: u8, flags: KeyFlags) -> Self {
        Self { begin: Begin::Index(index), find: Find::Range { last, step, limit: 0 }, flags, notes: "" }
    }

    /// The number of keys is at argument `index`, the keys follow.
    pub const fn counted(index: u8, flags: KeyFlags) -> Self {
        Self {
            begin: Begin::Index(index),
            find: Find::KeyNum { count_at: 0, first: 1, step: 1 },
            flags,
            notes: "",
        }
    }

    /// The one key after `word`.
    pub const fn after(word: &'static str, from: i8, flags: KeyFlags) -> Self {
        Self {
            begin: Begin::Keyword { word, from },
            find: Find::Range { last: 0, step: 1, limit: 0 },
            flags,
            notes: "",
        }
    }

    /// The same with a remark.
    #[must_use]
    pub const fn note(mut self, notes: &'static str) -> Self {
        self.notes = notes;
        self
    }

    fn first(&self, args: Args<'_>) -> Option<usize> {
        match self.begin {
            Begin::Index(index) => Some(usize::from(index)),
            Begin::Keyword { word, from } => {
                let is_word = |index: &usize| {
                    args.get(*index).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
                };
                let found = if from >= 0 {
                    (from as usize..args.len()).find(is_word)
                } else {
                    let start = args.len().checked_sub(from.unsigned_abs().into())?;
                    (1..=start).rev().find(is_word)
                };
                found.map(|index| index + 1)
            }
            Begin::Unknown => None,
        }
    }

    /// Calls `visit` with the position of every key among `args`. Arguments that do not make sense yield no keys: the
    /// command itself will refuse them.
    pub fn positions(&self, args: Args<'_>, mut visit: impl FnMut(usize)) {
        let Some(first) = self.first(args) else { return };
        let (first, last, step) = match self.find {
            Find::Range { last, step, limit } => {
                let last = if last >= 0 {
                    first + last as usize
                } else if limit > 1 {
                    let rest = args.len().saturating_sub(first);
                    first + (rest / usize::from(limit)).saturating_sub(1)
                } else {
                    match args.len().checked_sub(last.unsigned_abs().into()) {
                        Some(last) => last,
                        None => return,
                    }
                };
                (first, last, step)
            }
            Find::KeyNum { count_at, first: offset, step } => {
                let count = args
                    .get(first + usize::from(count_at))
                    .and_then(carnelian_encoding::number::parse_i64)
                    .and_then(|count| usize::try_from(count).ok())
                    .unwrap_or(0);
                if count == 0 || count > args.len() {
                    return;
                }
                let first = first + usize::from(offset);
                if first + (count - 1) * usize::from(step) >= args.len() {
                    return;
                }
                (first, first + (count - 1) * usize::from(step), step)
            }
            Find::Unknown => return,
        };
        let last = last.min(args.len().saturating_sub(1));
        let mut position = first;
        while position <= last {
            visit(position);
            position += usize::from(step.max(1));
        }
    }
}

/// The chapters of the command reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Keys of any type.
    Generic,
    /// Strings.
    String,
    /// Lists.
    List,
    /// Sets.
    Set,
    /// Hashes.
    Hash,
    /// Bitmaps.
    Bitmap,
    /// Publish/subscribe.
    PubSub,
    /// Transactions.
    Transactions,
    /// The connection.
    Connection,
    /// The server.
    Server,
}

impl Group {
    /// The name that COMMAND DOCS replies with.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::Hash => "hash",
            Self::Bitmap => "bitmap",
            Self::PubSub => "pubsub",
            Self::Transactions => "transactions",
            Self::Connection => "connection",
            Self::Server => "server",
        }
    }

    const fn category(self) -> Categories {
        match self {
            Self::Generic => Categories::KEYSPACE,
            Self::String => Categories::STRING,
            Self::List => Categories::LIST,
            Self::Set => Categories::SET,
            Self::Hash => Categories::HASH,
            Self::Bitmap => Categories::BITMAP,
            // Commands that touch channels have a flag for it.
            Self::PubSub | Self::Server => Categories::NONE,
            Self::Transactions => Categories::TRANSACTION,
            Self::Connection => Categories::CONNECTION,
        }
    }
}

/// Which shards a command locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of its keys.
    Keys,
    /// All of them: the command looks at whole databases.
    All,
    /// That of its only key, beside other commands that only look at theirs: it does so through
    /// [`read_with`](carnelian_engine::Keyspace::read_with) and its kin, takes no longer than its reply, and changes nothing.
    Look,
}

/// Commands that steer transactions; the dispatcher runs them itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionCommand {
    /// MULTI
    Multi,
    /// EXEC
    Exec,
    /// DISCARD
    Discard,
    /// WATCH
    Watch,
    /// UNWATCH
    Unwatch,
}

/// Who runs a command.
#[derive(Clone, Copy)]
pub enum Handler {
    /// A function on the keyspace and the session.
    Run(fn(&mut Ctx) -> CommandResult),
    /// The server around the keyspace.
    Host(HostCommand),
    /// The dispatcher.
    Transaction(TransactionCommand),
    /// One of its subcommands.
    Subcommands,
}

/// Calls the function with the position of every key among the arguments and what the command does with it.
pub type KeyFinder = fn(Args<'_>, &mut dyn FnMut(usize, KeyFlags));

/// A command.
pub struct CommandSpec {
    /// Name in lower case; a subcommand's without its parent's.
    pub name: &'static str,
    /// Number of arguments with the name; at least that many when negative.
    pub arity: i16,
    /// Properties.
    pub flags: Flags,
    /// Where the keys are.
    pub keys: &'static [KeySpec],
    /// Finds the keys where key specs cannot, with what becomes of them.
    pub key_finder: Option<KeyFinder>,
    /// ACL categories beyond those that flags and group imply.
    pub categories: Categories,
    /// Whether the group implies a category.
    pub group_category: bool,
    /// Chapter of the reference.
    pub group: Group,
    /// Redis version that has had it first.
    pub since: &'static str,
    /// Cost, in words.
    pub complexity: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Arguments as a person writes them down, with the command's name.
    pub usage: &'static str,
    /// Hints for clients and proxies (COMMAND INFO "tips").
    pub tips: &'static [&'static str],
    /// Shards it locks.
    pub scope: Scope,
    /// Subcommands.
    pub subcommands: &'static [CommandSpec],
    /// Who runs it.
    pub handler: Handler,
    /// Past changes as (version, what changed).
    pub history: &'static [(&'static str, &'static str)],
    /// When it was superseded and by what, for commands that should no longer be used.
    pub deprecated: Option<(&'static str, &'static str)>,
    /// Meant for servers and tools, not for applications.
    pub system: bool,
}

impl CommandSpec {
    /// A command with nothing but a name, an arity and a chapter. Const methods add the rest.
    pub const fn new(name: &'static str, arity: i16, group: Group, handler: Handler) -> Self {
        Self {
            name,
            arity,
            flags: Flags::NONE,
            keys: &[],
            key_finder: None,
            categories: Categories::NONE,
            group_category: true,
            group,
            since: "1.0.0",
            complexity: "O(1)",
            summary: "",
            usage: "",
            tips: &[],
            scope: Scope::Keys,
            subcommands: &[],
            handler,
            history: &[],
            deprecated: None,
            system: false,
        }
    }

    /// A command whose handler is a function.
    pub const fn run(
        name: &'static str,
        arity: i16,
        group: Group,
        handler: fn(&mut Ctx) -> CommandResult,
    ) -> Self {
        Self::new(name, arity, group, Handler::Run(handler))
    }

    /// The same command under another name, with another handler.
    #[must_use]
    pub const fn called(mut self, name: &'static str, handler: fn(&mut Ctx) -> CommandResult) -> Self {
        self.name = name;
        self.handler = Handler::Run(handler);
        self
    }

    /// A command that the host runs.
    pub const fn host(name: &'static str, arity: i16, group: Group, command: HostCommand) -> Self {
        Self::new(name, arity, group, Handler::Host(command))
    }

    /// A command that only has subcommands.
    pub const fn container(name: &'static str, group: Group, subcommands: &'static [CommandSpec]) -> Self {
        let mut spec = Self::new(name, -2, group, Handler::Subcommands);
        spec.subcommands = subcommands;
        spec.group_category = false;
        spec
    }

    /// Sets the flags. Give several as `&[A, B]`.
    #[must_use]
    pub const fn flags(mut self, flags: &[Flags]) -> Self {
        let mut index = 0;
        while index < flags.len() {
            self.flags = self.flags.or(flags[index]);
            index += 1;
        }
        self
    }

    /// Sets the key specs.
    #[must_use]
    pub const fn keys(mut self, keys: &'static [KeySpec]) -> Self {
        self.keys = keys;
        self
    }

    /// Sets what finds the keys where the key specs cannot.
    #[must_use]
    pub const fn key_finder(mut self, finder: KeyFinder) -> Self {
        self.key_finder = Some(finder);
        self
    }

    /// Adds ACL categories to the implied ones.
    #[must_use]
    pub const fn categories(mut self, categories: &[Categories]) -> Self {
        let mut index = 0;
        while index < categories.len() {
            self.categories = self.categories.or(categories[index]);
            index += 1;
        }
        self
    }

    /// Takes back the ACL category that the group implies.
    #[must_use]
    pub const fn without_group_category(mut self) -> Self {
        self.group_category = false;
        self
    }

    /// Marks the command as meant for servers and tools.
    #[must_use]
    pub const fn system(mut self) -> Self {
        self.system = true;
        self
    }

    /// Gives a command that also works without any its subcommands.
    #[must_use]
    pub const fn subcommands(mut self, subcommands: &'static [CommandSpec]) -> Self {
        self.subcommands = subcommands;
        self
    }

    /// Sets what the reference says: version, cost, summary, usage.
    #[must_use]
    pub const fn docs(
        mut self,
        since: &'static str,
        complexity: &'static str,
        summary: &'static str,
        usage: &'static str,
    ) -> Self {
        self.since = since;
        self.complexity = complexity;
        self.summary = summary;
        self.usage = usage;
        self
    }

    /// Sets the hints for clients and proxies.
    #[must_use]
    pub const fn tips(mut self, tips: &'static [&'static str]) -> Self {
        self.tips = tips;
        self
    }

    /// Locks all shards.
    #[must_use]
    pub const fn all_shards(mut self) -> Self {
        self.scope = Scope::All;
        self
    }

    /// Lets it run beside others, see [`Scope::Look`].
    #[must_use]
    pub const fn looks(mut self) -> Self {
        self.scope = Scope::Look;
        self
    }

    /// Sets past changes.
    #[must_use]
    pub const fn history(mut self, history: &'static [(&'static str, &'static str)]) -> Self {
        self.history = history;
        self
    }

    /// Marks the command as superseded since a version, by something.
    #[must_use]
    pub const fn deprecated(mut self, since: &'static str, by: &'static str) -> Self {
        self.deprecated = Some((since, by));
        self
    }

    /// Whether so many arguments (with the name) are acceptable.
    pub const fn accepts(&self, arguments: usize) -> bool {
        if self.arity >= 0 {
            arguments == self.arity as usize
        } else {
            arguments >= self.arity.unsigned_abs() as usize
        }
    }

    /// All properties, the derived ones included.
    pub fn all_flags(&self) -> Flags {
        let one_run = matches!(self.keys, [KeySpec { begin: Begin::Index(_), find: Find::Range { .. }, .. }]);
        let movable = !one_run && self.plain_ranges().count() < self.keys.len()
            || self.keys.iter().any(|key| key.flags.has(KeyFlags::INCOMPLETE));
        if movable { self.flags.or(Flags::MOVABLE_KEYS) } else { self.flags }
    }

    /// All ACL categories, as Redis derives them from flags.
    pub fn all_categories(&self) -> Categories {
        let mut all = self.categories;
        if self.group_category {
            all = all.or(self.group.category());
        }
        let implied = [
            (Flags::WRITE, Categories::WRITE),
            (Flags::ADMIN, Categories::ADMIN.or(Categories::DANGEROUS)),
            (Flags::PUBSUB, Categories::PUBSUB),
            (Flags::FAST, Categories::FAST),
            (Flags::BLOCKING, Categories::BLOCKING),
        ];
        for (flag, categories) in implied {
            if self.flags.has(flag) {
                all = all.or(categories);
            }
        }
        if self.flags.has(Flags::READONLY) && !all.has(Categories::SCRIPTING) {
            all = all.or(Categories::READ);
        }
        if !all.has(Categories::FAST) {
            all = all.or(Categories::SLOW);
        }
        all
    }

    /// The first and last key and their distance, as clients knew keys before there were key specs: `(0, 0, 0)` when
    /// no run of arguments comes close. A last key from the end is negative.
    pub fn legacy_range(&self) -> (i16, i16, u8) {
        if let [KeySpec { begin: Begin::Index(first), find: Find::Range { last, step, .. }, .. }] = self.keys
        {
            let first = i16::from(*first);
            return (first, if *last >= 0 { first + last } else { *last }, *step);
        }
        let (mut first, mut last) = (0, 0);
        for (begin, end) in self.plain_ranges() {
            if first == 0 {
                first = begin;
            }
            last = end;
        }
        (first, last, u8::from(first != 0))
    }

    /// Runs of neighbouring keys that continue each other from the first on, each with its last key.
    fn plain_ranges(&self) -> impl Iterator<Item = (i16, i16)> {
        let mut previous = 0;
        self.keys.iter().filter_map(move |key| {
            let (Begin::Index(first), Find::Range { last, step: 1, .. }) = (key.begin, key.find) else {
                return None;
            };
            let first = i16::from(first);
            if previous != 0 && previous != first - 1 {
                return None;
            }
            previous = if last >= 0 { first + last } else { last };
            Some((first, previous))
        })
    }

    /// Calls `visit` with the position of every key among `args` and what the command does with it, as exactly as it can
    /// be told. Unlike [`key_positions`](Self::key_positions) this finds keys whose place depends on other arguments.
    pub fn keys_with_flags(&self, args: Args<'_>, mut visit: impl FnMut(usize, KeyFlags)) {
        if let Some(finder) = self.key_finder {
            return finder(args, &mut visit);
        }
        for spec in self.keys.iter().filter(|spec| !spec.flags.has(KeyFlags::NOT_KEY)) {
            spec.positions(args, |position| visit(position, spec.flags));
        }
    }

    /// Calls `visit` with the position of every key among `args` that the key specs find; the others are keys of commands
    /// that lock every shard.
    #[inline]
    pub fn key_positions(&self, args: Args<'_>, mut visit: impl FnMut(usize)) {
        for spec in self.keys {
            if !spec.flags.has(KeyFlags::NOT_KEY) {
                spec.positions(args, &mut visit);
            }
        }
    }
}

/// A mistake in a table of commands, found at compile time: `const _: () = check(COMMANDS);`.
pub const fn check(commands: &[CommandSpec]) {
    let mut index = 0;
    while index < commands.len() {
        let spec = &commands[index];
        assert!(!spec.name.is_empty() && spec.arity != 0, "a command has a name and an arity");
        assert!(
            !(spec.flags.has(Flags::WRITE) && spec.flags.has(Flags::READONLY)),
            "a command either writes or only reads"
        );
        assert!(!spec.summary.is_empty(), "a command has a summary");
        let bytes = spec.name.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            assert!(!bytes[at].is_ascii_uppercase(), "names are in lower case");
            at += 1;
        }
        check(spec.subcommands);
        index += 1;
    }
}
