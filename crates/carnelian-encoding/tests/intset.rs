//! The intset against an ordered set.
#![allow(missing_docs)]

use carnelian_encoding::{IntSet, IntSetError};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn value() -> impl Strategy<Value = i64> {
    prop_oneof![
        -40i64..40,
        any::<i16>().prop_map(i64::from),
        any::<i32>().prop_map(i64::from),
        any::<i64>(),
        prop::sample::select(vec![
            i16::MIN as i64 - 1,
            i16::MAX as i64 + 1,
            i32::MIN as i64 - 1,
            i32::MAX as i64 + 1,
            i64::MIN,
            i64::MAX
        ]),
    ]
}

proptest! {
    #[test]
    fn behaves_like_an_ordered_set(
        steps in prop::collection::vec((any::<bool>(), value()), 0..120),
        small in any::<bool>(),
    ) {
        let (mut set, mut model) = (IntSet::new(), BTreeSet::new());
        for (insert, value) in steps {
            let value = if small { value % 100 } else { value };
            if insert {
                prop_assert_eq!(set.insert(value), model.insert(value));
            } else {
                prop_assert_eq!(set.remove(value), model.remove(&value));
            }
            prop_assert_eq!(set.contains(value), model.contains(&value));
            set.check();
        }
        prop_assert_eq!(set.len(), model.len());
        prop_assert_eq!(set.min(), model.first().copied());
        prop_assert_eq!(set.max(), model.last().copied());
        prop_assert!(set.iter().eq(model.iter().copied()));
        prop_assert!(set.iter().rev().eq(model.iter().rev().copied()));
        prop_assert_eq!(set.get(model.len()), None);
        let copy = IntSet::from_bytes(set.as_bytes().to_vec());
        prop_assert_eq!(copy, Ok(set));
    }

    #[test]
    fn bytes_from_outside_never_panic(
        width in prop::sample::select(vec![0u32, 1, 2, 4, 8, 256, u32::MAX]),
        count in prop_oneof![0u32..6, any::<u32>()],
        payload in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let bytes = [&width.to_le_bytes()[..], &count.to_le_bytes(), &payload].concat();
        if let Ok(set) = IntSet::from_bytes(bytes) {
            let values: Vec<i64> = set.iter().collect();
            prop_assert!(values.is_sorted_by(|a, b| a < b));
        }
    }
}

#[test]
fn bytes_are_those_of_redis() {
    // Recorded from DUMP on redis-server 7.0.15: SADD s 3 -1 2, then SADD s 70000, then SADD s 5000000000.
    let mut set: IntSet = [3, -1, 2].into_iter().collect();
    assert_eq!(set.as_bytes(), [2, 0, 0, 0, 3, 0, 0, 0, 0xFF, 0xFF, 2, 0, 3, 0]);
    set.insert(70_000);
    assert_eq!(set.as_bytes()[..12], [4, 0, 0, 0, 4, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
    set.insert(5_000_000_000);
    assert_eq!(set.as_bytes()[..8], [8, 0, 0, 0, 5, 0, 0, 0]);
    assert_eq!(set.as_bytes()[40..], 5_000_000_000i64.to_le_bytes());
    set.remove(5_000_000_000);
    assert_eq!(set.as_bytes()[..8], [8, 0, 0, 0, 4, 0, 0, 0], "the width never shrinks");
}

#[test]
fn names_what_is_wrong_with_bytes() {
    let bytes = |bytes: &[u8]| IntSet::from_bytes(bytes.to_vec()).err();
    assert_eq!(bytes(&[2, 0, 0]), Some(IntSetError::TooShort));
    assert_eq!(bytes(&[3, 0, 0, 0, 0, 0, 0, 0]), Some(IntSetError::BadWidth { width: 3 }));
    assert_eq!(
        bytes(&[2, 0, 0, 0, 2, 0, 0, 0, 1, 0]),
        Some(IntSetError::WrongCount { header: 2, payload_bytes: 2 })
    );
    assert_eq!(bytes(&[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0]), Some(IntSetError::NotAscending { index: 1 }));
}
