//! The listpack against a vector of byte strings, and against bytes that a real Redis 7.0 produced.
#![allow(missing_docs)]

use carnelian_encoding::listpack::{MAX_BYTES, entry_encoded_size, entry_encoded_size_int};
use carnelian_encoding::{Element, Listpack, ListpackError, ListpackRef};
use proptest::prelude::*;

/// Values around every limit of every encoding.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let edges: Vec<i64> = [7u32, 12, 15, 23, 31, 63]
        .into_iter()
        .flat_map(|bits| {
            let edge = 1i64.wrapping_shl(bits);
            [edge.wrapping_sub(1), edge, edge.wrapping_neg(), edge.wrapping_neg().wrapping_sub(1)]
        })
        .collect();
    prop_oneof![
        4 => prop::sample::select(edges).prop_map(|int| int.to_string().into_bytes()),
        2 => any::<i64>().prop_map(|int| int.to_string().into_bytes()),
        2 => (-200i64..200).prop_map(|int| int.to_string().into_bytes()),
        4 => prop::collection::vec(any::<u8>(), 0..70),
        1 => (prop::sample::select(vec![63usize, 64, 125, 126, 127, 4094, 4095, 4096, 16_380, 16_384]), any::<u8>())
            .prop_map(|(len, byte)| vec![byte; len]),
        1 => Just(b"-0".to_vec()),
        1 => Just(b"007".to_vec()),
    ]
}

#[derive(Debug, Clone)]
enum Step {
    PushFront(Vec<u8>),
    PushBack(Vec<u8>),
    PushInt(i64),
    Before(usize, Vec<u8>),
    After(usize, Vec<u8>),
    Replace(usize, Vec<u8>),
    ReplaceInt(usize, i64),
    Delete(usize),
    DeleteRange(isize, usize),
    Append(Vec<Vec<u8>>),
    SplitOff(usize, bool),
    PopFront(usize),
    Shrink,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        value().prop_map(Step::PushFront),
        value().prop_map(Step::PushBack),
        prop::collection::vec(value(), 1..6).prop_map(Step::Append),
        any::<i64>().prop_map(Step::PushInt),
        (any::<usize>(), value()).prop_map(|(at, v)| Step::Before(at, v)),
        (any::<usize>(), value()).prop_map(|(at, v)| Step::After(at, v)),
        (any::<usize>(), value()).prop_map(|(at, v)| Step::Replace(at, v)),
        (any::<usize>(), -70_000i64..70_000).prop_map(|(at, v)| Step::ReplaceInt(at, v)),
        any::<usize>().prop_map(Step::Delete),
        (-12isize..12, 0usize..5).prop_map(|(at, n)| Step::DeleteRange(at, n)),
        prop::collection::vec(value(), 0..4).prop_map(Step::Append),
        (any::<usize>(), any::<bool>()).prop_map(|(at, keep_tail)| Step::SplitOff(at, keep_tail)),
        (1usize..8).prop_map(Step::PopFront),
        Just(Step::Shrink),
    ]
}

fn apply(listpack: &mut Listpack, model: &mut Vec<Vec<u8>>, step: Step) {
    let count = model.len();
    let at = |index: usize| index % count.max(1);
    match step {
        Step::PushFront(v) => {
            match v.len() % 2 {
                0 => listpack.push_front(&v),
                _ => listpack.push_front_int(v.len() as i64),
            }
            model.insert(0, if v.len() % 2 == 0 { v } else { v.len().to_string().into_bytes() });
        }
        Step::PushBack(v) => {
            listpack.push_back(&v);
            model.push(v);
        }
        Step::PushInt(v) => {
            listpack.push_back_int(v);
            model.push(v.to_string().into_bytes());
        }
        Step::Append(values) => {
            let other: Listpack = values.iter().collect();
            listpack.append(other.view());
            model.extend(values);
        }
        Step::DeleteRange(index, n) => {
            listpack.delete_range(index, n);
            let from = if index < 0 { count as isize + index } else { index };
            if (0..count as isize).contains(&from) {
                model.drain(from as usize..count.min(from as usize + n));
            }
        }
        Step::PopFront(n) => {
            for _ in 0..n.min(count) {
                let first = listpack.first().unwrap();
                assert_eq!(listpack.get(first), &model.remove(0)[..]);
                listpack.delete(first);
            }
        }
        Step::Shrink => {
            listpack.shrink_to_fit();
            assert_eq!(listpack.capacity(), listpack.byte_len());
        }
        _ if count == 0 => {}
        Step::SplitOff(index, keep_tail) => {
            let tail = listpack.split_off(listpack.seek(at(index) as isize).unwrap());
            let model_tail = model.split_off(at(index));
            check_same(&tail, &model_tail);
            check_same(listpack, model);
            if keep_tail {
                *listpack = tail;
                *model = model_tail;
            }
        }
        Step::Before(index, v) => {
            let pos = listpack.seek(at(index) as isize).unwrap();
            let new = listpack.insert_before(pos, &v);
            assert_eq!(listpack.get(new), &v[..]);
            model.insert(at(index), v);
        }
        Step::After(index, v) => {
            let pos = listpack.seek(at(index) as isize).unwrap();
            let new = listpack.insert_after(pos, &v);
            assert_eq!(listpack.get(new), &v[..]);
            assert_eq!(listpack.prev(new), Some(pos));
            model.insert(at(index) + 1, v);
        }
        Step::Replace(index, v) => {
            let pos = listpack.seek(at(index) as isize).unwrap();
            listpack.replace(pos, &v);
            model[at(index)] = v;
        }
        Step::ReplaceInt(index, v) => {
            let pos = listpack.seek(at(index) as isize).unwrap();
            listpack.replace_int(pos, v);
            model[at(index)] = v.to_string().into_bytes();
        }
        Step::Delete(index) => {
            let pos = listpack.seek(at(index) as isize).unwrap();
            let behind = listpack.delete(pos);
            model.remove(at(index));
            assert_eq!(behind.map(|pos| listpack.get(pos).to_vec()), model.get(at(index)).cloned());
        }
    }
}

