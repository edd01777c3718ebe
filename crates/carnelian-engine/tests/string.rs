//! String values against plain byte vectors.

use carnelian_engine::{Element, StringValue};
use proptest::prelude::*;

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<i64>().prop_map(|value| value.to_string().into_bytes()),
        "-?0?[0-9]{0,20}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..100),
        (43usize..47).prop_map(|len| vec![b'x'; len]),
    ]
}

#[test]
fn encodings_are_those_of_redis() {
    for (text, encoding) in [
        ("", "embstr"),
        ("0", "int"),
        ("-1", "int"),
        ("01", "embstr"),
        ("+1", "embstr"),
        ("-0", "embstr"),
        ("9223372036854775807", "int"),
        ("-9223372036854775808", "int"),
        ("9223372036854775808", "embstr"),
        ("-9223372036854775809", "embstr"),
        ("12345678901234567890123456789012345678901234", "embstr"),
        ("123456789012345678901234567890123456789012345", "raw"),
    ] {
        assert_eq!(StringValue::new(text.as_bytes()).encoding(), encoding, "{text:?}");
    }
    assert_eq!(StringValue::from_text(b"3").encoding(), "embstr");
    assert_eq!(StringValue::from_raw(b"3".to_vec()).encoding(), "raw");
    assert_eq!(StringValue::from_int(3).encoding(), "int");
}

#[test]
fn an_edited_value_stays_growable() {
    let mut value = StringValue::from_int(12);
    value.make_raw().push(b'3');
    assert_eq!((value.get(), value.encoding(), value.as_int()), (Element::Str(b"123"), "raw", Some(123)));
}

proptest! {
    #[test]
    fn holds_what_it_was_given(bytes in text()) {
        let value = StringValue::new(&bytes);
        prop_assert_eq!(value.get().to_vec(), bytes.clone());
        prop_assert_eq!(value.len(), bytes.len());
        prop_assert_eq!(value.is_empty(), bytes.is_empty());
        let integer = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse::<i64>().ok());
        let canonical = integer.filter(|value| value.to_string().as_bytes() == bytes);
        prop_assert_eq!(value.as_int(), canonical);
        prop_assert_eq!(value.encoding() == "int", canonical.is_some());
    }

    #[test]
    fn assigning_equals_making_anew(values in prop::collection::vec((text(), any::<bool>()), 1..20)) {
        let mut value = StringValue::new(b"");
        for (bytes, edit) in values {
            value.assign(&bytes);
            let fresh = StringValue::new(&bytes);
            prop_assert_eq!(value.get(), fresh.get());
            prop_assert_eq!(value.encoding(), fresh.encoding());
            if edit {
                value.make_raw().extend_from_slice(b"tail");
                prop_assert_eq!(value.get().to_vec(), [&bytes[..], b"tail"].concat());
            }
        }
    }
}
