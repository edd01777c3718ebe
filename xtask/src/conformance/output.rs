//! What the suite prints, read into results.

use std::collections::BTreeMap;

/// What became of one test. The later one is kept when a name occurs more than once in a unit, so the order matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// The suite left it out: its tags do not fit the run.
    Ignored,
    /// It was left out on request.
    Skipped,
    Passed,
    /// The unit ended before it.
    NotRun,
    Failed,
    /// Nothing happened for the suite's time limit while it ran.
    Hung,
}

/// A test by its name, with all the times it was run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Test {
    /// The worst of its outcomes.
    pub(crate) outcome: Outcome,
    /// How many times a test of this name was seen.
    pub(crate) times: usize,
    /// What the suite said about the failure.
    pub(crate) detail: String,
}

/// Everything that one run of a unit said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) tests: BTreeMap<String, Test>,
    /// Why the unit ended early, when it did.
    pub(crate) aborted: Option<String>,
    /// The unit ran to its end.
    pub(crate) done: bool,
}

/// The name that stands for failures outside of any test, such as a server that does not start.
pub(crate) const OUTSIDE: &str = "(outside of any test)";

/// Lines of detail kept for a failure. Backtraces and server logs go on for pages, and the log file has them.
const DETAIL_LINES_MAX: usize = 12;

impl Output {
    pub(crate) fn record(&mut self, name: &str, outcome: Outcome, detail: &str) {
        let new = Test { outcome, times: 0, detail: detail.to_owned() };
        let test = self.tests.entry(name.to_owned()).or_insert_with(|| new.clone());
        test.times += 1;
        if outcome > test.outcome {
            *test = Test { times: test.times, ..new };
        }
    }

    /// How many tests had this outcome, counted by name.
    pub(crate) fn count(&self, outcome: Outcome) -> usize {
        self.tests.values().filter(|test| test.outcome == outcome).count()
    }

    /// Reads the output of the suite for one unit.
    pub(crate) fn parse(text: &str) -> Self {
        let mut output = Self::default();
        let lines: Vec<&str> = text.lines().collect();
        let mut timed_out = false;
        for (index, line) in lines.iter().enumerate() {
            if timed_out && let Some((_, name)) = line.split_once(" => (IN PROGRESS) ") {
                output.record(name, Outcome::Hung, "nothing happened while it ran");
                continue;
            }
            let Some((status, rest)) = line.strip_prefix('[').and_then(|line| line.split_once("]: ")) else {
                continue;
            };
            match status {
                "ok" => output.record(without_duration(rest), Outcome::Passed, ""),
                "skip" => output.record(rest, Outcome::Skipped, ""),
                // A group that is left out as a whole is reported by its tag alone, without names.
                "ignore" if rest.starts_with("Tag: ") => {}
                "ignore" => {
                    let name = rest.rsplit_once(": Tag: ").map_or(rest, |(name, _)| name);
                    let name = name.strip_suffix(": large memory flag not provided").unwrap_or(name);
                    output.record(name, Outcome::Ignored, "");
                }
                "err" => {
                    let detail = detail(&lines[index + 1..]);
                    match rest.rsplit_once(" in tests/") {
                        Some((name, _)) => output.record(name, Outcome::Failed, &detail),
                        None => output.record(OUTSIDE, Outcome::Failed, &format!("{rest}\n{detail}")),
                    }
                }
                "exception" => {
                    output.aborted = Some(format!("{rest}\n{}", detail(&lines[index + 1..])));
                }
                "TIMEOUT" => timed_out = true,
                status if status.ends_with(" done") => output.done = true,
                _ => {}
            }
        }
        if timed_out && output.aborted.is_none() && output.count(Outcome::Hung) == 0 {
            output.aborted = Some("nothing happened for the time limit, outside of any test".to_owned());
        }
        output
    }
}

/// `name (12 ms)` without the duration.
fn without_duration(text: &str) -> &str {
    let name = text.strip_suffix(" ms)").and_then(|text| text.rsplit_once(" ("));
    name.map_or(text, |(name, _)| name)
}

