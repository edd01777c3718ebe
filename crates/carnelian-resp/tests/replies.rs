//! Writing and decoding replies: the bytes of both protocols, the round trip, hostile servers.

use carnelian_resp::{DecodeError, DecodeLimits, Protocol, Reply, ReplyDecoder, ReplyWriter, decode_reply};
use proptest::prelude::*;

/// What `write` produces in RESP2 and in RESP3.
fn check(write: impl Fn(&mut ReplyWriter), resp2: &[u8], resp3: &[u8]) {
    for (protocol, expected) in [(Protocol::Resp2, resp2), (Protocol::Resp3, resp3)] {
        let mut writer = ReplyWriter::new(protocol);
        write(&mut writer);
        writer.debug_check_complete();
        assert_eq!(
            writer.buf().escape_ascii().to_string(),
            expected.escape_ascii().to_string(),
            "{protocol:?}"
        );
    }
}

#[test]
fn forms() {
    check(ReplyWriter::ok, b"+OK\r\n", b"+OK\r\n");
    check(|w| w.simple("PONG"), b"+PONG\r\n", b"+PONG\r\n");
    check(|w| w.error("ERR no"), b"-ERR no\r\n", b"-ERR no\r\n");
    check(|w| w.integer(i64::MIN), b":-9223372036854775808\r\n", b":-9223372036854775808\r\n");
    check(|w| w.bulk(b"a\r\nb"), b"$4\r\na\r\nb\r\n", b"$4\r\na\r\nb\r\n");
    check(|w| w.bulk(b""), b"$0\r\n\r\n", b"$0\r\n\r\n");
    check(|w| w.bulk_integer(-12), b"$3\r\n-12\r\n", b"$3\r\n-12\r\n");
    check(ReplyWriter::null, b"$-1\r\n", b"_\r\n");
    check(ReplyWriter::null_array, b"*-1\r\n", b"_\r\n");
    check(|w| w.array(0), b"*0\r\n", b"*0\r\n");
    check(|w| w.map(0), b"*0\r\n", b"%0\r\n");
    check(|w| w.set(0), b"*0\r\n", b"~0\r\n");
    check(|w| w.push(0), b"*0\r\n", b">0\r\n");
    check(|w| w.boolean(true), b":1\r\n", b"#t\r\n");
    check(|w| w.boolean(false), b":0\r\n", b"#f\r\n");
    check(|w| w.double(1e8), b"$9\r\n100000000\r\n", b",100000000\r\n");
    check(|w| w.double(-0.0), b"$2\r\n-0\r\n", b",-0\r\n");
    check(|w| w.double(f64::MAX), b"$23\r\n1.7976931348623157e+308\r\n", b",1.7976931348623157e+308\r\n");
    check(|w| w.double(f64::NAN), b"$3\r\nnan\r\n", b",nan\r\n");
    check(|w| w.double(1.0), b"$1\r\n1\r\n", b",1\r\n");
    check(|w| w.double(-2.5e-300), b"$9\r\n-2.5e-300\r\n", b",-2.5e-300\r\n");
    check(|w| w.double(-2.25e-300), b"$10\r\n-2.25e-300\r\n", b",-2.25e-300\r\n");
    check(|w| w.double(f64::NEG_INFINITY), b"$4\r\n-inf\r\n", b",-inf\r\n");
    check(|w| w.big_number("123"), b"$3\r\n123\r\n", b"(123\r\n");
    check(|w| w.verbatim("txt", b"hi"), b"$2\r\nhi\r\n", b"=6\r\ntxt:hi\r\n");
    check(|w| w.verbatim("m", b""), b"$0\r\n\r\n", b"=4\r\nm  :\r\n");
    check(|w| w.raw(b"+x\r\n"), b"+x\r\n", b"+x\r\n");
}

#[test]
fn attributes_exist_in_resp3_only() {
    check(
        |w| {
            w.array(1);
            if w.attribute(1) {
                w.bulk(b"a");
                w.integer(1);
            }
            w.integer(2);
        },
        b"*1\r\n:2\r\n",
        b"*1\r\n|1\r\n$1\r\na\r\n:1\r\n:2\r\n",
    );
}

#[test]
fn an_error_cannot_forge_a_reply() {
    // CVE-2025-67733: CR, LF, NUL and 0xFF in text from outside.
    check(
        |w| w.error(b"ERR a\r\n+OK\r\n\0\xff\r\n\n"),
        b"-ERR a  +OK  \0\xff\r\n",
        b"-ERR a  +OK  \0\xff\r\n",
    );
    check(|w| w.simple("a\nb\r"), b"+a b \r\n", b"+a b \r\n");
    let mut writer = ReplyWriter::new(Protocol::Resp2);
    writer.error(b"ERR unknown command '\r\n$3\r\nfoo\r\n'");
    let (reply, len) = decode_reply(writer.buf()).unwrap().unwrap();
    assert_eq!(len, writer.len());
    assert!(reply.error().is_some());
}

