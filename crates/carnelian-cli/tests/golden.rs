//! Replies as text in every layout, against what `redis-cli` 7.0.15 printed for the same bytes.

mod support;

use support::{Cli, say};

/// What a server sends, and what the five layouts make of it.
struct Golden {
    name: &'static str,
    wire: &'static [u8],
    formatted: &'static [u8],
    raw: &'static [u8],
    csv: &'static [u8],
    json: &'static [u8],
    quoted_json: &'static [u8],
}

#[test]
fn replies_look_as_redis_cli_prints_them() {
    for golden in GOLDEN {
        let layouts: [(&[&str], &[u8]); 5] = [
            (&["--no-raw"], golden.formatted),
            (&["--raw"], golden.raw),
            (&["--csv"], golden.csv),
            (&["-2", "--json"], golden.json),
            (&["-2", "--quoted-json"], golden.quoted_json),
        ];
        for (options, expected) in layouts {
            let ran = Cli::default().run_with(&[options, &["x"]].concat(), vec![vec![say("x", golden.wire)]]);
            let shown = String::from_utf8_lossy;
            assert_eq!(shown(&ran.out), shown(expected), "{} {options:?}", golden.name);
            assert_eq!(
                (ran.out.as_slice(), ran.code, ran.err.as_str()),
                (expected, 0, ""),
                "{}",
                golden.name
            );
        }
    }
}

/// `redis-cli` 7.0 gives up on these two, so there is nothing to follow.
#[test]
fn big_numbers_and_attributes_are_shown() {
    let check = |options: &[&str], wire: &'static [u8], expected: &str| {
        let ran = Cli::default().run_with(&[options, &["x"]].concat(), vec![vec![say("x", wire)]]);
        assert_eq!(ran.text(), expected);
    };
    check(&["--no-raw"], b"(-12345678901234567890\r\n", "(big number) -12345678901234567890\n");
    check(&["--json", "-2"], b"(12345678901234567890\r\n", "12345678901234567890\n");
    check(&["--no-raw"], b"|1\r\n+ttl\r\n:3\r\n*1\r\n$1\r\na\r\n", "1) \"a\"\n");
}

