//! Numbers from and to text: against Rust's own, and against what C and a real Redis said.
#![allow(missing_docs)]

use carnelian_encoding::LongDouble;
use carnelian_encoding::number::*;
use proptest::prelude::*;

fn text(value: f64) -> String {
    String::from_utf8(format_f64(value).as_bytes().to_vec()).unwrap()
}

fn sum(a: &str, b: &str) -> Option<String> {
    let sum = LongDouble::parse(a.as_bytes())?.checked_add(LongDouble::parse(b.as_bytes())?)?;
    Some(String::from_utf8(sum.to_vec()).unwrap())
}

proptest! {
    #[test]
    fn integers_survive_the_round_trip(value: i64, magnitude: u64) {
        let mut out = Vec::new();
        write_i64(&mut out, value);
        let on_stack = format_i64(value);
        prop_assert_eq!(out.as_slice(), on_stack.as_bytes());
        prop_assert_eq!(parse_i64(&out), Some(value));
        out.clear();
        write_u64(&mut out, magnitude);
        prop_assert_eq!(parse_u64(&out), Some(magnitude));
        prop_assert_eq!(parse_u64_lenient(&out), Some(magnitude));
    }

    #[test]
    fn only_canonical_integers_are_read(text in "[-+ 0-9]{0,22}") {
        let expected = text.parse::<i64>().ok().filter(|value| value.to_string() == text);
        prop_assert_eq!(parse_i64(text.as_bytes()), expected);
        let expected = text.parse::<u64>().ok().filter(|value| value.to_string() == text);
        prop_assert_eq!(parse_u64(text.as_bytes()), expected);
    }

    #[test]
    fn doubles_survive_the_round_trip(bits: u64) {
        let value = f64::from_bits(bits);
        if !value.is_nan() {
            prop_assert_eq!(parse_f64(text(value).as_bytes()).map(f64::to_bits), Some(bits));
        }
    }

    #[test]
    fn anything_may_be_offered_as_a_number(text in prop::collection::vec(any::<u8>(), 0..40)) {
        let _ = (parse_i64(&text), parse_u64_lenient(&text), parse_f64(&text), LongDouble::parse(&text));
    }

    #[test]
    fn numeric_looking_text_never_panics(text in "[-+]?(0x)?[0-9a-f]{0,30}\\.?[0-9]{0,30}([ep][-+]?[0-9]{0,6})?") {
        let (double, long) = (parse_f64(text.as_bytes()), LongDouble::parse(text.as_bytes()));
        if let Some(value) = double.filter(|value| value.is_finite() && !text.contains('x')) {
            prop_assert_eq!(Ok(value), text.parse::<f64>());
        }
        if double.is_some() {
            prop_assert!(long.is_some());
        }
        if let Some(sum) = long.and_then(|value| value.checked_add(value)) {
            sum.to_vec();
        }
    }

    /// Integers of 63 bits are exact in 64 bits of significand.
    #[test]
    fn long_double_adds_integers_exactly(a in -(1i64 << 62)..1 << 62, b in -(1i64 << 62)..1 << 62) {
        let sum = LongDouble::from_i64(a).checked_add(LongDouble::from_i64(b)).unwrap();
        prop_assert_eq!(sum.to_vec(), (a + b).to_string().into_bytes());
        prop_assert_eq!(sum.to_vec(), LongDouble::parse(&sum.to_vec()).unwrap().to_vec());
    }

    #[test]
    fn long_double_adds_small_decimals_exactly(a in -1_000_000_000i64..1_000_000_000, b in -1_000_000_000i64..1_000_000_000) {
        let decimal = |value: i64| {
            let text = format!("{}{}.{:06}", if value < 0 { "-" } else { "" }, value.abs() / 1_000_000, value.abs() % 1_000_000);
            let trimmed = text.trim_end_matches('0').trim_end_matches('.');
            if trimmed == "-0" { "0".to_owned() } else { trimmed.to_owned() }
        };
        let result = sum(&decimal(a), &decimal(b)).unwrap();
        let result = result.parse::<f64>().unwrap();
        prop_assert!((result - (a + b) as f64 / 1e6).abs() < 1e-12);
    }
}

