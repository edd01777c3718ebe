//! Requests gathered to be sent together.

use carnelian_resp::encode_command;

use crate::exchange::Expect;

/// Requests in the order they will be sent, already encoded.
///
/// ```
/// let mut pipeline = carnelian_client::Pipeline::new();
/// pipeline.command(&["INCR", "visits"]).command(&["GET", "visits"]);
/// assert_eq!(pipeline.len(), 2);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Pipeline {
    pub(crate) bytes: Vec<u8>,
    /// For each request, where it ends in `bytes`, and what answers it.
    pub(crate) requests: Vec<(usize, Expect)>,
}

impl Pipeline {
    /// A pipeline without requests.
    pub fn new() -> Self {
        Self::default()
    }

    /// Add a request. One without arguments is left out, because no server would reply to it.
    pub fn command(&mut self, args: &[impl AsRef<[u8]>]) -> &mut Self {
        if !args.is_empty() {
            encode_command(&mut self.bytes, args);
            self.requests.push((self.bytes.len(), Expect::of(args)));
        }
        self
    }

    /// Number of requests.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether there is no request.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// The requests as they will be sent.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forget all requests; the memory is kept.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.requests.clear();
    }
}
