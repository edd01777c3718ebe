//! Lists against a `VecDeque`, for every kind of node limit.

use carnelian_engine::{Element, End, Engine, EngineOptions, List, ListNodeRef, Settings};
use proptest::prelude::*;
use std::collections::VecDeque;

#[derive(Clone, Debug)]
enum Op {
    Push(End, Vec<u8>),
    Pop(End),
    Set(i64, Vec<u8>),
    Insert(usize, Vec<u8>),
    InsertAfter(usize, Vec<u8>),
    RemoveRange(usize, usize),
    RemoveMatching(End, Vec<u8>, usize),
    Find(End, Vec<u8>, usize),
    Range(usize, usize),
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![Just(End::Left), Just(End::Right)]
}

/// Few distinct values, so that searches match: integers, short texts, and some that exceed a node.
fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0..4i64).prop_map(|value| value.to_string().into_bytes()),
        4 => (0..4usize).prop_map(|len| b"abcd"[..len].to_vec()),
        1 => Just(i64::MIN.to_string().into_bytes()),
        1 => Just(b"007".to_vec()),
        2 => (0..3u8, 60..70usize).prop_map(|(byte, len)| vec![byte; len]),
        1 => (4080..4100usize).prop_map(|len| vec![b'x'; len]),
        1 => Just(vec![b'y'; 10_000]),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let place = 0..60usize;
    prop_oneof![
        8 => (end(), value()).prop_map(|(end, value)| Op::Push(end, value)),
        3 => end().prop_map(Op::Pop),
        2 => (-60..60i64, value()).prop_map(|(index, value)| Op::Set(index, value)),
        3 => (place.clone(), value()).prop_map(|(index, value)| Op::Insert(index, value)),
        3 => (place.clone(), value()).prop_map(|(index, value)| Op::InsertAfter(index, value)),
        1 => (place.clone(), 0..20usize).prop_map(|(start, count)| Op::RemoveRange(start, count)),
        1 => (end(), value(), 0..4usize).prop_map(|(end, value, limit)| Op::RemoveMatching(end, value, limit)),
        1 => (end(), value(), 0..60usize).prop_map(|(end, value, limit)| Op::Find(end, value, limit)),
        1 => (place, 0..60usize).prop_map(|(start, count)| Op::Range(start, count)),
    ]
}

fn apply(op: &Op, list: &mut List, model: &mut VecDeque<Vec<u8>>, settings: &Settings) {
    match op {
        Op::Push(end, value) => {
            list.push(*end, value, settings);
            match end {
                End::Left => model.push_front(value.clone()),
                End::Right => model.push_back(value.clone()),
            }
        }
        Op::Pop(end) => {
            let expected = match end {
                End::Left => model.pop_front(),
                End::Right => model.pop_back(),
            };
            assert_eq!(list.pop(*end), expected);
        }
        Op::Set(index, value) => {
            let absolute = if *index < 0 { index + model.len() as i64 } else { *index };
            let slot = usize::try_from(absolute).ok().and_then(|index| model.get_mut(index));
            assert_eq!(list.set(*index, value, settings), slot.is_some());
            if let Some(slot) = slot {
                slot.clone_from(value);
            }
            assert_eq!(
                list.view().get_with(*index, |element| element.to_vec()).as_ref(),
                usize::try_from(absolute).ok().and_then(|index| model.get(index))
            );
        }
        Op::Insert(index, value) => {
            let index = (*index).min(model.len());
            list.insert(index, value, settings);
            model.insert(index, value.clone());
        }
        Op::InsertAfter(index, value) => {
            list.insert_after(*index, value, settings);
            model.insert((index + 1).min(model.len()), value.clone());
        }
        Op::RemoveRange(start, count) => {
            list.remove_range(*start, *count);
            let start = (*start).min(model.len());
            let stop = (start + count).min(model.len());
            model.drain(start..stop);
        }
        Op::RemoveMatching(from, value, limit) => {
            let limit = if *limit == 0 { usize::MAX } else { *limit };
            let mut places: Vec<usize> = matches(*from, value, model, usize::MAX);
            places.truncate(limit);
            assert_eq!(list.remove_matching(*from, value, limit), places.len());
            places.sort_unstable();
            for place in places.into_iter().rev() {
                model.remove(place);
            }
        }
        Op::Find(from, value, limit) => {
            let mut found = Vec::new();
            list.view().find(*from, value, *limit, |index| {
                found.push(index);
                true
            });
            assert_eq!(found, matches(*from, value, model, *limit));
            let mut first = None;
            list.view().find(*from, value, *limit, |index| {
                assert_eq!(first.replace(index), None, "the search stops when it is told to");
                false
            });
            assert_eq!(first, found.first().copied());
        }
        Op::Range(start, count) => {
            let expected: Vec<_> = model.iter().skip(*start).take(*count).cloned().collect();
            let mut visited = Vec::new();
            list.view().for_range(*start, *count, |element| visited.push(element.to_vec()));
            assert_eq!(visited, expected);
        }
    }
}