#[test]
fn deferred_lengths_of_any_width() {
    for count in [0, 1, 9, 10, 99, 100, 12345] {
        let mut expected = ReplyWriter::new(Protocol::Resp3);
        let mut writer = ReplyWriter::new(Protocol::Resp3);
        writer.integer(7);
        expected.integer(7);
        let outer = writer.begin_map();
        expected.map(1);
        writer.bulk(b"key");
        expected.bulk(b"key");
        let inner = writer.begin_set();
        expected.set(count);
        for i in 0..count {
            writer.integer(i as i64);
            expected.integer(i as i64);
        }
        writer.end_set(inner, count);
        writer.end_map(outer, 1);
        writer.debug_check_complete();
        assert_eq!(writer.buf(), expected.buf());
    }
    let mut writer = ReplyWriter::new(Protocol::Resp2);
    let map = writer.begin_map();
    for i in 0..10 {
        writer.integer(i);
    }
    writer.end_map(map, 5);
    assert!(writer.buf().starts_with(b"*10\r\n:0\r\n"));
}

#[test]
fn a_reply_taken_back_leaves_the_rest_whole() {
    let mut writer = ReplyWriter::new(Protocol::Resp3);
    writer.array(2);
    let outer = writer.begin_array();
    for i in 0..11 {
        writer.integer(i);
    }
    writer.end_array(outer, 11);
    let mark = writer.len();
    writer.map(3);
    writer.bulk(b"half");
    writer.truncate(mark);
    writer.error("ERR changed my mind");
    writer.debug_check_complete();
    assert!(matches!(decode_reply(writer.buf()), Ok(Some((Reply::Array(_), len))) if len == writer.len()));
    writer.array(1);
    writer.clear();
    writer.debug_check_complete();
    assert!(writer.is_empty());
}

#[cfg(debug_assertions)]
mod shape {
    use super::*;

    #[test]
    #[should_panic(expected = "a reply lacks values")]
    fn values_are_missing() {
        let mut writer = ReplyWriter::new(Protocol::Resp2);
        writer.array(2);
        writer.map(0);
        writer.debug_check_complete();
    }

    #[test]
    #[should_panic(expected = "another length")]
    fn a_deferred_length_is_wrong() {
        let mut writer = ReplyWriter::new(Protocol::Resp2);
        let array = writer.begin_array();
        writer.ok();
        writer.end_array(array, 2);
    }

    #[test]
    #[should_panic(expected = "is not 1 reply")]
    fn a_value_is_too_many() {
        let mut writer = ReplyWriter::new(Protocol::Resp2);
        writer.integer(1);
        let start = writer.len();
        writer.array(1);
        writer.ok();
        writer.ok();
        writer.debug_check_replies(start, 1);
    }
}

