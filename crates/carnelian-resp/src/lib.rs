//! RESP2 and RESP3, both directions, without I/O.
//!
//! This crate turns bytes into requests and replies and back. It opens no socket, owns no buffer the caller reads
//! into, and knows nothing of keys; a server, a client, a load generator and a fuzzer drive the same code.
//!
//! | side   | reads                             | writes                                |
//! |--------|-----------------------------------|---------------------------------------|
//! | server | [`RequestParser`] gives [`Args`]  | [`ReplyWriter`]                       |
//! | client | [`ReplyDecoder`] gives [`Reply`]  | [`encode_command`]                    |
//!
//! A server in a few lines:
//!
//! ```
//! use carnelian_resp::{Limits, Protocol, ReplyWriter, RequestParser, Status};
//!
//! let mut input: &[u8] = b"PING\r\n*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n*1\r\n$4\r";
//! let mut parser = RequestParser::new(Limits::default());
//! let mut reply = ReplyWriter::new(Protocol::Resp2);
//! while let Status::Complete { len } = parser.parse(input)? {
//!     let args = parser.args(input);
//!     match args.get(0) {
//!         Some(b"PING") => reply.simple("PONG"),
//!         Some(b"ECHO") => reply.bulk(&args[1]),
//!         Some(_) => reply.error("ERR unknown command"),
//!         None => {}
//!     }
//!     input = &input[len..];
//! }
//! assert_eq!(reply.buf(), b"+PONG\r\n$2\r\nhi\r\n");
//! assert_eq!(input, b"*1\r\n$4\r", "what is incomplete stays, until more of it has arrived");
//! # Ok::<(), carnelian_resp::ProtocolError>(())
//! ```
//!
//! # Invariants
//!
//! - A length is compared with its limit before memory is reserved for what it announces.
//! - Work is linear in the bytes that arrive, however small the pieces in which they do.
//! - A request in a steady state does not allocate; its arguments are ranges of the caller's buffer.
//! - Nothing that arrives makes this crate panic.
//! - Whether something takes its RESP2 or its RESP3 form is decided in [`ReplyWriter`] and nowhere else.
//!
//! # Why two parsers of requests
//!
//! The multibulk form is on the path of every command, so it is written by hand. The [`oracle`] module describes the
//! same language as a grammar, slowly and plainly; tests hold one against the other at every split point.

mod args;
mod decode;
mod inline;
#[doc(hidden)]
pub mod oracle;
mod reply;
mod request;
mod shape;
mod shared;
mod writer;

pub use args::{Args, ArgsIter, OwnedArgs, Span};
pub use decode::{DecodeError, DecodeLimits, Decoded, ReplyDecoder, decode_reply, encode_command};
pub use inline::{quote_arg, split_args};
pub use reply::Reply;
pub use request::{Beginning, Limits, ProtocolError, RequestParser, Seen, Status};
pub use writer::{Deferred, Protocol, ReplyWriter};
