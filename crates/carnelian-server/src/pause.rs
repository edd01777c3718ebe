//! CLIENT PAUSE: commands that wait until the pause is over.

use crate::client::ClientHandle;
use crate::inbox::Mail;
use parking_lot::Mutex;
use std::sync::Arc;

#[derive(Debug, Default)]
struct State {
    /// When the pause ends, in milliseconds since 1970; 0 when there is none.
    until_ms: u64,
    /// Commands that only read wait too.
    all: bool,
    waiting: Vec<Arc<ClientHandle>>,
}

/// The pause, if there is one, and who waits for its end.
#[derive(Debug, Default)]
pub(crate) struct Pause(Mutex<State>);

impl Pause {
    /// Begins a pause. One that lasts longer or stops more stays so.
    pub(crate) fn begin(&self, until_ms: u64, all: bool, now_ms: u64) {
        let mut state = self.0.lock();
        if state.until_ms > now_ms {
            state.until_ms = state.until_ms.max(until_ms);
            state.all |= all;
        } else {
            state.until_ms = until_ms;
            state.all = all;
        }
    }

    /// Ends the pause: everybody who waits tries again.
    pub(crate) fn end(&self) {
        let mut state = self.0.lock();
        state.until_ms = 0;
        for client in state.waiting.drain(..) {
            client.inbox.send(Mail::Resume);
        }
    }

    /// Whether a command has to wait.
    pub(crate) fn stops(&self, writes: bool, now_ms: u64) -> bool {
        let state = self.0.lock();
        state.until_ms > now_ms && (state.all || writes)
    }

    /// Whether there is a pause, and whether it stops reads too.
    pub(crate) fn current(&self, now_ms: u64) -> Option<(u64, bool)> {
        let state = self.0.lock();
        (state.until_ms > now_ms).then_some((state.until_ms, state.all))
    }

    /// Whether somebody still has to be told that it is over.
    pub(crate) fn is_over(&self, now_ms: u64) -> bool {
        let state = self.0.lock();
        state.until_ms != 0 && state.until_ms <= now_ms
    }

    /// Adds a client to those who wait. If the pause ended in between, it tries again at once.
    pub(crate) fn add(&self, client: &Arc<ClientHandle>) {
        let mut state = self.0.lock();
        if state.until_ms == 0 {
            client.inbox.send(Mail::Resume);
        } else {
            state.waiting.push(Arc::clone(client));
        }
    }
}