fn matches(from: End, value: &[u8], model: &VecDeque<Vec<u8>>, limit: usize) -> Vec<usize> {
    let places: Box<dyn Iterator<Item = usize>> = match from {
        End::Left => Box::new(0..model.len()),
        End::Right => Box::new((0..model.len()).rev()),
    };
    places.take(limit).filter(|place| model[*place] == value).collect()
}

fn elements(list: &List, from: End) -> Vec<Vec<u8>> {
    let mut elements = Vec::new();
    list.view().walk(from, usize::MAX, |index, element| {
        let expected = match from {
            End::Left => elements.len(),
            End::Right => list.len() - 1 - elements.len(),
        };
        assert_eq!(index, expected);
        elements.push(element.to_vec());
        true
    });
    elements
}

fn engine(fill: i64, packed_threshold: usize) -> Engine {
    let engine = Engine::new(EngineOptions { shards: 1, databases: 1, seed: 1 });
    engine.settings().set_list_max_listpack_size(fill);
    engine.settings().set_list_packed_threshold(packed_threshold);
    engine
}

/// Entries and bytes of the fullest node, and how many nodes hold one large element. Compressed nodes are not looked into.
fn extent(list: &List) -> (usize, usize, usize) {
    list.view().nodes().fold((0, 0, 0), |(entries, bytes, plain), node| match node {
        ListNodeRef::Packed(packed) => (entries.max(packed.len()), bytes.max(packed.as_bytes().len()), plain),
        ListNodeRef::Plain(_) | ListNodeRef::Compressed { plain: true, .. } => (entries, bytes, plain + 1),
        ListNodeRef::Compressed { plain: false, len, .. } => (entries, bytes.max(len), plain),
    })
}

/// Which nodes are compressed.
fn compressed(list: &List) -> Vec<bool> {
    list.view().nodes().map(|node| matches!(node, ListNodeRef::Compressed { .. })).collect()
}

proptest! {
    #[test]
    fn behaves_like_a_deque(
        ops in prop::collection::vec(op(), 1..120),
        fill in prop::sample::select(vec![1i64, 2, 3, 3, 2, 128, 0, -1, -2, -5]),
        threshold in prop::sample::select(vec![0usize, 5, 64]),
        depth in 0..4usize,
    ) {
        let engine = engine(fill, threshold);
        engine.settings().set_list_compress_depth(depth);
        let (mut list, mut model) = (List::new(engine.settings()), VecDeque::new());
        for op in &ops {
            apply(op, &mut list, &mut model, engine.settings());
            list.check();
            assert_eq!(list.len(), model.len());
            assert!(elements(&list, End::Left).iter().eq(model.iter()));
            assert!(elements(&list, End::Right).iter().eq(model.iter().rev()));
            let copy = list.clone();
            copy.check();
            if fill > 0 {
                assert!(extent(&list).0 <= fill as usize, "a node has more entries than allowed");
            }
        }
    }
}

#[test]
fn nodes_obey_the_limit_of_bytes() {
    for (fill, limit) in [(-1, 4096), (-2, 8192), (-3, 16384), (-4, 32768), (-5, 65536), (1000, 8192)] {
        let engine = engine(fill, 0);
        let mut list = List::new(engine.settings());
        for index in 0..20_000 {
            list.push(End::Right, format!("element {index}").as_bytes(), engine.settings());
        }
        let (entries, bytes, plain) = extent(&list);
        assert!(bytes <= limit, "{fill}: {bytes}");
        assert!(bytes > limit - 32 || entries == 1000, "{fill}: nodes are filled");
        assert_eq!(plain, 0);
    }
}

