//! The error replies of commands. Every text that clients may match on is in this file or built by a function of it.

use std::borrow::Cow;

/// What a handler returns: nothing once it has written its reply, or the error to reply with instead.
pub type CommandResult<T = ()> = Result<T, CommandError>;

/// An error reply, code and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandError(Cow<'static, [u8]>);

impl CommandError {
    const fn fixed(text: &'static str) -> Self {
        Self(Cow::Borrowed(text.as_bytes()))
    }

    /// An error with a text of its own; begins with its code, such as `ERR`.
    pub fn new(text: impl Into<Vec<u8>>) -> Self {
        Self(Cow::Owned(text.into()))
    }

    /// The whole text.
    pub fn text(&self) -> &[u8] {
        &self.0
    }

    /// The code: the text up to the first space.
    pub fn code(&self) -> &[u8] {
        self.0.split(|byte| *byte == b' ').next().unwrap_or_default()
    }

    /// The key holds another type than the command works on.
    pub const WRONG_TYPE: Self =
        Self::fixed("WRONGTYPE Operation against a key holding the wrong kind of value");
    /// The arguments do not follow the command's syntax.
    pub const SYNTAX: Self = Self::fixed("ERR syntax error");
    /// An argument or value should be a 64-bit integer.
    pub const NOT_INTEGER: Self = Self::fixed("ERR value is not an integer or out of range");
    /// An argument or value should be a number.
    pub const NOT_FLOAT: Self = Self::fixed("ERR value is not a valid float");
    /// An argument should not be negative.
    pub const NOT_POSITIVE: Self = Self::fixed("ERR value is out of range, must be positive");
    /// An argument should be a 32-bit integer.
    pub const NOT_INT32: Self =
        Self::fixed("ERR value is out of range, value must between -2147483648 and 2147483647");
    /// The key does not exist.
    pub const NO_SUCH_KEY: Self = Self::fixed("ERR no such key");
    /// An index beyond the elements.
    pub const INDEX_OUT_OF_RANGE: Self = Self::fixed("ERR index out of range");
    /// A result beyond 64 bits.
    pub const INCREMENT_OVERFLOW: Self = Self::fixed("ERR increment or decrement would overflow");
    /// A decrement that has no negative.
    pub const DECREMENT_OVERFLOW: Self = Self::fixed("ERR decrement would overflow");
    /// LCS of something else than strings.
    pub const LCS_NOT_STRINGS: Self = Self::fixed("ERR The specified keys must contain string values");
    /// LCS with both of two options that exclude each other.
    pub const LCS_AMBIGUOUS: Self =
        Self::fixed("ERR If you want both the length and indexes, please just use IDX.");
    /// LCS of strings whose lengths do not fit 32 bits.
    pub const LCS_TOO_LONG: Self = Self::fixed("ERR String too long for LCS");
    /// LCS of strings whose table would exceed `proto-max-bulk-len`.
    pub const LCS_MEMORY_LIMIT: Self =
        Self::fixed("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
    /// LCS that gets no memory for its table.
    pub const LCS_NO_MEMORY: Self =
        Self::fixed("ERR Insufficient memory, failed allocating transient memory for LCS");
    /// A bit to look for that is neither 0 nor 1.
    pub const BIT_ARGUMENT: Self = Self::fixed("ERR The bit argument must be 1 or 0.");
    /// BITOP NOT of several keys.
    pub const BITOP_NOT: Self = Self::fixed("ERR BITOP NOT must be called with a single source key.");
    /// An integer type that BITFIELD does not know.
    pub const BITFIELD_TYPE: Self = Self::fixed(
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
    );
    /// An overflow behaviour that BITFIELD does not know.
    pub const BITFIELD_OVERFLOW: Self = Self::fixed("ERR Invalid OVERFLOW type specified");
    /// BITFIELD_RO asked to write.
    pub const BITFIELD_READ_ONLY: Self = Self::fixed("ERR BITFIELD_RO only supports the GET subcommand");
    /// An increment that is infinite.
    pub const NAN_OR_INFINITY: Self = Self::fixed("ERR value is NaN or Infinity");
    /// A result that is not a finite number.
    pub const INCREMENT_NAN: Self = Self::fixed("ERR increment would produce NaN or Infinity");
    /// A hash field that should be an integer.
    pub const HASH_NOT_INTEGER: Self = Self::fixed("ERR hash value is not an integer");
    /// A hash field that should be a number.
    pub const HASH_NOT_FLOAT: Self = Self::fixed("ERR hash value is not a float");
    /// A string beyond `proto-max-bulk-len`.
    pub const STRING_TOO_LONG: Self =
        Self::fixed("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    /// A negative offset.
    pub const OFFSET_OUT_OF_RANGE: Self = Self::fixed("ERR offset is out of range");
    /// A bit offset that is no number or too large.
    pub const BIT_OFFSET: Self = Self::fixed("ERR bit offset is not an integer or out of range");
    /// A bit that is neither 0 nor 1.
    pub const BIT_VALUE: Self = Self::fixed("ERR bit is not an integer or out of range");
    /// A cursor that is no number.
    pub const INVALID_CURSOR: Self = Self::fixed("ERR invalid cursor");
    /// A database number beyond `databases`.
    pub const DB_OUT_OF_RANGE: Self = Self::fixed("ERR DB index is out of range");
    /// The first database argument of SWAPDB.
    pub const INVALID_FIRST_DB: Self = Self::fixed("ERR invalid first DB index");
    /// The second database argument of SWAPDB.
    pub const INVALID_SECOND_DB: Self = Self::fixed("ERR invalid second DB index");
    /// EXPIRE with conditions that exclude each other.
    pub const EXPIRE_NX: Self =
        Self::fixed("ERR NX and XX, GT or LT options at the same time are not compatible");
    /// EXPIRE with conditions that exclude each other.
    pub const EXPIRE_GT_LT: Self = Self::fixed("ERR GT and LT options at the same time are not compatible");
    /// OBJECT IDLETIME while access counters are kept.
    pub const NO_IDLE_TIME: Self = Self::fixed(
        "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies \
         at runtime LRU and LFU data will take some time to adjust.",
    );
    /// OBJECT FREQ while no access counters are kept.
    pub const NO_FREQUENCY: Self = Self::fixed(
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching \
         between policies at runtime LRU and LFU data will take some time to adjust.",
    );
    /// SORT by something that is no number.
    pub const SORT_SCORE: Self = Self::fixed("ERR One or more scores can't be converted into double");
    /// COMMAND GETKEYS of something that is no command.
    pub const GETKEYS_COMMAND: Self = Self::fixed("ERR Invalid command specified");
    /// COMMAND GETKEYS of a command without keys.
    pub const GETKEYS_NO_KEYS: Self = Self::fixed("ERR The command has no key arguments");
    /// COMMAND GETKEYS with a wrong number of arguments.
    pub const GETKEYS_ARITY: Self = Self::fixed("ERR Invalid number of arguments specified for command");
    /// COMMAND GETKEYS with arguments that no key can be found among.
    pub const GETKEYS_ARGUMENTS: Self = Self::fixed("ERR Invalid arguments specified for command");
    /// A database argument that is no number.
    pub const INVALID_DB: Self = Self::fixed("ERR invalid DB index");
    /// Source and destination are the same.
    pub const SAME_OBJECT: Self = Self::fixed("ERR source and destination objects are the same");
    /// A time-out that is no number.
    pub const TIMEOUT_NOT_FLOAT: Self = Self::fixed("ERR timeout is not a float or out of range");
    /// A time-out below zero.
    pub const TIMEOUT_NEGATIVE: Self = Self::fixed("ERR timeout is negative");
    /// A time-out that does not fit.
    pub const TIMEOUT_RANGE: Self = Self::fixed("ERR timeout is out of range");
    /// A number of keys that is not positive.
    pub const NUMKEYS: Self = Self::fixed("ERR numkeys should be greater than 0");
    /// A number of keys above the number of arguments.
    pub const NUMKEYS_TOO_LARGE: Self =
        Self::fixed("ERR Number of keys can't be greater than number of args");
    /// A count that is not positive.
    pub const COUNT_NOT_POSITIVE: Self = Self::fixed("ERR count should be greater than 0");
    /// LPOS: a rank of zero.
    pub const RANK_ZERO: Self = Self::fixed(
        "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from \
         the end of the list",
    );
    /// LPOS: a count that is no number or negative.
    pub const COUNT_NEGATIVE: Self = Self::fixed("ERR COUNT can't be negative");
    /// LPOS: a length that is no number or negative.
    pub const MAXLEN_NEGATIVE: Self = Self::fixed("ERR MAXLEN can't be negative");
    /// A count whose negative has no place in 64 bits.
    pub const COUNT_BETWEEN: Self = Self::fixed(
        "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
    );
    /// A limit below zero.
    pub const LIMIT_NEGATIVE: Self = Self::fixed("ERR LIMIT can't be negative");
    /// A number that is out of range.
    pub const OUT_OF_RANGE: Self = Self::fixed("ERR value is out of range");
    /// RESTORE over a key that exists.
    pub const BUSY_KEY: Self = Self::fixed("BUSYKEY Target key name already exists.");
    /// A payload of a version that is not known, or damaged on its way.
    pub const DUMP_CHECKSUM: Self = Self::fixed("ERR DUMP payload version or checksum are wrong");
    /// A payload without a value that makes sense.
    pub const DUMP_FORMAT: Self = Self::fixed("ERR Bad data format");
    /// RESTORE with a time to live below zero.
    pub const INVALID_TTL: Self = Self::fixed("ERR Invalid TTL value, must be >= 0");
    /// RESTORE with an idle time below zero.
    pub const INVALID_IDLE_TIME: Self = Self::fixed("ERR Invalid IDLETIME value, must be >= 0");
    /// RESTORE with an access counter that is none.
    pub const INVALID_FREQUENCY: Self = Self::fixed("ERR Invalid FREQ value, must be >= 0 and <= 255");
    /// Not authenticated.
    pub const NO_AUTH: Self = Self::fixed("NOAUTH Authentication required.");
    /// Wrong user name or password.
    pub const WRONG_PASS: Self = Self::fixed("WRONGPASS invalid username-password pair or user is disabled.");
    /// A protocol version that does not exist.
    pub const NO_PROTO: Self = Self::fixed("NOPROTO unsupported protocol version");
    /// Fewer replicas follow than writes need.
    pub const NO_REPLICAS: Self = Self::fixed("NOREPLICAS Not enough good replicas to write.");
    /// The dataset is not there yet.
    pub const LOADING: Self = Self::fixed("LOADING Redis is loading the dataset in memory");
    /// The memory limit is reached and the command might need more.
    pub const OUT_OF_MEMORY: Self = Self::fixed("OOM command not allowed when used memory > 'maxmemory'.");
    /// A transaction with a command that was refused while queueing.
    pub const EXEC_ABORT: Self = Self::fixed("EXECABORT Transaction discarded because of previous errors.");
    /// MULTI inside MULTI.
    pub const NESTED_MULTI: Self = Self::fixed("ERR MULTI calls can not be nested");
    /// WATCH inside MULTI.
    pub const WATCH_IN_MULTI: Self = Self::fixed("ERR WATCH inside MULTI is not allowed");
    /// A command that cannot be in a transaction.
    pub const NOT_IN_TRANSACTION: Self = Self::fixed("ERR Command not allowed inside a transaction");
    /// EXEC without MULTI.
    pub const EXEC_WITHOUT_MULTI: Self = Self::fixed("ERR EXEC without MULTI");
    /// DISCARD without MULTI.
    pub const DISCARD_WITHOUT_MULTI: Self = Self::fixed("ERR DISCARD without MULTI");
    /// The command needs the server, and the keyspace runs without one.
    pub const NO_SERVER: Self = Self::fixed("ERR This command needs a server");

    /// An expiry time the command cannot take.
    pub fn invalid_expire(command: &str) -> Self {
        Self::new(format!("ERR invalid expire time in '{command}' command"))
    }

    /// An option of EXPIRE that does not exist.
    pub fn unsupported_option(option: &[u8]) -> Self {
        Self::repeating("ERR Unsupported option ", option, "")
    }

    /// An error that repeats a word of the client's, as far as text goes in Redis: to its first zero.
    pub fn repeating(before: &str, word: &[u8], after: &str) -> Self {
        Self::new([before.as_bytes(), as_text(word), after.as_bytes()].concat())
    }

    /// A wrong number of arguments. Subcommands are named `parent|sub`.
    pub fn arity(command: &str) -> Self {
        Self::new(format!("ERR wrong number of arguments for '{command}' command"))
    }

    /// A subcommand with arguments it cannot take.
    pub fn subcommand_syntax(sub: &[u8], parent: &str) -> Self {
        let mut text = b"ERR unknown subcommand or wrong number of arguments for '".to_vec();
        text.extend_from_slice(shown(sub, SHOWN_BYTES));
        text.extend_from_slice(b"'. Try ");
        text.extend_from_slice(parent.to_ascii_uppercase().as_bytes());
        text.extend_from_slice(b" HELP.");
        Self(Cow::Owned(text))
    }

    /// A payload of a type that this server does not have.
    pub fn unsupported_payload(what: &str) -> Self {
        Self::new(format!("ERR Bad data format: a {what} is not supported yet"))
    }

    /// An ACL category that does not exist.
    pub fn unknown_category(name: &[u8]) -> Self {
        Self::repeating("ERR Unknown category '", name, "'")
    }

    /// A subcommand that does not exist.
    pub fn unknown_subcommand(sub: &[u8], parent: &str) -> Self {
        let mut text = b"ERR unknown subcommand '".to_vec();
        text.extend_from_slice(shown(sub, SHOWN_BYTES));
        text.extend_from_slice(b"'. Try ");
        text.extend_from_slice(parent.to_ascii_uppercase().as_bytes());
        text.extend_from_slice(b" HELP.");
        Self(Cow::Owned(text))
    }

    /// A command that does not exist, with the beginning of its arguments.
    pub fn unknown_command(args: carnelian_resp::Args<'_>) -> Self {
        let mut beginning = Vec::new();
        for arg in args.iter().skip(1) {
            let Some(room) = SHOWN_BYTES.checked_sub(beginning.len()).filter(|room| *room > 0) else { break };
            beginning.push(b'\'');
            beginning.extend_from_slice(shown(arg, room));
            beginning.extend_from_slice(b"' ");
        }
        let mut text = b"ERR unknown command '".to_vec();
        text.extend_from_slice(shown(&args[0], SHOWN_BYTES));
        text.extend_from_slice(b"', with args beginning with: ");
        text.extend_from_slice(&beginning);
        Self(Cow::Owned(text))
    }
}

/// Bytes of a command's name, and of its arguments, that an error repeats.
const SHOWN_BYTES: usize = 128;

fn shown(word: &[u8], most: usize) -> &[u8] {
    as_text(&word[..word.len().min(most)])
}

/// A word up to its first zero, which is where text ends for Redis and for many a client that shows an error.
pub fn as_text(word: &[u8]) -> &[u8] {
    &word[..memchr::memchr(0, word).unwrap_or(word.len())]
}

impl std::fmt::Display for CommandError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl std::error::Error for CommandError {}

impl From<carnelian_engine::WrongType> for CommandError {
    fn from(_: carnelian_engine::WrongType) -> Self {
        Self::WRONG_TYPE
    }
}
