//! The list of failures that are known.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::output::{Outcome, Output};

/// Known failures: (unit, test) to the reason.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    /// The lines before the first entry.
    head: String,
    entries: BTreeMap<(String, String), String>,
}

/// How a run differs from the list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Failures that are not on the list: unit, test, detail.
    pub(crate) new: Vec<(String, String, String)>,
    /// Entries whose test passed, or is not there: unit, test.
    pub(crate) stale: Vec<(String, String)>,
    /// How many entries failed as the list says.
    pub(crate) known: usize,
}

impl Expected {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    fn parse(text: &str) -> Result<Self> {
        let mut expected = Self::default();
        for (index, line) in text.lines().enumerate() {
            if line.starts_with('#') || line.trim().is_empty() {
                expected.head.push_str(line);
                expected.head.push('\n');
                continue;
            }
            let fields: Vec<&str> = line.split('\t').collect();
            let &[unit, test, reason] = fields.as_slice() else {
                bail!("line {}: three fields separated by tabs are needed", index + 1);
            };
            if reason.trim().is_empty() {
                bail!("line {}: the reason is missing", index + 1);
            }
            if expected.entries.insert((unit.to_owned(), test.to_owned()), reason.to_owned()).is_some() {
                bail!("line {}: this test is listed twice", index + 1);
            }
        }
        Ok(expected)
    }

    /// The text of the list, sorted.
    pub(crate) fn render(&self) -> String {
        let mut text = self.head.clone();
        for ((unit, test), reason) in &self.entries {
            let _ = writeln!(text, "{unit}\t{test}\t{reason}");
        }
        text
    }

    /// The tests of a unit that are not run: they would never end, or leave behind what makes the tests after them fail.
    pub(crate) fn left_out(&self, unit: &str) -> Vec<String> {
        let entries = self.entries.iter();
        let left_out = entries.filter(|((of, _), reason)| {
            of == unit && (reason.starts_with("hangs") || reason.starts_with("left out"))
        });
        left_out.map(|((_, test), _)| test.clone()).collect()
    }

    /// Compares the results of a unit with the list.
    pub(crate) fn compare(&self, unit: &str, output: &Output, difference: &mut Difference) {
        for (test, result) in &output.tests {
            let listed = self.entries.get(&(unit.to_owned(), test.clone()));
            match (result.outcome, listed) {
                (Outcome::Failed | Outcome::NotRun | Outcome::Hung, None) => {
                    difference.new.push((unit.to_owned(), test.clone(), result.detail.clone()));
                }
                (Outcome::Failed | Outcome::NotRun | Outcome::Hung | Outcome::Skipped, Some(_)) => {
                    difference.known += 1;
                }
                (Outcome::Passed | Outcome::Ignored, Some(_)) => {
                    difference.stale.push((unit.to_owned(), test.clone()));
                }
                (Outcome::Passed | Outcome::Ignored | Outcome::Skipped, None) => {}
            }
        }
        let gone = self.entries.keys().filter(|(of, test)| of == unit && !output.tests.contains_key(test));
        difference.stale.extend(gone.cloned());
    }

    /// Makes the list say what a run found; reasons that were given stay.
    pub(crate) fn update(&mut self, difference: &Difference) {
        for key in &difference.stale {
            self.entries.remove(key);
        }
        for (unit, test, detail) in &difference.new {
            let line = detail.lines().find(|line| !line.trim().is_empty()).unwrap_or("fails");
            let reason: String = line.replace('\t', " ").trim().chars().take(160).collect();
            self.entries.insert((unit.clone(), test.clone()), reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "# unit\ttest\treason\nunit/x\tgone\told\nunit/x\tknown\tno modules\n\
                        unit/x\tnow good\twas bad\nunit/x\tstuck\thangs: blocks for ever\n\
                        unit/x\tmess\tleft out: leaves a mess\nunit/y\tother\tnot run here\n";

    fn output() -> Output {
        let mut output = Output::default();
        output.record("fine", Outcome::Passed, "");
        output.record("known", Outcome::Failed, "as ever");
        output.record("now good", Outcome::Passed, "");
        output.record("broken", Outcome::Failed, "\nExpected\t1");
        output.record("stuck", Outcome::Skipped, "");
        output.record("mess", Outcome::Skipped, "");
        output
    }

    #[test]
    fn new_failures_and_stale_entries_are_found() {
        let list = Expected::parse(LIST).expect("a good list");
        let mut difference = Difference::default();
        list.compare("unit/x", &output(), &mut difference);
        assert_eq!(difference.new, [("unit/x".into(), "broken".into(), "\nExpected\t1".into())]);
        assert_eq!(
            difference.stale,
            [("unit/x".into(), "now good".into()), ("unit/x".into(), "gone".into())]
        );
        assert_eq!(difference.known, 3);
        assert_eq!(list.left_out("unit/x"), ["mess", "stuck"]);
    }

    #[test]
    fn an_update_makes_the_list_agree() {
        let mut list = Expected::parse(LIST).expect("a good list");
        let mut difference = Difference::default();
        list.compare("unit/x", &output(), &mut difference);
        list.update(&difference);
        let mut again = Difference::default();
        list.compare("unit/x", &output(), &mut again);
        assert_eq!((again.new.len(), again.stale.len(), again.known), (0, 0, 4));
        assert!(list.render().contains("unit/x\tbroken\tExpected 1\n"));
        assert!(list.render().contains("unit/y\tother\tnot run here\n"));
        assert_eq!(Expected::parse(&list.render()).expect("what was rendered"), list);
    }

    #[test]
    fn a_bad_list_is_refused() {
        for bad in ["unit/x\ttest\n", "unit/x\ttest\t \n", "u\tt\tr\nu\tt\tr\n"] {
            assert!(Expected::parse(bad).is_err(), "{bad:?}");
        }
    }
}