#[test]
fn replacing_elements_does_not_blow_up_a_node() {
    let engine = engine(-2, 0);
    let mut list = List::new(engine.settings());
    for _ in 0..1000 {
        list.push(End::Right, b"1", engine.settings());
    }
    for index in 0..1000 {
        assert!(list.set(index, &[b'x'; 4000], engine.settings()));
        list.check();
    }
    assert_eq!(list.len(), 1000);
    assert!(extent(&list).1 <= 8192);
    list.view().for_each(|element| assert!(matches!(element, Element::Str(bytes) if bytes.len() == 4000)));
}

#[test]
fn elements_too_large_for_a_node_stand_alone() {
    let engine = engine(-2, 0);
    let mut list = List::new(engine.settings());
    for len in [10, 8192, 8193, 20] {
        list.push(End::Right, &vec![b'x'; len], engine.settings());
    }
    assert_eq!(extent(&list).2, 1);
    assert!(list.set(1, &[b'y'; 9000], engine.settings()));
    assert!(list.set(2, b"small", engine.settings()));
    list.check();
    let lens: Vec<usize> = elements(&list, End::Left).iter().map(Vec::len).collect();
    assert_eq!(lens, [10, 9000, 5, 20]);
}

/// A list of `count` nodes of one compressible element each.
fn nodes_of_one(engine: &Engine, count: usize) -> List {
    let mut list = List::new(engine.settings());
    for index in 0..count {
        list.push(End::Right, format!("{index:0100}").as_bytes(), engine.settings());
    }
    list.check();
    list
}

#[test]
fn inner_nodes_are_compressed() {
    let engine = engine(1, 0);
    for (depth, count) in [(0, 9), (1, 1), (1, 2), (1, 3), (1, 9), (3, 6), (3, 7), (3, 20), (1 << 20, 9)] {
        engine.settings().set_list_compress_depth(depth);
        let list = nodes_of_one(&engine, count);
        let expected = (0..count).map(|index| depth > 0 && index >= depth && index + depth < count);
        assert_eq!(compressed(&list), expected.collect::<Vec<_>>(), "{count} nodes, {depth} not compressed");
    }
}

#[test]
fn what_gains_little_is_not_compressed() {
    let engine = engine(1, 0);
    engine.settings().set_list_compress_depth(1);
    // The listpacks have 47, 48 and 70 bytes; the last one is noise.
    let noise: Vec<u8> = (0..60u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for (value, expected) in [(vec![b'x'; 38], false), (vec![b'x'; 39], true), (noise, false)] {
        let mut list = List::new(engine.settings());
        for value in [&b"head"[..], &value, b"tail"] {
            list.push(End::Right, value, engine.settings());
        }
        list.check();
        assert_eq!(compressed(&list), [false, expected, false], "{}", value.len());
    }
}

#[test]
fn a_list_keeps_the_settings_it_began_with() {
    let engine = engine(2, 0);
    engine.settings().set_list_compress_depth(1);
    let mut list = nodes_of_one(&engine, 10);
    engine.settings().set_list_compress_depth(0);
    engine.settings().set_list_max_listpack_size(100);
    for _ in 0..4 {
        list.push(End::Left, &[b'x'; 100], engine.settings());
    }
    list.check();
    assert_eq!((list.view().fill(), list.view().compress_depth()), (2, 1));
    assert_eq!(compressed(&list), [false, true, true, true, true, true, false]);
    let new = nodes_of_one(&engine, 10);
    assert_eq!((new.view().fill(), new.view().compress_depth(), new.view().nodes().len()), (100, 0, 1));
}

#[test]
fn reading_leaves_nodes_compressed() {
    let engine = engine(3, 0);
    engine.settings().set_list_compress_depth(1);
    let list = nodes_of_one(&engine, 30);
    let expected: Vec<Vec<u8>> = (0..30).map(|index| format!("{index:0100}").into_bytes()).collect();
    assert_eq!(elements(&list, End::Left), expected);
    assert_eq!(list.view().get_with(14, |element| element.to_vec()).as_ref(), Some(&expected[14]));
    // Another compressed node is read while one is.
    list.view().walk(End::Left, 30, |index, element| {
        let other = 29 - index;
        assert_eq!(
            list.view().get_with(other as i64, |element| element.to_vec()).as_ref(),
            Some(&expected[other])
        );
        assert_eq!(element, &expected[index][..]);
        true
    });
    assert_eq!(compressed(&list).iter().filter(|compressed| **compressed).count(), 8);
}
