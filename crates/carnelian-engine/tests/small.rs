//! Collections that are small enough to lie in their entries, and what happens when they no longer are, against standard
//! collections.

use carnelian_encoding::IntSetRef;
use carnelian_engine::{
    End, Engine, EngineOptions, Expiry, Hash, Keyspace, List, ListNodeRef, ListRef, Set, SetRef, Value,
    ValueRef,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

const NOW_MS: u64 = 1_700_000_000_000;

fn all(engine: &Engine) -> Keyspace<'_> {
    engine.keyspace(engine.lock(engine.all_shards()), 0, NOW_MS)
}

/// Texts of which a few fill an entry, integers among them.
fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0..40i64).prop_map(|value| (value * value * value - 500).to_string().into_bytes()),
        4 => (0..40u8, 1..12usize).prop_map(|(byte, len)| vec![b'a' + byte % 26; len]),
        1 => (0..3u8, 100..300usize).prop_map(|(byte, len)| vec![b'a' + byte; len]),
        1 => Just(vec![b'z'; 1000]),
    ]
}

/// Keys of lengths that lie differently.
fn name() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(vec![0usize, 15, 254, 255, 899]).prop_map(|len| vec![b'k'; len])
}

fn list_at<'k>(keys: &'k mut Keyspace<'_>, name: &[u8]) -> Option<ListRef<'k>> {
    keys.read(name).map(|value| match value {
        ValueRef::List(list) => list,
        _ => panic!("a list is one"),
    })
}

fn set_at<'k>(keys: &'k mut Keyspace<'_>, name: &[u8]) -> Option<SetRef<'k>> {
    keys.read(name).map(|value| match value {
        ValueRef::Set(set) => set,
        _ => panic!("a set is one"),
    })
}

/// Small collections change where they lie; this one lies on its own, and must look the same byte by byte.
fn same_bytes(held: ListRef<'_>, twin: &List) {
    let bytes = |node: ListNodeRef<'_>| match node {
        ListNodeRef::Packed(packed) => packed.as_bytes().to_vec(),
        ListNodeRef::Plain(element) => element.to_vec(),
        ListNodeRef::Compressed { lzf, .. } => lzf.to_vec(),
    };
    assert!(held.nodes().map(bytes).eq(twin.view().nodes().map(bytes)));
}

