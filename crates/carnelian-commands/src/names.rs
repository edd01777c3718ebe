//! Names of commands, found in any case with a few instructions.

/// Longest name, in bytes, whose identity fits into two words.
const SHORT: usize = 16;
/// The lowest and the highest bit of every byte of a word.
const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// A number for each name.
///
/// A short name is known by its first and last eight bytes (or fewer, if it is shorter) in lower case and its length,
/// which identify it: together they cover all of it. Comparing three words takes the place of folding and hashing a
/// string.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Open addressing with at least half of the places free, so that a search soon meets one.
    slots: Box<[Option<Slot>]>,
    short: Vec<Slot>,
    /// In lower case. Few names are long, and none that is used much.
    long: Vec<(Box<[u8]>, u16)>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    name: Short,
    number: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Short {
    words: [u64; 2],
    len: u8,
}

impl Short {
    /// `None` when the name is too long or empty.
    #[inline(always)]
    fn new(name: &[u8]) -> Option<Self> {
        let words = if let (Some(first), Some(last)) = (name.first_chunk::<8>(), name.last_chunk()) {
            [u64::from_le_bytes(*first), u64::from_le_bytes(*last)]
        } else if let (Some(first), Some(last)) = (name.first_chunk::<4>(), name.last_chunk()) {
            [u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last))]
        } else {
            let [first, .., last] = name else {
                return name
                    .first()
                    .map(|only| Self { words: [u64::from(only.to_ascii_lowercase()), 0], len: 1 });
            };
            let middle = name.get(1).copied().unwrap_or_default();
            [u64::from(u16::from_le_bytes([*first, middle])), u64::from(*last)]
        };
        (name.len() <= SHORT).then(|| Self { words: words.map(lower), len: name.len() as u8 })
    }

    #[inline(always)]
    fn hash(self) -> usize {
        let mixed = (self.words[0] ^ self.words[1].rotate_left(29) ^ u64::from(self.len))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 40) as usize
    }
}

/// Makes the letters among eight bytes small.
#[inline(always)]
const fn lower(word: u64) -> u64 {
    // In each byte without its highest bit: that bit of the first sum says "at least A", of the second "above Z".
    let seven = word & !HIGH;
    let at_least_a = seven + (0x80 - b'A' as u64) * LOW;
    let above_z = seven + (0x7f - b'Z' as u64) * LOW;
    let letters = at_least_a & !above_z & !word & HIGH;
    word | (letters >> 2)
}

impl Names {
    /// The number of a name, in any case.
    #[inline]
    pub(crate) fn get(&self, name: &[u8]) -> Option<u16> {
        let Some(short) = Short::new(name) else { return self.get_long(name) };
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = short.hash();
        loop {
            let slot = self.slots.get(at & mask)?.as_ref()?;
            if slot.name == short {
                return Some(slot.number);
            }
            at += 1;
        }
    }

    #[cold]
    fn get_long(&self, name: &[u8]) -> Option<u16> {
        self.long.iter().find(|(long, _)| long.eq_ignore_ascii_case(name)).map(|(_, number)| *number)
    }

    /// Adds a name, which must not be there yet.
    pub(crate) fn insert(&mut self, name: &[u8], number: u16) {
        match Short::new(name) {
            Some(name) => {
                self.short.push(Slot { name, number });
                self.rebuild();
            }
            None => self.long.push((name.to_ascii_lowercase().into(), number)),
        }
    }

    /// Removes a name, in any case; its number if it was there.
    pub(crate) fn remove(&mut self, name: &[u8]) -> Option<u16> {
        if let Some(name) = Short::new(name) {
            let place = self.short.iter().position(|slot| slot.name == name)?;
            let slot = self.short.swap_remove(place);
            self.rebuild();
            return Some(slot.number);
        }
        let place = self.long.iter().position(|(long, _)| long.eq_ignore_ascii_case(name))?;
        Some(self.long.swap_remove(place).1)
    }

    /// The numbers of all names, in no order.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u16> {
        self.short.iter().map(|slot| slot.number).chain(self.long.iter().map(|(_, number)| *number))
    }

    /// Names are added and removed at the start only, so all places may be given anew each time.
    fn rebuild(&mut self) {
        let size = (self.short.len() * 2).next_power_of_two();
        let mut slots = vec![None; size];
        for slot in &self.short {
            let mut at = slot.name.hash();
            while slots[at & (size - 1)].is_some() {
                at += 1;
            }
            slots[at & (size - 1)] = Some(*slot);
        }
        self.slots = slots.into();
    }
}

#[cfg(test)]
mod tests {
    use super::{LOW, Names, lower};
    use std::collections::HashMap;

    #[test]
    fn letters_become_small_and_nothing_else_changes() {
        for byte in 0..=u8::MAX {
            let small = u64::from(byte.to_ascii_lowercase()) * LOW;
            assert_eq!(lower(u64::from(byte) * LOW), small, "{byte}");
        }
        assert_eq!(lower(u64::from_le_bytes(*b"[Zz@A`{\x80")), u64::from_le_bytes(*b"[zz@a`{\x80"));
    }

    #[test]
    fn names_are_found_as_a_map_finds_them() {
        let mut names = Names::default();
        let mut model: HashMap<Vec<u8>, u16> = HashMap::new();
        assert_eq!(names.get(b"get"), None);
        // Lengths around each way of reading a name, and names that differ in one byte only.
        let mut all: Vec<Vec<u8>> = (1..=40).map(|len| vec![b'a'; len]).collect();
        for len in [2_usize, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17] {
            for place in 0..len {
                let mut name = vec![b'a'; len];
                name[place] = b'b';
                all.push(name);
            }
        }
        for (number, name) in all.iter().enumerate() {
            assert_eq!(names.get(name), None);
            names.insert(name, number as u16);
            model.insert(name.clone(), number as u16);
        }
        for name in &all {
            assert_eq!(names.get(name), model.get(name).copied());
            assert_eq!(names.get(&name.to_ascii_uppercase()), model.get(name).copied());
            let mut other = name.clone();
            other[name.len() - 1] = b'c';
            assert_eq!(names.get(&other), None);
            other.clone_from(name);
            other.push(0);
            assert_eq!(names.get(&other), None);
        }
        assert_eq!(names.numbers().count(), all.len());
        for name in all.iter().step_by(2) {
            assert_eq!(names.remove(&name.to_ascii_uppercase()), model.remove(name));
            assert_eq!(names.remove(name), None);
        }
        for name in &all {
            assert_eq!(names.get(name), model.get(name).copied());
        }
        assert_eq!(names.get(b""), None);
    }
}
