//! Large texts that replies refer to: what is sent is what copying would have sent, however little each write takes.

use carnelian_resp::{Protocol, ReplyWriter};
use proptest::prelude::*;
use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;

/// A text that no other one is mistaken for, with its memory filled or not.
fn text(number: u8, len: usize, room: usize) -> Arc<Vec<u8>> {
    let mut text = Vec::with_capacity(len + room);
    text.extend((0..len).map(|at| (at % 251) as u8 ^ number));
    Arc::new(text)
}

fn joined(slices: &[IoSlice<'_>]) -> Vec<u8> {
    slices.iter().flat_map(|slice| slice.iter().copied()).collect()
}

/// Everything that is to be sent, in one piece.
fn unsent(writer: &ReplyWriter) -> Vec<u8> {
    let mut slices = vec![IoSlice::new(&[]); 1000];
    let count = writer.unsent_slices(&mut slices);
    let whole = joined(&slices[..count]);
    assert_eq!(whole.len(), writer.unsent());
    whole
}

fn pair() -> (ReplyWriter, ReplyWriter) {
    let mut sharing = ReplyWriter::new(Protocol::Resp2);
    sharing.share_large();
    (sharing, ReplyWriter::new(Protocol::Resp2))
}

#[test]
fn sending_goes_on_after_every_byte() {
    let (mut writer, mut copying) = pair();
    let text = text(1, 9000, 0);
    for out in [&mut writer, &mut copying] {
        out.array(3);
        out.bulk_shared(&text, 0..9000);
        out.bulk_shared(&text, 500..9000);
        out.ok();
        out.debug_check_replies(0, 1);
    }
    let expected = copying.buf();
    assert_eq!(writer.len(), expected.len() - 17_500, "both texts are referred to");
    assert_eq!(writer.unsent_shared(), 17_500);
    for sent in 0..=expected.len() {
        assert!(unsent(&writer) == expected[sent..], "after {sent} bytes");
        let held = Arc::strong_count(&text) - 1;
        let whole = expected.len();
        assert_eq!(held, usize::from(sent < whole - 7 - 8509) + usize::from(sent < whole - 7), "{sent}");
        writer.advance(usize::from(sent < whole));
    }
    assert_eq!((writer.unsent(), Arc::strong_count(&text)), (0, 1));
}

#[test]
fn only_what_pays_is_referred_to() {
    let refers = |text: &Arc<Vec<u8>>, part: Range<usize>| {
        let (mut writer, mut copying) = pair();
        writer.bulk_shared(text, part.clone());
        copying.bulk(&text[part]);
        assert!(unsent(&writer) == copying.buf());
        writer.unsent_shared() > 0
    };
    assert!(refers(&text(0, 8192, 0), 0..8192));
    assert!(!refers(&text(0, 8191, 0), 0..8191));
    assert!(!refers(&text(0, 8192, 9000), 0..8192), "more than as much memory is not used");
    assert!(refers(&text(0, 20_000, 0), 5000..15_000));
    assert!(!refers(&text(0, 20_000, 0), 5000..14_999), "most would not be sent");
    assert!(!refers(&text(0, 20_000, 0), 20_000..20_000));
    let mut copying = ReplyWriter::new(Protocol::Resp2);
    copying.bulk_shared(&text(0, 8192, 0), 0..8192);
    assert_eq!((copying.unsent_shared(), copying.len()), (0, 8201), "nobody asked for it");
}

#[test]
fn no_more_slices_are_given_than_asked_for() {
    let (mut writer, _) = pair();
    let text = text(0, 10_000, 0);
    for _ in 0..5 {
        writer.bulk_shared(&text, 0..10_000);
    }
    for room in 0..=12 {
        let mut slices = vec![IoSlice::new(&[]); room];
        assert_eq!(writer.unsent_slices(&mut slices), room.min(11));
        assert!(slices.iter().take(11).all(|slice| !slice.is_empty()));
    }
}

#[test]
fn everything_taken_is_in_one_piece() {
    let (mut writer, mut copying) = pair();
    for out in [&mut writer, &mut copying] {
        out.ok();
        out.bulk_shared(&text(3, 9000, 0), 1..9000);
        out.null();
    }
    assert!(writer.take() == copying.take());
    assert_eq!((writer.unsent(), writer.len()), (0, 0));
    writer.bulk_shared(&text(3, 9000, 0), 0..9000);
    writer.clear();
    assert_eq!((writer.unsent(), writer.unsent_shared()), (0, 0));
}

#[derive(Clone, Debug)]
enum Step {
    Small(i64),
    /// Number, length and room of a text, and where the part begins and ends that is sent.
    Text(u8, usize, usize, usize),
    /// A collection of texts whose number is not known before.
    Deferred(Vec<(u8, usize)>),
    /// Something that is taken back.
    Withdrawn(u8, usize),
    /// So many bytes are sent, of so many slices.
    Send(usize, usize),
    Shed(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let len = || prop_oneof![0usize..100, 8100usize..8300, 8192usize..20_000];
    prop_oneof![
        2 => any::<i64>().prop_map(Step::Small),
        3 => (any::<u8>(), len(), 0usize..100, 0usize..100).prop_map(|(number, len, a, b)| Step::Text(number, len, a, b)),
        1 => prop::collection::vec((any::<u8>(), len()), 0..14).prop_map(Step::Deferred),
        1 => (any::<u8>(), len()).prop_map(|(number, len)| Step::Withdrawn(number, len)),
        4 => (prop_oneof![0usize..40, 0usize..30_000], 1usize..5).prop_map(|(bytes, slices)| Step::Send(bytes, slices)),
        1 => (0usize..2000).prop_map(Step::Shed),
    ]
}

fn write(out: &mut ReplyWriter, step: &Step) {
    match step {
        Step::Small(value) => out.integer(*value),
        Step::Text(number, len, a, b) => {
            out.bulk_shared(
                &text(*number, *len, 0),
                (*a).min(*len)..len.saturating_sub(*b).max((*a).min(*len)),
            );
        }
        Step::Deferred(texts) => {
            let array = out.begin_array();
            for (number, len) in texts {
                out.bulk_shared(&text(*number, *len, 0), 0..*len);
            }
            out.end_array(array, texts.len());
        }
        Step::Withdrawn(number, len) => {
            let start = out.len();
            out.array(2);
            out.bulk_shared(&text(*number, *len, 0), 0..*len);
            out.truncate(start);
        }
        Step::Send(..) | Step::Shed(_) => {}
    }
}

proptest! {
    #[test]
    fn what_is_sent_is_what_copying_would_send(steps in prop::collection::vec(step(), 1..60)) {
        let (mut writer, mut copying) = pair();
        let mut sent = Vec::new();
        for step in &steps {
            write(&mut writer, step);
            write(&mut copying, step);
            match *step {
                Step::Send(most, room) => {
                    let mut slices = vec![IoSlice::new(&[]); room];
                    let count = writer.unsent_slices(&mut slices);
                    let mut bytes = joined(&slices[..count]);
                    bytes.truncate(most);
                    writer.advance(bytes.len());
                    sent.extend(bytes);
                }
                Step::Shed(most) => writer.shed_sent(most),
                _ => {}
            }
            prop_assert_eq!(sent.len() + writer.unsent(), copying.len());
            if writer.unsent() == 0 {
                writer.clear();
            }
        }
        sent.extend(unsent(&writer));
        prop_assert!(sent == copying.buf());
    }
}
