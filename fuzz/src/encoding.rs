//! The small encodings, against collections of the standard library.

use std::collections::BTreeSet;

use carnelian_encoding::listpack::entry_encoded_size;
use carnelian_encoding::{IntSet, Listpack};

/// Takes what it needs from the front of an input.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    /// A number of up to eight bytes, low values most often.
    fn int(&mut self) -> i64 {
        let width = usize::from(self.byte().unwrap_or(0) % 9);
        let mut le = [0; 8];
        let bytes = self.bytes(width);
        le[..bytes.len()].copy_from_slice(bytes);
        let unused = 64 - 8 * bytes.len() as u32;
        i64::from_le_bytes(le).checked_shl(unused).map_or(0, |value| value >> unused)
    }

    /// A place among `count` things, or just behind them.
    fn place(&mut self, count: usize) -> usize {
        usize::from(self.byte().unwrap_or(0)) % (count + 1)
    }

    /// The text of a number, some bytes as they are, or many of one.
    fn value(&mut self) -> Vec<u8> {
        match self.byte().unwrap_or(0) {
            choice @ 0..128 => self.bytes(usize::from(choice % 80)).to_vec(),
            128..192 => self.int().to_string().into_bytes(),
            choice => {
                // Around the lengths at which headers and trailing lengths become longer.
                const EDGES: [usize; 8] = [63, 64, 126, 127, 128, 4095, 4096, 16_382];
                let len = EDGES[usize::from(choice % 8)] + usize::from(choice >> 3 & 1);
                vec![self.byte().unwrap_or(0); len]
            }
        }
    }
}

/// A listpack does what a vector of texts does, and its bytes are right after every step.
///
/// If the first byte is odd, what follows the second one are bytes from outside to begin with, whose length the second
/// one tells; all others are steps.
pub fn listpack(data: &[u8]) {
    let mut input = Input(data);
    let Some(choice) = input.byte() else { return };
    let mut listpack = Listpack::new();
    if choice & 1 == 1 {
        let len = usize::from(input.byte().unwrap_or(0));
        match Listpack::from_bytes(input.bytes(len).to_vec()) {
            Ok(outside) => listpack = outside,
            Err(_) => return,
        }
    }
    // Bytes from outside may hold integers in other forms than ours, so only their texts are compared at first.
    let mut model: Vec<Vec<u8>> = listpack.iter().map(|element| element.to_vec()).collect();
    let ours = choice & 1 == 0;
    let mut size_max = 0;
    while let Some(step) = input.byte() {
        step_of_listpack(step, &mut input, &mut listpack, &mut model);
        listpack.check();
        compare_listpack(&listpack, &model, ours);
        size_max = size_max.max(listpack.byte_len());
        // Inputs that make huge listpacks find nothing new and take long.
        if size_max > 1 << 17 {
            return;
        }
    }
}

fn step_of_listpack(step: u8, input: &mut Input<'_>, listpack: &mut Listpack, model: &mut Vec<Vec<u8>>) {
    let place = input.place(model.len());
    let position = listpack.seek(place as isize);
    assert_eq!(position.is_some(), place < model.len());
    match (step % 12, position) {
        (0, _) => {
            let value = input.value();
            listpack.push_front(&value);
            model.insert(0, value);
        }
        (1, _) => {
            let value = input.int();
            listpack.push_front_int(value);
            model.insert(0, value.to_string().into_bytes());
        }
        (2, Some(position)) => {
            let value = input.value();
            let new = listpack.insert_before(position, &value);
            assert_eq!(listpack.get(new), &value[..]);
            model.insert(place, value);
        }
        (3, Some(position)) => {
            let value = input.value();
            let new = listpack.insert_after(position, &value);
            assert_eq!(listpack.get(new), &value[..]);
            model.insert(place + 1, value);
        }
        (4, Some(position)) => {
            let value = input.value();
            listpack.replace(position, &value);
            model[place] = value;
        }
        (5, Some(position)) => {
            let behind = listpack.delete(position);
            model.remove(place);
            assert_eq!(behind.map(|behind| listpack.get(behind).to_vec()), model.get(place).cloned());
        }
        (6, Some(_)) => {
            let count = input.place(model.len());
            listpack.delete_range(place as isize - model.len() as isize, count);
            model.drain(place..model.len().min(place + count));
        }
        (7, Some(position)) => {
            let mut tail = listpack.split_off(position);
            tail.check();
            let mut model_tail = model.split_off(place);
            compare_listpack(&tail, &model_tail, false);
            tail.append(listpack.view());
            model_tail.append(model);
            (*listpack, *model) = (tail, model_tail);
        }
        (8, _) => {
            if let (Some(first), Some(_)) = (listpack.first(), model.first()) {
                listpack.delete(first);
                model.remove(0);
            }
        }
        (9, _) => listpack.shrink_to_fit(),
        (10, Some(position)) => {
            let value = input.value();
            let found = listpack.find(position, &value, 1).map(|found| listpack.entries_before(found));
            let expected = (place..model.len()).step_by(2).find(|&index| model[index] == value);
            assert_eq!(found, expected);
        }
        _ => {
            let value = input.value();
            listpack.push_back(&value);
            model.push(value);
        }
    }
}

/// Counting entries the slow way.
trait EntriesBefore {
    fn entries_before(&self, position: carnelian_encoding::Pos) -> usize;
}

impl EntriesBefore for Listpack {
    fn entries_before(&self, position: carnelian_encoding::Pos) -> usize {
        self.entries().take_while(|(at, _)| *at != position).count()
    }
}

fn compare_listpack(listpack: &Listpack, model: &[Vec<u8>], ours: bool) {
    assert_eq!(listpack.len(), model.len());
    assert!(listpack.iter().map(|element| element.to_vec()).eq(model.iter().cloned()));
    assert!(listpack.iter_rev().map(|element| element.to_vec()).eq(model.iter().rev().cloned()));
    if ours {
        let size = 7 + model.iter().map(|value| entry_encoded_size(value)).sum::<usize>();
        assert_eq!(listpack.byte_len(), size);
    }
}

/// An intset does what an ordered set does, and its bytes are right after every step.
///
/// If the first byte is odd, what follows the second one are bytes from outside to begin with, whose length the second
/// one tells; all others are steps.
pub fn intset(data: &[u8]) {
    let mut input = Input(data);
    let Some(choice) = input.byte() else { return };
    let mut set = IntSet::new();
    if choice & 1 == 1 {
        let len = usize::from(input.byte().unwrap_or(0));
        match IntSet::from_bytes(input.bytes(len).to_vec()) {
            Ok(outside) => set = outside,
            Err(_) => return,
        }
    }
    let mut model: BTreeSet<i64> = set.iter().collect();
    assert_eq!(model.len(), set.len(), "what is accepted ascends");
    while let Some(step) = input.byte() {
        let value = match model.iter().nth(usize::from(step >> 2)) {
            // A value that is there, or near one.
            Some(there) if step & 2 == 0 => there.wrapping_add(input.int() % 2),
            _ => input.int(),
        };
        if step & 1 == 0 {
            assert_eq!(set.insert(value), model.insert(value));
        } else {
            assert_eq!(set.remove(value), model.remove(&value));
        }
        set.check();
        assert_eq!(set.contains(value), model.contains(&value));
        assert_eq!(set.search(value).unwrap_or_else(|index| index), model.range(..value).count());
        assert!(set.iter().eq(model.iter().copied()));
        assert!(set.iter().rev().eq(model.iter().rev().copied()));
        assert_eq!((set.min(), set.max()), (model.first().copied(), model.last().copied()));
    }
}
