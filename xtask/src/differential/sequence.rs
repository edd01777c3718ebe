//! Random sequences of commands on several connections.

use super::commands::{Check, Rule, blocking_rules, connection_rules, rules};
use super::rng::Rng;

/// Connections of a sequence. The odd ones speak RESP3.
pub(crate) const CONNECTIONS: usize = 4;

/// One command on one connection.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) connection: usize,
    pub(crate) args: Vec<Vec<u8>>,
    pub(crate) check: Check,
}

impl Step {
    /// The command's name in upper case.
    pub(crate) fn name(&self) -> String {
        String::from_utf8_lossy(&self.args[0]).to_ascii_uppercase()
    }

    /// Whether both servers choose at random what the command changes, so that they must be brought together again.
    pub(crate) fn diverges(&self) -> bool {
        self.args[0].eq_ignore_ascii_case(b"SPOP")
    }
}

/// The tables and how likely their lines are.
pub(crate) struct Generator {
    common: Weighted,
    connection: Weighted,
    blocking: Weighted,
}

struct Weighted {
    rules: Vec<Rule>,
    total: usize,
}

impl Weighted {
    fn new(rules: Vec<Rule>) -> Self {
        let total = rules.iter().map(|rule| rule.weight).sum();
        Self { rules, total }
    }

    fn pick(&self, rng: &mut Rng) -> &Rule {
        let mut at = rng.below(self.total);
        for rule in &self.rules {
            match at.checked_sub(rule.weight) {
                Some(rest) => at = rest,
                None => return rule,
            }
        }
        unreachable!("the weights add up to the total")
    }

    /// Appends one command, and after a random choice the command that can tell whether it was a possible one.
    fn one(&self, rng: &mut Rng, connection: usize, steps: &mut Vec<Step>) {
        let rule = self.pick(rng);
        let mut args = Vec::new();
        rule.syntax.emit(rng, &mut args);
        disturb(rng, &mut args);
        let check = refine(rule.check, &args);
        let witness = (check == Check::Random).then(|| witness(&args));
        steps.push(Step { connection, args, check });
        if let Some(args) = witness {
            steps.push(Step { connection, args, check: Check::Unordered });
        }
    }
}

impl Generator {
    pub(crate) fn new() -> Self {
        Self {
            common: Weighted::new(rules()),
            connection: Weighted::new(connection_rules()),
            blocking: Weighted::new(blocking_rules()),
        }
    }

    /// At least `commands` steps.
    pub(crate) fn sequence(&self, rng: &mut Rng, commands: usize) -> Vec<Step> {
        let mut steps = Vec::with_capacity(commands + 16);
        while steps.len() < commands {
            let connection = rng.below(CONNECTIONS);
            // One connection has the word for a while, so that its commands go out together.
            let until = steps.len() + 1 + rng.below(48);
            while steps.len() < until.min(commands) {
                self.passage(rng, connection, &mut steps);
            }
        }
        set_apart(&mut steps);
        forget_errors(steps)
    }

    fn passage(&self, rng: &mut Rng, connection: usize, steps: &mut Vec<Step>) {
        match rng.below(100) {
            0..3 => self.transaction(rng, connection, steps),
            3..6 => self.connection.one(rng, connection, steps),
            6..8 => self.blocked(rng, connection, steps),
            8 => {
                // A watch that another connection may break before this one's next transaction.
                let mut args = vec![b"WATCH".to_vec()];
                super::grammar::Node::parse("key...").emit(rng, &mut args);
                steps.push(Step { connection, args, check: Check::Exact });
            }
            _ => self.common.one(rng, connection, steps),
        }
    }

    fn transaction(&self, rng: &mut Rng, connection: usize, steps: &mut Vec<Step>) {
        let say = |line: &str| {
            let args = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
            Step { connection, args, check: Check::Exact }
        };
        steps.push(say("MULTI"));
        for _ in 0..rng.below(6) {
            let from = if rng.chance(8) { &self.blocking } else { &self.common };
            let before = steps.len();
            from.one(rng, connection, steps);
            // What is random cannot be put right before the rest of the transaction has run.
            if steps[before].diverges() {
                steps.truncate(before);
            }
        }
        if rng.chance(5) {
            let strays = ["MULTI", "WATCH x0", "UNWATCH", "nosuchcommand"];
            steps.push(say(strays[rng.below(strays.len())]));
        }
        steps.push(say(if rng.chance(85) { "EXEC" } else { "DISCARD" }));
    }

    fn blocked(&self, rng: &mut Rng, connection: usize, steps: &mut Vec<Step>) {
        let rule = self.blocking.pick(rng);
        let mut args = Vec::new();
        rule.syntax.emit(rng, &mut args);
        let key = args.iter().find(|arg| matches!(arg.as_slice(), [b'l', b'0'..=b'9'])).cloned();
        if let Some(key) = key {
            let mut push = vec![b"RPUSH".to_vec(), key];
            super::grammar::Node::parse("element...").emit(rng, &mut push);
            steps.push(Step { connection, args: push, check: Check::Exact });
        }
        steps.push(Step { connection, args, check: rule.check });
    }
}

