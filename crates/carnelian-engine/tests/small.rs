//! Collections that are small enough to lie in their entries, and what happens when they no longer are, against standard
//! collections.

use carnelian_engine::{
    End, Engine, EngineOptions, Expiry, Keyspace, List, ListRef, Set, SetRef, Value, ValueRef,
};
use proptest::prelude::*;
use std::collections::{BTreeSet, VecDeque};

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
    prop::sample::select(vec![1usize, 16, 255, 256, 900]).prop_map(|len| vec![b'k'; len])
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

fn run_on_set(
    keys: &mut Keyspace<'_>,
    name: &[u8],
    model: &mut BTreeSet<Vec<u8>>,
    add: bool,
    member: Vec<u8>,
) {
    let settings = keys.settings();
    let mut entry = keys.entry(name);
    if add {
        let mut set = entry.edit_or_insert(|| Set::for_member(&member, 1, settings)).expect("a set");
        assert_eq!(set.add(&member, settings), model.insert(member));
        return;
    }
    let Some(mut set) = entry.edit::<Set>().expect("a set") else { return };
    assert_eq!(set.remove(&member), model.remove(&member));
    let emptied = set.is_empty();
    drop(set);
    if emptied {
        entry.remove_emptied();
    }
}

#[derive(Clone, Debug)]
enum Step {
    Push(End, Vec<u8>),
    Pop(End),
    Set(usize, Vec<u8>),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Expire(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let end = || prop_oneof![Just(End::Left), Just(End::Right)];
    prop_oneof![
        6 => (end(), text()).prop_map(|(end, value)| Step::Push(end, value)),
        4 => end().prop_map(Step::Pop),
        1 => (0..20usize, text()).prop_map(|(index, value)| Step::Set(index, value)),
        1 => (0..20usize, text()).prop_map(|(index, value)| Step::Insert(index, value)),
        1 => (0..20usize, 0..10usize).prop_map(|(start, count)| Step::Remove(start, count)),
        1 => any::<bool>().prop_map(Step::Expire),
    ]
}

fn run_on_list(keys: &mut Keyspace<'_>, name: &[u8], model: &mut VecDeque<Vec<u8>>, step: Step) {
    let settings = keys.settings();
    let mut entry = keys.entry(name);
    match step {
        Step::Push(end, value) => {
            let mut list = entry.edit_or_insert(List::new).expect("a list");
            list.push(end, &value, settings);
            match end {
                End::Left => model.push_front(value),
                End::Right => model.push_back(value),
            }
        }
        Step::Expire(expires) => {
            entry.set_expiry(if expires { Expiry::At(NOW_MS + 1) } else { Expiry::Never });
        }
        _ => {
            let Some(mut list) = entry.edit::<List>().expect("a list") else {
                assert!(model.is_empty());
                return;
            };
            match step {
                Step::Pop(End::Left) => assert_eq!(list.pop(End::Left), model.pop_front()),
                Step::Pop(End::Right) => assert_eq!(list.pop(End::Right), model.pop_back()),
                Step::Set(index, value) => {
                    assert_eq!(list.set(index as i64, &value, settings), index < model.len());
                    if let Some(place) = model.get_mut(index) {
                        *place = value;
                    }
                }
                Step::Insert(index, value) => {
                    let index = index.min(model.len());
                    list.insert(index, &value, settings);
                    model.insert(index, value);
                }
                Step::Remove(start, count) => {
                    list.remove_range(start, count);
                    let start = start.min(model.len());
                    model.drain(start..(start + count).min(model.len()));
                }
                Step::Push(..) | Step::Expire(_) => {}
            }
            let emptied = list.is_empty();
            drop(list);
            if emptied {
                entry.remove_emptied();
            }
        }
    }
}

proptest! {
    #[test]
    fn lists_are_the_same_in_an_entry_and_beside_it(
        steps in prop::collection::vec(step(), 0..80),
        name in name(),
        fill in prop::sample::select(vec![-2i64, 3, -1]),
        depth in 0..2usize,
    ) {
        let engine = Engine::new(EngineOptions { shards: 1, databases: 1, seed: 3 });
        engine.settings().set_list_max_listpack_size(fill);
        engine.settings().set_list_compress_depth(depth);
        let mut keys = all(&engine);
        let mut model = VecDeque::new();
        for step in steps {
            run_on_list(&mut keys, &name, &mut model, step);
            keys.check();
            let Some(list) = list_at(&mut keys, &name) else {
                prop_assert!(model.is_empty());
                continue;
            };
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

    #[test]
    fn sets_are_the_same_in_an_entry_and_beside_it(
        steps in prop::collection::vec((0..4u8, text()), 0..120),
        name in name(),
        integers in any::<bool>(),
    ) {
        let engine = Engine::new(EngineOptions { shards: 1, databases: 1, seed: 3 });
        let mut keys = all(&engine);
        let mut model = BTreeSet::new();
        for (action, member) in steps {
            let member = if integers { member.len().to_string().into_bytes() } else { member };
            run_on_set(&mut keys, &name, &mut model, action > 0, member);
            keys.check();
            let Some(set) = set_at(&mut keys, &name) else {
                prop_assert!(model.is_empty());
                continue;
            };
            let members: BTreeSet<Vec<u8>> = set.iter().map(|member| member.to_vec()).collect();
            prop_assert_eq!((set.len(), &members), (model.len(), &model));
            prop_assert!(model.iter().all(|member| set.contains(member)));
            let copy = set.to_set();
            prop_assert_eq!(copy.view().encoding(), set.encoding());
            prop_assert!(copy.iter().eq(set.iter()));
        }
    }
}

/// Bytes of the entry of a list of so many elements of four bytes each, which take six in a listpack.
fn bytes_of_list(elements: usize) -> usize {
    let engine = Engine::new(EngineOptions { shards: 1, databases: 1, seed: 3 });
    let mut keys = all(&engine);
    let settings = keys.settings();
    for _ in 0..elements {
        let mut list = keys.edit_or_insert(b"list", List::new).expect("a list");
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
    let engine = Engine::new(EngineOptions { shards: 1, databases: 1, seed: 3 });
    let mut keys = all(&engine);
    let settings = keys.settings();
    settings.set_list_max_listpack_size(2);
    keys.edit_or_insert(b"list", List::new).expect("a list").push(End::Left, b"a", settings);
    settings.set_list_max_listpack_size(-2);
    for _ in 0..3 {
        keys.edit_or_insert(b"list", List::new).expect("a list").push(End::Left, b"a", settings);
    }
    let list = list_at(&mut keys, b"list").expect("it is there");
    assert_eq!((list.fill(), list.nodes().len()), (2, 2));
}

#[test]
fn a_new_collection_that_stays_empty_does_not_come_into_being() {
    let engine = Engine::new(EngineOptions { shards: 1, databases: 1, seed: 3 });
    let mut keys = all(&engine);
    drop(keys.edit_or_insert(b"list", List::new).expect("a list"));
    assert!(keys.is_empty());
    keys.check();
}
