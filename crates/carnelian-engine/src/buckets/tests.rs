//! The index against a map of the standard library.

use super::{Bucket, Buckets, Items, NEVER_DUE, PLACES, matching, matching_portable};
use crate::arena::Ref;
use crate::rng::Rng;
use proptest::prelude::*;
use std::collections::{BTreeSet, HashMap};

/// Items that are the numbers in their references.
struct Numbers;

fn hash(number: u32) -> u64 {
    // The finalizer of SplitMix64.
    let mut hash = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

fn reference(number: u32) -> Ref {
    Ref::from_number(number)
}

impl Items for Numbers {
    fn hash(&self, at: Ref) -> u64 {
        hash(at.number())
    }

    fn prefetch(&self, _: Ref) {}
}

fn insert(buckets: &mut Buckets, number: u32) {
    buckets.insert(hash(number), reference(number), &Numbers);
}

fn find(buckets: &Buckets, number: u32) -> Option<super::Place> {
    buckets.find(hash(number), |at: Ref| at.number() == number).map(|(place, _)| place)
}

proptest! {
    #[test]
    fn behaves_as_a_map(ops in prop::collection::vec((0u32..400, any::<bool>(), 0u32..50), 0..1500)) {
        let mut buckets = Buckets::default();
        let mut model: HashMap<u32, u32> = HashMap::new();
        for (number, add, due) in ops {
            let found = find(&buckets, number);
            prop_assert_eq!(found.is_some(), model.contains_key(&number));
            match (add, found) {
                (true, None) => {
                    let place = buckets.insert(hash(number), reference(number), &Numbers);
                    prop_assert_eq!(Some(place), find(&buckets, number));
                    buckets.note_due(place.pair(), due);
                    model.insert(number, due);
                }
                (false, Some(place)) => {
                    buckets.remove(place);
                    buckets.shrink(&Numbers);
                    model.remove(&number);
                }
                _ => {}
            }
            buckets.check(&Numbers, |at| model[&at.number()]);
        }
        prop_assert_eq!(buckets.len(), model.len());
        let all: BTreeSet<u32> = buckets.iter().map(Ref::number).collect();
        prop_assert_eq!(all, model.keys().copied().collect::<BTreeSet<_>>());
        // Every item that is due is in a pair that is found.
        let mut from = 0;
        let mut due = BTreeSet::new();
        while let Some(pair) = buckets.next_due(from, 20) {
            let mut rest = NEVER_DUE;
            buckets.visit_pair(pair, |_, at| {
                let when = model[&at.number()];
                if when <= 20 { due.insert(at.number()); } else { rest = rest.min(when); }
            });
            buckets.set_due(pair, rest);
            from = pair + 1;
        }
        let expected: BTreeSet<u32> = model.iter().filter(|(_, when)| **when <= 20).map(|(n, _)| *n).collect();
        prop_assert_eq!(due, expected);
    }

    #[test]
    fn scan_visits_all_that_stay(
        stay in prop::collection::btree_set(0u32..10_000, 1..600),
        churn in prop::collection::vec((10_000u32..12_000, any::<bool>()), 0..4_000),
    ) {
        let mut buckets = Buckets::default();
        for &number in &stay {
            insert(&mut buckets, number);
        }
        let mut seen = BTreeSet::new();
        let mut cursor = 0;
        let mut churn = churn.chunks(61);
        loop {
            cursor = buckets.scan(cursor, |at| { seen.insert(at.number()); });
            if cursor == 0 { break; }
            for &(number, add) in churn.next().unwrap_or(&[]) {
                match (add, find(&buckets, number)) {
                    (true, None) => insert(&mut buckets, number),
                    (false, Some(place)) => {
                        buckets.remove(place);
                        buckets.shrink(&Numbers);
                    }
                    _ => {}
                }
            }
        }
        prop_assert!(stay.is_subset(&seen));
    }

    #[test]
    fn the_portable_comparison_agrees(tags in prop::array::uniform12(0u8..4), tag in 0u8..4) {
        prop_assert_eq!(matching(&tags, u32::from_le_bytes([tag; 4]), tag), matching_portable(&tags, tag));
    }
}

#[test]
fn emptied_table_gives_its_pairs_back() {
    let mut buckets = Buckets::default();
    for number in 0..100_000 {
        insert(&mut buckets, number);
    }
    let full = buckets.heap_bytes();
    for number in 0..99_990 {
        let place = find(&buckets, number).unwrap();
        buckets.remove(place);
        buckets.shrink(&Numbers);
    }
    buckets.check(&Numbers, |_| NEVER_DUE);
    assert!(buckets.heap_bytes() < 2048, "{} of {full} bytes for 10 items", buckets.heap_bytes());
}

#[test]
fn an_item_takes_seven_bytes_and_a_little_at_every_size() {
    let mut buckets = Buckets::default();
    for number in 0..600_000 {
        insert(&mut buckets, number);
        if number > 100_000 && number % 5_000 == 0 {
            let bytes = (2 * buckets.pairs() + buckets.overflowing as usize) * size_of::<Bucket>();
            let each = bytes as f64 / buckets.len() as f64;
            assert!(each < 7.4, "{each} bytes an item among {number}");
        }
    }
}

#[test]
fn any_item_may_be_drawn() {
    let mut buckets = Buckets::default();
    for number in 0..1_000 {
        insert(&mut buckets, number);
    }
    let mut rng = Rng::new(7);
    let mut drawn = vec![0u32; 1_000];
    for _ in 0..100_000 {
        let (place, at) = buckets.random(&mut rng, &Numbers).unwrap();
        assert_eq!(buckets.get(place), at);
        drawn[at.number() as usize] += 1;
    }
    // A hundred each are expected, with a standard deviation of ten.
    assert!(drawn.iter().all(|count| (40..170).contains(count)), "{drawn:?}");
    assert_eq!(PLACES * size_of::<Ref>() + PLACES + 4, size_of::<Bucket>());
}
