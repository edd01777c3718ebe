//! Kinds of arguments, and the values that each is likely and unlikely to get.
//!
//! Values are kept from small pools, so that commands meet each other's keys, fields and elements. Numbers get an
//! edge value now and then. What would only cost memory or time is left out of a pool and said there.

use super::rng::Rng;

/// A kind of argument.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Slot {
    Key(&'static [&'static str]),
    CountedKeys(&'static [&'static str]),
    Value,
    Field,
    Member,
    Element,
    Number { usual: &'static [&'static str], edges: &'static [&'static str] },
    Text(&'static [&'static str]),
    Payload,
}

const STRINGS: &[&str] = &["s0", "s1", "s2", "s3"];
const HASHES: &[&str] = &["h0", "h1", "h2"];
const LISTS: &[&str] = &["l0", "l1", "l2"];
const SETS: &[&str] = &["t0", "t1", "t2"];
const ANY: &[&str] =
    &["s0", "s1", "s2", "s3", "h0", "h1", "h2", "l0", "l1", "l2", "t0", "t1", "t2", "x0", "x1", "w_1", "w_2"];
const ODD: &[&[u8]] = &[b"", b"x{s0}y", b"\x00\xff\r\n", b"a key", b"S0", b"*"];

/// Numbers that break what does not look: every boundary of 32 and 64 bits, what is almost a number, and no number.
macro_rules! edges {
    ($($more:literal),*) => {
        &[
            "0", "-1", "-2147483648", "-2147483649", "4294967296", "-4294967296", "9223372036854775807",
            "-9223372036854775808", "9223372036854775808", "-9223372036854775809", "18446744073709551616",
            "12345678901234567890", "1e308", "nan", "inf", "", " 1", "1 ", "+1", "01", "-0", "0x10", "1.5", "abc", "-",
            $($more),*
        ]
    };
}

const EDGES: &[&str] = edges!["1", "2147483647", "2147483648", "4294967295"];
/// For expiries: without what is due before the run ends.
const EDGES_TIME: &[&str] = edges!["2147483647", "4294967295"];
/// For offsets of bits that are written: without what is allowed but takes hundreds of megabytes.
const EDGES_BIT: &[&str] = edges!["1", "4294967297"];
/// For counts where a negative number asks for that many elements with repetition.
const EDGES_RANDOM: &[&str] = &[
    "0",
    "2147483647",
    "4294967295",
    "9223372036854775807",
    "4611686018427387904",
    "-9223372036854775808",
    "9223372036854775808",
    "nan",
    "",
    "1.5",
    " 1",
];

