//! Redis' glob patterns, matched without recursion and without the exponential cases.
//!
//! | pattern | matches |
//! |---|---|
//! | `*` | any bytes, also none |
//! | `?` | any one byte |
//! | `[abc]` `[a-z]` `[^a-z]` | one byte of the class, or not of it |
//! | `\x` | the byte `x` itself |
//!
//! The corners are Redis' own: a class that does not end is closed by the end of the pattern; a reversed range is turned
//! round; ranges compare bytes as signed (less so when case is ignored); an escaped byte in a class keeps its case even when case is ignored; a
//! backslash at the end is itself; `*` does not match an empty text; behind the thousandth star (those in a row are one,
//! and one at the end is none) nothing matches.
//!
//! Between two stars a pattern is a *segment*, each of whose tokens takes exactly one byte. So the first segment is
//! anchored at the start of the text, the last one at its end, and of those between each is looked for once, from left
//! to right. Literal segments are searched in linear time. A segment with `?` or classes costs, at worst, its length for
//! every byte of text that it is tried at.

use memchr::memmem;

/// Whether `pattern` matches the whole of `text`. `nocase` ignores the case of ASCII letters.
///
/// ```
/// # use carnelian_encoding::glob_match;
/// assert!(glob_match(b"user:*:[a-f]?", b"user:1000:b7", false));
/// assert!(!glob_match(b"user:*:[a-f]?", b"USER:1000:b7", false));
/// assert!(glob_match(b"user:*:[a-f]?", b"USER:1000:B7", true));
/// ```
pub fn glob_match(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    Matcher { nocase, steps: 0 }.run(pattern, text)
}

/// Stars that something may stand behind. Redis recurses once for each and goes no deeper.
const MAX_STARS: usize = 1000;
/// Literal segments shorter than this are not worth a search structure.
const LONG_SEGMENT: usize = 16;

struct Matcher {
    nocase: bool,
    /// Tokens compared and bytes scanned so far; tests bound it.
    steps: usize,
}

/// One token of a pattern.
enum Token<'p> {
    Star,
    Any,
    Literal(u8),
    /// The class without its opening bracket, up to and with its closing one if there is one.
    Class(&'p [u8]),
}

/// Splits the first token off a pattern that is not empty.
fn split_token(pattern: &[u8]) -> (Token<'_>, &[u8]) {
    match pattern {
        [b'*', rest @ ..] => (Token::Star, rest),
        [b'?', rest @ ..] => (Token::Any, rest),
        [b'\\', escaped, rest @ ..] => (Token::Literal(*escaped), rest),
        [b'[', rest @ ..] => {
            let (class, rest) = rest.split_at(class_len(rest));
            (Token::Class(class), rest)
        }
        [byte, rest @ ..] => (Token::Literal(*byte), rest),
        [] => (Token::Literal(0), pattern),
    }
}

/// One item of a class.
enum ClassItem {
    Escaped(u8),
    Range(u8, u8),
    Byte(u8),
}

/// Splits the next item off a class; `None` at its end, with what is behind the closing bracket.
fn split_class_item(class: &[u8]) -> Result<(ClassItem, &[u8]), &[u8]> {
    match class {
        [] => Err(class),
        [b'\\', byte, rest @ ..] => Ok((ClassItem::Escaped(*byte), rest)),
        [b']', rest @ ..] => Err(rest),
        [low, b'-', high, rest @ ..] => Ok((ClassItem::Range(*low, *high), rest)),
        [byte, rest @ ..] => Ok((ClassItem::Byte(*byte), rest)),
    }
}

fn class_len(class: &[u8]) -> usize {
    let mut rest = class.strip_prefix(b"^").unwrap_or(class);
    loop {
        match split_class_item(rest) {
            Ok((_, behind)) => rest = behind,
            Err(behind) => return class.len() - behind.len(),
        }
    }
}

fn class_has(class: &[u8], byte: u8, nocase: bool) -> bool {
    let (mut rest, negated) = match class {
        [b'^', rest @ ..] => (rest, true),
        rest => (rest, false),
    };
    let folded = fold(byte, nocase);
    let mut has = false;
    while let Ok((item, behind)) = split_class_item(rest) {
        has |= match item {
            ClassItem::Escaped(escaped) => escaped == byte,
            ClassItem::Byte(other) => fold(other, nocase) == folded,
            ClassItem::Range(a, b) => {
                // Reversed ranges are turned round before case is folded, which can empty them.
                let (low, high) = ((a as i8).min(b as i8), (a as i8).max(b as i8));
                (range_value(low, nocase)..=range_value(high, nocase))
                    .contains(&range_value(byte as i8, nocase))
            }
        };
        rest = behind;
    }
    has != negated
}

/// Where a byte stands in a range. Ranges compare bytes as signed; but C's `tolower`, through which they go when case is
/// ignored, makes all of the upper half positive except its last one.
fn range_value(byte: i8, nocase: bool) -> i32 {
    match byte {
        _ if !nocase => i32::from(byte),
        -1 => -1,
        byte => i32::from((byte as u8).to_ascii_lowercase()),
    }
}

