//! Several sets combined: SINTER, SUNION, SDIFF, what stores their results, and SINTERCARD.

use crate::ctx::{Ctx, ElementReply, TypedKeys};
use crate::cursor::integer;
use crate::error::{CommandError, CommandResult};
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};
use carnelian_engine::{Element, EventClass, Keyspace, Set, SetRef, Settings, ValueRef};
use carnelian_resp::Args;
use std::ops::ControlFlow;

const INTERSECTION_COST: &str = "O(N*M), N being the size of the smallest set and M the number of sets";
const SUM_COST: &str = "O(N), N being the number of members of all sets";
const STORE: &[Flags] = &[Flags::WRITE, Flags::DENYOOM];
const SOURCES: &[KeySpec] = &[KeySpec::range(1, -1, 1, KeyFlags::RO.or(KeyFlags::ACCESS))];
const OVERWRITE: &[KeySpec] = &[
    KeySpec::one(1, KeyFlags::OW.or(KeyFlags::UPDATE)),
    KeySpec::range(2, -1, 1, KeyFlags::RO.or(KeyFlags::ACCESS)),
];

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::run("sinter", -2, Group::Set, |ctx| reply(ctx, Operation::Intersection))
        .flags(&[Flags::READONLY])
        .keys(SOURCES)
        .docs("1.0.0", INTERSECTION_COST, "Returns the members that all sets have.", "SINTER key [key ...]")
        .tips(&["nondeterministic_output_order"]),
    CommandSpec::run("sinterstore", -3, Group::Set, |ctx| store(ctx, Operation::Intersection))
        .flags(STORE)
        .keys(&[
            KeySpec::one(1, KeyFlags::RW.or(KeyFlags::UPDATE)),
            KeySpec::range(2, -1, 1, KeyFlags::RO.or(KeyFlags::ACCESS)),
        ])
        .docs(
            "1.0.0",
            INTERSECTION_COST,
            "Stores the members that all sets have as a set.",
            "SINTERSTORE destination key [key ...]",
        ),
    CommandSpec::run("sintercard", -3, Group::Set, sintercard)
        .flags(&[Flags::READONLY])
        .keys(&[KeySpec::counted(1, KeyFlags::RO.or(KeyFlags::ACCESS))])
        .docs(
            "7.0.0",
            INTERSECTION_COST,
            "Returns how many members all sets have, counting up to a limit if one is given.",
            "SINTERCARD numkeys key [key ...] [LIMIT limit]",
        ),
    CommandSpec::run("sunion", -2, Group::Set, |ctx| reply(ctx, Operation::Union))
        .flags(&[Flags::READONLY])
        .keys(SOURCES)
        .docs("1.0.0", SUM_COST, "Returns the members that any set has.", "SUNION key [key ...]")
        .tips(&["nondeterministic_output_order"]),
    CommandSpec::run("sunionstore", -3, Group::Set, |ctx| store(ctx, Operation::Union))
        .flags(STORE)
        .keys(OVERWRITE)
        .docs(
            "1.0.0",
            SUM_COST,
            "Stores the members that any set has as a set.",
            "SUNIONSTORE destination key [key ...]",
        ),
    CommandSpec::run("sdiff", -2, Group::Set, |ctx| reply(ctx, Operation::Difference))
        .flags(&[Flags::READONLY])
        .keys(SOURCES)
        .docs(
            "1.0.0",
            SUM_COST,
            "Returns the members of the first set that no other has.",
            "SDIFF key [key ...]",
        )
        .tips(&["nondeterministic_output_order"]),
    CommandSpec::run("sdiffstore", -3, Group::Set, |ctx| store(ctx, Operation::Difference))
        .flags(STORE)
        .keys(OVERWRITE)
        .docs(
            "1.0.0",
            SUM_COST,
            "Stores the members of the first set that no other has as a set.",
            "SDIFFSTORE destination key [key ...]",
        ),
];

const _: () = check(COMMANDS);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Intersection,
    Union,
    Difference,
}

impl Operation {
    const fn store_event(self) -> &'static str {
        match self {
            Self::Intersection => "sinterstore",
            Self::Union => "sunionstore",
            Self::Difference => "sdiffstore",
        }
    }

    /// Calls `visit` with each member of the result, once, until it breaks. Only what cannot be told member by member is
    /// collected first.
    fn each(
        self,
        sets: Vec<Option<SetRef<'_>>>,
        settings: &Settings,
        visit: impl FnMut(Element<'_>) -> ControlFlow<()>,
    ) {
        let _ = match self {
            Self::Intersection => intersect(sets, visit),
            Self::Difference if looking_up_is_cheaper(&sets) => subtract(sets, visit),
            Self::Difference | Self::Union => self.collect(sets, settings).iter().try_for_each(visit),
        };
    }

    /// The result as a set of its own.
    fn collect(self, sets: Vec<Option<SetRef<'_>>>, settings: &Settings) -> Set {
        let mut result = Set::new_ints();
        let mut add = |member: Element<'_>| {
            result.add_element(member, settings);
            ControlFlow::Continue(())
        };
        match self {
            Self::Union => {
                let _ = members(&sets).try_for_each(add);
            }
            Self::Difference if !looking_up_is_cheaper(&sets) => {
                let _ = members(&sets[..1]).try_for_each(&mut add);
                for member in members(&sets[1..]) {
                    member.with_bytes(|member| result.remove(member));
                    if result.is_empty() {
                        break;
                    }
                }
            }
            Self::Intersection | Self::Difference => self.each(sets, settings, add),
        }
        result
    }
}

