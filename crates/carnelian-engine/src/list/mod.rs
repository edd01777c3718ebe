//! Lists: a sequence of listpacks of bounded size, with elements too large for one on their own.
//!
//! Nodes that are farther from both ends than `list-compress-depth` are kept compressed where that saves something. They
//! are decompressed to be changed and compressed again at once; reading leaves them as they are.

mod edit;
mod limits;
mod node;
mod read;

use crate::settings::Settings;
use carnelian_encoding::{Block, Element, Listpack, ListpackMut, ListpackRef};
use limits::Limits;
pub(crate) use limits::Shape;
use node::Node;
pub use read::ListRef;
use std::collections::VecDeque;
use std::ops::Range;

/// One stretch of a list, as it comes from a snapshot file.
pub enum ListNode {
    /// Several elements in a listpack.
    Packed(Listpack),
    /// One element that is too large to share a listpack.
    Plain(Vec<u8>),
}

/// A look at one stretch of a list.
pub enum ListNodeRef<'a> {
    /// Several elements in a listpack.
    Packed(ListpackRef<'a>),
    /// One large element.
    Plain(&'a [u8]),
    /// Either of them, compressed.
    Compressed {
        /// An LZF stream.
        lzf: &'a [u8],
        /// Bytes that it decompresses to.
        len: usize,
        /// Whether those are one large element, not a listpack.
        plain: bool,
    },
}

impl ListNodeRef<'_> {
    /// Size of the listpack or the element in bytes, before compression.
    pub fn raw_bytes(&self) -> usize {
        match self {
            Self::Packed(packed) => packed.as_bytes().len(),
            Self::Plain(element) => element.len(),
            Self::Compressed { len, .. } => *len,
        }
    }
}

/// A sequence of elements, fast at both ends.
#[derive(Clone)]
pub struct List {
    nodes: VecDeque<Node>,
    len: usize,
    shape: Shape,
}

/// Bytes that a listpack can grow by at either end after it was unpacked.
const UNPACK_ROOM: usize = 64;

/// The end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The head.
    Left,
    /// The tail.
    Right,
}

impl List {
    /// An empty list. It keeps the size of nodes and the depth of compression that are set now.
    pub fn new(settings: &Settings) -> Self {
        Self { nodes: VecDeque::new(), len: 0, shape: Shape::new(settings) }
    }

    /// Appends a whole node, as snapshot files hold them. Empty nodes are left out; a listpack above the limits is taken
    /// as it is.
    pub fn push_node(&mut self, node: ListNode) {
        let node = Node::from(node);
        if node.len() > 0 {
            self.len += node.len();
            self.push_whole(End::Right, node);
        }
    }

    /// A list of one listpack, with room to grow at both ends. O(n).
    fn unpack(shape: Shape, packed: ListpackRef<'_>) -> Self {
        let mut list = Self { nodes: VecDeque::new(), len: packed.len(), shape };
        if list.len > 0 {
            list.push_whole(End::Right, Node::packed(Listpack::with_room(packed, UNPACK_ROOM, UNPACK_ROOM)));
        }
        list
    }

    /// A look at the list, with all the reading methods.
    #[inline]
    pub fn view(&self) -> ListRef<'_> {
        ListRef::nodes_of(self)
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of nodes at each end that are not compressed.
    fn compress_depth(&self) -> usize {
        usize::from(self.shape.depth)
    }

    #[inline]
    fn limits(&self, settings: &Settings) -> Limits {
        Limits::new(self.shape, settings)
    }

    /// Adds an element at one end of a list of one listpack, wherever that lies; false, and nothing has changed, when it takes
    /// another node or one of another kind. O(n) in its bytes.
    #[inline]
    pub(crate) fn push_packed(
        packed: &mut ListpackMut<'_, impl Block>,
        shape: Shape,
        end: End,
        value: &[u8],
        settings: &Settings,
    ) -> bool {
        let (limits, look) = (Limits::new(shape, settings), packed.view());
        let has_room =
            look.is_empty() || limits.allow_one_more(look.as_bytes().len(), look.len(), value.len());
        let fits = has_room && !limits.is_large(value.len());
        if fits {
            match end {
                End::Left => packed.push_front(value),
                End::Right => packed.push_back(value),
            }
        }
        fits
    }

