//! HRANDFIELD.

use crate::ctx::{Ctx, ElementReply, TypedKeys};
use crate::error::{CommandError, CommandResult};
use crate::families::random::{Picks, check_reply};
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};
use carnelian_engine::{Element, HashRef, Rng};
use carnelian_resp::{Protocol, ReplyWriter};

pub(crate) const COMMANDS: &[CommandSpec] = &[CommandSpec::run("hrandfield", -2, Group::Hash, hrandfield)
    .flags(&[Flags::READONLY])
    .keys(&[KeySpec::one(1, KeyFlags::RO.or(KeyFlags::ACCESS))])
    .docs(
        "6.2.0",
        "O(N), N being the number of fields returned",
        "Returns fields of a hash picked at random: different ones, or with a negative count any.",
        "HRANDFIELD key [count [WITHVALUES]]",
    )
    .tips(&["nondeterministic_output"])];

const _: () = check(COMMANDS);

fn hrandfield(ctx: &mut Ctx) -> CommandResult {
    if ctx.args.len() == 2 {
        let mut rng = ctx.keys.rng();
        let hash = ctx.keys.hash(ctx.args.get(1).unwrap_or_default())?;
        match hash.and_then(|hash| hash.random(&mut rng)) {
            Some((field, _)) => ctx.out.element(field),
            None => ctx.out.null(),
        }
        return Ok(());
    }
    let picks = Picks::parse(ctx.arg(2))?;
    let (Picks::Different(number) | Picks::Repeated(number)) = picks;
    let mut cursor = ctx.cursor(3);
    let with_values = cursor.word("WITHVALUES");
    cursor.finish()?;
    if with_values && number > i64::MAX as usize / 2 {
        return Err(CommandError::OUT_OF_RANGE);
    }
    let mut rng = ctx.keys.rng();
    let hash = ctx.keys.hash(ctx.args.get(1).unwrap_or_default())?;
    let Some(hash) = hash.filter(|_| number != 0) else {
        ctx.out.array(0);
        return Ok(());
    };
    let mut reply = Reply { start: ctx.out.len(), out: ctx.out, with_values };
    match picks {
        Picks::Different(number) if number >= hash.len() => {
            reply.begin(hash.len());
            hash.iter().for_each(|pair| reply.pair(pair));
        }
        Picks::Different(number) => {
            reply.begin(number);
            hash.sample(&mut rng, number, |field, value| reply.pair((field, value)));
        }
        Picks::Repeated(number) => {
            let pick = picker(hash, number);
            reply.begin(number);
            for done in 0..number {
                check_reply(reply.out.len() - reply.start, number - done)?;
                if let Some(pair) = pick(&mut rng) {
                    reply.pair(pair);
                }
            }
        }
    }
    Ok(())
}

type Pair<'a> = (Element<'a>, Element<'a>);

/// Picks a pair each time it is called.
type Picker<'a> = Box<dyn Fn(&mut Rng) -> Option<Pair<'a>> + 'a>;

/// Picks pairs; a small hash is laid out first, for finding a place in it takes a walk.
fn picker<'a>(hash: HashRef<'a>, picks: usize) -> Picker<'a> {
    if picks > 1 && hash.as_listpack().is_some() {
        let pairs: Vec<Pair<'a>> = hash.iter().collect();
        return Box::new(move |rng| pairs.get(rng.below(pairs.len())).copied());
    }
    Box::new(move |rng| hash.random(rng))
}

struct Reply<'a> {
    out: &'a mut ReplyWriter,
    start: usize,
    with_values: bool,
}

impl Reply<'_> {
    /// Pairs are flat in RESP2 and nested in RESP3.
    fn begin(&mut self, count: usize) {
        let flat = self.with_values && self.out.protocol() == Protocol::Resp2;
        self.out.array(if flat { count.saturating_mul(2) } else { count });
    }

    fn pair(&mut self, (field, value): Pair<'_>) {
        if self.with_values && self.out.protocol() == Protocol::Resp3 {
            self.out.array(2);
        }
        self.out.element(field);
        if self.with_values {
            self.out.element(value);
        }
    }
}
