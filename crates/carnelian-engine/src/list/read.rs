//! Reading lists. Elements are shown to a closure, because a compressed node is decompressed only while it is read.

use super::limits::Shape;
use super::node::{Needle, Node, View};
use super::{End, List, ListNodeRef};
use carnelian_encoding::{Element, ListpackRef};

/// A look at a list.
#[derive(Clone, Copy)]
pub struct ListRef<'a>(Look<'a>);

#[derive(Clone, Copy)]
enum Look<'a> {
    /// A short list in its entry is one listpack.
    Packed(Shape, ListpackRef<'a>),
    Nodes(&'a List),
}

/// A look at one node.
#[derive(Clone, Copy)]
enum NodeLook<'a> {
    Packed(ListpackRef<'a>),
    Node(&'a Node),
}

impl<'a> NodeLook<'a> {
    #[inline]
    fn len(self) -> usize {
        match self {
            Self::Packed(packed) => packed.len(),
            Self::Node(node) => node.len(),
        }
    }

    #[inline]
    fn with<T>(self, read: impl FnOnce(View<'_>) -> T) -> T {
        match self {
            Self::Packed(packed) => read(View::Packed(packed)),
            Self::Node(node) => node.with(read),
        }
    }

    fn as_ref(self) -> ListNodeRef<'a> {
        match self {
            Self::Packed(packed) => ListNodeRef::Packed(packed),
            Self::Node(node) => node.as_ref(),
        }
    }
}

impl<'a> ListRef<'a> {
    /// A look at the bytes of the only listpack of a list.
    #[inline]
    pub(crate) fn packed(shape: Shape, bytes: &'a [u8]) -> Self {
        Self(Look::Packed(shape, ListpackRef::trusted(bytes)))
    }

    #[inline]
    pub(super) fn nodes_of(list: &'a List) -> Self {
        Self(Look::Nodes(list))
    }

    #[inline]
    fn node_count(self) -> usize {
        match self.0 {
            Look::Packed(..) => 1,
            Look::Nodes(list) => list.nodes.len(),
        }
    }

    #[inline]
    fn node(self, number: usize) -> Option<NodeLook<'a>> {
        match self.0 {
            Look::Packed(_, packed) => (number == 0).then_some(NodeLook::Packed(packed)),
            Look::Nodes(list) => list.nodes.get(number).map(NodeLook::Node),
        }
    }

    /// The nodes from head to tail.
    pub fn nodes(self) -> impl ExactSizeIterator<Item = ListNodeRef<'a>> {
        (0..self.node_count()).map(move |number| match self.node(number) {
            Some(node) => node.as_ref(),
            None => unreachable!("there are so many nodes"),
        })
    }

    /// The listpack, if that is all there is: an empty one of an empty list.
    pub(crate) fn as_listpack(self) -> Option<ListpackRef<'a>> {
        match self.0 {
            Look::Packed(_, packed) => Some(packed),
            Look::Nodes(list) if list.nodes.is_empty() => Some(ListpackRef::EMPTY),
            Look::Nodes(list) if list.nodes.len() == 1 => match list.nodes[0].as_ref() {
                ListNodeRef::Packed(packed) => Some(packed),
                _ => None,
            },
            Look::Nodes(_) => None,
        }
    }

    /// What it keeps of the settings it began with.
    pub(crate) fn shape(self) -> Shape {
        match self.0 {
            Look::Packed(shape, _) => shape,
            Look::Nodes(list) => list.shape,
        }
    }

    /// The node size the list began with, as `list-max-listpack-size` gives it.
    pub fn fill(self) -> i64 {
        i64::from(self.shape().fill)
    }

    /// The number of nodes at each end that are not compressed, which the list began with; 0 for no compression.
    pub fn compress_depth(self) -> usize {
        usize::from(self.shape().depth)
    }

    /// Number of elements.
    #[inline]
    pub fn len(self) -> usize {
        match self.0 {
            Look::Packed(_, packed) => packed.len(),
            Look::Nodes(list) => list.len,
        }
    }

    /// Whether there is no element.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Where the list is in memory, for people who debug.
    pub(crate) fn address(self) -> *const u8 {
        match self.0 {
            Look::Packed(_, packed) => packed.as_bytes().as_ptr(),
            Look::Nodes(list) => std::ptr::from_ref(list).cast(),
        }
    }

    /// A copy of its own, with some room to grow if it is short. O(n).
    pub fn to_list(self) -> List {
        match self.0 {
            Look::Packed(shape, packed) => List::unpack(shape, packed),
            Look::Nodes(list) => list.clone(),
        }
    }

    /// Index from the head for an index that may count from the tail (-1 is the last).
    pub(super) fn absolute(self, index: i64) -> Option<usize> {
        let index = if index < 0 { index.checked_add(self.len() as i64)? } else { index };
        usize::try_from(index).ok().filter(|index| *index < self.len())
    }

    /// Node and offset in it of an absolute index, found from the nearer end. O(nodes).
    pub(super) fn locate(self, index: usize) -> Option<(usize, usize)> {
        let len = self.len();
        if index >= len {
            return None;
        }
        let count = self.node_count();
        let from_head = index <= len / 2;
        let mut rest = if from_head { index } else { len - 1 - index };
        for step in 0..count {
            let number = if from_head { step } else { count - 1 - step };
            let held = self.node(number)?.len();
            if rest < held {
                return Some((number, if from_head { rest } else { held - 1 - rest }));
            }
            rest -= held;
        }
        None
    }

    /// Calls `read` with the element at `index`, negative ones counted from the tail; `None` when there is none. O(nodes).
    pub fn get_with<T>(self, index: i64, read: impl FnOnce(Element<'_>) -> T) -> Option<T> {
        let (number, offset) = self.locate(self.absolute(index)?)?;
        self.node(number)?.with(|view| match view {
            View::Packed(packed) => packed.seek(offset as isize).map(|position| read(packed.get(position))),
            View::Plain(element) => Some(read(Element::Str(element))),
        })
    }

    /// Calls `visit` with every element from head to tail. O(n).
    pub fn for_each(self, visit: impl FnMut(Element<'_>)) {
        self.for_range(0, self.len(), visit);
    }

    /// Calls `visit` with up to `count` elements from the absolute index `start` on. O(nodes + count), without an
    /// allocation.
    #[inline]
    pub fn for_range(self, start: usize, count: usize, mut visit: impl FnMut(Element<'_>)) {
        let Some((first, mut offset)) = self.locate(start) else { return };
        let mut left = count;
        for number in first..self.node_count() {
            let Some(node) = self.node(number).filter(|_| left > 0) else { return };
            let taken = left.min(node.len() - offset);
            node.with(|view| match view {
                View::Packed(packed) => {
                    if let Some(from) = packed.seek(offset as isize) {
                        packed.entries_from(from).take(taken).for_each(|(_, element)| visit(element));
                    }
                }
                View::Plain(element) => visit(Element::Str(element)),
            });
            left -= taken;
            offset = 0;
        }
    }

    /// Calls `visit` with the absolute index and the element of up to `limit` elements, beginning at `from`, until it
    /// returns false. O(n).
    pub fn walk(self, from: End, limit: usize, mut visit: impl FnMut(usize, Element<'_>) -> bool) {
        let (len, count) = (self.len(), self.node_count());
        let mut left = limit.min(len);
        let mut seen = 0;
        for step in 0..count {
            let number = match from {
                End::Left => step,
                End::Right => count - 1 - step,
            };
            let Some(node) = self.node(number) else { return };
            let taken = left.min(node.len());
            let mut next = |element: Element<'_>| {
                let index = match from {
                    End::Left => seen,
                    End::Right => len - 1 - seen,
                };
                seen += 1;
                visit(index, element)
            };
            let go_on = node.with(|view| match (view, from) {
                (View::Packed(packed), End::Left) => packed.iter().take(taken).all(&mut next),
                (View::Packed(packed), End::Right) => packed.iter().rev().take(taken).all(&mut next),
                (View::Plain(element), _) => taken == 0 || next(Element::Str(element)),
            });
            left -= taken;
            if !go_on || left == 0 {
                return;
            }
        }
    }

    /// Calls `found` with the absolute index of each element equal to `value`, beginning at `from` and looking at no
    /// more than `limit` elements, until it returns false. O(n).
    pub fn find(self, from: End, value: &[u8], limit: usize, mut found: impl FnMut(usize) -> bool) {
        let needle = Needle::new(value);
        self.walk(from, limit, |index, element| !needle.is(element) || found(index));
    }

    /// Asserts every structural invariant. O(n).
    pub(crate) fn check(self) {
        match self.0 {
            Look::Packed(_, packed) => {
                assert_eq!(ListpackRef::new(packed.as_bytes()).map(|packed| packed.len()), Ok(self.len()));
            }
            Look::Nodes(list) => list.check(),
        }
    }
}