fn members<'a>(sets: &[Option<SetRef<'a>>]) -> impl Iterator<Item = Element<'a>> {
    sets.iter().flatten().flat_map(|set| set.iter())
}

/// Whether both are the set of one key.
fn is_same(a: SetRef<'_>, b: SetRef<'_>) -> bool {
    a.address() == b.address()
}

fn intersect(
    sets: Vec<Option<SetRef<'_>>>,
    mut visit: impl FnMut(Element<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    // A key that does not exist is an empty set.
    let Some(mut sets) = sets.into_iter().collect::<Option<Vec<SetRef<'_>>>>() else {
        return ControlFlow::Continue(());
    };
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return ControlFlow::Continue(()) };
    for member in *smallest {
        if others.iter().all(|set| is_same(*set, *smallest) || set.contains_element(member)) {
            visit(member)?;
        }
    }
    ControlFlow::Continue(())
}

/// Whether to look the members of the first set up in all others, or to remove those of all others from a copy of the
/// first. Looking up stops at the first hit and copies nothing, so it counts half.
fn looking_up_is_cheaper(sets: &[Option<SetRef<'_>>]) -> bool {
    let Some((Some(first), others)) = sets.split_first() else { return true };
    let others = others.iter().flatten();
    let (count, sum) = others.fold((1, first.len()), |(count, sum), set| (count + 1, sum + set.len()));
    count * first.len() / 2 <= sum
}

fn subtract(
    sets: Vec<Option<SetRef<'_>>>,
    mut visit: impl FnMut(Element<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let Some((Some(first), others)) = sets.split_first() else { return ControlFlow::Continue(()) };
    let mut others: Vec<SetRef<'_>> = others.iter().copied().flatten().collect();
    if others.iter().any(|set| is_same(*set, *first)) {
        return ControlFlow::Continue(());
    }
    // The largest is the most likely to have a member.
    others.sort_by_key(|set| std::cmp::Reverse(set.len()));
    for member in *first {
        if !others.iter().any(|set| set.contains_element(member)) {
            visit(member)?;
        }
    }
    ControlFlow::Continue(())
}

/// The sets of several keys at once, `None` for a key that does not exist.
fn sets_of<'k>(keys: &'k mut Keyspace<'_>, names: Args<'_>) -> CommandResult<Vec<Option<SetRef<'k>>>> {
    // Reading each key first checks its type, counts the look-up and removes it if its time is over.
    for name in names {
        keys.set(name)?;
    }
    let keys = &*keys;
    let set = |name| match keys.view(name) {
        Some(ValueRef::Set(set)) => Some(set),
        _ => None,
    };
    Ok(names.iter().map(set).collect())
}

fn reply(ctx: &mut Ctx, operation: Operation) -> CommandResult {
    let settings = ctx.keys.settings();
    let sets = sets_of(ctx.keys, ctx.args.slice(1..))?;
    let array = ctx.out.begin_set();
    let mut count = 0;
    operation.each(sets, settings, |member| {
        count += 1;
        ctx.out.element(member);
        ControlFlow::Continue(())
    });
    ctx.out.end_set(array, count);
    Ok(())
}

fn store(ctx: &mut Ctx, operation: Operation) -> CommandResult {
    let destination = ctx.arg(1);
    let settings = ctx.keys.settings();
    let sets = sets_of(ctx.keys, ctx.args.slice(2..))?;
    let result = operation.collect(sets, settings);
    let len = result.len();
    if len > 0 {
        ctx.keys.insert(destination, result.into());
        ctx.changed(EventClass::SET, operation.store_event(), destination);
    } else if ctx.keys.remove(destination) {
        ctx.changed(EventClass::GENERIC, "del", destination);
    }
    ctx.out.integer(len as i64);
    Ok(())
}

fn sintercard(ctx: &mut Ctx) -> CommandResult {
    let numkeys = integer(ctx.arg(1)).ok().and_then(|count| usize::try_from(count).ok());
    let numkeys = numkeys.filter(|count| *count > 0).ok_or(CommandError::NUMKEYS)?;
    if numkeys > ctx.args.len() - 2 {
        return Err(CommandError::NUMKEYS_TOO_LARGE);
    }
    let mut options = ctx.cursor(2 + numkeys);
    let mut limit = 0;
    while let Some(text) = options.word_with("LIMIT") {
        let value = integer(text).ok().and_then(|value| usize::try_from(value).ok());
        limit = value.ok_or(CommandError::LIMIT_NEGATIVE)?;
    }
    options.finish()?;
    let settings = ctx.keys.settings();
    let sets = sets_of(ctx.keys, ctx.args.slice(2..2 + numkeys))?;
    let mut count = 0;
    Operation::Intersection.each(sets, settings, |_| {
        count += 1;
        if count == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    ctx.out.integer(count as i64);
    Ok(())
}
