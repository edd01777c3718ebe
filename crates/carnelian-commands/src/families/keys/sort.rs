//! SORT and SORT_RO.

use crate::ctx::Ctx;
use crate::cursor::{Cursor, integer};
use crate::error::{CommandError, CommandResult};
use crate::spec::{Begin, Categories, CommandSpec, Find, Flags, Group, KeyFlags, KeySpec, check};
use carnelian_encoding::number::{format_i64, parse_f64};
use carnelian_engine::{Element, End, EventClass, Keyspace, List, ValueRef};
use carnelian_resp::Args;
use std::cmp::Ordering;

const READ: KeyFlags = KeyFlags::RO.or(KeyFlags::ACCESS);

const fn unknown(flags: KeyFlags, notes: &'static str) -> KeySpec {
    KeySpec { begin: Begin::Unknown, find: Find::Unknown, flags, notes }
}

const BY_AND_GET: KeySpec = unknown(READ, "Keys of `BY` and `GET` follow from the elements");

// Keys that patterns name can be anywhere, so every shard is locked.
const fn sort_spec(name: &'static str, since: &'static str, usage: &'static str) -> CommandSpec {
    CommandSpec::run(name, -2, Group::Generic, sort)
        .without_group_category()
        .categories(&[Categories::SET, Categories::SORTED_SET, Categories::LIST, Categories::DANGEROUS])
        .docs(
            since,
            "O(N+M*log(M)), N being the number of elements and M the number of elements returned",
            "Returns the elements of a list or set in order, or values that belong to them.",
            usage,
        )
        .all_shards()
}

pub(crate) const COMMANDS: &[CommandSpec] = &[
    sort_spec(
        "sort",
        "1.0.0",
        "SORT key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA] \
         [STORE destination]",
    )
    .flags(&[Flags::WRITE, Flags::DENYOOM])
    .keys(&[
        KeySpec::one(1, READ),
        BY_AND_GET,
        unknown(KeyFlags::OW.or(KeyFlags::UPDATE), "The key of `STORE` can be anywhere among the options"),
    ])
    .key_finder(sort_keys),
    sort_spec(
        "sort_ro",
        "7.0.0",
        "SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]",
    )
    .flags(&[Flags::READONLY])
    .keys(&[KeySpec::one(1, READ), BY_AND_GET]),
];

const _: () = check(COMMANDS);

/// The key to sort and, with STORE, the last destination named.
fn sort_keys(args: Args<'_>, visit: &mut dyn FnMut(usize, KeyFlags)) {
    visit(1, READ);
    let mut stored = None;
    let mut position = 2;
    while let Some(word) = args.get(position) {
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        if is(b"store") && position + 1 < args.len() {
            stored = Some(position + 1);
        }
        position += match () {
            () if is(b"limit") => 3,
            () if is(b"get") || is(b"by") || is(b"store") => 2,
            () => 1,
        };
    }
    if let Some(position) = stored {
        visit(position, KeyFlags::OW.or(KeyFlags::UPDATE));
    }
}

/// Names a value that belongs to an element.
#[derive(Clone, Copy)]
enum Pattern<'a> {
    /// The element itself.
    Element,
    /// What a key holds, or a field of the hash it holds. The element stands between the two parts of the key's name.
    Key { before: &'a [u8], after: &'a [u8], field: Option<&'a [u8]> },
    /// Without a place for the element there is no value.
    Nothing,
}

impl<'a> Pattern<'a> {
    fn parse(pattern: &'a [u8]) -> Self {
        if pattern == b"#" {
            return Self::Element;
        }
        let Some(star) = pattern.iter().position(|byte| *byte == b'*') else { return Self::Nothing };
        let (before, after) = (&pattern[..star], &pattern[star + 1..]);
        match after.windows(2).position(|pair| pair == b"->") {
            Some(arrow) if arrow + 2 < after.len() => {
                Self::Key { before, after: &after[..arrow], field: Some(&after[arrow + 2..]) }
            }
            _ => Self::Key { before, after, field: None },
        }
    }

