//! What can be wrong with an RDB file.

use carnelian_encoding::{IntSetError, ListpackError};
use std::io;

/// Something wrong with an RDB file, and where.
#[derive(Debug)]
pub struct RdbError {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Bytes read when it was found, from the start of the file.
    pub offset: u64,
}

/// What is wrong with an RDB file.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The source failed.
    Io(io::Error),
    /// The file ends in the middle of something.
    UnexpectedEof,
    /// The file does not start with `REDIS` and a version.
    BadMagic,
    /// The version is newer than what is known, or 0.
    BadVersion(u32),
    /// A length that starts with this byte is none.
    BadLength(u8),
    /// A string says it is encoded in this way, which is unknown.
    BadStringEncoding(u8),
    /// A compressed string does not decompress to the length it claims.
    BadLzf,
    /// A string is longer than the limit in the options.
    TooLong {
        /// Its length in bytes.
        len: u64,
        /// The limit.
        limit: u64,
    },
    /// The type of an entry is unknown.
    BadType(u8),
    /// A listpack is damaged.
    BadListpack(ListpackError),
    /// An intset is damaged.
    BadIntset(IntSetError),
    /// A collection is damaged in this way.
    Corrupt(&'static str),
    /// A set, hash, sorted set or stream has this twice.
    Duplicate(&'static str),
    /// The checksum does not fit the content.
    WrongChecksum {
        /// The one in the file.
        stored: u64,
        /// The one of the content.
        computed: u64,
    },
    /// The file is good as far as can be told, but this cannot be read.
    Unsupported {
        /// What it is.
        what: &'static str,
    },
}

impl std::fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::UnexpectedEof => write!(f, "Unexpected EOF reading RDB file"),
            Self::BadMagic => write!(f, "Wrong signature trying to load DB from file"),
            Self::BadVersion(version) => write!(f, "Can't handle RDB format version {version}"),
            Self::BadLength(byte) => write!(f, "Unknown length encoding {}", byte >> 6),
            Self::BadStringEncoding(encoding) => write!(f, "Unknown RDB string encoding type {encoding}"),
            Self::BadLzf => write!(f, "Invalid LZF compressed string"),
            Self::TooLong { len, limit } => {
                write!(f, "String of {len} bytes, more than the limit of {limit}")
            }
            Self::BadType(kind) => write!(f, "Invalid object type: {kind}"),
            Self::BadListpack(error) => write!(f, "Listpack integrity check failed: {error}"),
            Self::BadIntset(error) => write!(f, "Intset integrity check failed: {error}"),
            Self::Corrupt(what) => write!(f, "{what}"),
            Self::Duplicate(what) => write!(f, "Duplicate {what} detected"),
            Self::WrongChecksum { .. } => write!(f, "RDB CRC error"),
            Self::Unsupported { what } => write!(f, "Can't load {what}"),
        }
    }
}

impl std::fmt::Display for RdbError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RDB offset {}: {}", self.offset, self.kind)
    }
}

impl std::error::Error for RdbError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            ErrorKind::Io(error) => Some(error),
            ErrorKind::BadListpack(error) => Some(error),
            ErrorKind::BadIntset(error) => Some(error),
            _ => None,
        }
    }
}
