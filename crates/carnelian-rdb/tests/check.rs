//! The lines of `redis-check-rdb`, as version 7.0.15 printed them for the same files.
#![allow(missing_docs)]

mod common;

use carnelian_rdb::check;
use common::REAL_FILES;
use std::path::PathBuf;

const NOW_MS: i64 = 4_000_000_000_000;

/// The lines for a file of these bytes without the first, which names it.
fn lines(bytes: &[u8]) -> (String, i32) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.rdb");
    std::fs::write(&path, bytes).unwrap();
    let mut out = Vec::new();
    let outcome = check(&path, NOW_MS, &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    let (first, rest) = out.split_once('\n').unwrap();
    assert_eq!(first, format!("[offset 0] Checking RDB file {}", path.display()));
    (rest.to_owned(), outcome.exit_code())
}

#[test]
fn good_files() {
    let (text, exit) = lines(b"REDIS0010\xFA\x03ver\x017\xFE\x03\xFC\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01k\x01v\xFF\0\0\0\0\0\0\0\0");
    let expected = "\
[offset 16] AUX FIELD ver = '7'
[offset 18] Selecting DB ID 3
[offset 41] RDB file was saved with checksum disabled: no check performed.
[offset 41] \\o/ RDB looks OK! \\o/
[info] 1 keys read
[info] 1 expires
[info] 1 already expired
";
    assert_eq!((text.as_str(), exit), (expected, 0));
    let (text, exit) = lines(REAL_FILES[0]);
    let size = REAL_FILES[0].len();
    assert!(
        text.contains(&format!("[offset {size}] Checksum OK\n[offset {size}] \\o/ RDB looks OK! \\o/\n"))
    );
    assert!(text.ends_with("[info] 22 keys read\n[info] 1 expires\n[info] 0 already expired\n"), "{text}");
    assert_eq!(exit, 0);
}

#[test]
fn damaged_files() {
    let (text, exit) = lines(b"REDIS0010\xFE\x00\x00\x03key\x05val");
    let expected = "\
[offset 11] Selecting DB ID 0
--- RDB ERROR DETECTED ---
[offset 20] Unexpected EOF reading RDB file
[additional info] While doing: read-object-value
[additional info] Reading key 'key'
[additional info] Reading type 0 (string)
[info] 1 keys read
[info] 0 expires
[info] 0 already expired
";
    assert_eq!((text.as_str(), exit), (expected, 1));
    let (text, _) = lines(b"REDIS0010\x02\x01e\x00");
    assert!(text.contains(
        "[additional info] Reading key 'e'\n[additional info] Reading type 2 (set-hashtable)\n[info] 1 keys"
    ));
    let (text, exit) = lines(b"REDIS0010\xFF\x01\x02\x03\x04\x05\x06\x07\x08");
    assert!(text.starts_with(
        "--- RDB ERROR DETECTED ---\n[offset 18] RDB CRC error\n[additional info] While doing: check-sum\n"
    ));
    assert_eq!(exit, 1);
    let (text, _) = lines(b"REDIS9999");
    assert!(text.starts_with("--- RDB ERROR DETECTED ---\n[offset 9] Can't handle RDB format version 9999\n[additional info] While doing: start\n"));
}

#[test]
fn a_file_that_cannot_be_opened() {
    let mut out = Vec::new();
    let outcome = check(&PathBuf::from("/no/such/file"), NOW_MS, &mut out).unwrap();
    assert_eq!(outcome.exit_code(), 1);
    assert_eq!(out, b"[offset 0] Checking RDB file /no/such/file\n");
}