    /// The value for an element. `key` is scratch space.
    fn look_up<'v>(
        &self,
        keys: &'v mut Keyspace<'_>,
        key: &mut Vec<u8>,
        element: &'v [u8],
    ) -> Option<Element<'v>> {
        let (before, after, field) = match *self {
            Self::Element => return Some(Element::Str(element)),
            Self::Key { before, after, field } => (before, after, field),
            Self::Nothing => return None,
        };
        key.clear();
        for part in [before, element, after] {
            key.extend_from_slice(part);
        }
        match (keys.read(key)?, field) {
            (ValueRef::String(string), None) => Some(string.get()),
            (ValueRef::Hash(hash), Some(field)) => hash.get(field),
            _ => None,
        }
    }
}

struct Options<'a> {
    by: Option<Pattern<'a>>,
    /// The order that the collection has is kept.
    unsorted: bool,
    get: Vec<Pattern<'a>>,
    offset: i64,
    count: i64,
    descending: bool,
    alpha: bool,
    store: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    fn parse(mut cursor: Cursor<'a>, may_store: bool) -> CommandResult<Self> {
        let mut options = Self {
            by: None,
            unsorted: false,
            get: Vec::new(),
            offset: 0,
            count: -1,
            descending: false,
            alpha: false,
            store: None,
        };
        while !cursor.is_done() {
            if cursor.word("ASC") {
                options.descending = false;
            } else if cursor.word("DESC") {
                options.descending = true;
            } else if cursor.word("ALPHA") {
                options.alpha = true;
            } else if cursor.remaining() > 2 && cursor.word("LIMIT") {
                options.offset = integer(cursor.take()?)?;
                options.count = integer(cursor.take()?)?;
            } else if may_store && let Some(key) = cursor.word_with("STORE") {
                options.store = Some(key);
            } else if let Some(pattern) = cursor.word_with("BY") {
                // One pattern without a place for the element turns sorting off for good.
                options.unsorted |= !pattern.contains(&b'*');
                options.by = Some(Pattern::parse(pattern));
            } else if let Some(pattern) = cursor.word_with("GET") {
                options.get.push(Pattern::parse(pattern));
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(options)
    }

    /// The elements to return, as a range of all `len`.
    fn range(&self, len: usize) -> std::ops::Range<usize> {
        let start = usize::try_from(self.offset.max(0)).unwrap_or(usize::MAX).min(len);
        match usize::try_from(self.count) {
            Ok(count) => start..start.saturating_add(count).min(len),
            Err(_) => start..len,
        }
    }
}

/// An element with what it is sorted by.
struct Item {
    element: Box<[u8]>,
    score: f64,
    text: Option<Box<[u8]>>,
}

fn bytes(element: Element<'_>) -> Box<[u8]> {
    match element {
        Element::Str(bytes) => bytes.into(),
        Element::Int(value) => format_i64(value).as_bytes().into(),
    }
}

fn score(element: Element<'_>) -> CommandResult<f64> {
    match element {
        Element::Int(value) => Ok(value as f64),
        Element::Str(text) => {
            // A zero byte ends the text of a number, as it does in Redis; no text at all counts as 0.
            let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
            if text.is_empty() {
                return Ok(0.0);
            }
            parse_f64(text.trim_ascii_start()).ok_or(CommandError::SORT_SCORE)
        }
    }
}

fn sort(ctx: &mut Ctx) -> CommandResult {
    let mut options = Options::parse(ctx.cursor(2), ctx.is("sort"))?;
    let (elements, is_set) = match ctx.keys.read(ctx.args.get(1).unwrap_or_default()) {
        None => (Vec::new(), false),
        Some(ValueRef::List(list)) => {
            let mut elements = Vec::with_capacity(list.len());
            list.for_each(|element| elements.push(bytes(element)));
            (elements, false)
        }
        Some(ValueRef::Set(set)) => (set.iter().map(bytes).collect(), true),
        Some(_) => return Err(CommandError::WRONG_TYPE),
    };
    // A set has no order of its own; what is stored must not depend on the one it happens to be in.
    if options.unsorted && is_set && options.store.is_some() {
        options.unsorted = false;
        options.alpha = true;
        options.by = None;
    }
    let range = options.range(elements.len());
    let elements = if options.unsorted {
        let mut elements = elements;
        if options.descending && !is_set {
            elements.reverse();
        }
        elements
    } else {
        in_order(ctx, elements, &options)?
    };
    let elements = &elements[range];
    match options.store {
        Some(destination) => store(ctx, elements, &options.get, destination),
        None => reply(ctx, elements, &options.get),
    }
    Ok(())
}

/// Sorts the elements. O(n log n).
fn in_order(ctx: &mut Ctx, elements: Vec<Box<[u8]>>, options: &Options<'_>) -> CommandResult<Vec<Box<[u8]>>> {
    let mut key = Vec::new();
    let mut items = Vec::with_capacity(elements.len());
    for element in elements {
        let mut item = Item { element, score: 0.0, text: None };
        let value = match &options.by {
            Some(pattern) => pattern.look_up(ctx.keys, &mut key, &item.element),
            None => Some(Element::Str(&item.element)),
        };
        match value {
            Some(value) if !options.alpha => item.score = score(value)?,
            Some(value) if options.by.is_some() => item.text = Some(bytes(value)),
            _ => {}
        }
        items.push(item);
    }
    // What is stored is in the order of all bytes; a reply is in that of the texts up to their first zero byte, as the
    // collation of the C library has it.
    let whole = options.store.is_some();
    let text = |bytes: &[u8]| {
        if whole { bytes.len() } else { bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()) }
    };
    let collate = |a: &[u8], b: &[u8]| a[..text(a)].cmp(&b[..text(b)]);
    let compare = |a: &Item, b: &Item| match (options.alpha, &a.text, &b.text) {
        (true, Some(a), Some(b)) => collate(a, b),
        (true, a, b) if options.by.is_some() => a.is_some().cmp(&b.is_some()),
        (true, ..) => collate(&a.element, &b.element),
        // Equal scores are told apart by the elements, or the order would be left to chance.
        (false, ..) => {
            a.score.partial_cmp(&b.score).unwrap_or(Ordering::Equal).then_with(|| a.element.cmp(&b.element))
        }
    };
    items.sort_by(|a, b| if options.descending { compare(b, a) } else { compare(a, b) });
    Ok(items.into_iter().map(|item| item.element).collect())
}