impl Slot {
    /// The slot that a syntax means by a name.
    pub(crate) fn named(name: &str) -> Option<Slot> {
        let number = |usual, edges| Slot::Number { usual, edges };
        Some(match name {
            "key" => Slot::Key(ANY),
            "skey" => Slot::Key(STRINGS),
            "hkey" => Slot::Key(HASHES),
            "lkey" => Slot::Key(LISTS),
            "tkey" => Slot::Key(SETS),
            "lkeys" => Slot::CountedKeys(LISTS),
            "tkeys" => Slot::CountedKeys(SETS),
            "value" => Slot::Value,
            "field" => Slot::Field,
            "member" => Slot::Member,
            "element" => Slot::Element,
            "payload" => Slot::Payload,
            "int" => number(&["1", "2", "3", "-1", "-7", "10", "100", "9223372036854775800"], EDGES),
            "index" => number(&["0", "1", "2", "3", "-1", "-2", "-3", "5", "100", "-100"], EDGES),
            "count" => number(&["0", "1", "2", "3", "5", "-1", "-2", "10"], EDGES),
            "random" => number(&["0", "1", "2", "3", "-1", "-5", "10", "100"], EDGES_RANDOM),
            "positive" => number(&["1", "2", "3", "10", "1000"], EDGES),
            "float" => number(
                &["1", "0.1", "-2.5", "3.0e3", "1e5", "5.0e-3", "1e17", "-1e-7", "0.30000000000000004"],
                &[
                    "inf",
                    "-inf",
                    "nan",
                    "",
                    " 1",
                    "1 ",
                    "abc",
                    "1e308",
                    "-1e308",
                    "1e400",
                    "5e-324",
                    "1e4000",
                    "1e5000",
                    "0x1p3",
                    "+1",
                    ".5",
                    "5.",
                    "1e",
                    "99999999999999999999",
                    "1_0",
                    "1\u{0}",
                ],
            ),
            "bit" => number(&["0", "1"], &["2", "-1", "", "a", "01", " 1"]),
            "bitoffset" => number(&["0", "1", "7", "8", "15", "100", "513"], EDGES_BIT),
            "readoffset" => number(&["0", "1", "7", "8", "15", "100", "513"], EDGES),
            "fieldoffset" => number(
                &["0", "1", "7", "8", "100", "#0", "#1", "#2", "#10"],
                &[
                    "-1",
                    "#-1",
                    "#",
                    "4294967296",
                    "#9223372036854775807",
                    "9223372036854775807",
                    "",
                    "abc",
                    "#1.5",
                ],
            ),
            "bitwidth" => number(
                &["u1", "u8", "i8", "u16", "i16", "i32", "u63", "i64", "i5"],
                &["u64", "i65", "u0", "i0", "i", "", "x8", "u-1", "U8", "u08"],
            ),
            "byteoffset" => number(&["0", "1", "3", "10", "50", "100"], EDGES),
            "seconds" => number(&["1000", "5000", "100000", "99999"], EDGES_TIME),
            "milliseconds" => number(&["1000000", "5000000", "99999999"], EDGES_TIME),
            "at" => number(&["4102444800", "4102444900", "1"], EDGES_TIME),
            "atms" => number(&["4102444800000", "4102444900500", "1"], EDGES_TIME),
            "db" => number(
                &["0", "1", "2", "3"],
                &[
                    "-1",
                    "16",
                    "2147483648",
                    "4294967296",
                    "abc",
                    "",
                    "1.5",
                    " 1",
                    "01",
                    "9223372036854775808",
                ],
            ),
            "cursor" => {
                number(&["0"], &["", "abc", "-1", "18446744073709551616", "9223372036854775808", "1.5", " 0"])
            }
            // A block that is not served must end soon, and one that never ends must not be asked for.
            "timeout" => number(
                &["0.001", "0.01", "0.02"],
                &["-1", "abc", "", "nan", "inf", "1e308", "-0.1", "9223372036854775807"],
            ),
            "pattern" => Slot::Text(&[
                "*", "s*", "?0", "[hl]*", "[^s]*", "\\s0", "h[0-2]", "nothing", "*0*", "[", "[z-a]0", "**0",
                "", "f*", "[a", "*?*?*", "\\", "[s\\", "S*", "m1*", "x{s0}?",
            ]),
            "type" => Slot::Text(&["string", "hash", "list", "set", "zset", "stream", "STRING", "none", ""]),
            "weight" => Slot::Text(&["w_*", "nosort", "h0->*", "s*", "h*->f1", "w_*->", "*->f1", "->", ""]),
            "get" => Slot::Text(&["#", "w_*", "h0->*", "s*", "h*->f1", "*", "#x", "nothing"]),
            "word" => Slot::Text(&[
                "hello",
                "",
                "a b",
                "PONG",
                "\r\n",
                "ünï",
                "x",
                "verylongwordverylongwordverylongword",
            ]),
            "name" => Slot::Text(&["me", "", "a b", "x\ny", "tool-1", "!~"]),
            "proto" => number(&["2", "3"], &["1", "4", "abc", "", "-1", "3.0", "9223372036854775808"]),
            "subcommand" => Slot::Text(&["ENCODING", "nothing", "", "encoding", "\r\n", "getname"]),
            "nobody" => Slot::Text(&["999999", "-1", "abc", "", "9223372036854775808"]),
            "badtimeout" => Slot::Text(&["-1", "abc", "", "9223372036854775808"]),
            "unknown" => Slot::Text(&["nosuchcommand", "", "GETT", "a\r\nb", "foo bar", "\u{7f}", "'q'"]),
            _ => return None,
        })
    }

