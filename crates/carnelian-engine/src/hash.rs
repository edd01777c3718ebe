//! Hashes: a listpack of alternating fields and values while small, a table when large.

use crate::compact::Pass;
use crate::rng::Rng;
use crate::sample::distinct;
use crate::settings::Settings;
use crate::table::{Table, TableIter};
use carnelian_encoding::Block;
use carnelian_encoding::listpack::{self, Element, Listpack, ListpackMut, ListpackRef, Pos};

/// The fields of a hash with their values.
pub struct HashIter<'a>(Walk<'a>);

enum Walk<'a> {
    Packed(listpack::Iter<'a>),
    Table(TableIter<'a, true>),
}

impl<'a> Iterator for HashIter<'a> {
    type Item = (Element<'a>, Element<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Walk::Packed(packed) => Some((packed.next()?, packed.next()?)),
            Walk::Table(table) => {
                table.next().map(|(field, value)| (Element::Str(field), Element::Str(value)))
            }
        }
    }
}

/// A map from fields to values.
#[derive(Clone)]
pub struct Hash(Repr);

#[derive(Clone)]
enum Repr {
    Packed(Listpack),
    Table(Box<Table<true>>),
}

/// A look at a hash.
#[derive(Clone, Copy)]
pub struct HashRef<'a>(Look<'a>);

#[derive(Clone, Copy)]
enum Look<'a> {
    Packed(ListpackRef<'a>),
    Table(&'a Table<true>),
}

fn find(packed: ListpackRef<'_>, field: &[u8]) -> Option<(Pos, Pos)> {
    let name = packed.find(packed.first()?, field, 1)?;
    Some((name, packed.next(name)?))
}

impl<'a> IntoIterator for HashRef<'a> {
    type Item = (Element<'a>, Element<'a>);
    type IntoIter = HashIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> HashRef<'a> {
    /// A look at the bytes of a listpack of alternating fields and values.
    #[inline]
    pub(crate) fn packed(bytes: &'a [u8]) -> Self {
        Self(Look::Packed(ListpackRef::trusted(bytes)))
    }

    /// The listpack, when that is the encoding.
    #[inline]
    pub fn as_listpack(self) -> Option<ListpackRef<'a>> {
        match self.0 {
            Look::Packed(packed) => Some(packed),
            Look::Table(_) => None,
        }
    }

    /// Name of the encoding, as OBJECT ENCODING gives it.
    pub fn encoding(self) -> &'static str {
        match self.0 {
            Look::Packed(_) => "listpack",
            Look::Table(_) => "hashtable",
        }
    }

    /// Number of fields.
    pub fn len(self) -> usize {
        match self.0 {
            Look::Packed(packed) => packed.len() / 2,
            Look::Table(table) => table.len(),
        }
    }

    /// Whether there is no field.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The value of `field`. O(1), or O(n) while small.
    pub fn get(self, field: &[u8]) -> Option<Element<'a>> {
        match self.0 {
            Look::Packed(packed) => find(packed, field).map(|(_, value)| packed.get(value)),
            Look::Table(table) => table.get(field).map(Element::Str),
        }
    }

    /// Whether `field` exists.
    pub fn contains(self, field: &[u8]) -> bool {
        self.get(field).is_some()
    }

    /// All fields with their values, in no particular order.
    pub fn iter(self) -> HashIter<'a> {
        HashIter(match self.0 {
            Look::Packed(packed) => Walk::Packed(packed.iter()),
            Look::Table(table) => Walk::Table(table.iter()),
        })
    }

    /// A uniformly chosen field with its value. O(1) expected, or O(n) while small.
    pub fn random(self, rng: &mut Rng) -> Option<(Element<'a>, Element<'a>)> {
        match self.0 {
            Look::Packed(packed) => {
                let name = packed.seek(rng.below(self.len()) as isize * 2)?;
                Some((packed.get(name), packed.get(packed.next(name)?)))
            }
            Look::Table(table) => {
                table.random(rng).map(|(field, value)| (Element::Str(field), Element::Str(value)))
            }
        }
    }

    /// Visits `count` different fields, at most all, every choice of them as likely as any other. O(count) where that is
    /// little, else O(n).
    pub fn sample(self, rng: &mut Rng, count: usize, mut visit: impl FnMut(Element<'a>, Element<'a>)) {
        match self.0 {
            Look::Packed(_) => {
                let pairs: Vec<_> = self.iter().collect();
                distinct(rng, pairs.len(), count, |place| visit(pairs[place].0, pairs[place].1));
            }
            Look::Table(table) => {
                table.sample(rng, count, |field, value| visit(Element::Str(field), Element::Str(value)));
            }
        }
    }

    /// Visits about `count` fields from `cursor` on and returns the next cursor, 0 at the end. Small hashes are visited
    /// whole.
    pub fn scan(self, cursor: u64, count: usize, mut visit: impl FnMut(Element<'a>, Element<'a>)) -> u64 {
        match self.0 {
            Look::Packed(_) => {
                self.iter().for_each(|(field, value)| visit(field, value));
                0
            }
            Look::Table(table) => {
                table.scan(cursor, count, |field, value| visit(Element::Str(field), Element::Str(value)))
            }
        }
    }

    /// A copy of its own, with some room to grow if it is small. O(n).
    pub fn to_hash(self) -> Hash {
        Hash(match self.0 {
            Look::Packed(packed) => Repr::Packed(Listpack::with_room(packed, 0, UNPACK_ROOM)),
            Look::Table(table) => Repr::Table(Box::new(table.clone())),
        })
    }

    /// Asserts that the encoding is sound. O(n).
    pub(crate) fn check(self) {
        assert_eq!(self.iter().count(), self.len(), "the length is that of the fields");
        if let Look::Table(table) = self.0 {
            table.check();
        }
    }

    /// Number of places of the table, 0 in the small encoding (for DEBUG HTSTATS-KEY).
    pub fn places(self) -> usize {
        match self.0 {
            Look::Packed(_) => 0,
            Look::Table(table) => table.places(),
        }
    }

    /// Where the fields are in memory, for people who debug.
    pub(crate) fn address(self) -> *const u8 {
        match self.0 {
            Look::Packed(packed) => packed.as_bytes().as_ptr(),
            Look::Table(table) => std::ptr::from_ref(table).cast(),
        }
    }
}