/// Seldom makes a good command into a wrong one.
fn disturb(rng: &mut Rng, args: &mut Vec<Vec<u8>>) {
    match rng.below(60) {
        0 => {
            args.pop();
            if args.is_empty() {
                args.push(b"PING".to_vec());
            }
        }
        1 => args.push(rng.pick(&[&b"extra"[..], b"", b"NX", b"1", b"COUNT", b"GET"]).to_vec()),
        2 if args.len() > 2 => {
            let (one, other) = (1 + rng.below(args.len() - 1), 1 + rng.below(args.len() - 1));
            args.swap(one, other);
        }
        3 => args[0].make_ascii_lowercase(),
        4 => {
            // Options are words too; keys and values are mostly small already.
            args.iter_mut().skip(2).for_each(|arg| arg.make_ascii_lowercase());
        }
        5 if args.len() > 1 => args.truncate(1),
        _ => {}
    }
    undo_harm(args);
}

/// Takes back what a command must not ask for: an expiry that comes due within the run, gigabytes, two thousand million
/// random elements, or an order among equals that no server promises and STORE would keep.
fn undo_harm(args: &mut Vec<Vec<u8>>) {
    let number = |at: usize| {
        let text = std::str::from_utf8(args.get(at)?).ok()?;
        text.strip_prefix('#').unwrap_or(text).parse::<i64>().ok()
    };
    let within = |at: usize, low: i64, high: i64| number(at).is_some_and(|n| (low..=high).contains(&n));
    let is = |at: usize, word: &[u8]| args.get(at).is_some_and(|arg| arg.eq_ignore_ascii_case(word));
    let any = |test: &dyn Fn(usize) -> bool| (1..args.len()).any(test);
    let harmful = match args[0].to_ascii_uppercase().as_slice() {
        b"SETBIT" => within(2, 1_000_000, 0xffff_ffff),
        b"SETRANGE" => within(2, 1_000_000, 512 << 20),
        b"BITFIELD" => {
            any(&|at| (is(at, b"SET") || is(at, b"INCRBY")) && within(at + 2, 1_000_000, 0xffff_ffff))
        }
        b"HRANDFIELD" | b"SRANDMEMBER" => any(&|at| within(at, i64::MIN + 1, -100_000)),
        b"EXPIRE" | b"SETEX" => within(2, 1, 999),
        b"PEXPIRE" | b"PSETEX" | b"RESTORE" => within(2, 1, 99_999),
        b"SET" | b"GETEX" => any(&|at| {
            let relative =
                is(at, b"EX") && within(at + 1, 1, 999) || is(at, b"PX") && within(at + 1, 1, 99_999);
            // SET stores even what is due already, and whether DBSIZE still counts it depends on the moment.
            let due = is(at, b"EXAT") && within(at + 1, 1, 4_000_000_000)
                || is(at, b"PXAT") && within(at + 1, 1, 4_000_000_000_000);
            relative || due
        }),
        b"SORT" => any(&|at| is(at, b"BY")) && any(&|at| is(at, b"ALPHA")) && any(&|at| is(at, b"STORE")),
        _ => false,
    };
    if harmful {
        *args = vec![b"PING".to_vec()];
    }
}

/// Gives each expiry that counts only if it is later (GT) or earlier (LT) a time of its own, ten seconds and more from every
/// other: between equal ones the millisecond decides in which each server came to see them.
fn set_apart(steps: &mut [Step]) {
    // Between 5,000 s and 99,999 s, which other commands use; the factor walks over all of the times and mixes them.
    let mut times = (0..8900).cycle().map(|at: u64| 10_000 + at * 7919 % 8900 * 10);
    for step in steps {
        let unit = match step.name().as_str() {
            "EXPIRE" => 1,
            "PEXPIRE" => 1000,
            _ => continue,
        };
        let is_condition = |arg: &Vec<u8>| arg.eq_ignore_ascii_case(b"GT") || arg.eq_ignore_ascii_case(b"LT");
        let is_time = step.args.get(2).is_some_and(|arg| {
            arg.first().is_some_and(|digit| (b'1'..=b'9').contains(digit))
                && std::str::from_utf8(arg).is_ok_and(|text| text.parse::<u64>().is_ok_and(|n| n < 1 << 33))
        });
        if is_time && step.args.iter().skip(3).any(is_condition) {
            let time = times.next().unwrap_or_default() * unit;
            step.args[2] = time.to_string().into_bytes();
        }
    }
}