fn fold(byte: u8, nocase: bool) -> u8 {
    if nocase { byte.to_ascii_lowercase() } else { byte }
}

impl Matcher {
    fn run(&mut self, pattern: &[u8], text: &[u8]) -> bool {
        if text.is_empty() {
            return pattern.is_empty();
        }
        // The part before the first star is anchored at the start.
        let (mut pattern, mut text) = match self.match_anchored(pattern, text) {
            Anchored::Mismatch => return false,
            Anchored::PatternDone { text_left } => return text_left == 0,
            Anchored::Star { pattern, text } => (pattern, text),
        };
        // `pattern` is what is behind a star. Each round takes one more segment.
        for _ in 0..MAX_STARS {
            while let [b'*', rest @ ..] = pattern {
                pattern = rest;
                self.steps += 1;
            }
            if pattern.is_empty() {
                return true;
            }
            let segment = self.segment(pattern);
            if segment.tokens > text.len() {
                return false;
            }
            if segment.behind.is_empty() {
                // The last segment is anchored at the end.
                let tail = &text[text.len() - segment.tokens..];
                return matches!(self.match_anchored(pattern, tail), Anchored::PatternDone { text_left: 0 });
            }
            let Some(end) = self.search(&segment, text) else { return false };
            text = &text[end..];
            pattern = segment.behind;
        }
        // A star behind all of these still matches, if it is the last of the pattern.
        pattern.iter().all(|byte| *byte == b'*')
    }

    /// Matches up to the first star or the end of the pattern.
    fn match_anchored<'a>(&mut self, mut pattern: &'a [u8], mut text: &'a [u8]) -> Anchored<'a> {
        while !pattern.is_empty() {
            let (token, behind) = split_token(pattern);
            if matches!(token, Token::Star) {
                return Anchored::Star { pattern: behind, text };
            }
            self.steps += pattern.len() - behind.len();
            let Some((&byte, text_behind)) = text.split_first() else { return Anchored::Mismatch };
            if !self.token_takes(&token, byte) {
                return Anchored::Mismatch;
            }
            (pattern, text) = (behind, text_behind);
        }
        Anchored::PatternDone { text_left: text.len() }
    }

    fn token_takes(&self, token: &Token<'_>, byte: u8) -> bool {
        match token {
            Token::Any | Token::Star => true,
            Token::Literal(literal) => fold(*literal, self.nocase) == fold(byte, self.nocase),
            Token::Class(class) => class_has(class, byte, self.nocase),
        }
    }

    /// Measures the segment at the start of `pattern`.
    fn segment<'p>(&mut self, pattern: &'p [u8]) -> Segment<'p> {
        let mut segment = Segment { bytes: pattern, behind: pattern, tokens: 0, literal: true };
        while !segment.behind.is_empty() {
            let (token, behind) = split_token(segment.behind);
            match token {
                Token::Star => break,
                Token::Literal(_) => {}
                Token::Any | Token::Class(_) => segment.literal = false,
            }
            segment.tokens += 1;
            segment.behind = behind;
        }
        segment.bytes = &pattern[..pattern.len() - segment.behind.len()];
        self.steps += segment.bytes.len();
        segment
    }

    /// Where in `text` the leftmost match of the segment ends.
    fn search(&mut self, segment: &Segment<'_>, text: &[u8]) -> Option<usize> {
        let plain = segment.literal && segment.tokens == segment.bytes.len();
        if plain && !self.nocase {
            let start = memmem::find(text, segment.bytes);
            self.steps += start.map_or(text.len(), |start| start + segment.tokens);
            return start.map(|start| start + segment.tokens);
        }
        if segment.literal && segment.tokens >= LONG_SEGMENT {
            return self.search_literal(segment, text);
        }
        if segment.bytes.len() >= LONG_SEGMENT {
            return self.search_compiled(segment, text);
        }
        for (start, window) in text.windows(segment.tokens).enumerate() {
            if matches!(self.match_anchored(segment.bytes, window), Anchored::PatternDone { .. }) {
                return Some(start + segment.tokens);
            }
        }
        None
    }

    /// Knuth-Morris-Pratt over folded bytes.
    fn search_literal(&mut self, segment: &Segment<'_>, text: &[u8]) -> Option<usize> {
        let mut needle = Vec::with_capacity(segment.tokens);
        let mut rest = segment.bytes;
        while !rest.is_empty() {
            let (token, behind) = split_token(rest);
            if let Token::Literal(byte) = token {
                needle.push(fold(byte, self.nocase));
            }
            rest = behind;
        }
        // border[i]: how long the longest proper prefix is that also ends needle[..=i].
        let mut border = vec![0usize; needle.len()];
        let mut matched = 0;
        for i in 1..needle.len() {
            while matched > 0 && needle[i] != needle[matched] {
                matched = border[matched - 1];
                self.steps += 1;
            }
            matched += usize::from(needle[i] == needle[matched]);
            border[i] = matched;
        }
        self.steps += needle.len();
        let mut matched = 0;
        for (i, &byte) in text.iter().enumerate() {
            let byte = fold(byte, self.nocase);
            while matched > 0 && byte != needle[matched] {
                matched = border[matched - 1];
                self.steps += 1;
            }
            matched += usize::from(byte == needle[matched]);
            self.steps += 1;
            if matched == needle.len() {
                return Some(i + 1);
            }
        }
        None
    }

    /// Tries every start with the classes turned into bit sets, so that a long class costs nothing per byte of text.
    fn search_compiled(&mut self, segment: &Segment<'_>, text: &[u8]) -> Option<usize> {
        let mut sets: Vec<ByteSet> = Vec::new();
        let mut rest = segment.bytes;
        while !rest.is_empty() {
            let (token, behind) = split_token(rest);
            sets.push(match token {
                Token::Any | Token::Star => ByteSet([u64::MAX; 4]),
                Token::Literal(byte) if self.nocase => ByteSet::of(|other| other.eq_ignore_ascii_case(&byte)),
                Token::Literal(byte) => ByteSet::only(byte),
                Token::Class(class) => ByteSet::of_class(class, self.nocase),
            });
            rest = behind;
        }
        self.steps += segment.bytes.len();
        for (start, window) in text.windows(sets.len()).enumerate() {
            let same = sets.iter().zip(window).take_while(|(set, byte)| set.has(**byte)).count();
            self.steps += same + 1;
            if same == sets.len() {
                return Some(start + same);
            }
        }
        None
    }
}

