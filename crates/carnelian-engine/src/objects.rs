//! Values that are too large for a slot of the arena, or that are no flat bytes.

use crate::compact::Pass;
use crate::hash::Hash;
use crate::list::List;
use crate::segments::Segments;
use crate::set::Set;
use std::sync::Arc;

/// A value, or a key, beside the arena. Two words: there is one for each collection.
#[allow(unreachable_pub, reason = "a sealed trait names it")]
pub enum Object {
    /// Changed in place by who holds the only reference, otherwise copied first. The vector may have room for more.
    Text(Arc<Vec<u8>>),
    List(Box<List>),
    Set(Box<Set>),
    Hash(Box<Hash>),
}

const _: () = assert!(size_of::<Slot>() <= 2 * size_of::<usize>());

impl Object {
    /// Goes on with a pass of compaction over the object's own arena, if it has one; see [`Pass::go_on`].
    pub(crate) fn compact(&mut self, pass: &mut Pass, budget: &mut usize) -> (bool, u64, u64) {
        match self {
            Self::Set(set) => set.compact(pass, budget),
            Self::Hash(hash) => hash.compact(pass, budget),
            Self::Text(_) | Self::List(_) => (true, 0, 0),
        }
    }

    /// A text of its own. O(n).
    pub(crate) fn of_text(bytes: &[u8]) -> Self {
        Self::Text(Arc::new(bytes.to_vec()))
    }
}

/// The number of an object of one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ObjectId(u32);

impl ObjectId {
    pub(crate) fn to_bytes(self) -> [u8; 4] {
        self.0.to_le_bytes()
    }

    pub(crate) fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(u32::from_le_bytes(bytes))
    }
}

enum Slot {
    Used(Object),
    Free { next: u32 },
}

const NONE: u32 = u32::MAX;

/// The objects of one table.
pub(crate) struct Objects {
    slots: Segments<Slot>,
    free: u32,
    used: usize,
}

impl Default for Objects {
    fn default() -> Self {
        Self { slots: Segments::new(), free: NONE, used: 0 }
    }
}

impl Objects {
    /// Keeps an object. O(1).
    pub(crate) fn add(&mut self, object: Object) -> ObjectId {
        self.used += 1;
        if let Some(slot) = self.slots.get_mut(self.free as usize)
            && let Slot::Free { next } = *slot
        {
            *slot = Slot::Used(object);
            return ObjectId(std::mem::replace(&mut self.free, next));
        }
        self.slots.push(Slot::Used(object));
        ObjectId(self.slots.len() as u32 - 1)
    }

    /// The object of this number.
    #[inline]
    pub(crate) fn get(&self, id: ObjectId) -> Option<&Object> {
        match self.slots.get(id.0 as usize)? {
            Slot::Used(object) => Some(object),
            Slot::Free { .. } => None,
        }
    }

    /// The object of this number, for changing it.
    #[inline]
    pub(crate) fn get_mut(&mut self, id: ObjectId) -> Option<&mut Object> {
        match self.slots.get_mut(id.0 as usize)? {
            Slot::Used(object) => Some(object),
            Slot::Free { .. } => None,
        }
    }

    /// Takes an object out. O(1).
    pub(crate) fn remove(&mut self, id: ObjectId) -> Option<Object> {
        let slot = self.slots.get_mut(id.0 as usize)?;
        if let Slot::Free { .. } = slot {
            return None;
        }
        let next = std::mem::replace(&mut self.free, id.0);
        let removed = std::mem::replace(slot, Slot::Free { next });
        self.used -= 1;
        if self.used == 0 {
            *self = Self::default();
        }
        match removed {
            Slot::Used(object) => Some(object),
            Slot::Free { .. } => None,
        }
    }

    /// The object of the next number from `from` on, and what to go on from.
    pub(crate) fn next_mut(&mut self, from: usize) -> Option<(usize, &mut Object)> {
        let number =
            (from..self.slots.len()).find(|number| matches!(self.slots.get(*number), Some(Slot::Used(_))))?;
        match self.slots.get_mut(number) {
            Some(Slot::Used(object)) => Some((number, object)),
            _ => None,
        }
    }

    /// Number of objects.
    pub(crate) fn len(&self) -> usize {
        self.used
    }

    /// Bytes on the heap, without what the objects own.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.slots.heap_bytes()
    }
}
