//! Sets: sorted integers, a listpack, or a table.

use crate::compact::Pass;
use crate::rng::Rng;
use crate::sample::distinct;
use crate::settings::Settings;
use crate::table::{Table, TableIter};
use carnelian_encoding::Block;
use carnelian_encoding::intset::{self, IntSet, IntSetMut, IntSetRef};
use carnelian_encoding::listpack::{self, Element, Listpack, ListpackMut, ListpackRef, Pos};
use carnelian_encoding::number::parse_i64;

/// A set of distinct members.
#[derive(Clone)]
pub struct Set(Repr);

#[derive(Clone)]
enum Repr {
    Ints(IntSet),
    Packed(Listpack),
    Table(Box<Table<false>>),
}

/// A look at a set.
#[derive(Clone, Copy)]
pub struct SetRef<'a>(Look<'a>);

#[derive(Clone, Copy)]
enum Look<'a> {
    Ints(IntSetRef<'a>),
    Packed(ListpackRef<'a>),
    Table(&'a Table<false>),
}

/// The members of a set.
pub struct SetIter<'a>(Walk<'a>);

enum Walk<'a> {
    Ints(intset::Iter<'a>),
    Packed(listpack::Iter<'a>),
    Table(TableIter<'a, false>),
}

impl<'a> Iterator for SetIter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        match &mut self.0 {
            Walk::Ints(ints) => ints.next().map(Element::Int),
            Walk::Packed(packed) => packed.next(),
            Walk::Table(table) => table.next().map(|(member, _)| Element::Str(member)),
        }
    }
}

impl<'a> IntoIterator for SetRef<'a> {
    type Item = Element<'a>;
    type IntoIter = SetIter<'a>;

    fn into_iter(self) -> SetIter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a Set {
    type Item = Element<'a>;
    type IntoIter = SetIter<'a>;

    fn into_iter(self) -> SetIter<'a> {
        self.iter()
    }
}

impl<'a> SetRef<'a> {
    /// A look at the bytes of an intset.
    #[inline]
    pub(crate) fn ints(bytes: &'a [u8]) -> Self {
        Self(Look::Ints(IntSetRef::trusted(bytes)))
    }

    /// A look at the bytes of a listpack of members.
    #[inline]
    pub(crate) fn packed(bytes: &'a [u8]) -> Self {
        Self(Look::Packed(ListpackRef::trusted(bytes)))
    }

