//! The glob matcher against a plain backtracking one that follows Redis' rules token by token.
#![allow(missing_docs)]

use carnelian_encoding::glob_match;
use proptest::prelude::*;

fn fold(byte: u8, nocase: bool) -> u8 {
    if nocase { byte.to_ascii_lowercase() } else { byte }
}

/// Whether the class at `pattern[at..]` (behind its bracket) takes the byte, and where the class ends.
fn class(pattern: &[u8], mut at: usize, byte: u8, nocase: bool) -> (bool, usize) {
    let negated = pattern.get(at) == Some(&b'^');
    at += usize::from(negated);
    let mut has = false;
    while at < pattern.len() {
        if pattern[at] == b'\\' && at + 1 < pattern.len() {
            has |= pattern[at + 1] == byte;
            at += 2;
        } else if pattern[at] == b']' {
            return (has != negated, at + 1);
        } else if at + 2 < pattern.len() && pattern[at + 1] == b'-' {
            let (a, b) = (pattern[at] as i8, pattern[at + 2] as i8);
            // What C's tolower makes of signed bytes.
            let lower = |byte: i8| match byte {
                _ if !nocase => i32::from(byte),
                -1 => -1,
                byte => i32::from((byte as u8).to_ascii_lowercase()),
            };
            has |= (lower(a.min(b))..=lower(a.max(b))).contains(&lower(byte as i8));
            at += 3;
        } else {
            has |= fold(pattern[at], nocase) == fold(byte, nocase);
            at += 1;
        }
    }
    (has != negated, at)
}

fn backtrack(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    match pattern.first() {
        None => text.is_empty(),
        Some(b'*') => {
            backtrack(&pattern[1..], text, nocase)
                || (!text.is_empty() && backtrack(pattern, &text[1..], nocase))
        }
        Some(_) if text.is_empty() => false,
        Some(b'?') => backtrack(&pattern[1..], &text[1..], nocase),
        Some(b'[') => {
            let (takes, end) = class(pattern, 1, text[0], nocase);
            takes && backtrack(&pattern[end..], &text[1..], nocase)
        }
        Some(&first) => {
            let escaped = first == b'\\' && pattern.len() > 1;
            let literal = if escaped { pattern[1] } else { first };
            fold(literal, nocase) == fold(text[0], nocase)
                && backtrack(&pattern[1 + usize::from(escaped)..], &text[1..], nocase)
        }
    }
}

fn check(pattern: &[u8], text: &[u8], expected: bool) {
    let shown = (String::from_utf8_lossy(pattern), String::from_utf8_lossy(text));
    assert_eq!(glob_match(pattern, text, false), expected, "{shown:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn agrees_with_backtracking(
        pattern in prop::collection::vec(
            prop::sample::select(b"aaabbAB**?[]^-\\\xFFz".to_vec()), 0..14),
        text in prop::collection::vec(prop::sample::select(b"aaabbABz]-^\\\xFF*".to_vec()), 1..12),
        nocase in any::<bool>(),
    ) {
        prop_assert_eq!(glob_match(&pattern, &text, nocase), backtrack(&pattern, &text, nocase));
    }

    /// Long segments take the search structures.
    #[test]
    fn agrees_with_backtracking_on_long_segments(
        segment in prop::collection::vec(prop::sample::select(b"aaaaab?".to_vec()), 14..24),
        escape in any::<bool>(),
        text in prop::collection::vec(prop::sample::select(b"aaaaaaAb".to_vec()), 1..60),
        nocase in any::<bool>(),
    ) {
        let escaped: &[u8] = if escape { b"\\a[ab]" } else { b"" };
        let pattern = [b"*", &segment[..], escaped, b"*"].concat();
        let expected = backtrack(&pattern[..pattern.len() - 1], &text, nocase)
            || (0..text.len()).any(|end| backtrack(&pattern[..pattern.len() - 1], &text[..end], nocase));
        prop_assert_eq!(glob_match(&pattern, &text, nocase), expected);
    }
}

#[test]
fn corners_are_those_of_redis() {
    check(b"", b"", true);
    check(b"*", b"", false); // KEYS * never gets here; any other use sees this.
    check(b"**", b"x", true);
    check(b"a*", b"a", true);
    check(b"?", b"", false);
    check(b"[abc", b"b", true); // the end of the pattern closes a class
    check(b"[", b"a", false);
    check(b"[^", b"a", true);
    check(b"[]", b"]", false);
    check(b"[z-a]", b"m", true); // reversed ranges are turned round
    check(b"[a-]", b"a", true); // the bracket is the end of the range
    check(b"[\\]]", b"]", true);
    check(b"[a\\", b"\\", true);
    check(b"\\", b"\\", true);
    check(b"\\*", b"*", true);
    check(b"\\*", b"x", false);
    check(b"h[^e]llo", b"hello", false);
    check(b"h[a-b]llo", b"hallo", true);
    assert!(!glob_match(b"[Z-a]", b"a", true), "folding empties this range");
    assert!(glob_match(b"HeLLo*", b"hEllO world", true));
    assert!(glob_match(b"[B-\x80]", b"A", false), "signed, so the range goes down to the least byte");
    assert!(!glob_match(b"[B-\x80]", b"A", true));
    assert!(!glob_match(b"[\\A]", b"a", true), "an escaped byte in a class keeps its case");
}

#[test]
fn behind_a_thousand_stars_nothing_matches() {
    for (stars, matches) in [(1000, true), (1001, false), (50_000, false)] {
        let text = vec![b'a'; stars];
        let pattern = b"*?".repeat(stars);
        assert_eq!(glob_match(&pattern, &text, false), matches, "{stars} stars");
        assert_eq!(
            glob_match(&pattern.to_ascii_uppercase(), &text, true),
            matches,
            "{stars} stars, any case"
        );
    }
    // Stars in a row are one, and those at the end are not counted.
    let pattern = [b"**?".repeat(1000), b"***".to_vec()].concat();
    assert!(glob_match(&pattern, &[b'a'; 1000], false));
    assert!(glob_match(&pattern, &[b'a'; 2000], false));
}