#[derive(Clone, Debug)]
enum Step {
    Push(End, Vec<u8>),
    Pop(End),
    Rotate(End, End),
    Set(usize, Vec<u8>),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    /// Up to so many elements equal to the one there.
    RemoveEqual(End, usize, usize),
    Expire(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let end = || prop_oneof![Just(End::Left), Just(End::Right)];
    prop_oneof![
        6 => (end(), text()).prop_map(|(end, value)| Step::Push(end, value)),
        4 => end().prop_map(Step::Pop),
        2 => (end(), end()).prop_map(|(from, to)| Step::Rotate(from, to)),
        1 => (0..20usize, text()).prop_map(|(index, value)| Step::Set(index, value)),
        1 => (0..20usize, text()).prop_map(|(index, value)| Step::Insert(index, value)),
        1 => (0..20usize, 0..10usize).prop_map(|(start, count)| Step::Remove(start, count)),
        1 => (end(), 0..20usize, 1..4usize).prop_map(|(end, index, limit)| Step::RemoveEqual(end, index, limit)),
        1 => any::<bool>().prop_map(Step::Expire),
    ]
}

/// A list as it should be, and one that lies on its own.
struct ListModel {
    elements: VecDeque<Vec<u8>>,
    twin: List,
}

fn take(from: End, elements: &mut VecDeque<Vec<u8>>) -> Option<Vec<u8>> {
    match from {
        End::Left => elements.pop_front(),
        End::Right => elements.pop_back(),
    }
}

fn put(to: End, elements: &mut VecDeque<Vec<u8>>, value: Vec<u8>) {
    match to {
        End::Left => elements.push_front(value),
        End::Right => elements.push_back(value),
    }
}

fn run_on_list(keys: &mut Keyspace<'_>, name: &[u8], model: &mut ListModel, step: Step) {
    let settings = keys.settings();
    let ListModel { elements, twin } = model;
    let mut entry = keys.entry(name);
    match step {
        Step::Push(end, value) => {
            entry.edit_or_insert(|| List::new(settings)).expect("a list").push(end, &value, settings);
            twin.push(end, &value, settings);
            put(end, elements, value);
        }
        Step::Expire(expires) => {
            // The entry is known to be where the steps before have moved it.
            entry.set_expiry(if expires { Expiry::At(NOW_MS + 1) } else { Expiry::Never });
        }
        _ => {
            let Some(mut list) = entry.edit::<List>().expect("a list") else {
                assert!(elements.is_empty());
                return;
            };
            match step {
                Step::Pop(end) => {
                    assert_eq!(list.pop_with(end, |element| element.to_vec()), take(end, elements));
                    twin.pop(end);
                }
                Step::Rotate(from, to) => {
                    if let Some(value) = list.pop_with(from, |element| element.to_vec()) {
                        list.push(to, &value, settings);
                        twin.pop(from);
                        twin.push(to, &value, settings);
                        assert_eq!(take(from, elements).as_ref(), Some(&value));
                        put(to, elements, value);
                    }
                }
                Step::Set(index, value) => {
                    assert_eq!(list.unpacked().set(index as i64, &value, settings), index < elements.len());
                    twin.set(index as i64, &value, settings);
                    if let Some(place) = elements.get_mut(index) {
                        *place = value;
                    }
                }
                Step::Insert(index, value) => {
                    let index = index.min(elements.len());
                    list.unpacked().insert(index, &value, settings);
                    twin.insert(index, &value, settings);
                    // What is taken out of its entry is changed further.
                    list.push(End::Left, b"first", settings);
                    twin.push(End::Left, b"first", settings);
                    elements.insert(index, value);
                    elements.push_front(b"first".to_vec());
                }
                Step::Remove(start, count) => {
                    list.remove_range(start, count);
                    twin.remove_range(start, count);
                    let start = start.min(elements.len());
                    elements.drain(start..(start + count).min(elements.len()));
                }
                Step::RemoveEqual(from, index, limit) => {
                    // Often one that is there more than once.
                    let value = elements.get(index).cloned().unwrap_or_else(|| b"first".to_vec());
                    let mut places: Vec<usize> =
                        (0..elements.len()).filter(|place| elements[*place] == value).collect();
                    if from == End::Left {
                        places.truncate(limit);
                    } else {
                        places.drain(..places.len().saturating_sub(limit));
                    }
                    assert_eq!(list.remove_matching(from, &value, limit), places.len());
                    twin.remove_matching(from, &value, limit);
                    places.iter().rev().for_each(|place| drop(elements.remove(*place)));
                }
                Step::Push(..) | Step::Expire(_) => {}
            }
            assert_eq!((list.len(), list.is_empty()), (elements.len(), elements.is_empty()));
            drop(list);
            assert!(entry.exists());
            if elements.is_empty() {
                entry.remove_emptied();
                *twin = List::new(settings);
            }
        }
    }
}

/// The set as it should be, and one that lies on its own.
struct SetModel {
    members: BTreeSet<Vec<u8>>,
    twin: Option<Set>,
}

fn run_on_set(keys: &mut Keyspace<'_>, name: &[u8], model: &mut SetModel, action: u8, member: Vec<u8>) {
    let settings = keys.settings();
    let mut rng = keys.rng();
    let SetModel { members, twin } = model;
    let mut entry = keys.entry(name);
    let create = || Set::for_member(&member, 1, settings);
    if action > 2 {
        let added = entry.edit_or_insert(create).expect("a set").add(&member, settings);
        assert_eq!(added, twin.get_or_insert_with(create).add(&member, settings));
        assert_eq!(added, members.insert(member));
        return;
    }
    if action == 2 {
        entry.set_expiry(if member.len() > 4 { Expiry::At(NOW_MS + 1) } else { Expiry::Never });
        return;
    }
    let Some(mut set) = entry.edit::<Set>().expect("a set") else { return };
    let twin_set = twin.as_mut().expect("it is there");
    if action == 1 {
        let other = twin_set.clone();
        let popped = set.pop_random(&mut rng.clone(), |member| member.to_vec()).expect("it has a member");
        // How a table picks depends on how it came to be.
        if other.view().encoding() == "hashtable" {
            twin_set.remove(&popped);
        } else {
            assert_eq!(twin_set.pop_random(&mut rng, |member| member.to_vec()).as_ref(), Some(&popped));
        }
        assert!(members.remove(&popped));
    } else {
        assert_eq!(set.remove(&member), members.remove(&member));
        twin_set.remove(&member);
    }
    assert_eq!((set.len(), set.is_empty()), (members.len(), members.is_empty()));
    drop(set);
    if members.is_empty() {
        entry.remove_emptied();
        *twin = None;
    }
}

/// The hash as it should be, and one that lies on its own.
struct HashModel {
    fields: BTreeMap<Vec<u8>, Vec<u8>>,
    twin: Hash,
}

fn run_on_hash(
    keys: &mut Keyspace<'_>,
    name: &[u8],
    model: &mut HashModel,
    action: u8,
    field: Vec<u8>,
    value: Vec<u8>,
) {
    let settings = keys.settings();
    let HashModel { fields, twin } = model;
    let mut entry = keys.entry(name);
    match action {
        0 => entry.set_expiry(if value.len() > 4 { Expiry::At(NOW_MS + 1) } else { Expiry::Never }),
        1 => {
            let Some(mut hash) = entry.edit::<Hash>().expect("a hash") else { return };
            let removed = hash.remove(&field);
            assert_eq!((removed, removed), (fields.remove(&field).is_some(), twin.remove(&field)));
            assert_eq!((hash.len(), hash.is_empty()), (fields.len(), fields.is_empty()));
            drop(hash);
            if fields.is_empty() {
                entry.remove_emptied();
                *twin = Hash::new();
            }
        }
        _ => {
            let mut hash = entry.edit_or_insert(Hash::new).expect("a hash");
            let new = hash.set(&field, &value, settings);
            assert_eq!(new, twin.set(&field, &value, settings));
            assert_eq!(new, fields.insert(field, value).is_none());
        }
    }
}

fn engine(shards: usize) -> Engine {
    Engine::new(EngineOptions { shards, databases: 1, seed: 3 })
}

/// Several keys, so that slots are freed and taken by others.
const KEYS: usize = 3;

fn names(name: &[u8]) -> Vec<Vec<u8>> {
    (0..KEYS).map(|key| [name, &[b'0' + key as u8]].concat()).collect()
}

proptest! {
    #[test]
    fn lists_are_the_same_in_an_entry_and_beside_it(
        steps in prop::collection::vec((0..KEYS, step()), 0..160),
        name in name(),
        fill in prop::sample::select(vec![-2i64, 3, -1]),
        depth in 0..2usize,
        shards in prop::sample::select(vec![1, 16]),
    ) {
        let engine = engine(shards);
        engine.settings().set_list_max_listpack_size(fill);
        engine.settings().set_list_compress_depth(depth);
        let mut keys = all(&engine);
        let names = names(&name);
        let settings = engine.settings();
        let new = |_: &Vec<u8>| ListModel { elements: VecDeque::new(), twin: List::new(settings) };
        let mut models: Vec<ListModel> = names.iter().map(new).collect();
        for (key, step) in steps {
            run_on_list(&mut keys, &names[key], &mut models[key], step);
            keys.check();
            for (name, ListModel { elements: model, twin }) in names.iter().zip(&models) {
                let Some(list) = list_at(&mut keys, name) else {
                    prop_assert!(model.is_empty());
                    continue;
                };
                same_bytes(list, twin);
                prop_assert_eq!((list.len(), list.fill(), list.compress_depth()), (model.len(), fill, depth));
                let mut elements = Vec::new();
                list.for_each(|element| elements.push(element.to_vec()));
                prop_assert!(elements.iter().eq(model.iter()));
                let mut backwards = Vec::new();
                list.walk(End::Right, usize::MAX, |index, element| {
                    assert_eq!(index + backwards.len() + 1, model.len());
                    backwards.push(element.to_vec());
                    true
                });
                prop_assert!(backwards.iter().eq(model.iter().rev()));
                let last = list.get_with(-1, |element| element.to_vec());
                prop_assert_eq!(last.as_ref(), model.back());
                let Value::List(mut copy) = ValueRef::List(list).to_value() else {
                    panic!("a copy is of the same type");
                };
                let first = copy.pop(End::Left);
                prop_assert_eq!(first.as_ref(), model.front());
            }
        }
    }

    #[test]
    fn sets_are_the_same_in_an_entry_and_beside_it(
        steps in prop::collection::vec((0..KEYS, 0..8u8, text(), any::<i64>(), 0..64u32), 0..240),
        name in name(),
        integers in any::<bool>(),
        most in prop::sample::select(vec![4usize, 512]),
        shards in prop::sample::select(vec![1, 16]),
    ) {
        let engine = engine(shards);
        engine.settings().set_set_max_intset_entries(most);
        engine.settings().set_set_max_listpack_entries(most.min(128));
        let mut keys = all(&engine);
        let names = names(&name);
        let new = |_: &Vec<u8>| SetModel { members: BTreeSet::new(), twin: None };
        let mut models: Vec<SetModel> = names.iter().map(new).collect();
        for (key, action, member, number, shift) in steps {
            // Of every width.
            let member = if integers { (number >> shift).to_string().into_bytes() } else { member };
            run_on_set(&mut keys, &names[key], &mut models[key], action, member);
            keys.check();
            for (name, SetModel { members: model, twin }) in names.iter().zip(&models) {
                let Some(set) = set_at(&mut keys, name) else {
                    prop_assert!(model.is_empty());
                    continue;
                };
                let members: BTreeSet<Vec<u8>> = set.iter().map(|member| member.to_vec()).collect();
                prop_assert_eq!((set.len(), &members), (model.len(), model));
                prop_assert!(model.iter().all(|member| set.contains(member)));
                let twin = twin.as_ref().expect("it is there").view();
                prop_assert_eq!(twin.encoding(), set.encoding());
                match (set.as_intset(), set.as_listpack()) {
                    (Some(ints), _) => {
                        prop_assert_eq!(Some(ints.as_bytes()), twin.as_intset().map(IntSetRef::as_bytes));
                    }
                    (_, Some(packed)) => {
                        prop_assert_eq!(Some(packed.as_bytes()), twin.as_listpack().map(|packed| packed.as_bytes()));
                    }
                    _ => {}
                }
                let copy = set.to_set();
                prop_assert_eq!(copy.view().encoding(), set.encoding());
                prop_assert!(copy.iter().eq(set.iter()));
            }
        }
    }

    #[test]
    fn hashes_are_the_same_in_an_entry_and_beside_it(
        steps in prop::collection::vec((0..KEYS, 0..8u8, text(), text()), 0..160),
        name in name(),
        most in prop::sample::select(vec![4usize, 128]),
        shards in prop::sample::select(vec![1, 16]),
    ) {
        let engine = engine(shards);
        engine.settings().set_hash_max_listpack_entries(most);
        let mut keys = all(&engine);
        let names = names(&name);
        let new = |_: &Vec<u8>| HashModel { fields: BTreeMap::new(), twin: Hash::new() };
        let mut models: Vec<HashModel> = names.iter().map(new).collect();
        for (key, action, field, value) in steps {
            run_on_hash(&mut keys, &names[key], &mut models[key], action, field, value);
            keys.check();
            for (name, HashModel { fields, twin }) in names.iter().zip(&models) {
                let Some(hash) = keys.get::<Hash>(name).expect("a hash") else {
                    prop_assert!(fields.is_empty());
                    continue;
                };
                prop_assert_eq!((hash.len(), hash.encoding()), (fields.len(), twin.view().encoding()));
                for (field, value) in fields {
                    prop_assert!(hash.get(field).is_some_and(|held| held.to_vec() == *value));
                }
                prop_assert_eq!(
                    hash.as_listpack().map(|packed| packed.as_bytes()),
                    twin.view().as_listpack().map(|packed| packed.as_bytes())
                );
            }
        }
    }
}

/// Bytes of the entry of a list of so many elements of four bytes each, which take six in a listpack.
fn bytes_of_list(elements: usize) -> usize {
    let engine = engine(1);
    let mut keys = all(&engine);
    let settings = keys.settings();
    for _ in 0..elements {
        let mut list = keys.edit_or_insert(b"list", || List::new(settings)).expect("a list");
        list.push(End::Right, b"abcd", settings);
    }
    keys.memory_usage(b"list").expect("it is there")
}

#[test]
fn a_short_list_takes_its_bytes_and_little_more() {
    // Header and end of the listpack, the header of the entry, the key, rounded up, and eight of the index.
    assert_eq!(bytes_of_list(3), (7 + 3 * 6 + 8 + 4_usize).next_multiple_of(8) + 8);
    // 511 bytes fit an entry, 517 do not.
    assert_eq!(bytes_of_list(84), (7 + 84 * 6 + 8 + 4_usize).next_multiple_of(8) + 8);
    assert!(bytes_of_list(85) > bytes_of_list(84) + 64, "it has become an object");
}

#[test]
fn a_list_keeps_the_shape_that_it_began_with() {
    let engine = engine(1);
    let mut keys = all(&engine);
    let settings = keys.settings();
    settings.set_list_max_listpack_size(2);
    keys.edit_or_insert(b"list", || List::new(settings)).expect("a list").push(End::Left, b"a", settings);
    settings.set_list_max_listpack_size(-2);
    for _ in 0..3 {
        keys.edit_or_insert(b"list", || List::new(settings)).expect("a list").push(End::Left, b"a", settings);
    }
    let list = list_at(&mut keys, b"list").expect("it is there");
    assert_eq!((list.fill(), list.nodes().len()), (2, 2));
}

#[test]
fn a_new_collection_that_stays_empty_does_not_come_into_being() {
    let engine = engine(1);
    let mut keys = all(&engine);
    let settings = keys.settings();
    drop(keys.edit_or_insert(b"list", || List::new(settings)).expect("a list"));
    // A large one from the beginning, too.
    drop(keys.edit_or_insert(b"set", || Set::for_member(b"a", 1000, settings)).expect("a set"));
    let mut entry = keys.entry(b"hash");
    drop(entry.edit_or_insert(Hash::new).expect("a hash"));
    assert!(!entry.exists());
    assert!(keys.is_empty());
    keys.check();
}
