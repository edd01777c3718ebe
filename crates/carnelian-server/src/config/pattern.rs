//! Glob patterns over names, without regard to case.

/// One step of a pattern.
#[derive(Debug, Clone)]
enum Step {
    /// `*`; never two in a row.
    Many,
    /// One byte out of a set: `?`, `[...]`, or a plain byte in both cases.
    One(Box<[bool; 256]>),
}

/// A pattern, taken apart once. Matching takes at most the length of the pattern times that of the name, and a pattern with
/// more steps than a name has bytes is refused at once, so that a megabyte of pattern costs one pass over it.
#[derive(Debug)]
pub(super) struct Pattern {
    steps: Vec<Step>,
    least_len: usize,
}

/// No name is longer; a pattern that wants more cannot match.
const NAME_MAX: usize = 128;

impl Pattern {
    pub(super) fn new(pattern: &[u8]) -> Self {
        let mut steps: Vec<Step> = Vec::new();
        let mut least_len = 0;
        let mut rest = pattern;
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            if byte == b'*' {
                if !matches!(steps.last(), Some(Step::Many)) {
                    steps.push(Step::Many);
                }
                continue;
            }
            least_len += 1;
            if least_len > NAME_MAX {
                break;
            }
            let mut set = Box::new([false; 256]);
            match (byte, rest) {
                (b'?', _) => set.fill(true),
                (b'[', _) => rest = class(rest, &mut set),
                (b'\\', [escaped, after @ ..]) => {
                    add(&mut set, *escaped, *escaped);
                    rest = after;
                }
                _ => add(&mut set, byte, byte),
            }
            steps.push(Step::One(set));
        }
        Self { steps, least_len }
    }

    pub(super) fn matches(&self, name: &[u8]) -> bool {
        if name.len() < self.least_len {
            return false;
        }
        let (mut step, mut at) = (0, 0);
        // Where to go on after a mismatch: behind the last `*`, one byte further.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match self.steps.get(step) {
                None if at == name.len() => return true,
                Some(Step::Many) => {
                    step += 1;
                    retry = Some((step, at));
                    continue;
                }
                Some(Step::One(set)) if name.get(at).is_some_and(|b| set[usize::from(*b)]) => {
                    (step, at) = (step + 1, at + 1);
                    continue;
                }
                _ => {}
            }
            match retry {
                Some((behind, from)) if from < name.len() => {
                    (step, at) = (behind, from + 1);
                    retry = Some((behind, from + 1));
                }
                _ => return false,
            }
        }
    }
}

/// Adds a range of bytes, in both cases.
fn add(set: &mut [bool; 256], first: u8, last: u8) {
    let (first, last) = (first.to_ascii_lowercase(), last.to_ascii_lowercase());
    let (first, last) = (first.min(last), first.max(last));
    for byte in 0..=255_u8 {
        if (first..=last).contains(&byte.to_ascii_lowercase()) {
            set[usize::from(byte)] = true;
        }
    }
}

/// Reads a class behind its `[`; gives what follows it. A class that is not closed ends with the pattern.
fn class<'a>(mut rest: &'a [u8], set: &mut [bool; 256]) -> &'a [u8] {
    let negated = rest.first() == Some(&b'^');
    if negated {
        rest = &rest[1..];
    }
    loop {
        rest = match rest {
            [] => break,
            [b']', after @ ..] => {
                rest = after;
                break;
            }
            [b'\\', escaped, after @ ..] => {
                add(set, *escaped, *escaped);
                after
            }
            [first, b'-', last, after @ ..] => {
                add(set, *first, *last);
                after
            }
            [byte, after @ ..] => {
                add(set, *byte, *byte);
                after
            }
        };
    }
    if negated {
        for member in set.iter_mut() {
            *member = !*member;
        }
    }
    rest
}
