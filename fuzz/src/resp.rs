//! The codec.

use carnelian_resp::oracle::{self, Outcome};
use carnelian_resp::{
    DecodeError, DecodeLimits, Limits, Protocol, ProtocolError, Reply, ReplyDecoder, ReplyWriter,
    RequestParser, Status,
};

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
    let expected = requests_by_grammar(input, limits);
    let piece = usize::from(choice & 0x3f) + 1;
    assert_eq!(requests_in_pieces(input, piece, limits), expected, "in pieces of {piece}");
    assert_eq!(requests_in_pieces(input, input.len().max(1), limits), expected, "whole");
}

/// What a stream of requests holds, and what ends it.
type Requests = (Vec<Vec<Vec<u8>>>, Option<ProtocolError>);

fn requests_in_pieces(input: &[u8], piece: usize, limits: Limits) -> Requests {
    let mut parser = RequestParser::new(limits);
    let mut requests = Vec::new();
    let (mut start, mut end) = (0, 0);
    loop {
        match parser.parse(&input[start..end]) {
            Ok(Status::Complete { len }) => {
                assert!(len > 0 && start + len <= end, "a request of {len} bytes in {}", end - start);
                requests.push(parser.args(&input[start..end]).iter().map(<[u8]>::to_vec).collect());
                start += len;
            }
            Ok(Status::Incomplete { needed }) => {
                assert!(needed > end - start, "{needed} bytes are needed and {} are there", end - start);
                if end == input.len() {
                    // What is reserved must be in proportion to what was sent.
                    assert!(
                        parser.heap_bytes() <= (1 << 16) + 64 * input.len(),
                        "{} bytes",
                        parser.heap_bytes()
                    );
                    return (requests, None);
                }
                end = (end + piece).min(input.len());
            }
            Err(error) => return (requests, Some(error)),
        }
    }
}

fn requests_by_grammar(mut input: &[u8], limits: Limits) -> Requests {
    let mut requests = Vec::new();
    loop {
        match oracle::request(input, &limits) {
            Outcome::Complete(len, args) => {
                requests.push(args);
                input = &input[len..];
            }
            Outcome::Incomplete => return (requests, None),
            Outcome::Refused(error) => return (requests, Some(error)),
        }
    }
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
