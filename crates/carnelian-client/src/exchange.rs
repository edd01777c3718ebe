//! Which of the values a server sends answers which request, and which are messages. Without I/O.

use std::collections::VecDeque;

use carnelian_resp::{Protocol, Reply};

/// What a request is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// One reply.
    Reply,
    /// One reply, which tells the protocol from then on.
    Hello,
    /// One reply, after which the connection is as new.
    Reset,
    /// One message of this kind for every channel named; an error instead of the first.
    Confirmations(&'static str, usize),
}

/// The commands that are answered with messages of the same name.
const CONFIRMED: [&str; 6] =
    ["subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe"];
/// Other messages a connection of RESP2 gets among its replies, as arrays.
const MESSAGES: [&str; 3] = ["message", "pmessage", "smessage"];

impl Expect {
    pub(crate) fn of(args: &[impl AsRef<[u8]>]) -> Self {
        let name = args.first().map_or(&b""[..], AsRef::as_ref);
        if let Some(kind) = CONFIRMED.iter().find(|kind| name.eq_ignore_ascii_case(kind.as_bytes())) {
            // To unsubscribe from everything is confirmed once for each channel there was, a number only the server
            // knows, but at least once.
            return Self::Confirmations(kind, (args.len() - 1).max(1));
        }
        if name.eq_ignore_ascii_case(b"hello") {
            Self::Hello
        } else if name.eq_ignore_ascii_case(b"reset") {
            Self::Reset
        } else {
            Self::Reply
        }
    }
}

/// What a value that arrived is.
#[derive(Debug, PartialEq)]
pub(crate) enum Received {
    /// The answer to the oldest request that waits for one.
    Answer(Reply),
    /// A message.
    Push(Reply),
    /// A message that also is the (last part of the) answer to the oldest request.
    Confirmation(Reply),
    /// A reply although no request waits for one, such as what MONITOR goes on to send.
    Unrequested(Reply),
}

/// The state of a connection as far as it decides what a value is.
#[derive(Debug)]
pub(crate) struct Exchange {
    protocol: Protocol,
    /// Whether this connection has ever subscribed, so that arrays of RESP2 may be messages.
    subscribed: bool,
    waiting: VecDeque<Expect>,
}

impl Exchange {
    pub(crate) fn new() -> Self {
        Self { protocol: Protocol::Resp2, subscribed: false, waiting: VecDeque::new() }
    }

    /// A request has been sent.
    pub(crate) fn sent(&mut self, expect: Expect) {
        if matches!(expect, Expect::Confirmations(..)) {
            self.subscribed = true;
        }
        self.waiting.push_back(expect);
    }

    /// Number of requests that wait for their answer.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// A value has arrived.
    pub(crate) fn received(&mut self, reply: Reply) -> Received {
        if let Some(kind) = self.message_kind(&reply) {
            if let Some(Expect::Confirmations(expected, left)) = self.waiting.front_mut()
                && kind == expected.as_bytes()
            {
                *left -= 1;
                if *left == 0 {
                    self.waiting.pop_front();
                    return Received::Confirmation(reply);
                }
            }
            return Received::Push(reply);
        }
        match self.waiting.pop_front() {
            None => return Received::Unrequested(reply),
            Some(Expect::Hello) => match reply {
                Reply::Map(_) => self.protocol = Protocol::Resp3,
                Reply::Array(_) => self.protocol = Protocol::Resp2,
                _ => {}
            },
            Some(Expect::Reset) if reply.error().is_none() => {
                self.protocol = Protocol::Resp2;
                self.subscribed = false;
            }
            Some(_) => {}
        }
        Received::Answer(reply)
    }

    /// The kind of message a value is, if it is one.
    fn message_kind<'r>(&self, reply: &'r Reply) -> Option<&'r [u8]> {
        match reply {
            Reply::Push(values) => Some(values.first().and_then(Reply::as_bytes).unwrap_or_default()),
            // A subscribed connection of RESP2 gets no other arrays that begin with these words: the commands that
            // are still allowed do not reply any.
            Reply::Array(values)
                if self.subscribed && self.protocol == Protocol::Resp2 && values.len() >= 3 =>
            {
                let kind = values[0].as_bytes()?;
                CONFIRMED.iter().chain(&MESSAGES).any(|word| word.as_bytes() == kind).then_some(kind)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Reply {
        Reply::Bulk(text.into())
    }

    fn sent(exchange: &mut Exchange, command: &str) {
        exchange.sent(Expect::of(&command.split(' ').collect::<Vec<_>>()));
    }

    #[test]
    fn confirmations_answer_in_resp3() {
        let mut exchange = Exchange::new();
        sent(&mut exchange, "HELLO 3");
        assert!(matches!(exchange.received(Reply::Map(vec![])), Received::Answer(_)));
        sent(&mut exchange, "subscribe a b");
        sent(&mut exchange, "GET k");
        let push = |kind: &str| Reply::Push(vec![text(kind), text("a"), Reply::Integer(1)]);
        assert!(matches!(exchange.received(push("message")), Received::Push(_)));
        assert!(matches!(exchange.received(push("subscribe")), Received::Push(_)));
        assert!(matches!(exchange.received(push("subscribe")), Received::Confirmation(_)));
        // What looks like a message is a reply here.
        let array = Reply::Array(vec![text("message"), text("a"), text("b")]);
        assert_eq!(exchange.received(array.clone()), Received::Answer(array));
        assert!(matches!(exchange.received(Reply::Push(vec![])), Received::Push(_)));
        assert!(matches!(exchange.received(text("x")), Received::Unrequested(_)));
    }

    #[test]
    fn an_error_answers_instead_of_confirmations() {
        let mut exchange = Exchange::new();
        sent(&mut exchange, "SUBSCRIBE a b");
        sent(&mut exchange, "PING");
        assert!(matches!(exchange.received(Reply::Error(b"NOPERM".to_vec())), Received::Answer(_)));
        assert!(matches!(exchange.received(text("PONG")), Received::Answer(_)));
        assert_eq!(exchange.waiting(), 0);
    }

    #[test]
    fn arrays_are_messages_in_resp2_once_subscribed() {
        let mut exchange = Exchange::new();
        let message = || Reply::Array(vec![text("message"), text("a"), text("b")]);
        sent(&mut exchange, "LRANGE l 0 -1");
        assert!(matches!(exchange.received(message()), Received::Answer(_)));
        sent(&mut exchange, "UNSUBSCRIBE");
        let gone = Reply::Array(vec![text("unsubscribe"), Reply::Null, Reply::Integer(0)]);
        assert!(matches!(exchange.received(gone), Received::Confirmation(_)));
        assert!(matches!(exchange.received(message()), Received::Push(_)));
        sent(&mut exchange, "PING");
        assert!(matches!(exchange.received(Reply::Array(vec![text("pong"), text("")])), Received::Answer(_)));
        sent(&mut exchange, "RESET");
        assert!(matches!(exchange.received(text("RESET")), Received::Answer(_)));
        sent(&mut exchange, "LRANGE l 0 -1");
        assert!(matches!(exchange.received(message()), Received::Answer(_)));
    }
}
