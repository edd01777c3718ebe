//! The parser of requests: texts of refusals, hostile lengths, and agreement with the grammar at every split point.

use carnelian_resp::oracle::{self, Requests, requests_in_pieces};
use carnelian_resp::{Args, Beginning, Limits, ProtocolError, RequestParser, Seen, Span, Status};
use proptest::prelude::*;

/// The first request, if it is one that can be looked at ahead.
fn look_ahead(parser: &RequestParser, input: &[u8]) -> Option<(usize, Vec<Vec<u8>>)> {
    // The request is found wherever it lies, and what is known of others stays.
    let moved = [b"*", input].concat();
    let mut spans = vec![Span::default()];
    let seen = parser.look_ahead(&moved, 1, &mut spans, &mut Beginning::default());
    assert_eq!(spans.first(), Some(&Span::default()));
    assert_eq!(seen.is_some(), spans.len() > 1);
    let args = Args::new(&moved, &spans[1..]);
    seen.map(|seen| (seen.end - 1, args.iter().map(<[u8]>::to_vec).collect()))
}

#[test]
fn plain_requests_are_seen_ahead() {
    let parser = RequestParser::new(Limits::default());
    let plain = b"*2\r\n$3\r\nGET\r\n$12\r\n0123456789ab\r\n";
    assert!(look_ahead(&parser, plain).is_some_and(|(end, args)| end == plain.len() && args.len() == 2));
    for other in [&b"PING\r\n"[..], b"*0\r\n", b"*-1\r\n", b"*1\r\n+PING\r\n", b"*2000\r\n$1\r\na\r\n", b""] {
        assert_eq!(look_ahead(&parser, other), None, "{}", other.escape_ascii());
    }
    let strict = RequestParser::new(Limits { max_bulk: 11, ..Limits::default() });
    assert_eq!(look_ahead(&strict, plain), None);
}

#[test]
fn requests_that_begin_alike_are_told() {
    let parser = RequestParser::new(Limits::default());
    let (get, set) = ("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n");
    let long = "*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nk\r\n";
    // A name of another length, another name of that length, another number of arguments; one too long to be remembered.
    let others = [
        "*2\r\n$4\r\nGETX\r\n$1\r\nk\r\n",
        "*2\r\n$3\r\nget\r\n$1\r\nk\r\n",
        "*3\r\n$3\r\nGET\r\n$1\r\nk\r\n$1\r\nv\r\n",
    ];
    let mut requests = vec![(get, false), (get, true), (set, false), (set, true), (get, false)];
    for other in others {
        requests.extend([(other, false), (get, false)]);
    }
    requests.extend([(get, true), (long, false), (long, false), (get, false), (get, true)]);
    let input = requests.iter().map(|(text, _)| *text).collect::<String>() + "+";
    let (mut at, mut spans, mut beginning) = (0, Vec::new(), Beginning::default());
    for (text, repeats) in requests {
        spans.clear();
        let seen = parser.look_ahead(input.as_bytes(), at, &mut spans, &mut beginning);
        assert_eq!(seen, Some(Seen { end: at + text.len(), repeats }), "{text} at {at}");
        assert_eq!(
            Args::new(input.as_bytes(), &spans).iter().last(),
            Some(&text.as_bytes()[text.len() - 3..][..1])
        );
        at += text.len();
    }
    let strict = RequestParser::new(Limits { max_bulk: 2, ..Limits::default() });
    assert_eq!(
        strict.look_ahead(get.as_bytes(), 0, &mut spans, &mut beginning),
        None,
        "limits hold all the same"
    );
}

/// Both parsers agree, whole, at every single split point and byte by byte.
fn agree(input: &[u8], limits: Limits) -> Requests {
    let expected = oracle::requests(input, &limits);
    let holds = |how: &str, found: Requests| assert_eq!(found, expected, "{how}: {}", input.escape_ascii());
    holds("whole", requests_in_pieces(input, [], limits));
    for cut in 0..input.len() {
        holds(&format!("cut at {cut}"), requests_in_pieces(input, [cut], limits));
    }
    holds("byte by byte", requests_in_pieces(input, 0..input.len(), limits));
    expected
}

fn check(input: &[u8], requests: &[&[&[u8]]]) {
    let (got, error) = agree(input, Limits::default());
    assert_eq!(error, None);
    assert_eq!(got, requests, "{}", input.escape_ascii());
}

fn refused(input: &[u8], limits: Limits, text: &str) {
    let (_, error) = agree(input, limits);
    let error = error.unwrap_or_else(|| panic!("accepted: {}", input.escape_ascii()));
    assert_eq!(error.to_string(), text, "{}", input.escape_ascii());
}