#[test]
fn lenient_unsigned_integers_follow_strtoull() {
    let cases: [(&[u8], Option<u64>); 9] = [
        (b"007", Some(7)),
        (b"+5", Some(5)),
        (b" 5", Some(5)),
        (b"-1", None),
        (b"-01", Some(u64::MAX)),
        (b"18446744073709551615", Some(u64::MAX)),
        (b"18446744073709551616", None),
        (b"5 ", None),
        (b"", None),
    ];
    for (text, expected) in cases {
        assert_eq!(parse_u64_lenient(text), expected, "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn doubles_are_read_as_strtod_does() {
    let accepted: [(&str, f64); 14] = [
        ("1.", 1.0),
        (".5", 0.5),
        ("+.5e1", 5.0),
        ("0x10", 16.0),
        ("-0x.8p1", -1.0),
        ("0x1p-1074", 5e-324),
        ("0x1.fffffffffffff7p0", 1.999_999_999_999_999_8),
        ("0x1.00000000000008p0", 1.0),
        ("0x1.000000000000080000000000000000000000000000001p0", 1.000_000_000_000_000_2),
        ("4.9e-324", 5e-324),
        ("1.7976931348623158e308", f64::MAX),
        ("0e99999999999", 0.0),
        ("InFiNiTy", f64::INFINITY),
        ("-inf", f64::NEG_INFINITY),
    ];
    for (text, value) in accepted {
        assert_eq!(parse_f64(text.as_bytes()), Some(value), "{text}");
    }
    let refused = [
        "",
        " 1",
        "1 ",
        "nan",
        "NAN",
        "infin",
        ".",
        "-",
        "e5",
        "1e",
        "1e+",
        "0x",
        "0x.",
        "0xp1",
        "0x1p",
        "1e309",
        "-1e309",
        "2.4e-324",
        "0x1p1024",
        "0x1p-1076",
        "1_000",
        "1,5",
        "1\0",
        "１",
    ];
    for text in refused {
        assert_eq!(parse_f64(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn doubles_print_as_redis_prints_them() {
    let cases = [
        (0.0, "0"),
        (-0.0, "-0"),
        (3.0, "3"),
        (-3.25, "-3.25"),
        (0.1, "0.1"),
        (0.000_001, "0.000001"),
        (0.000_000_1, "1e-7"),
        (1.5e-7, "1.5e-7"),
        (0.000_012_345, "1.2345e-5"),
        (123_456_789.125, "123456789.125"),
        (1e18, "1000000000000000000"),
        (4.5e18, "4500000000000000000"),
        (4.7e18, "4.7e+18"),
        (1.234_567_890_123_456_7e19, "12345678901234567000"),
        (1e21, "1e+21"),
        (1.797_693_134_862_315_7e308, "1.7976931348623157e+308"),
        (5e-324, "5e-324"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
        (f64::NAN, "nan"),
        (-f64::NAN, "nan"),
    ];
    for (value, expected) in cases {
        assert_eq!(text(value), expected);
    }
}

/// Recorded with `strtold` and `%.17Lf` on x86-64, and from INCRBYFLOAT on redis-server 7.0.15.
#[test]
fn long_double_sums_are_those_of_redis() {
    let cases = [
        ("3.0e3", "200", "3200"),
        ("10.50", "0.1", "10.6"),
        ("0.1", "0.2", "0.3"),
        ("1", "-1", "0"),
        ("-0", "-0", "0"),
        ("-1e-30", "0", "0"),
        ("0181590.30166131860913909", "0824e1", "189830.30166131860913481"),
        ("4821993518.909", "-797543.319487", "4821195975.58951300010085106"),
        (
            "-0x9118625276p-55",
            "895559797114710497465075.917034236671276842684656321223",
            "895559797114710497492992",
        ),
        ("92440268e-2", "-890e4", "-7975597.32000000000016371"),
        ("-0x6617603137215p16", "2815901396.45957", "-117703268490425516328"),
        ("-77412154.2803852808414852", "885393363.8750047", "807981209.59461941913468763"),
        ("-55131373.37990751163", "5167612.202972", "-49963761.17693551163029042"),
        ("-288200e21", "3304348e-10", "-288200000000000000000000000"),
        ("6164809639717529606", "-98682828.07290222791805888", "6164809639618846778"),
        ("033401878.1", "78878.84837261", "33480756.94837261000066064"),
        ("-36.341", "0x242731672326p5", "1272024037352603.6590576171875"),
        ("-5515.5", "-6e-4", "-5515.50059999999999993"),
        ("-113114402e-8", "-4452877691629262718", "-4452877691629262719.25"),
        ("-140261.014193141", "-649208312.023448347", "-649348573.0376414880156517"),
        ("50400e-24", "8818496072206880311", "8818496072206880311"),
        ("16786843e-11", "5020146.016849", "5020146.01701686842989147"),
        ("-0x33776174p38", "92.44992070741", "-237346558016447578016"),
        ("-84777e24", "17047.874", "-84777000000000000000922746880"),
        ("91.84529", "-0x5377p-10", "70.9790790625"),
        ("76426565.5055", "0x0445166p51", "10081951780615645703168"),
        ("8773132.81718", "5207490465919239770", "5207490465928012903"),
        ("24861.1489", "-9008.7453783830", "15852.40352161699999911"),
        ("0x319554590p-27", "-3737201852252441194", "-3737201852252441094.75"),
        ("-7244749047181956925", "5345845430195495451", "-1898903616986461474"),
        ("9223372036854775807", "1", "9223372036854775808"),
        ("18446744073709551615", "1", "18446744073709551616"),
        ("18446744073709551616", "1", "18446744073709551616"),
        ("1e25", "0", "10000000000000000000000000"),
        ("1e40", "1", "9999999999999999999783686092270256259072"),
        ("5e-18", "0", "0"),
        ("1.5e-17", "0", "0.00000000000000002"),
        ("2.5e-17", "0", "0.00000000000000002"),
        ("0x1p-17", "0", "0.00000762939453125"),
    ];
    for (a, b, expected) in cases {
        assert_eq!(sum(a, b).as_deref(), Some(expected), "{a} + {b}");
    }
    let inf = LongDouble::parse(b"inf").unwrap();
    assert!(inf.is_infinite());
    assert!(inf.checked_add(LongDouble::from_i64(1)).unwrap().is_infinite());
    assert!(
        inf.checked_add(LongDouble::parse(b"-inf").unwrap()).is_none(),
        "infinity less infinity is no number"
    );
    let greatest = LongDouble::parse(b"1.18973149535723176502e4932").unwrap();
    assert!(!greatest.is_infinite());
    assert!(greatest.checked_add(greatest).unwrap().is_infinite());
    for refused in ["", " 1", "1 ", "nan", "1e5000", "1e-5000", "1.8e-4951", "0x1p16384", "x"] {
        assert!(LongDouble::parse(refused.as_bytes()).is_none(), "{refused}");
    }
    assert!(LongDouble::parse(&b"1".repeat(LONG_DOUBLE_TEXT_MAX)).is_none());
    assert!(LongDouble::parse(&b"1".repeat(4930)).is_some());
}