/// The lines that belong to the failure before them.
fn detail(lines: &[&str]) -> String {
    let statuses =
        ["[ok]:", "[err]:", "[skip]:", "[ignore]:", "[exception]:", "[TIMEOUT]:", "=====", "Killing still"];
    let mut own =
        lines.iter().take_while(|line| !statuses.iter().any(|status| line.starts_with(status))).peekable();
    // An exception is reported without its first ten letters, and then once more in full.
    let first = own.peek().copied();
    let cut = first.zip(lines.get(1)).is_some_and(|(cut, full)| full.ends_with(cut));
    own.skip(usize::from(cut))
        .take(DETAIL_LINES_MAX)
        .copied()
        .collect::<Vec<_>>()
        .join("\n")
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(text: &str) -> Vec<(String, Outcome, usize, String)> {
        let tests = Output::parse(text).tests.into_iter();
        tests.map(|(name, test)| (name, test.outcome, test.times, test.detail)).collect()
    }

    #[test]
    fn every_status_is_read() {
        let text = "Starting test server at port 21079\n[ready]: 4242\nTesting unit/x\n\
            [ok]: PING (and more) (3 ms)\n[ok]: twice (0 ms)\n[ok]: twice (1 ms)\n\
            [skip]: left out\n[ignore]: big: large memory flag not provided\n\
            [ignore]: tagged: Tag: slow denied\n[ignore]: Tag: slow denied\n\
            [err]: broken in tests/unit/x.tcl\nExpected 'a' to be equal to 'b' (context: line 1)\n\
            [ok]: last (2 ms)\n[1/1 done]: unit/x (3 seconds)\n\
            *** [err]: broken in tests/unit/x.tcl\n";
        let expected = [
            ("PING (and more)", Outcome::Passed, 1, ""),
            ("big", Outcome::Ignored, 1, ""),
            ("broken", Outcome::Failed, 1, "Expected 'a' to be equal to 'b' (context: line 1)"),
            ("last", Outcome::Passed, 1, ""),
            ("left out", Outcome::Skipped, 1, ""),
            ("tagged", Outcome::Ignored, 1, ""),
            ("twice", Outcome::Passed, 2, ""),
        ];
        let expected =
            expected.map(|(name, outcome, times, detail)| (name.into(), outcome, times, detail.into()));
        assert_eq!(outcomes(text), expected);
        assert!(Output::parse(text).done);
    }

    #[test]
    fn the_worst_outcome_of_a_name_counts() {
        let text = "[ok]: t (1 ms)\n[err]: t in tests/unit/x.tcl\nwhy\n[ok]: t (1 ms)\n";
        assert_eq!(outcomes(text), [("t".to_owned(), Outcome::Failed, 3, "why".to_owned())]);
    }

    #[test]
    fn an_exception_is_shown_once_and_in_full() {
        let text = "[err]: t in tests/unit/x.tcl\n ping\nERR no such ping\n    while executing\n";
        assert_eq!(outcomes(text)[0].3, "ERR no such ping\n    while executing");
    }

    #[test]
    fn an_abort_and_a_hang_are_told_apart() {
        let abort =
            "[ok]: t (1 ms)\n[exception]: Executing test client: ERR no.\nERR no\n    while executing\n";
        let output = Output::parse(abort);
        assert!(!output.done);
        assert!(output.aborted.is_some_and(|why| why.contains("ERR no")));

        let hang = "[TIMEOUT]: clients state report follows.\nsock5 => (IN PROGRESS) slow one\n";
        let output = Output::parse(hang);
        assert_eq!(output.tests["slow one"].outcome, Outcome::Hung);
        assert_eq!(output.aborted, None);
    }

    #[test]
    fn failures_without_a_test_have_a_name_of_their_own() {
        let text = "[err]: Can't start the Redis server\nCONFIGURATION:port 1\n";
        let tests = outcomes(text);
        assert_eq!(tests[0].0, OUTSIDE);
        assert!(tests[0].3.starts_with("Can't start"));
    }
}
