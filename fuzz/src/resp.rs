//! The codec.

use carnelian_resp::oracle::{self, requests_in_pieces};
use carnelian_resp::{DecodeError, DecodeLimits, Limits, Protocol, Reply, ReplyDecoder, ReplyWriter};

/// The fast parser of requests finds what the grammar finds, whole and in pieces.
///
/// The first byte chooses the limits and the size of the pieces, the others are what a client sends.
pub fn request_parser(data: &[u8]) {
    let Some((&choice, input)) = data.split_first() else { return };
    let limits = match choice >> 6 {
        0 => Limits::default(),
        1 => Limits::unauthenticated(),
        2 => Limits { max_args: 4, max_bulk: 16, max_inline: 32, ..Limits::default() },
        _ => Limits { max_args: 12, max_bulk: 1 << 20, max_inline: 64, authenticated: false },
    };
    let expected = oracle::requests(input, &limits);
    let piece = usize::from(choice & 0x3f) + 1;
    let cuts = (0..input.len()).step_by(piece);
    assert_eq!(requests_in_pieces(input, cuts, limits), expected, "in pieces of {piece}");
    assert_eq!(requests_in_pieces(input, [], limits), expected, "whole");
}

/// The decoder of replies finds the same whole and in pieces, and what it finds can be sent on in either protocol.
///
/// The first byte chooses the size of the pieces, the others are what a server sends.
pub fn reply_decoder(data: &[u8]) {
    let Some((&choice, input)) = data.split_first() else { return };
    let piece = usize::from(choice) + 1;
    let whole = replies(input, input.len().max(1));
    // Not a number is not equal to itself, so the text is compared.
    assert_eq!(format!("{:?}", replies(input, piece)), format!("{whole:?}"), "in pieces of {piece}");
    for reply in &whole.0 {
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            let mut writer = ReplyWriter::new(protocol);
            reply.write_to(&mut writer);
            let (again, error) = replies(writer.buf(), usize::MAX);
            assert_eq!(
                (again.len(), error),
                (1, None),
                "{reply:?} sent on as {}",
                writer.buf().escape_ascii()
            );
        }
    }
}

fn replies(input: &[u8], piece: usize) -> (Vec<Reply>, Option<DecodeError>) {
    let limits = DecodeLimits { max_depth: 16, max_elements: 1 << 20, max_bulk: 1 << 24, max_line: 1 << 12 };
    let mut decoder = ReplyDecoder::new(limits);
    let mut found = Vec::new();
    for mut bytes in input.chunks(piece) {
        while !bytes.is_empty() {
            match decoder.decode(bytes) {
                Ok(decoded) => {
                    assert!(decoded.consumed <= bytes.len());
                    assert!(decoded.reply.is_some() || decoded.consumed == bytes.len());
                    found.extend(decoded.reply);
                    bytes = &bytes[decoded.consumed..];
                }
                Err(error) => return (found, Some(error)),
            }
        }
    }
    (found, None)
}