impl Default for Hash {
    fn default() -> Self {
        Self::new()
    }
}

impl Hash {
    /// An empty hash.
    pub fn new() -> Self {
        Self(Repr::Packed(Listpack::new()))
    }

    /// A hash from a listpack of alternating fields and values, as snapshot files hold it. The caller has checked that
    /// fields are unique and come in pairs. It is converted if the limits are narrower now.
    pub fn from_listpack(packed: Listpack, settings: &Settings) -> Self {
        let mut hash = Self(Repr::Packed(packed));
        let look = hash.view();
        let too_long = look
            .iter()
            .any(|(field, value)| field.len().max(value.len()) > settings.hash_max_listpack_value());
        if too_long || look.len() > settings.hash_max_listpack_entries() {
            hash.convert(settings);
        }
        hash
    }

    /// A look at the hash, with all the reading methods.
    #[inline]
    pub fn view(&self) -> HashRef<'_> {
        HashRef(match &self.0 {
            Repr::Packed(packed) => Look::Packed(packed.view()),
            Repr::Table(table) => Look::Table(table),
        })
    }

    /// Allocations to free, about.
    pub(crate) fn parts(&self) -> usize {
        match &self.0 {
            Repr::Packed(_) => 1,
            Repr::Table(table) => table.len(),
        }
    }

    /// Number of fields.
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of `field`. O(1), or O(n) while small.
    pub fn get(&self, field: &[u8]) -> Option<Element<'_>> {
        self.view().get(field)
    }

    /// Whether `field` exists.
    pub fn contains(&self, field: &[u8]) -> bool {
        self.get(field).is_some()
    }

    /// Asks for what looking these fields up will read.
    pub(crate) fn prefetch(&self, fields: &[&[u8]]) {
        if let Repr::Table(table) = &self.0 {
            table.prefetch(fields);
        }
    }

    /// Sets `field`; true when it is new.
    pub fn set(&mut self, field: &[u8], value: &[u8], settings: &Settings) -> bool {
        let set = match &mut self.0 {
            Repr::Packed(packed) => Self::set_in_packed(&mut packed.edit(), field, value, settings),
            Repr::Table(table) => return table.set(field, value),
        };
        set.unwrap_or_else(|| {
            self.convert(settings);
            self.set(field, value, settings)
        })
    }

    /// As [`set`](Self::set), in a listpack, wherever it lies; `None`, and nothing has changed, when the hash takes the large
    /// encoding.
    #[inline]
    pub(crate) fn set_in_packed(
        packed: &mut ListpackMut<'_, impl Block>,
        field: &[u8],
        value: &[u8],
        settings: &Settings,
    ) -> Option<bool> {
        let look = packed.view();
        if field.len().max(value.len()) > settings.hash_max_listpack_value()
            || !look.safe_to_add(field.len() + value.len())
        {
            return None;
        }
        if let Some((_, position)) = find(look, field) {
            packed.replace(position, value);
            return Some(false);
        }
        (look.len() / 2 < settings.hash_max_listpack_entries()).then(|| {
            packed.push_back_two(field, value);
            true
        })
    }

    /// Goes from the small to the large encoding; nothing to do when it is large already.
    pub fn convert(&mut self, settings: &Settings) {
        if let Repr::Packed(_) = self.0 {
            let mut table = Table::new(settings);
            for (field, value) in self.view() {
                field.with_bytes(|field| value.with_bytes(|value| table.add(field, value)));
            }
            self.0 = Repr::Table(Box::new(table));
        }
    }

    /// Removes `field`; true when it existed.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match &mut self.0 {
            Repr::Packed(packed) => Self::remove_from_packed(&mut packed.edit(), field),
            Repr::Table(table) => table.remove(field),
        }
    }

    /// As [`remove`](Self::remove), from a listpack, wherever it lies.
    #[inline]
    pub(crate) fn remove_from_packed(packed: &mut ListpackMut<'_, impl Block>, field: &[u8]) -> bool {
        let found = find(packed.view(), field);
        if let Some((name, _)) = found {
            packed.delete(name, 2);
        }
        found.is_some()
    }

    /// Goes on with a pass of compaction over the arena of a large one.
    pub(crate) fn compact(&mut self, pass: &mut Pass, budget: &mut usize) -> (bool, u64, u64) {
        match &mut self.0 {
            Repr::Table(table) => table.compact(pass, budget),
            Repr::Packed(_) => (true, 0, 0),
        }
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        match &self.0 {
            Repr::Packed(packed) => packed.capacity(),
            Repr::Table(table) => size_of::<Table<true>>() + table.heap_bytes(),
        }
    }
}

/// Bytes that a listpack can grow by after it was unpacked.
const UNPACK_ROOM: usize = 64;