    /// As [`pop_with`](Self::pop_with), of a list of one listpack, wherever that lies. O(n) in its bytes.
    #[inline]
    pub(crate) fn pop_packed<T>(
        packed: &mut ListpackMut<'_, impl Block>,
        end: End,
        take: impl FnOnce(Element<'_>) -> T,
    ) -> Option<T> {
        let look = packed.view();
        let position = match end {
            End::Left => look.first(),
            End::Right => look.last(),
        }?;
        let taken = take(look.get(position));
        packed.delete(position, 1);
        Some(taken)
    }

    /// Adds an element at one end. O(1).
    #[inline]
    pub fn push(&mut self, end: End, value: &[u8], settings: &Settings) {
        let limits = self.limits(settings);
        self.len += 1;
        let node = match end {
            End::Left => self.nodes.front_mut(),
            End::Right => self.nodes.back_mut(),
        };
        if let Some(node) = node {
            if node.has_room(value.len(), limits) {
                node.push(end, value);
                return;
            }
            // Nothing will be added to it soon: it gives back what it reserved for growing.
            node.shrink_to_fit();
        }
        self.push_beyond(end, value, limits);
    }

    /// Adds an element in a node of its own.
    #[inline(never)]
    fn push_beyond(&mut self, end: End, value: &[u8], limits: Limits) {
        let neighbour = match end {
            End::Left => self.nodes.front(),
            End::Right => self.nodes.back(),
        };
        // It will probably become as large as the one before. Some of the way is made at once.
        let room = neighbour.map_or(0, Node::raw_bytes) / 8;
        self.push_whole(end, Node::single(value, limits, room));
    }

    fn push_whole(&mut self, end: End, node: Node) {
        if self.nodes.capacity() == 0 {
            // Most lists have one node only.
            self.nodes.reserve_exact(1);
        }
        match end {
            End::Left => self.nodes.push_front(node),
            End::Right => self.nodes.push_back(node),
        }
        self.settle_moved(1, 0);
    }

    /// Removes and returns the element at one end. O(1).
    pub fn pop(&mut self, end: End) -> Option<Vec<u8>> {
        self.pop_with(end, |element| element.to_vec())
    }

    /// Removes the element at one end after `take` has seen it; `None` when there is none. O(1).
    #[inline]
    pub fn pop_with<T>(&mut self, end: End, take: impl FnOnce(Element<'_>) -> T) -> Option<T> {
        let node = match end {
            End::Left => self.nodes.front_mut(),
            End::Right => self.nodes.back_mut(),
        }?;
        let taken = node.pop_with(end, take)?;
        self.len -= 1;
        if node.len() == 0 {
            match end {
                End::Left => self.nodes.pop_front(),
                End::Right => self.nodes.pop_back(),
            };
            self.settle_moved(0, 1);
        }
        Some(taken)
    }

    /// Compresses or decompresses those of these nodes that are not as their place asks.
    fn settle(&mut self, numbers: Range<usize>) {
        let (depth, count) = (self.compress_depth(), self.nodes.len());
        if depth == 0 {
            return;
        }
        for number in numbers.start..numbers.end.min(count) {
            let node = &mut self.nodes[number];
            if number >= depth && number + depth < count {
                node.compress();
            } else {
                node.decompress();
            }
        }
    }

    /// Settles the nodes whose distance from an end has passed the depth, after so many nodes were added or removed.
    /// O(added + the lesser of removed and the depth).
    #[inline]
    fn settle_moved(&mut self, added: usize, removed: usize) {
        let (depth, count) = (self.compress_depth(), self.nodes.len());
        if depth > 0 && added + removed > 0 {
            let (nearest, farthest) = (depth.saturating_sub(removed).min(count), (depth + added).min(count));
            self.settle(nearest..farthest);
            self.settle(count - farthest..count - nearest);
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let nodes: usize = self.nodes.iter().map(Node::heap_bytes).sum();
        nodes + self.nodes.capacity() * size_of::<Node>()
    }

    /// Asserts every structural invariant. O(n).
    #[doc(hidden)]
    pub fn check(&self) {
        let (depth, count) = (self.compress_depth(), self.nodes.len());
        assert_eq!(self.nodes.iter().map(Node::len).sum::<usize>(), self.len);
        for (number, node) in self.nodes.iter().enumerate() {
            node.check(depth > 0 && number >= depth && number + depth < count);
        }
    }
}
