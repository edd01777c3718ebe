//! A value of any type.

use crate::entry::Kind;
use crate::hash::{Hash, HashRef};
use crate::list::{List, ListRef};
use crate::objects::Object;
use crate::set::{Set, SetRef};
use crate::string::{StringRef, StringValue};
use carnelian_encoding::listpack::Element;

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

/// What a key holds, on its own: as files and other databases hand values over.
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

/// A look at what a key holds.
#[derive(Clone, Copy)]
pub enum ValueRef<'a> {
    /// A string.
    String(StringRef<'a>),
    /// A list.
    List(ListRef<'a>),
    /// A set.
    Set(SetRef<'a>),
    /// A hash.
    Hash(HashRef<'a>),
}

/// Allocations from which freeing a collection is put off until the locks are released, or done in the background, as Redis
/// counts for lazy freeing.
const SLOW_TO_FREE: usize = 64;

impl Value {
    /// A string value in its canonical encoding. O(n).
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self::String(StringValue::new(bytes))
    }

    /// A look at the value.
    pub fn view(&self) -> ValueRef<'_> {
        match self {
            Self::String(string) => ValueRef::String(string.view()),
            Self::List(list) => ValueRef::List(list.view()),
            Self::Set(set) => ValueRef::Set(set.view()),
            Self::Hash(hash) => ValueRef::Hash(hash.view()),
        }
    }
}

impl ValueRef<'_> {
    /// The type.
    pub fn value_type(self) -> ValueType {
        match self {
            Self::String(_) => ValueType::String,
            Self::List(_) => ValueType::List,
            Self::Set(_) => ValueType::Set,
            Self::Hash(_) => ValueType::Hash,
        }
    }

    /// The name that TYPE replies with.
    pub fn type_name(self) -> &'static str {
        self.value_type().name()
    }

    /// The name that OBJECT ENCODING replies with.
    pub fn encoding(self) -> &'static str {
        match self {
            Self::String(string) => string.encoding(),
            Self::List(_) => "quicklist",
            Self::Set(set) => set.encoding(),
            Self::Hash(hash) => hash.encoding(),
        }
    }

    /// Number of elements of a collection; 1 for a string.
    #[inline]
    pub fn elements(self) -> usize {
        match self {
            Self::String(_) => 1,
            Self::List(list) => list.len(),
            Self::Set(set) => set.len(),
            Self::Hash(hash) => hash.len(),
        }
    }

    /// Where the value is in memory, for people who debug. Null for an integer.
    pub fn address(self) -> *const u8 {
        match self {
            Self::String(string) => match string.get() {
                Element::Str(bytes) => bytes.as_ptr(),
                Element::Int(_) => std::ptr::null(),
            },
            Self::List(list) => list.address(),
            Self::Set(set) => set.address(),
            Self::Hash(hash) => hash.address(),
        }
    }

    /// A copy. O(n).
    pub fn to_value(self) -> Value {
        match self {
            Self::String(string) => string.to_value().into(),
            Self::List(list) => list.to_list().into(),
            Self::Set(set) => set.to_set().into(),
            Self::Hash(hash) => hash.to_hash().into(),
        }
    }

    /// Asserts the structural invariants of a collection. O(n).
    pub(crate) fn check(self) {
        match self {
            Self::String(_) => {}
            Self::List(list) => list.check(),
            Self::Set(set) => set.check(),
            Self::Hash(hash) => hash.check(),
        }
    }
}

/// What a blob takes besides its bytes: the vector and two counts of references.
const BLOB_BYTES: usize = size_of::<Vec<u8>>() + 2 * size_of::<usize>();

impl Object {
    /// Whether its memory should be freed after the locks are released.
    pub(crate) fn is_slow_to_free(&self) -> bool {
        let parts = match self {
            Self::Text(_) => 1,
            Self::List(list) => list.view().nodes().len(),
            Self::Set(set) => set.parts(),
            Self::Hash(hash) => hash.parts(),
        };
        parts > SLOW_TO_FREE
    }

    /// Bytes on the heap. O(1), O(nodes) for a list.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Text(blob) => BLOB_BYTES + blob.capacity(),
            Self::List(list) => size_of::<List>() + list.heap_bytes(),
            Self::Set(set) => size_of::<Set>() + set.heap_bytes(),
            Self::Hash(hash) => size_of::<Hash>() + hash.heap_bytes(),
        }
    }
}

/// The types of values that have elements.
pub trait Collection: Kept + Into<Value> {}

mod sealed {
    use super::ValueRef;
    use crate::entry::Kind;
    use crate::objects::Object;

    /// How a collection lies in its entry or beside the arena.
    pub trait Kept: Sized {
        /// A look at it.
        type Look<'a>;

        /// The collection in an object, if it is of this type.
        fn of(object: &mut Object) -> Option<&mut Self>;
        /// The collection at a look, if it is of this type.
        fn read(value: ValueRef<'_>) -> Option<Self::Look<'_>>;
        /// Whether it lies in its entry as this.
        fn lies_as(kind: Kind) -> bool;
        /// A copy with some room to grow, if it is of this type.
        fn unpack(value: ValueRef<'_>) -> Option<Self>;
        /// A look at it.
        fn look(&self) -> ValueRef<'_>;
        /// As an object.
        fn into_object(self) -> Object;
    }
}

pub(crate) use sealed::Kept;

macro_rules! collection {
    ($type:ident, $look:ty, $copy:ident, $kinds:pat) => {
        impl Kept for $type {
            type Look<'a> = $look;

            #[inline]
            fn of(object: &mut Object) -> Option<&mut Self> {
                match object {
                    Object::$type(value) => Some(value),
                    _ => None,
                }
            }

            #[inline]
            fn read(value: ValueRef<'_>) -> Option<Self::Look<'_>> {
                match value {
                    ValueRef::$type(value) => Some(value),
                    _ => None,
                }
            }

            #[inline]
            fn lies_as(kind: Kind) -> bool {
                matches!(kind, $kinds)
            }

            fn unpack(value: ValueRef<'_>) -> Option<Self> {
                Self::read(value).map(|value| value.$copy())
            }

            #[inline]
            fn look(&self) -> ValueRef<'_> {
                ValueRef::$type(self.view())
            }

            fn into_object(self) -> Object {
                Object::$type(Box::new(self))
            }
        }

        impl Collection for $type {}

        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$type(Box::new(value))
            }
        }
    };
}

collection!(List, ListRef<'a>, to_list, Kind::PackedList | Kind::ShapedList);
collection!(Set, SetRef<'a>, to_set, Kind::PackedInts | Kind::PackedSet);
collection!(Hash, HashRef<'a>, to_hash, Kind::PackedHash);

impl From<StringValue> for Value {
    fn from(value: StringValue) -> Self {
        Self::String(value)
    }
}