enum Anchored<'a> {
    Mismatch,
    PatternDone { text_left: usize },
    Star { pattern: &'a [u8], text: &'a [u8] },
}

/// What is between two stars.
struct Segment<'p> {
    bytes: &'p [u8],
    /// The rest of the pattern; starts with a star if it is not empty.
    behind: &'p [u8],
    /// How many bytes of text it takes.
    tokens: usize,
    /// Whether there are no wildcards and classes in it.
    literal: bool,
}

/// A set of byte values.
struct ByteSet([u64; 4]);

impl ByteSet {
    fn only(byte: u8) -> Self {
        let mut set = Self([0; 4]);
        set.insert(byte);
        set
    }

    fn of(has: impl Fn(u8) -> bool) -> Self {
        let mut set = Self([0; 4]);
        (0..=u8::MAX).filter(|&byte| has(byte)).for_each(|byte| set.insert(byte));
        set
    }

    /// The bytes that a class takes, in one pass over the class.
    fn of_class(class: &[u8], nocase: bool) -> Self {
        let (mut rest, negated) = match class {
            [b'^', rest @ ..] => (rest, true),
            rest => (rest, false),
        };
        let mut set = Self([0; 4]);
        while let Ok((item, behind)) = split_class_item(rest) {
            let item_bytes = &rest[..rest.len() - behind.len()];
            match item {
                ClassItem::Escaped(byte) => set.insert(byte),
                ClassItem::Byte(byte) => {
                    set.insert(byte);
                    if nocase {
                        set.insert(byte.to_ascii_lowercase());
                        set.insert(byte.to_ascii_uppercase());
                    }
                }
                ClassItem::Range(..) => {
                    (0..=u8::MAX)
                        .filter(|&byte| class_has(item_bytes, byte, nocase))
                        .for_each(|byte| set.insert(byte));
                }
            }
            rest = behind;
        }
        if negated { Self(set.0.map(|bits| !bits)) } else { set }
    }

    fn insert(&mut self, byte: u8) {
        self.0[byte as usize / 64] |= 1 << (byte % 64);
    }

    fn has(&self, byte: u8) -> bool {
        self.0[byte as usize / 64] & 1 << (byte % 64) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(pattern: &[u8], text: &[u8], nocase: bool) -> usize {
        let mut matcher = Matcher { nocase, steps: 0 };
        matcher.run(pattern, text);
        matcher.steps
    }

    /// Hostile patterns that make a backtracking matcher take time exponential or quadratic in their length: the steps
    /// here are bounded by a small multiple of what goes in.
    #[test]
    fn steps_grow_linearly_with_hostile_patterns() {
        for size in [1_000, 1_000_000] {
            let text = vec![b'a'; size];
            let mut hostile = vec![
                [b"a*".repeat(size / 2), b"b".to_vec()].concat(),
                b"*?".repeat(size / 2),
                [b"*".to_vec(), b"a".repeat(size / 2), b"b*".to_vec()].concat(),
                [b"*a".repeat(size / 4), b"b".repeat(size / 4), b"*".to_vec()].concat(),
                b"*".repeat(size),
                b"[".repeat(size),
                b"\\".repeat(size),
                [b"*[".to_vec(), b"b".repeat(size), b"]*".to_vec()].concat(),
            ];
            hostile.push(b"?".repeat(size));
            for pattern in hostile {
                for nocase in [false, true] {
                    let taken = steps(&pattern, &text, nocase);
                    let head = String::from_utf8_lossy(&pattern[..10]);
                    assert!(taken <= 6 * size, "{head}… took {taken} steps for {size} bytes");
                }
            }
        }
    }
}