    /// The integers, when they are the encoding.
    pub fn as_intset(self) -> Option<IntSetRef<'a>> {
        match self.0 {
            Look::Ints(ints) => Some(ints),
            _ => None,
        }
    }

    /// The listpack, when that is the encoding.
    pub fn as_listpack(self) -> Option<ListpackRef<'a>> {
        match self.0 {
            Look::Packed(packed) => Some(packed),
            _ => None,
        }
    }

    /// Name of the encoding, as OBJECT ENCODING gives it.
    pub fn encoding(self) -> &'static str {
        match self.0 {
            Look::Ints(_) => "intset",
            Look::Packed(_) => "listpack",
            Look::Table(_) => "hashtable",
        }
    }

    /// Number of members.
    pub fn len(self) -> usize {
        match self.0 {
            Look::Ints(ints) => ints.len(),
            Look::Packed(packed) => packed.len(),
            Look::Table(table) => table.len(),
        }
    }

    /// Whether there is no member.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether `member` is in the set. O(1), O(log n) for integers, O(n) while small.
    pub fn contains(self, member: &[u8]) -> bool {
        match self.0 {
            Look::Ints(ints) => parse_i64(member).is_some_and(|value| ints.contains(value)),
            Look::Packed(packed) => find(packed, member).is_some(),
            Look::Table(table) => table.get(member).is_some(),
        }
    }

    /// As [`contains`](Self::contains), for a member of another set.
    pub fn contains_element(self, member: Element<'_>) -> bool {
        match (self.0, member) {
            (Look::Ints(ints), Element::Int(value)) => ints.contains(value),
            _ => member.with_bytes(|bytes| self.contains(bytes)),
        }
    }

    /// All members: integers in ascending order, others in no particular order.
    pub fn iter(self) -> SetIter<'a> {
        SetIter(match self.0 {
            Look::Ints(ints) => Walk::Ints(ints.iter()),
            Look::Packed(packed) => Walk::Packed(packed.iter()),
            Look::Table(table) => Walk::Table(table.iter()),
        })
    }

    /// The member at a place in `0..len()` of a small encoding.
    fn at(self, index: usize) -> Option<Element<'a>> {
        match self.0 {
            Look::Ints(ints) => ints.get(index).map(Element::Int),
            Look::Packed(packed) => packed.seek(index as isize).map(|position| packed.get(position)),
            Look::Table(_) => None,
        }
    }

    /// A uniformly chosen member. O(1) expected, or O(n) for a listpack.
    pub fn random(self, rng: &mut Rng) -> Option<Element<'a>> {
        match self.0 {
            Look::Table(table) => table.random(rng).map(|(member, _)| Element::Str(member)),
            _ => self.at(rng.below(self.len())),
        }
    }

    /// Visits `count` different members, at most all, every choice of them as likely as any other. O(count) where that is
    /// little, else O(n).
    pub fn sample(self, rng: &mut Rng, count: usize, mut visit: impl FnMut(Element<'a>)) {
        match self.0 {
            Look::Table(table) => table.sample(rng, count, |member, _| visit(Element::Str(member))),
            Look::Ints(_) => distinct(rng, self.len(), count, |place| {
                if let Some(member) = self.at(place) {
                    visit(member);
                }
            }),
            Look::Packed(packed) => {
                let members: Vec<Element<'a>> = packed.iter().collect();
                distinct(rng, members.len(), count, |place| visit(members[place]));
            }
        }
    }

    /// Visits about `count` members from `cursor` on and returns the next cursor, 0 at the end. Small sets are visited
    /// whole.
    pub fn scan(self, cursor: u64, count: usize, mut visit: impl FnMut(Element<'a>)) -> u64 {
        if let Look::Table(table) = self.0 {
            return table.scan(cursor, count, |member, _| visit(Element::Str(member)));
        }
        self.iter().for_each(visit);
        0
    }

    /// A copy of its own, with some room to grow if it is small. O(n).
    pub fn to_set(self) -> Set {
        Set(match self.0 {
            Look::Ints(ints) => Repr::Ints(IntSet::with_room(ints, UNPACK_ROOM_INTS)),
            Look::Packed(packed) => Repr::Packed(Listpack::with_room(packed, 0, UNPACK_ROOM)),
            Look::Table(table) => Repr::Table(Box::new(table.clone())),
        })
    }

    /// Asserts that the encoding is sound and members are distinct. O(n), O(n²) for a listpack.
    pub(crate) fn check(self) {
        assert_eq!(self.iter().count(), self.len(), "the length is that of the members");
        match self.0 {
            Look::Ints(ints) => {
                assert!(ints.iter().is_sorted_by(|a, b| a < b), "integers ascend");
            }
            Look::Packed(packed) => {
                for (place, member) in packed.iter().enumerate() {
                    assert!(!packed.iter().take(place).any(|other| other == member), "members are distinct");
                }
            }
            Look::Table(table) => table.check(),
        }
    }

    /// Number of hash buckets, 0 in the small encodings (for DEBUG HTSTATS-KEY).
    pub fn buckets(self) -> usize {
        match self.0 {
            Look::Table(table) => table.places(),
            _ => 0,
        }
    }

    /// Where the members are in memory: two looks at the same set have the same address.
    pub fn address(self) -> *const u8 {
        match self.0 {
            Look::Ints(ints) => ints.as_bytes().as_ptr(),
            Look::Packed(packed) => packed.as_bytes().as_ptr(),
            Look::Table(table) => std::ptr::from_ref(table).cast(),
        }
    }
}

fn find(packed: ListpackRef<'_>, member: &[u8]) -> Option<Pos> {
    packed.find(packed.first()?, member, 0)
}

/// Most members of an intset: its header counts bytes in 32 bits, whatever the setting says.
fn max_ints(settings: &Settings) -> usize {
    settings.set_max_intset_entries().min(1 << 28)
}

impl Set {
    /// An empty set in the encoding that suits its first member, and about `expected` members unless they are integers.
    pub fn for_member(first: &[u8], expected: usize, settings: &Settings) -> Self {
        Self(if max_ints(settings) > 0 && parse_i64(first).is_some() {
            Repr::Ints(IntSet::new())
        } else if expected <= settings.set_max_listpack_entries() {
            Repr::Packed(Listpack::new())
        } else {
            Repr::Table(Box::new(Table::new(settings)))
        })
    }

    /// Goes on with a pass of compaction over the arena of a large one.
    pub(crate) fn compact(&mut self, pass: &mut Pass, budget: &mut usize) -> (bool, u64, u64) {
        match &mut self.0 {
            Repr::Table(table) => table.compact(pass, budget),
            _ => (true, 0, 0),
        }
    }

    /// An empty set of integers, for results that may turn out to hold integers only.
    pub fn new_ints() -> Self {
        Self(Repr::Ints(IntSet::new()))
    }

    /// A set of integers, as snapshot files hold it.
    pub fn from_intset(ints: IntSet, settings: &Settings) -> Self {
        let mut set = Self(Repr::Ints(ints));
        if set.len() > max_ints(settings) {
            set.convert_to_table(settings);
        }
        set
    }

    /// A set from a listpack, as snapshot files hold it. The caller has checked that members are unique.
    pub fn from_listpack(packed: Listpack, settings: &Settings) -> Self {
        let mut set = Self(Repr::Packed(packed));
        let too_long = set.iter().any(|member| member.len() > settings.set_max_listpack_value());
        if too_long || set.len() > settings.set_max_listpack_entries() {
            set.convert_to_table(settings);
        }
        set
    }

    /// Allocations to free, about.
    pub(crate) fn parts(&self) -> usize {
        match &self.0 {
            Repr::Ints(_) | Repr::Packed(_) => 1,
            Repr::Table(table) => table.len(),
        }
    }

    /// A look at the set, with all the reading methods.
    #[inline]
    pub fn view(&self) -> SetRef<'_> {
        SetRef(match &self.0 {
            Repr::Ints(ints) => Look::Ints(ints.view()),
            Repr::Packed(packed) => Look::Packed(packed.view()),
            Repr::Table(table) => Look::Table(table),
        })
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `member` is in the set. O(1), O(log n) for integers, O(n) while small.
    pub fn contains(&self, member: &[u8]) -> bool {
        self.view().contains(member)
    }

    /// All members: integers in ascending order, others in no particular order.
    pub fn iter(&self) -> SetIter<'_> {
        self.view().iter()
    }

    /// Asks for what looking these members up will read.
    pub(crate) fn prefetch(&self, members: &[&[u8]]) {
        if let Repr::Table(table) = &self.0 {
            table.prefetch(members);
        }
    }

    /// Adds `member`; true when it is new.
    pub fn add(&mut self, member: &[u8], settings: &Settings) -> bool {
        let added = match &mut self.0 {
            Repr::Ints(ints) => {
                parse_i64(member).and_then(|value| Self::add_to_ints(&mut ints.edit(), value, settings))
            }
            Repr::Packed(packed) => Self::add_to_packed(&mut packed.edit(), member, settings),
            Repr::Table(table) => return table.set(member, b""),
        };
        added.unwrap_or_else(|| {
            self.outgrow(member, settings);
            self.add(member, settings)
        })
    }

    /// As [`add`](Self::add), to an intset, wherever it lies; `None`, and nothing has changed, when the set takes another
    /// encoding.
    #[inline]
    pub(crate) fn add_to_ints(
        ints: &mut IntSetMut<'_, impl Block>,
        value: i64,
        settings: &Settings,
    ) -> Option<bool> {
        if ints.view().len() >= max_ints(settings) {
            return ints.view().contains(value).then_some(false);
        }
        Some(ints.insert(value))
    }

    /// As [`add_to_ints`](Self::add_to_ints), to a listpack.
    #[inline]
    pub(crate) fn add_to_packed(
        packed: &mut ListpackMut<'_, impl Block>,
        member: &[u8],
        settings: &Settings,
    ) -> Option<bool> {
        let look = packed.view();
        if find(look, member).is_some() {
            return Some(false);
        }
        let fits = member.len() <= settings.set_max_listpack_value()
            && look.len() < settings.set_max_listpack_entries()
            && look.safe_to_add(member.len());
        fits.then(|| {
            packed.push_back(member);
            true
        })
    }

    /// As [`add`](Self::add), for a member of another set.
    pub fn add_element(&mut self, member: Element<'_>, settings: &Settings) -> bool {
        member.with_bytes(|bytes| self.add(bytes, settings))
    }

    /// Leaves a small encoding that `member` cannot be added to.
    fn outgrow(&mut self, member: &[u8], settings: &Settings) {
        let Repr::Ints(ints) = &self.0 else { return self.convert_to_table(settings) };
        let text = |value: Option<i64>| value.map_or(0, |value| Element::Int(value).len());
        let longest_int = text(ints.min()).max(text(ints.max()));
        let fits = parse_i64(member).is_none()
            && self.len() < settings.set_max_listpack_entries()
            && member.len().max(longest_int) <= settings.set_max_listpack_value();
        if fits {
            let mut packed = Listpack::new();
            for value in self.iter().filter_map(|member| member.as_i64()) {
                packed.push_back_int(value);
            }
            self.0 = Repr::Packed(packed);
        } else {
            self.convert_to_table(settings);
        }
    }

    /// Goes to the large encoding; nothing to do when it is large already.
    pub fn convert_to_table(&mut self, settings: &Settings) {
        if !matches!(self.0, Repr::Table(_)) {
            let mut table = Table::new(settings);
            for member in self.iter() {
                member.with_bytes(|member| table.add(member, b""));
            }
            self.0 = Repr::Table(Box::new(table));
        }
    }

    /// Removes `member`; true when it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.0 {
            Repr::Ints(ints) => Self::remove_from_ints(&mut ints.edit(), member),
            Repr::Packed(packed) => Self::remove_from_packed(&mut packed.edit(), member),
            Repr::Table(table) => table.remove(member),
        }
    }

    /// As [`remove`](Self::remove), from an intset, wherever it lies.
    #[inline]
    pub(crate) fn remove_from_ints(ints: &mut IntSetMut<'_, impl Block>, member: &[u8]) -> bool {
        parse_i64(member).is_some_and(|value| ints.remove(value))
    }

    /// As [`remove`](Self::remove), from a listpack, wherever it lies.
    #[inline]
    pub(crate) fn remove_from_packed(packed: &mut ListpackMut<'_, impl Block>, member: &[u8]) -> bool {
        let found = find(packed.view(), member);
        if let Some(position) = found {
            packed.delete(position, 1);
        }
        found.is_some()
    }

    /// Removes a uniformly chosen member after `take` has seen it; `None` when there is none. O(1) expected, or O(n) while
    /// small.
    pub fn pop_random<T>(&mut self, rng: &mut Rng, take: impl FnOnce(Element<'_>) -> T) -> Option<T> {
        match &mut self.0 {
            Repr::Table(table) => table.pop_random(rng, |member| take(Element::Str(member))),
            Repr::Ints(ints) => Self::pop_from_ints(&mut ints.edit(), rng, take),
            Repr::Packed(packed) => Self::pop_from_packed(&mut packed.edit(), rng, take),
        }
    }

    /// As [`pop_random`](Self::pop_random), from an intset, wherever it lies.
    #[inline]
    pub(crate) fn pop_from_ints<T>(
        ints: &mut IntSetMut<'_, impl Block>,
        rng: &mut Rng,
        take: impl FnOnce(Element<'_>) -> T,
    ) -> Option<T> {
        let value = ints.view().get(rng.below(ints.view().len()))?;
        ints.remove(value);
        Some(take(Element::Int(value)))
    }

    /// As [`pop_random`](Self::pop_random), from a listpack, wherever it lies.
    #[inline]
    pub(crate) fn pop_from_packed<T>(
        packed: &mut ListpackMut<'_, impl Block>,
        rng: &mut Rng,
        take: impl FnOnce(Element<'_>) -> T,
    ) -> Option<T> {
        let look = packed.view();
        let position = look.seek(rng.below(look.len()) as isize)?;
        let taken = take(look.get(position));
        packed.delete(position, 1);
        Some(taken)
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        match &self.0 {
            Repr::Ints(ints) => ints.capacity(),
            Repr::Packed(packed) => packed.capacity(),
            Repr::Table(table) => size_of::<Table<false>>() + table.heap_bytes(),
        }
    }
}

/// Bytes that a listpack, and integers that an intset can grow by after it was unpacked.
const UNPACK_ROOM: usize = 64;
const UNPACK_ROOM_INTS: usize = 4;