#[test]
fn every_type_is_read() {
    let array = |values: &[Reply]| Reply::Array(values.to_vec());
    let one = Reply::Integer(1);
    for (bytes, expected) in [
        (&b"+OK\r\n"[..], Reply::Simple(b"OK".to_vec())),
        (b"+\r\n", Reply::Simple(vec![])),
        (b"-ERR x\r\n", Reply::Error(b"ERR x".to_vec())),
        (b"!5\r\nERR x\r\n", Reply::Error(b"ERR x".to_vec())),
        (b":-5\r\n", Reply::Integer(-5)),
        (b":9223372036854775807\r\n", Reply::Integer(i64::MAX)),
        (b"$0\r\n\r\n", Reply::Bulk(vec![])),
        (b"$4\r\n\r\n\r\n\r\n", Reply::Bulk(b"\r\n\r\n".to_vec())),
        (b"$-1\r\n", Reply::Null),
        (b"*-1\r\n", Reply::NullArray),
        (b"_\r\n", Reply::Null),
        (b"*0\r\n", array(&[])),
        (b"*2\r\n*1\r\n:1\r\n%0\r\n", array(&[array(std::slice::from_ref(&one)), Reply::Map(vec![])])),
        (b"%1\r\n:1\r\n~1\r\n:1\r\n", Reply::Map(vec![(one.clone(), Reply::Set(vec![one.clone()]))])),
        (b">1\r\n:1\r\n", Reply::Push(vec![one.clone()])),
        (b",1.5\r\n", Reply::Double(1.5)),
        (b",1e+20\r\n", Reply::Double(1e20)),
        (b",inf\r\n", Reply::Double(f64::INFINITY)),
        (b",-inf\r\n", Reply::Double(f64::NEG_INFINITY)),
        (b"#t\r\n", Reply::Boolean(true)),
        (b"#f\r\n", Reply::Boolean(false)),
        (b"(-123456789012345678901234567890\r\n", Reply::BigNumber("-123456789012345678901234567890".into())),
        (b"=5\r\ntxt:x\r\n", Reply::Verbatim { format: *b"txt", text: b"x".to_vec() }),
        (
            b"|1\r\n+a\r\n:1\r\n*1\r\n|0\r\n:1\r\n",
            Reply::Attribute {
                attributes: vec![(Reply::Simple(b"a".to_vec()), one.clone())],
                reply: Box::new(array(&[Reply::Attribute {
                    attributes: vec![],
                    reply: Box::new(one.clone()),
                }])),
            },
        ),
    ] {
        assert_eq!(decode_reply(bytes), Ok(Some((expected, bytes.len()))), "{}", bytes.escape_ascii());
        for end in 0..bytes.len() {
            assert_eq!(decode_reply(&bytes[..end]), Ok(None), "{}", bytes[..end].escape_ascii());
        }
    }
    for bytes in [&b",nan\r\n"[..], b",-nan\r\n"] {
        assert!(matches!(decode_reply(bytes), Ok(Some((Reply::Double(value), _))) if value.is_nan()));
    }
}

#[test]
fn what_is_no_reply() {
    for (bytes, error) in [
        (&b"PONG\r\n"[..], DecodeError::UnknownType(b'P')),
        (b"\r\n", DecodeError::LineEnd),
        (b"+OK\n", DecodeError::LineEnd),
        (b":\r\n", DecodeError::Malformed(b':')),
        (b":1x\r\n", DecodeError::Malformed(b':')),
        (b":9223372036854775808\r\n", DecodeError::Malformed(b':')),
        (b"$-2\r\n", DecodeError::Malformed(b'$')),
        (b"$18446744073709551616\r\n", DecodeError::Malformed(b'$')),
        (b"$?\r\n", DecodeError::Malformed(b'$')),
        (b"*-2\r\n", DecodeError::Malformed(b'*')),
        (b"%-1\r\n", DecodeError::Malformed(b'%')),
        (b"_1\r\n", DecodeError::Malformed(b'_')),
        (b"#x\r\n", DecodeError::Malformed(b'#')),
        (b",one\r\n", DecodeError::Malformed(b',')),
        (b"(1.5\r\n", DecodeError::Malformed(b'(')),
        (b"=3\r\ntxt\r\n", DecodeError::Malformed(b'=')),
        (b"=5\r\ntxt-x\r\n", DecodeError::Malformed(b'=')),
        (b"$1\r\nabc", DecodeError::BulkEnd),
        (b"$536870913\r\n", DecodeError::BulkTooLong(536_870_913)),
        (b"*134217729\r\n", DecodeError::TooManyElements(134_217_729)),
        (b"%9223372036854775808\r\n", DecodeError::TooManyElements(1 << 63)),
        (b"*134217728\r\n*1\r\n", DecodeError::TooManyElements(1)),
    ] {
        assert_eq!(decode_reply(bytes), Err(error), "{}", bytes.escape_ascii());
        assert!(!error.to_string().is_empty());
    }
}

#[test]
fn a_hostile_server_costs_no_memory() {
    // CVE-2021-32762, -32765: the announced length must not be believed, even if the limits allow it.
    let limits = DecodeLimits { max_elements: usize::MAX, max_bulk: usize::MAX, ..DecodeLimits::default() };
    for bytes in
        [&b"*2147483647\r\n"[..], b"%2147483647\r\n", b"$2147483647\r\n", b"$18446744073709551613\r\n"]
    {
        let mut decoder = ReplyDecoder::new(limits);
        assert_eq!(decoder.decode(bytes).unwrap().reply, None);
        assert!(decoder.is_midway());
    }
    let deep = b"*1\r\n".repeat(129);
    assert_eq!(decode_reply(&deep), Err(DecodeError::TooDeep));
    assert_eq!(decode_reply(&b"|1\r\n+a\r\n+b\r\n".repeat(129)), Err(DecodeError::TooDeep));
    assert_eq!(decode_reply(&b"*1\r\n".repeat(128)), Ok(None));
    let mut decoder = ReplyDecoder::new(DecodeLimits { max_line: 3, ..limits });
    assert!(decoder.decode(b"+abc\r\n").unwrap().reply.is_some());
    assert_eq!(decoder.decode(b"+abcd\r\n"), Err(DecodeError::LineTooLong));
    decoder.reset();
    assert_eq!(decoder.decode(b"+abcdef"), Err(DecodeError::LineTooLong));
}