#[test]
fn both_forms() {
    check(b"*1\r\n$4\r\nPING\r\n", &[&[b"PING"]]);
    check(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n", &[&[b"SET", b"k", b""]]);
    check(b"*2\r\n$4\r\nECHO\r\n$4\r\n\r\n*\0\r\n", &[&[b"ECHO", b"\r\n*\0"]]);
    check(b"PING\nPING\r\n  set a \"b c\"\r\n", &[&[b"PING"], &[b"PING"], &[b"set", b"a", b"b c"]]);
    // Ten digits and more are read by another path than short lengths.
    check(b"*2\r\n$12\r\n0123456789ab\r\n$1\r\nx\r\n", &[&[b"0123456789ab", b"x"]]);
}

#[test]
fn empty_requests_leave_nothing_behind() {
    // Interleaved with requests of both forms, as in CVE-2026-27623.
    let empty: [&[u8]; 5] = [b"\r\n", b"\n", b"*0\r\n", b"*-1\r\n", b"*-2147483648\r\n"];
    let full: [&[u8]; 2] = [b"GET a\r\n", b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n"];
    for before in full {
        for nothing in empty {
            for after in full {
                let input = [before, nothing, after, nothing, nothing].concat();
                check(&input, &[&[b"GET", b"a"], &[], &[b"GET", b"a"], &[], &[]]);
            }
        }
    }
}

#[test]
fn what_redis_does_not_look_at() {
    // The byte after a CR, and the two after an argument.
    check(b"*1\rX$4\rYPINGab", &[&[b"PING"]]);
}

#[test]
fn refusals_have_the_texts_of_redis() {
    let limits = Limits::default();
    refused(b"*a\r\n", limits, "invalid multibulk length");
    refused(b"*\r\n", limits, "invalid multibulk length");
    refused(b"*3 \r\n", limits, "invalid multibulk length");
    refused(b"*2147483648\r\n", limits, "invalid multibulk length");
    refused(b"*9223372036854775808\r\n", limits, "invalid multibulk length");
    refused(b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n", limits, "expected '$', got 'f'");
    refused(b"*1\r\n\r\n", limits, "expected '$', got '\r'");
    refused(b"*1\r\n$-1\r\n", limits, "invalid bulk length");
    refused(b"*1\r\n$\r\n", limits, "invalid bulk length");
    refused(b"set \"\"\"test\"\"\" test\r\n", limits, "unbalanced quotes in request");
    refused(b"\"abc\n", limits, "unbalanced quotes in request");
    let short = Limits { max_inline: 20, ..limits };
    refused(b"*3123456789012345678901\r\n", short, "too big mbulk count string");
    refused(b"*1\r\n$3123456789012345678901\r\n", short, "too big bulk count string");
    refused(b"ECHO 0123456789012345\r\n", short, "too big inline request");
    assert_eq!(
        ProtocolError::ExpectedDollar(0xff).to_reply(),
        b"ERR Protocol error: expected '$', got '\xff'"
    );
    assert_eq!(ProtocolError::TooBigInline.to_reply(), b"ERR Protocol error: too big inline request");
}

#[test]
fn lines_of_exactly_64_kib_are_the_longest() {
    for (head, error) in [
        (&b"ECHO "[..], ProtocolError::TooBigInline),
        (b"*1", ProtocolError::TooBigMultibulkCount),
        (b"*1\r\n$1", ProtocolError::TooBigBulkCount),
    ] {
        let line_start = head.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let mut input = head.to_vec();
        input.resize(line_start + 65536, b'1');
        let mut parser = RequestParser::new(Limits::default());
        assert_eq!(parser.parse(&input), Ok(Status::Incomplete { needed: input.len() + 1 }));
        input.push(b'1');
        assert_eq!(parser.parse(&input), Err(error));
        assert_eq!(RequestParser::new(Limits::default()).parse(&input), Err(error));
    }
}

#[test]
fn hostile_bulk_lengths() {
    // CVE-2021-21309, -41099: lengths around 32 and 64 bits, also when the limit is raised.
    for limits in [Limits::default(), Limits { max_bulk: usize::MAX, ..Limits::default() }] {
        for text in ["-2", "9223372036854775808", "18446744073709551615", "00005", "05", "+5", "5a", "0x5"] {
            refused(format!("*1\r\n${text}\r\n").as_bytes(), limits, "invalid bulk length");
        }
    }
    refused(b"*1\r\n$4294967296\r\n", Limits::default(), "invalid bulk length");
    refused(b"*1\r\n$536870913\r\n", Limits::default(), "invalid bulk length");
    for max_bulk in [1 << 40, usize::MAX] {
        let limits = Limits { max_bulk, ..Limits::default() };
        let input = b"*1\r\n$4294967296\r\nx";
        let mut parser = RequestParser::new(limits);
        assert_eq!(parser.parse(input), Ok(Status::Incomplete { needed: 17 + (1 << 32) + 2 }));
        assert!(parser.heap_bytes() < 1024);
    }
    let limits = Limits { max_bulk: usize::MAX, ..Limits::default() };
    let mut parser = RequestParser::new(limits);
    assert!(matches!(parser.parse(b"*1\r\n$9223372036854775807\r\n"), Ok(Status::Incomplete { .. })));
}

#[test]
fn huge_counts_reserve_little() {
    let mut parser = RequestParser::new(Limits::default());
    assert_eq!(parser.parse(b"*2147483647\r\n"), Ok(Status::Incomplete { needed: 14 }));
    assert!(parser.heap_bytes() <= 1024 * 16);
    parser.shrink();
    assert_eq!(parser.heap_bytes(), 0);
}

#[test]
fn before_authentication_requests_are_small() {
    // CVE-2021-32675.
    let limits = Limits::unauthenticated();
    refused(b"*1048577\r\n", limits, "unauthenticated multibulk length");
    refused(b"*11\r\n", limits, "unauthenticated multibulk length");
    refused(b"*1\r\n$16385\r\n", limits, "unauthenticated bulk length");
    refused(b"*1\r\n$536870913\r\n", limits, "invalid bulk length");
    for input in [&b"*10\r\n"[..], b"*1\r\n$16384\r\n"] {
        assert!(matches!(RequestParser::new(limits).parse(input), Ok(Status::Incomplete { .. })));
    }
}

#[test]
fn limits_change_between_and_within_requests() {
    let mut parser = RequestParser::new(Limits::unauthenticated());
    let input = b"*2\r\n$4\r\nECHO\r\n";
    assert!(matches!(parser.parse(input), Ok(Status::Incomplete { .. })));
    parser.set_limits(Limits { max_bulk: 2, ..Limits::default() });
    assert_eq!(parser.parse(&[&input[..], b"$3\r\n"].concat()), Err(ProtocolError::InvalidBulkLength));
    parser.reset();
    parser.set_limits(Limits::default());
    assert_eq!(parser.parse(b"PING\r\n"), Ok(Status::Complete { len: 6 }));
}

#[test]
fn no_byte_is_read_twice() {
    // Quadratic rescanning of these would take minutes: each arrives byte by byte.
    let long = Limits { max_inline: 1 << 20, ..Limits::default() };
    for input in [vec![b'a'; 1 << 20], [b"*".to_vec(), vec![b'1'; (1 << 20) - 1]].concat()] {
        let mut parser = RequestParser::new(long);
        for end in 1..=input.len() {
            assert_eq!(parser.parse(&input[..end]), Ok(Status::Incomplete { needed: end + 1 }));
        }
    }
}

/// Pieces of requests, sound and unsound, so that random sequences of them get far.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::collection::vec(any::<u8>(), 0..6);
    let count = prop_oneof![-2_i64..5, Just(10), Just(11), Just(12), Just(1 << 31), any::<i64>()];
    prop_oneof![
        8 => prop::collection::vec(word.clone(), 0..4).prop_map(|args| {
            let mut out = Vec::new();
            carnelian_resp::encode_command(&mut out, &args);
            out
        }),
        1 => count.clone().prop_map(|count| format!("*{count}\r\n").into_bytes()),
        1 => count.prop_map(|count| format!("${count}\r\n").into_bytes()),
        2 => "[ a-c\"'\\\\x1]{0,8}\r?\n".prop_map(String::into_bytes),
        1 => word,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn the_parser_and_the_grammar_agree(
        fragments in prop::collection::vec(fragment(), 1..5),
        authenticated in any::<bool>(),
        max_args in prop_oneof![Just(3_usize), Just(i32::MAX as usize)],
        max_bulk in prop_oneof![Just(4_usize), Just(512 << 20)],
        max_inline in prop_oneof![Just(6_usize), Just(64 << 10)],
    ) {
        agree(&fragments.concat(), Limits { max_args, max_bulk, max_inline, authenticated });
    }

    #[test]
    fn any_bytes_are_taken_without_panic(input in prop::collection::vec(any::<u8>(), 0..40)) {
        agree(&input, Limits::default());
    }
}