fn check_same(listpack: &Listpack, model: &[Vec<u8>]) {
    let texts: Vec<Vec<u8>> = listpack.iter().map(|element| element.to_vec()).collect();
    assert_eq!(texts, model);
    let mut reversed: Vec<Vec<u8>> = listpack.iter_rev().map(|element| element.to_vec()).collect();
    reversed.reverse();
    assert_eq!(reversed, model);
    assert_eq!(listpack.len(), model.len());
    assert_eq!(listpack.is_empty(), model.is_empty());
    assert_eq!(listpack.byte_len(), 7 + model.iter().map(|v| entry_encoded_size(v)).sum::<usize>());
    for (index, text) in model.iter().enumerate() {
        let pos = listpack.seek(index as isize).unwrap();
        assert_eq!(listpack.seek(index as isize - model.len() as isize), Some(pos));
        assert_eq!(listpack.get(pos), &text[..]);
        assert_eq!(listpack.get(pos).len(), text.len());
        let found = listpack.find(listpack.first().unwrap(), text, 0).unwrap();
        assert!(found <= pos && listpack.get(found) == text[..]);
        let alternate = model.iter().step_by(2).position(|v| v == text).map(|i| 2 * i as isize);
        let found = listpack.find(listpack.first().unwrap(), text, 1);
        assert_eq!(found, alternate.and_then(|i| listpack.seek(i)));
    }
    assert_eq!(listpack.seek(model.len() as isize), None);
    assert_eq!(listpack.seek(-(model.len() as isize) - 1), None);
    assert_eq!(Listpack::from_bytes(listpack.as_bytes().to_vec()).as_ref(), Ok(listpack));
}