/// Puts a command before each SORT that makes Redis 7.0.15 forget an error of an earlier command: its SORT looks at the C
/// library's `errno` without having reset it, and refuses good numbers once a number was out of range. That is no behaviour to
/// imitate. INCRBYFLOAT resets it, and with such a number does nothing else.
fn forget_errors(steps: Vec<Step>) -> Vec<Step> {
    let reset = |connection| Step {
        connection,
        args: [&b"INCRBYFLOAT"[..], b"nokey", b"x"].map(<[u8]>::to_vec).to_vec(),
        check: Check::Exact,
    };
    let mut with_resets = Vec::with_capacity(steps.len() + steps.len() / 16);
    for step in steps {
        if matches!(step.name().as_str(), "SORT" | "SORT_RO") {
            with_resets.push(reset(step.connection));
        }
        with_resets.push(step);
    }
    with_resets
}

/// The check for this very command, where it depends on the options.
fn refine(check: Check, args: &[Vec<u8>]) -> Check {
    let name = args[0].to_ascii_uppercase();
    match name.as_slice() {
        b"PING" => Check::Exact,
        // An iteration that begins in the middle gives what the table has there.
        b"SCAN" if args.get(1).is_some_and(|cursor| cursor != b"0") => Check::Shape,
        b"HSCAN" | b"SSCAN" if args.get(2).is_some_and(|cursor| cursor != b"0") => Check::Shape,
        b"SORT" | b"SORT_RO" => {
            let has = |word: &[u8]| args.iter().skip(2).any(|arg| arg.eq_ignore_ascii_case(word));
            // Without a key to sort by, a set comes in the order of its table; among equals, the order is the sorter's.
            match (has(b"BY"), has(b"LIMIT"), has(b"STORE")) {
                (true, true, false) => Check::Shape,
                (true, false, false) => Check::Unordered,
                _ => Check::Exact,
            }
        }
        _ => check,
    }
}

/// The command whose reply holds everything that a random choice could have given.
fn witness(args: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let key = args.get(1).cloned().unwrap_or_default();
    match args[0].to_ascii_uppercase().as_slice() {
        b"HRANDFIELD" => vec![b"HGETALL".to_vec(), key],
        b"SRANDMEMBER" => vec![b"SMEMBERS".to_vec(), key],
        _ => vec![b"KEYS".to_vec(), b"*".to_vec()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_sequence() {
        let generator = Generator::new();
        let make = |seed| format!("{:?}", generator.sequence(&mut Rng::new(seed), 500));
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
    }

    #[test]
    fn conditional_expiries_never_meet() {
        let generator = Generator::new();
        // As one sequence: the times of several would be the same.
        let steps = generator.sequence(&mut Rng::new(1), 10_000);
        let mut times = std::collections::BTreeSet::new();
        for step in &steps {
            let unit = match step.name().as_str() {
                "EXPIRE" => 1000,
                "PEXPIRE" => 1,
                _ => continue,
            };
            let conditional = step
                .args
                .iter()
                .skip(3)
                .any(|arg| [&b"GT"[..], b"LT"].iter().any(|word| arg.eq_ignore_ascii_case(word)));
            let time = step.args.get(2).and_then(|arg| std::str::from_utf8(arg).ok()?.parse::<u64>().ok());
            if let Some(time) = time.filter(|&time| conditional && time > 0 && time < 1 << 33) {
                assert!(times.insert(time * unit), "{time} twice");
                assert!((10_000_000..99_000_000).contains(&(time * unit)), "{time}");
            }
        }
        assert!(times.len() > 20, "{} are too few to show anything", times.len());
    }

    #[test]
    fn every_sort_follows_a_reset() {
        let steps = Generator::new().sequence(&mut Rng::new(1), 2000);
        let sorts: Vec<usize> =
            (0..steps.len()).filter(|&at| matches!(steps[at].name().as_str(), "SORT" | "SORT_RO")).collect();
        assert!(!sorts.is_empty());
        for at in sorts {
            assert_eq!(
                (steps[at - 1].name().as_str(), steps[at - 1].connection),
                ("INCRBYFLOAT", steps[at].connection)
            );
        }
    }

    #[test]
    fn harm_is_undone() {
        let check = |line: &str, harmful: bool| {
            let mut args: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
            undo_harm(&mut args);
            assert_eq!(args[0] == b"PING", harmful, "{line}");
        };
        check("SETBIT s0 4294967295 1", true);
        check("SETBIT s0 4294967296 1", false);
        check("SETRANGE s0 3 x", false);
        check("SETRANGE s0 536870913 x", false);
        check("BITFIELD s0 GET u8 1 incrby u8 #2000000 1", true);
        check("BITFIELD s0 SET u8 3 2147483647", false);
        check("SORT l0 BY w_* ALPHA STORE l1", true);
        check("SRANDMEMBER t0 -2147483648", true);
        check("SRANDMEMBER t0 -9223372036854775808", false);
        check("EXPIRE s0 1", true);
        check("EXPIRE s0 1000", false);
        check("PEXPIRE s0 5000", true);
        check("SET s0 v EX 5", true);
        check("SET s0 5", false);
        check("SET s0 v PXAT 1", true);
        check("GETEX s0 PX 1000000", false);
    }
}