    /// Appends a random argument of this kind, or for [`Slot::CountedKeys`] the count and the keys.
    pub(crate) fn emit(self, rng: &mut Rng, into: &mut Vec<Vec<u8>>) {
        match self {
            Slot::Key(preferred) => into.push(key(rng, preferred)),
            Slot::CountedKeys(preferred) => {
                let count = 1 + rng.below(3);
                let said = match rng.below(20) {
                    0 => rng.pick(EDGES).as_bytes().to_vec(),
                    1 => (count + 1).to_string().into_bytes(),
                    _ => count.to_string().into_bytes(),
                };
                into.push(said);
                into.extend((0..count).map(|_| key(rng, preferred)));
            }
            Slot::Value => into.push(value(rng)),
            Slot::Field => into.push(match rng.below(40) {
                0 => Vec::new(),
                1 => vec![b'f'; 70],
                2 => b"\x00\x01\xff".to_vec(),
                3..10 => rng.below(10).to_string().into_bytes(),
                _ => format!("f{}", rng.below(14)).into_bytes(),
            }),
            Slot::Member => into.push(match rng.below(40) {
                0 => Vec::new(),
                1 => vec![b'm'; 70],
                2 => b"\xfe\x00".to_vec(),
                3 => b"40000".to_vec(),
                4 => b"-9223372036854775808".to_vec(),
                5 => b"5000000000".to_vec(),
                6..26 => rng.below(12).to_string().into_bytes(),
                _ => format!("m{}", rng.below(12)).into_bytes(),
            }),
            Slot::Element => into.push(match rng.below(30) {
                0..8 => value(rng),
                8..18 => rng.below(6).to_string().into_bytes(),
                _ => vec![b"abcdef"[rng.below(6)]],
            }),
            Slot::Number { usual, edges } => {
                let text = if rng.chance(6) { rng.pick(edges) } else { rng.pick(usual) };
                into.push(text.as_bytes().to_vec());
            }
            Slot::Text(texts) => into.push(rng.pick(texts).as_bytes().to_vec()),
            Slot::Payload => into.push(payload(rng)),
        }
    }
}

fn key(rng: &mut Rng, preferred: &[&str]) -> Vec<u8> {
    match rng.below(100) {
        0 | 1 => rng.pick(ODD).to_vec(),
        2..14 => rng.pick(ANY).as_bytes().to_vec(),
        _ => rng.pick(preferred).as_bytes().to_vec(),
    }
}

fn value(rng: &mut Rng) -> Vec<u8> {
    match rng.below(44) {
        0 => Vec::new(),
        1 => b"9223372036854775806".to_vec(),
        2 => b"-9223372036854775808".to_vec(),
        3 => b"3.5".to_vec(),
        4 => b"1e10".to_vec(),
        5 => b"\x00\xff\r\n".to_vec(),
        6 => vec![b'e'; 44],
        7 => vec![b'E'; 45],
        8 => vec![b'v'; 64],
        9 => vec![b'V'; 65],
        // Compressible, and then larger than a node of a list.
        10 => b"abcd".repeat(90),
        11 if rng.chance(30) => b"0123456789".repeat(900),
        12 => b" 12".to_vec(),
        13 => b"007".to_vec(),
        14 => b"18446744073709551615".to_vec(),
        15 => rng.next().to_string().into_bytes(),
        16..24 => rng.below(20).to_string().into_bytes(),
        24..28 => (rng.below(100_000) as i64 - 50_000).to_string().into_bytes(),
        28..36 => format!("v{}", rng.below(10)).into_bytes(),
        _ => {
            let words = ["hello", "world", "foobar", "ohmytext", "mynewtext", "bar"];
            rng.pick(&words).as_bytes().to_vec()
        }
    }
}

/// Values as DUMP writes them (RDB version 10), some damaged. Each was written by Redis 7.0.15.
fn payload(rng: &mut Rng) -> Vec<u8> {
    let whole: &[&[u8]] = super::payloads::WHOLE;
    let mut bytes = rng.pick(whole).to_vec();
    match rng.below(12) {
        0 => {
            let at = rng.below(bytes.len());
            bytes[at] ^= 1 << rng.below(8);
        }
        1 => bytes.truncate(rng.below(bytes.len())),
        2 => bytes.clear(),
        _ => {}
    }
    bytes
}
