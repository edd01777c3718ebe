//! Hashes: a listpack of alternating fields and values while small, a table when large.

use crate::rng::Rng;
use crate::sample::distinct;
use crate::settings::Settings;
use crate::table::Table;
use carnelian_encoding::listpack::{Element, Listpack, Pos};

/// The fields of a hash with their values.
pub type HashIter<'a> = Box<dyn Iterator<Item = (Element<'a>, Element<'a>)> + 'a>;

/// A map from fields to values.
pub struct Hash(Repr);

enum Repr {
    Packed(Listpack),
    Table(Box<Table<true>>),
}

impl Default for Hash {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> IntoIterator for &'a Hash {
    type Item = (Element<'a>, Element<'a>);
    type IntoIter = HashIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Clone for Hash {
    fn clone(&self) -> Self {
        match &self.0 {
            Repr::Packed(packed) => Self(Repr::Packed(packed.clone())),
            Repr::Table(table) => Self(Repr::Table(table.clone())),
        }
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
        let too_long = hash
            .iter()
            .any(|(field, value)| field.len().max(value.len()) > settings.hash_max_listpack_value());
        if too_long || hash.len() > settings.hash_max_listpack_entries() {
            hash.convert(settings);
        }
        hash
    }

    /// The listpack, when that is the encoding.
    pub fn as_listpack(&self) -> Option<&Listpack> {
        match &self.0 {
            Repr::Packed(packed) => Some(packed),
            Repr::Table(_) => None,
        }
    }

    /// Name of the encoding, as OBJECT ENCODING gives it.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Repr::Packed(_) => "listpack",
            Repr::Table(_) => "hashtable",
        }
    }

    /// Number of fields.
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Packed(packed) => packed.len() / 2,
            Repr::Table(table) => table.len(),
        }
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn find(packed: &Listpack, field: &[u8]) -> Option<(Pos, Pos)> {
        let name = packed.find(packed.first()?, field, 1)?;
        Some((name, packed.next(name)?))
    }

    /// The value of `field`. O(1), or O(n) while small.
    pub fn get(&self, field: &[u8]) -> Option<Element<'_>> {
        match &self.0 {
            Repr::Packed(packed) => Self::find(packed, field).map(|(_, value)| packed.get(value)),
            Repr::Table(table) => table.get(field).map(Element::Str),
        }
    }

    /// Whether `field` exists.
    pub fn contains(&self, field: &[u8]) -> bool {
        self.get(field).is_some()
    }

    /// Sets `field`; true when it is new.
    pub fn set(&mut self, field: &[u8], value: &[u8], settings: &Settings) -> bool {
        if let Repr::Packed(packed) = &self.0
            && (field.len().max(value.len()) > settings.hash_max_listpack_value()
                || !packed.safe_to_add(field.len() + value.len()))
        {
            self.convert(settings);
        }
        let new = match &mut self.0 {
            Repr::Packed(packed) => {
                if let Some((_, position)) = Self::find(packed, field) {
                    packed.replace(position, value);
                    false
                } else {
                    packed.push_back(field);
                    packed.push_back(value);
                    true
                }
            }
            Repr::Table(table) => table.set(field, value),
        };
        if new && matches!(self.0, Repr::Packed(_)) && self.len() > settings.hash_max_listpack_entries() {
            self.convert(settings);
        }
        new
    }

    /// Goes from the small to the large encoding; nothing to do when it is large already.
    pub fn convert(&mut self, settings: &Settings) {
        if let Repr::Packed(_) = self.0 {
            let mut table = Table::new(settings);
            for (field, value) in self.iter() {
                field.with_bytes(|field| value.with_bytes(|value| table.add(field, value)));
            }
            self.0 = Repr::Table(Box::new(table));
        }
    }

    /// Removes `field`; true when it existed.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match &mut self.0 {
            Repr::Packed(packed) => match Self::find(packed, field) {
                Some((name, _)) => {
                    if let Some(value) = packed.delete(name) {
                        packed.delete(value);
                    }
                    true
                }
                None => false,
            },
            Repr::Table(table) => table.remove(field),
        }
    }

    /// All fields with their values, in no particular order.
    pub fn iter(&self) -> HashIter<'_> {
        match &self.0 {
            Repr::Packed(packed) => {
                let mut elements = packed.iter();
                Box::new(std::iter::from_fn(move || Some((elements.next()?, elements.next()?))))
            }
            Repr::Table(table) => {
                Box::new(table.iter().map(|(field, value)| (Element::Str(field), Element::Str(value))))
            }
        }
    }

    /// A uniformly chosen field with its value. O(1) expected, or O(n) while small.
    pub fn random(&self, rng: &mut Rng) -> Option<(Element<'_>, Element<'_>)> {
        match &self.0 {
            Repr::Packed(packed) => {
                let name = packed.seek(rng.below(self.len()) as isize * 2)?;
                Some((packed.get(name), packed.get(packed.next(name)?)))
            }
            Repr::Table(table) => {
                table.random(rng).map(|(field, value)| (Element::Str(field), Element::Str(value)))
            }
        }
    }

    /// Visits `count` different fields, at most all, every choice of them as likely as any other. O(count) where that is
    /// little, else O(n).
    pub fn sample<'a>(&'a self, rng: &mut Rng, count: usize, mut visit: impl FnMut(Element<'a>, Element<'a>)) {
        match &self.0 {
            Repr::Packed(_) => {
                let pairs: Vec<_> = self.iter().collect();
                distinct(rng, pairs.len(), count, |place| visit(pairs[place].0, pairs[place].1));
            }
            Repr::Table(table) => {
                table.sample(rng, count, |field, value| visit(Element::Str(field), Element::Str(value)));
            }
        }
    }

    /// Visits about `count` fields from `cursor` on and returns the next cursor, 0 at the end. Small hashes are visited
    /// whole.
    pub fn scan<'a>(
        &'a self,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(Element<'a>, Element<'a>),
    ) -> u64 {
        match &self.0 {
            Repr::Packed(_) => {
                self.iter().for_each(|(field, value)| visit(field, value));
                0
            }
            Repr::Table(table) => {
                table.scan(cursor, count, |field, value| visit(Element::Str(field), Element::Str(value)))
            }
        }
    }

    /// Asserts that the encoding is sound. O(n).
    pub(crate) fn check(&self) {
        assert_eq!(self.iter().count(), self.len(), "the length is that of the fields");
        if let Repr::Table(table) = &self.0 {
            table.check();
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        match &self.0 {
            Repr::Packed(packed) => packed.capacity(),
            Repr::Table(table) => size_of::<Table<true>>() + table.heap_bytes(),
        }
    }

    /// Number of hash buckets, 0 in the small encoding (for DEBUG HTSTATS-KEY).
    pub fn buckets(&self) -> usize {
        match &self.0 {
            Repr::Packed(_) => 0,
            Repr::Table(table) => table.places(),
        }
    }
}
