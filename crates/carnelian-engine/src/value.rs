//! A value of any type.

use crate::hash::Hash;
use crate::list::List;
use crate::prefetch;
use crate::set::Set;
use crate::string::StringValue;

/// The types of values, as commands tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// A string.
    String,
    /// A list.
    List,
    /// A set.
    Set,
    /// A hash.
    Hash,
}

impl ValueType {
    /// The name that TYPE replies with.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::Hash => "hash",
        }
    }
}

/// What a key holds.
#[derive(Clone)]
pub enum Value {
    /// A string.
    String(StringValue),
    /// A list.
    List(Box<List>),
    /// A set.
    Set(Box<Set>),
    /// A hash.
    Hash(Box<Hash>),
}

/// Elements from which freeing a collection is put off until the locks are released (as Redis' lazy freeing counts).
const SLOW_TO_FREE: usize = 64;

impl Value {
    /// A string value in its canonical encoding. O(n).
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self::String(StringValue::new(bytes))
    }

    /// The type.
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::String(_) => ValueType::String,
            Self::List(_) => ValueType::List,
            Self::Set(_) => ValueType::Set,
            Self::Hash(_) => ValueType::Hash,
        }
    }

    /// The name that TYPE replies with.
    pub fn type_name(&self) -> &'static str {
        self.value_type().name()
    }

    /// The name that OBJECT ENCODING replies with.
    pub fn encoding(&self) -> &'static str {
        match self {
            Self::String(string) => string.encoding(),
            Self::List(_) => "quicklist",
            Self::Set(set) => set.encoding(),
            Self::Hash(hash) => hash.encoding(),
        }
    }

    /// Number of elements of a collection; 1 for a string.
    pub fn elements(&self) -> usize {
        match self {
            Self::String(_) => 1,
            Self::List(list) => list.len(),
            Self::Set(set) => set.len(),
            Self::Hash(hash) => hash.len(),
        }
    }

    /// Asks for the memory behind the value.
    #[inline]
    pub(crate) fn prefetch(&self) {
        match self {
            Self::String(string) => string.prefetch(),
            Self::List(list) => prefetch::item(&**list),
            Self::Set(set) => prefetch::item(&**set),
            Self::Hash(hash) => prefetch::item(&**hash),
        }
    }

    pub(crate) fn is_slow_to_free(&self) -> bool {
        !matches!(self, Self::String(_)) && self.elements() > SLOW_TO_FREE
    }

    /// Asserts the structural invariants of a set or hash. O(n).
    pub(crate) fn check(&self) {
        match self {
            Self::Set(set) => set.check(),
            Self::Hash(hash) => hash.check(),
            _ => {}
        }
    }

    /// Bytes on the heap, sampling `samples` elements of a collection (0 for all).
    pub fn heap_bytes(&self, samples: usize) -> usize {
        match self {
            Self::String(string) => string.heap_bytes(),
            Self::List(list) => size_of::<List>() + list.heap_bytes(),
            Self::Set(set) => size_of::<Set>() + set.heap_bytes(samples),
            Self::Hash(hash) => size_of::<Hash>() + hash.heap_bytes(samples),
        }
    }
}

impl From<StringValue> for Value {
    fn from(value: StringValue) -> Self {
        Self::String(value)
    }
}

impl From<List> for Value {
    fn from(value: List) -> Self {
        Self::List(Box::new(value))
    }
}

impl From<Set> for Value {
    fn from(value: Set) -> Self {
        Self::Set(Box::new(value))
    }
}

impl From<Hash> for Value {
    fn from(value: Hash) -> Self {
        Self::Hash(Box::new(value))
    }
}