fn reply(ctx: &mut Ctx, elements: &[Box<[u8]>], get: &[Pattern<'_>]) {
    use crate::ctx::ElementReply;
    let mut key = Vec::new();
    ctx.out.array(elements.len() * get.len().max(1));
    for element in elements {
        if get.is_empty() {
            ctx.out.bulk(element);
        }
        for pattern in get {
            match pattern.look_up(ctx.keys, &mut key, element) {
                Some(value) => ctx.out.element(value),
                None => ctx.out.null(),
            }
        }
    }
}

fn store(ctx: &mut Ctx, elements: &[Box<[u8]>], get: &[Pattern<'_>], destination: &[u8]) {
    let settings = ctx.keys.settings();
    let mut key = Vec::new();
    let mut list = List::new(settings);
    for element in elements {
        if get.is_empty() {
            list.push(End::Right, element, settings);
        }
        for pattern in get {
            match pattern.look_up(ctx.keys, &mut key, element) {
                Some(Element::Str(value)) => list.push(End::Right, value, settings),
                Some(Element::Int(value)) => list.push(End::Right, format_i64(value).as_bytes(), settings),
                None => list.push(End::Right, b"", settings),
            }
        }
    }
    let len = list.len();
    if len > 0 {
        ctx.keys.insert(destination, list.into());
        ctx.keys.changed(EventClass::LIST, "sortstore", destination);
        ctx.dirty(len as u64);
    } else if ctx.keys.remove(destination) {
        ctx.changed(EventClass::GENERIC, "del", destination);
    }
    ctx.out.integer(len as i64);
}