fn reply() -> impl Strategy<Value = Reply> {
    let text = || prop::collection::vec(any::<u8>(), 0..8);
    let line = || "[ -~]{0,8}".prop_map(String::into_bytes);
    let leaf = prop_oneof![
        line().prop_map(Reply::Simple),
        line().prop_map(Reply::Error),
        any::<i64>().prop_map(Reply::Integer),
        text().prop_map(Reply::Bulk),
        Just(Reply::Null),
        (-1e300..1e300_f64).prop_map(Reply::Double),
        any::<bool>().prop_map(Reply::Boolean),
        "-?[0-9]{1,30}".prop_map(Reply::BigNumber),
        ("[a-z]{3}", text()).prop_map(|(format, text)| Reply::Verbatim {
            format: format.as_bytes().try_into().unwrap(),
            text
        }),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let values = prop::collection::vec(inner.clone(), 0..6);
        let pairs = prop::collection::vec((inner.clone(), inner.clone()), 0..4);
        prop_oneof![
            values.clone().prop_map(Reply::Array),
            values.clone().prop_map(Reply::Set),
            values.prop_map(Reply::Push),
            pairs.clone().prop_map(Reply::Map),
            (pairs, inner)
                .prop_map(|(attributes, reply)| Reply::Attribute { attributes, reply: Box::new(reply) }),
        ]
    })
}

/// Feed the bytes in pieces that end at `cuts`.
fn decode_pieces(bytes: &[u8], cuts: &[usize]) -> Vec<Reply> {
    let mut decoder = ReplyDecoder::default();
    let (mut replies, mut start) = (Vec::new(), 0);
    for end in cuts.iter().copied().chain([bytes.len()]) {
        while start < end {
            let decoded = decoder.decode(&bytes[start..end]).unwrap();
            start += decoded.consumed;
            assert!(decoded.reply.is_some() || start == end);
            replies.extend(decoded.reply);
        }
    }
    assert!(!decoder.is_midway());
    replies
}

proptest! {
    #[test]
    fn what_is_written_in_resp3_is_read_back(replies in prop::collection::vec(reply(), 1..4)) {
        let mut writer = ReplyWriter::new(Protocol::Resp3);
        for reply in &replies {
            reply.write_to(&mut writer);
        }
        writer.debug_check_complete();
        let bytes = writer.take();
        for cut in 0..bytes.len() {
            prop_assert_eq!(&decode_pieces(&bytes, &[cut]), &replies);
        }
        let every: Vec<_> = (1..bytes.len()).collect();
        prop_assert_eq!(&decode_pieces(&bytes, &every), &replies);
    }

    #[test]
    fn what_is_written_in_resp2_is_one_reply(reply in reply()) {
        let mut writer = ReplyWriter::new(Protocol::Resp2);
        reply.write_to(&mut writer);
        writer.debug_check_complete();
        writer.debug_check_replies(0, 1);
        let (_, len) = decode_reply(writer.buf()).unwrap().unwrap();
        prop_assert_eq!(len, writer.len());
    }

    #[test]
    fn any_bytes_are_decoded_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = decode_reply(&bytes);
    }

    #[test]
    fn commands_are_read_back_by_the_request_parser(
        args in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 1..5),
    ) {
        let mut bytes = Vec::new();
        carnelian_resp::encode_command(&mut bytes, &args);
        let mut parser = carnelian_resp::RequestParser::new(carnelian_resp::Limits::default());
        prop_assert_eq!(parser.parse(&bytes), Ok(carnelian_resp::Status::Complete { len: bytes.len() }));
        let owned = carnelian_resp::OwnedArgs::from_slices(&args);
        prop_assert_eq!(parser.args(&bytes), owned.as_args());
    }
}

/// Short strings are written another way than long ones; the bytes are the same on both sides of every limit.
#[test]
fn strings_of_every_length() {
    for len in (0..140).chain([999, 1000, 1001]) {
        let text = vec![b'x'; len];
        let mut writer = ReplyWriter::new(Protocol::Resp2);
        writer.bulk(&text);
        writer.bulk(b"");
        let expected = [format!("${len}\r\n").as_bytes(), &text, b"\r\n$0\r\n\r\n"].concat();
        assert_eq!(writer.buf(), expected);
    }
}