proptest! {
    #[test]
    fn behaves_like_a_vector(steps in prop::collection::vec(step(), 0..40)) {
        let (mut listpack, mut model) = (Listpack::new(), Vec::new());
        for step in steps {
            apply(&mut listpack, &mut model, step);
            listpack.check();
        }
        check_same(&listpack, &model);
    }

    #[test]
    fn bytes_from_outside_never_panic(
        values in prop::collection::vec(value(), 0..6),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        cut_it in any::<bool>(),
    ) {
        let mut bytes = values.iter().collect::<Listpack>().into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cut_it {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(listpack) = Listpack::from_bytes(bytes) {
            // Whatever was accepted can be walked both ways and changed.
            let forward: Vec<Vec<u8>> = listpack.iter().map(|element| element.to_vec()).collect();
            let mut backward: Vec<Vec<u8>> = listpack.iter_rev().map(|element| element.to_vec()).collect();
            backward.reverse();
            prop_assert_eq!(&forward, &backward);
            prop_assert_eq!(listpack.len(), forward.len());
            let mut changed = listpack.clone();
            changed.push_front(b"x");
            changed.delete_range(-1, 1);
            prop_assert_eq!(changed.len(), forward.len());
        }
    }

    #[test]
    fn elements_equal_their_text(a in value(), b in value()) {
        let listpack: Listpack = [&a, &b].into_iter().collect();
        let elements: Vec<Element<'_>> = listpack.iter().collect();
        prop_assert_eq!(elements[0] == elements[1], a == b);
        prop_assert_eq!(elements[0] == b[..], a == b);
        let mut text = Vec::new();
        elements[0].write_to(&mut text);
        prop_assert_eq!(text, a);
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Recorded from `DUMP` of a hash on redis-server 7.0.15.
#[test]
fn bytes_are_those_of_redis() {
    let values: Vec<&[u8]> = HASH_VALUES.iter().map(|text| text.as_bytes()).collect();
    let listpack: Listpack = values.iter().collect();
    assert_eq!(listpack.as_bytes(), unhex(HASH_LISTPACK));
}

const HASH_VALUES: &[&str] = &[
    "f0",
    "0",
    "f1",
    "127",
    "f2",
    "128",
    "f3",
    "-1",
    "f4",
    "4095",
    "f5",
    "4096",
    "f6",
    "-4096",
    "f7",
    "-4097",
    "f8",
    "32767",
    "f9",
    "-32768",
    "g0",
    "8388607",
    "g1",
    "-8388608",
    "g2",
    "8388608",
    "g3",
    "-2147483648",
    "g4",
    "2147483648",
    "g5",
    "-9223372036854775808",
    "g6",
    "9223372036854775807",
    "g7",
    "007",
    "g8",
    "-0",
    "g9",
    "",
    "h0",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "h1",
    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
    "h2",
    "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
    "h3",
    "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww",
    "12345",
    "9223372036854775808",
];
const HASH_LISTPACK: &str = "\
    690200003200826630030001826631037f0182663203c0800282663303dfff0282663403cfff0282663503f100100382\
    663603d0000282663703f1ffef0382663803f1ff7f0382663903f100800382673003f2ffff7f0482673103f200008004\
    82673203f3000080000582673303f3000000800582673403f400000080000000000982673503f4000000000000008009\
    82673603f4ffffffffffffff7f0982673703833030370482673803822d300382673903800182683003bf787878787878\
    787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
    7878787878787878784082683103e0407979797979797979797979797979797979797979797979797979797979797979\
    79797979797979797979797979797979797979797979797979797979797979794282683203e07d7a7a7a7a7a7a7a7a7a\
    7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a\
    7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a\
    7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7f82683303e082777777777777777777777777777777777777777777\
    777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777\
    777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777777\
    777777777777777777777777770184f1393003933932323333373230333638353437373538303814ff";

#[test]
fn counts_past_what_the_header_holds() {
    let mut listpack = Listpack::new();
    for i in 0..65_600 {
        listpack.push_back_int(i);
    }
    assert_eq!(listpack.as_bytes()[4..6], [0xFF, 0xFF]);
    assert_eq!(listpack.len(), 65_600);
    assert_eq!(listpack.get(listpack.seek(-1).unwrap()), Element::Int(65_599));
    assert_eq!(listpack.get(listpack.seek(65_599).unwrap()), Element::Int(65_599));
    assert_eq!(listpack.seek(65_600), None);
    listpack.delete_range(-100, 200);
    assert_eq!(listpack.len(), 65_500);
    Listpack::from_bytes(listpack.into_bytes()).unwrap();
}

/// Room is made half as much again at a time, so what is moved stays in proportion to what is added, whatever the ends.
#[test]
fn room_is_bounded_at_either_end() {
    let pattern: [fn(usize) -> bool; 3] = [|_| true, |_| false, |i| i % 2 == 0];
    for front in pattern {
        let mut listpack = Listpack::new();
        let mut grown = 0;
        for i in 0..20_000 {
            let before = listpack.capacity();
            if front(i) {
                listpack.push_front(b"an element");
            } else {
                listpack.push_back(b"an element");
            }
            grown += usize::from(listpack.capacity() != before);
        }
        assert!(grown < 60, "{grown}");
        assert!(listpack.capacity() < 2 * listpack.byte_len());
        listpack.check();
    }
    // A queue: in at the back, out at the front, with a steady length.
    let mut queue: Listpack = (0..100).map(|i| i.to_string()).collect();
    for i in 100..10_000 {
        queue.push_back_int(i);
        queue.delete_range(0, 1);
    }
    assert!(queue.capacity() < 3 * queue.byte_len(), "{}", queue.capacity());
    assert_eq!(queue.get(queue.first().unwrap()), Element::Int(9_900));
}

#[test]
fn names_what_is_wrong_with_bytes() {
    let good: Listpack = [b"ab".as_slice(), b"1000"].into_iter().collect();
    let with = |at: usize, byte: u8| {
        let mut bytes = good.as_bytes().to_vec();
        bytes[at] = byte;
        ListpackRef::new(&bytes).err()
    };
    let size = good.byte_len();
    assert_eq!(ListpackRef::new(b"").err(), Some(ListpackError::TooShort));
    assert_eq!(with(0, 99), Some(ListpackError::WrongTotal { header: 99, actual: size }));
    assert_eq!(with(4, 3), Some(ListpackError::WrongCount { header: 3, actual: 2 }));
    assert_eq!(with(size - 1, 0), Some(ListpackError::NoEnd));
    assert_eq!(with(6, 0xBF), Some(ListpackError::BadEntry { offset: 6 }));
    assert_eq!(with(6, 0xF9), Some(ListpackError::BadEntry { offset: 6 }));
    assert_eq!(with(9, 4), Some(ListpackError::BadEntry { offset: 6 }));
    assert_eq!(with(10, 0xFF), Some(ListpackError::BadEntry { offset: 10 }));
}

#[test]
fn knows_sizes_before_writing() {
    assert_eq!(entry_encoded_size(b""), 2);
    assert_eq!(entry_encoded_size(b"127"), 2);
    assert_eq!(entry_encoded_size_int(128), 3);
    assert_eq!(entry_encoded_size(&[b'x'; 4096]), 5 + 4096 + 2);
    let listpack = Listpack::new();
    assert!(listpack.safe_to_add(MAX_BYTES - listpack.byte_len()));
    assert!(!listpack.safe_to_add(MAX_BYTES));
    assert!(!listpack.safe_to_add(usize::MAX));
}