const GOLDEN: &[Golden] = &[
    Golden {
        name: "status",
        wire: b"+OK\r\n",
        formatted: b"OK\n",
        raw: b"OK\n",
        csv: b"\"OK\"\n",
        json: b"\"OK\"\n",
        quoted_json: b"\"OK\"\n",
    },
    Golden {
        name: "error",
        wire: b"-ERR no \"such\" thing\r\n",
        formatted: b"(error) ERR no \"such\" thing\n",
        raw: b"ERR no \"such\" thing\n\n",
        csv: b"ERROR,\"ERR no \\\"such\\\" thing\"\n",
        json: b"error:\"ERR no \\\"such\\\" thing\"\n",
        quoted_json: b"error:\"ERR no \\\\\"such\\\\\" thing\"\n",
    },
    Golden {
        name: "integer",
        wire: b":-42\r\n",
        formatted: b"(integer) -42\n",
        raw: b"-42\n",
        csv: b"-42\n",
        json: b"-42\n",
        quoted_json: b"-42\n",
    },
    Golden {
        name: "bulk",
        wire: b"$14\r\na\"b\\c\n\t\x00\x7f\xff\xc3\xa9 d\r\n",
        formatted: b"\"a\\\"b\\\\c\\n\\t\\x00\\x7f\\xff\\xc3\\xa9 d\"\n",
        raw: b"a\"b\\c\n\t\x00\x7f\xff\xc3\xa9 d\n",
        csv: b"\"a\\\"b\\\\c\\n\\t\\x00\\x7f\\xff\\xc3\\xa9 d\"\n",
        json: b"\"a\\\"b\\\\c\\n\\t\\u0000\x7f\xff\xc3\xa9 d\"\n",
        quoted_json: b"\"a\\\\\"b\\\\\\\\c\\\\n\\\\t\\\\x00\\\\x7f\\\\xff\\\\xc3\\\\xa9 d\"\n",
    },
    Golden {
        name: "empty bulk",
        wire: b"$0\r\n\r\n",
        formatted: b"\"\"\n",
        raw: b"\n",
        csv: b"\"\"\n",
        json: b"\"\"\n",
        quoted_json: b"\"\"\n",
    },
    Golden {
        name: "null string",
        wire: b"$-1\r\n",
        formatted: b"(nil)\n",
        raw: b"\n",
        csv: b"NULL\n",
        json: b"null\n",
        quoted_json: b"null\n",
    },
    Golden {
        name: "null array",
        wire: b"*-1\r\n",
        formatted: b"(nil)\n",
        raw: b"\n",
        csv: b"NULL\n",
        json: b"null\n",
        quoted_json: b"null\n",
    },
    Golden {
        name: "null",
        wire: b"_\r\n",
        formatted: b"(nil)\n",
        raw: b"\n",
        csv: b"NULL\n",
        json: b"null\n",
        quoted_json: b"null\n",
    },
    Golden {
        name: "true",
        wire: b"#t\r\n",
        formatted: b"(true)\n",
        raw: b"(true)\n",
        csv: b"true\n",
        json: b"true\n",
        quoted_json: b"true\n",
    },
    Golden {
        name: "false",
        wire: b"#f\r\n",
        formatted: b"(false)\n",
        raw: b"(false)\n",
        csv: b"false\n",
        json: b"false\n",
        quoted_json: b"false\n",
    },
    Golden {
        name: "double",
        wire: b",3.25\r\n",
        formatted: b"(double) 3.25\n",
        raw: b"3.25\n",
        csv: b"3.25\n",
        json: b"3.25\n",
        quoted_json: b"3.25\n",
    },
    Golden {
        name: "infinite double",
        wire: b",-inf\r\n",
        formatted: b"(double) -inf\n",
        raw: b"-inf\n",
        csv: b"-inf\n",
        json: b"-inf\n",
        quoted_json: b"-inf\n",
    },
    Golden {
        name: "verbatim",
        wire: b"=9\r\ntxt:a\n\"b\"\r\n",
        formatted: b"a\n\"b\"\n",
        raw: b"a\n\"b\"\n",
        csv: b"\"a\\n\\\"b\\\"\"\n",
        json: b"\"a\\n\\\"b\\\"\"\n",
        quoted_json: b"\"a\\\\n\\\\\"b\\\\\"\"\n",
    },
    Golden {
        name: "empty array",
        wire: b"*0\r\n",
        formatted: b"(empty array)\n",
        raw: b"\n",
        csv: b"\n",
        json: b"[]\n",
        quoted_json: b"[]\n",
    },
    Golden {
        name: "empty set",
        wire: b"~0\r\n",
        formatted: b"(empty set)\n",
        raw: b"\n",
        csv: b"\n",
        json: b"[]\n",
        quoted_json: b"[]\n",
    },
    Golden {
        name: "empty map",
        wire: b"%0\r\n",
        formatted: b"(empty hash)\n",
        raw: b"\n",
        csv: b"\n",
        json: b"{}\n",
        quoted_json: b"{}\n",
    },
    Golden {
        name: "array",
        wire: b"*3\r\n$1\r\na\r\n:1\r\n$-1\r\n",
        formatted: b"1) \"a\"\n2) (integer) 1\n3) (nil)\n",
        raw: b"a\n1\n\n",
        csv: b"\"a\",1,NULL\n",
        json: b"[\"a\",1,null]\n",
        quoted_json: b"[\"a\",1,null]\n",
    },
    Golden {
        name: "set",
        wire: b"~2\r\n$1\r\na\r\n+b\r\n",
        formatted: b"1~ \"a\"\n2~ b\n",
        raw: b"a\nb\n",
        csv: b"\"a\",\"b\"\n",
        json: b"[\"a\",\"b\"]\n",
        quoted_json: b"[\"a\",\"b\"]\n",
    },
    Golden {
        name: "map",
        wire: b"%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n_\r\n",
        formatted: b"1# \"a\" => (integer) 1\n2# \"b\" => (nil)\n",
        raw: b"a 1\nb \n",
        csv: b"\"a\",1,\"b\",NULL\n",
        json: b"{\"a\":1,\"b\":null}\n",
        quoted_json: b"{\"a\":1,\"b\":null}\n",
    },
    Golden {
        name: "map with other keys",
        wire: b"%4\r\n:1\r\n+x\r\n#t\r\n+y\r\n*1\r\n:2\r\n+z\r\n_\r\n+n\r\n",
        formatted: b"1# (integer) 1 => x\n2# (true) => y\n3# 1) (integer) 2 => z\n4# (nil) => n\n",
        raw: b"1 x\n(true) y\n2 z\n n\n",
        csv: b"1,\"x\",true,\"y\",2,\"z\",NULL,\"n\"\n",
        json: b"{\"1\":\"x\",\"true\":\"y\",\"[2]\":\"z\",\"null\":\"n\"}\n",
        quoted_json: b"{\"1\":\"x\",\"true\":\"y\",\"[2]\":\"z\",\"null\":\"n\"}\n",
    },
    Golden {
        name: "ten elements",
        wire: b"*10\r\n:0\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n*2\r\n+x\r\n+y\r\n",
        formatted: b" 1) (integer) 0\n 2) (integer) 1\n 3) (integer) 2\n 4) (integer) 3\n 5) (integer) 4\n 6) (integer) 5\n 7) (integer) 6\n 8) (integer) 7\n 9) (integer) 8\n10) 1) x\n    2) y\n",
        raw: b"0\n1\n2\n3\n4\n5\n6\n7\n8\nx\ny\n",
        csv: b"0,1,2,3,4,5,6,7,8,\"x\",\"y\"\n",
        json: b"[0,1,2,3,4,5,6,7,8,[\"x\",\"y\"]]\n",
        quoted_json: b"[0,1,2,3,4,5,6,7,8,[\"x\",\"y\"]]\n",
    },
    Golden {
        name: "nested arrays",
        wire: b"*2\r\n*2\r\n+a\r\n*2\r\n+b\r\n+c\r\n*1\r\n*0\r\n",
        formatted: b"1) 1) a\n   2) 1) b\n      2) c\n2) 1) (empty array)\n",
        raw: b"a\nb\nc\n\n",
        csv: b"\"a\",\"b\",\"c\",\n",
        json: b"[[\"a\",[\"b\",\"c\"]],[[]]]\n",
        quoted_json: b"[[\"a\",[\"b\",\"c\"]],[[]]]\n",
    },
    Golden {
        name: "errors inside",
        wire: b"*2\r\n-ERR x\r\n*1\r\n-ERR y\r\n",
        formatted: b"1) (error) ERR x\n2) 1) (error) ERR y\n",
        raw: b"ERR x\n\nERR y\n\n",
        csv: b"ERROR,\"ERR x\",ERROR,\"ERR y\"\n",
        json: b"[error:\"ERR x\",[error:\"ERR y\"]]\n",
        quoted_json: b"[error:\"ERR x\",[error:\"ERR y\"]]\n",
    },
    Golden {
        name: "map of collections",
        wire: b"%4\r\n+one\r\n*1\r\n:1\r\n+two\r\n*2\r\n:1\r\n:2\r\n+map\r\n%1\r\n+k\r\n~2\r\n:1\r\n:2\r\n+none\r\n*0\r\n",
        formatted: b"1# one => 1) (integer) 1\n2# two => \n   1) (integer) 1\n   2) (integer) 2\n3# map => \n   1# k => \n      1~ (integer) 1\n      2~ (integer) 2\n4# none => (empty array)\n",
        raw: b"one 1\ntwo 1\n2\nmap k 1\n2\nnone \n",
        csv: b"\"one\",1,\"two\",1,2,\"map\",\"k\",1,2,\"none\",\n",
        json: b"{\"one\":[1],\"two\":[1,2],\"map\":{\"k\":[1,2]},\"none\":[]}\n",
        quoted_json: b"{\"one\":[1],\"two\":[1,2],\"map\":{\"k\":[1,2]},\"none\":[]}\n",
    },
    Golden {
        name: "array of maps",
        wire: b"*2\r\n%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n%1\r\n+c\r\n%2\r\n+d\r\n:3\r\n+e\r\n:4\r\n",
        formatted: b"1) 1# a => (integer) 1\n   2# b => (integer) 2\n2) 1# c => \n      1# d => (integer) 3\n      2# e => (integer) 4\n",
        raw: b"a 1\nb 2\nc d 3\ne 4\n",
        csv: b"\"a\",1,\"b\",2,\"c\",\"d\",3,\"e\",4\n",
        json: b"[{\"a\":1,\"b\":2},{\"c\":{\"d\":3,\"e\":4}}]\n",
        quoted_json: b"[{\"a\":1,\"b\":2},{\"c\":{\"d\":3,\"e\":4}}]\n",
    },
    Golden {
        name: "control characters",
        wire: b"$7\r\n\x07\x08\x0c\r\x1b/\x1f\r\n",
        formatted: b"\"\\a\\b\\x0c\\r\\x1b/\\x1f\"\n",
        raw: b"\x07\x08\x0c\r\x1b/\x1f\n",
        csv: b"\"\\a\\b\\x0c\\r\\x1b/\\x1f\"\n",
        json: b"\"\\u0007\\b\\f\\r\\u001b/\\u001f\"\n",
        quoted_json: b"\"\\\\a\\\\b\\\\x0c\\\\r\\\\x1b/\\\\x1f\"\n",
    },
];
