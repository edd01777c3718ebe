//! Compression against an independent implementation.
#![allow(missing_docs)]

use carnelian_encoding::lzf::{Compressor, LzfError, decompress};
use proptest::prelude::*;

fn input() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 1..300),
        prop::collection::vec(prop::sample::select(b"ab".to_vec()), 1..2000),
        (prop::collection::vec(any::<u8>(), 1..50), 1usize..600).prop_map(|(part, times)| part.repeat(times)),
    ]
}

proptest! {
    #[test]
    fn the_other_implementation_reads_ours(inputs in prop::collection::vec(input(), 1..5)) {
        // One compressor for all: what it remembers of one string must not show in the next.
        let mut compressor = Compressor::new();
        for input in inputs {
            let mut out = b"kept".to_vec();
            if compressor.compress(&input, usize::MAX, &mut out) {
                prop_assert_eq!(&out[..4], b"kept");
                prop_assert_eq!(&decompress(&out[4..], input.len()).unwrap(), &input);
                prop_assert_eq!(lzf::decompress(&out[4..], input.len()).unwrap(), input);
            }
        }
    }

    #[test]
    fn ours_reads_the_other_implementation(input in input()) {
        if let Ok(compressed) = lzf::compress(&input) {
            prop_assert_eq!(decompress(&compressed, input.len()), Ok(input));
        }
    }

    #[test]
    fn hostile_streams_never_panic(stream in prop::collection::vec(any::<u8>(), 0..60), len in 0usize..10_000) {
        if let Ok(out) = decompress(&stream, len) {
            prop_assert_eq!(out.len(), len);
        }
    }
}

#[test]
fn claims_are_bounded_by_the_input() {
    assert_eq!(decompress(b"\x00a", usize::MAX), Err(LzfError));
    assert_eq!(decompress(b"\x00a", 177), Err(LzfError));
    assert_eq!(decompress(b"", 0), Ok(Vec::new()));
    assert_eq!(decompress(b"\x20\x00", 3), Err(LzfError), "a copy of nothing");
}

#[test]
fn what_does_not_get_smaller_is_left_alone() {
    let mut compressor = Compressor::new();
    let mut out = b"kept".to_vec();
    let noise: Vec<u8> = (0..200u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    assert!(!compressor.compress(&noise, noise.len() - 4, &mut out));
    assert_eq!(out, b"kept");
    assert!(compressor.compress(&[b'a'; 100], 96, &mut out));
    assert!(out.len() < 20);
}

/// Recorded from the compressor of redis-server 7.0.15. The last two bytes are not always left over.
#[test]
fn choices_are_those_of_redis() {
    let mut out = Vec::new();
    assert!(Compressor::new().compress(&[b'b'; 21], 17, &mut out));
    assert_eq!(out, [1, b'b', b'b', 0xE0, 10, 0]);
    out.clear();
    assert!(Compressor::new().compress(b"mlupqjjsohxpqgtcgoqumlupqjjsohxpqgtcgoqu", 36, &mut out));
    assert_eq!(out.len(), 25);
}
