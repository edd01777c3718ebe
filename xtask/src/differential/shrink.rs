//! Making a failing sequence small.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::replay::{Arena, Failure, SETTINGS, Settings};
use super::sequence::Step;

/// How long one failure is worked on.
const TIME_MAX: Duration = Duration::from_secs(30);

/// A failure and a sequence that shows it.
pub(crate) struct Shrunk {
    pub(crate) settings: Settings,
    pub(crate) steps: Vec<Step>,
    pub(crate) failure: Failure,
}

/// Removes what is not needed to see the same failure: by halves and then smaller parts of the sequence (delta
/// debugging), then connections, then settings, then single arguments.
pub(crate) fn shrink(
    arena: &mut Arena,
    settings: Settings,
    steps: &[Step],
    failure: Failure,
) -> Result<Shrunk> {
    let class = failure.class();
    let mut best = Shrunk { settings, steps: steps.to_vec(), failure };
    cut(&mut best);
    let deadline = Instant::now() + TIME_MAX;
    let mut attempt = |best: &mut Shrunk, settings: Settings, steps: Vec<Step>| -> Result<bool> {
        if steps.is_empty() || Instant::now() > deadline {
            return Ok(false);
        }
        match arena.replay(settings, &steps)? {
            Some(failure) if failure.class() == class => {
                *best = Shrunk { settings, steps, failure };
                cut(best);
                Ok(true)
            }
            _ => Ok(false),
        }
    };
    let mut part = best.steps.len().div_ceil(2);
    loop {
        let mut from = 0;
        let mut smaller = false;
        while from < best.steps.len() {
            let to = (from + part).min(best.steps.len());
            let rest = [&best.steps[..from], &best.steps[to..]].concat();
            let settings = best.settings;
            if attempt(&mut best, settings, rest)? {
                smaller = true;
            } else {
                from = to;
            }
        }
        // A pass of single steps that removed nothing has nothing left to remove.
        if part == 1 && !smaller {
            break;
        }
        part = if smaller { part.min(best.steps.len()).max(1) } else { part.div_ceil(2).max(1) };
        if Instant::now() > deadline {
            break;
        }
        if smaller && part > 1 {
            part = part.div_ceil(2);
        }
    }
    let connection = best.steps.last().map_or(0, |step| step.connection);
    for connection in [connection, 0] {
        let mut steps = best.steps.clone();
        for step in &mut steps {
            step.connection = connection;
        }
        let settings = best.settings;
        attempt(&mut best, settings, steps)?;
    }
    let steps = best.steps.clone();
    attempt(&mut best, SETTINGS[0], steps)?;
    for at in 0..best.steps.len() {
        for arg in (1..best.steps.get(at).map_or(0, |step| step.args.len())).rev() {
            let mut steps = best.steps.clone();
            if steps.get(at).is_none_or(|step| arg >= step.args.len()) {
                continue;
            }
            steps[at].args.remove(arg);
            let settings = best.settings;
            attempt(&mut best, settings, steps)?;
        }
    }
    Ok(best)
}

/// Drops what comes after the failing step.
fn cut(best: &mut Shrunk) {
    if let Some(at) = best.failure.step {
        best.steps.truncate(at + 1);
    }
}
