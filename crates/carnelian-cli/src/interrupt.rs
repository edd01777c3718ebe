//! Ctrl-C: ends a message stream and gives the prompt back, stops a scan at its summary, or ends the process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;

use crate::connection::Cut;

/// What the prompt does with Ctrl-C. Clones share one state.
#[derive(Clone, Default)]
pub(crate) struct Interrupt {
    /// The connection whose message stream Ctrl-C ends; with none, Ctrl-C ends the process.
    stream: Arc<Mutex<Option<Cut>>>,
    ended_stream: Arc<AtomicBool>,
}

impl Interrupt {
    /// Take over Ctrl-C for the rest of the process. Until this is called, it ends the process as usual.
    pub(crate) fn watch(&self) -> std::io::Result<()> {
        let mut signals = Signals::new([SIGINT])?;
        let interrupt = self.clone();
        std::thread::Builder::new().name("interrupt".into()).spawn(move || {
            for _ in &mut signals {
                let stream = interrupt.stream.lock().unwrap_or_else(PoisonError::into_inner).take();
                let Some(cut) = stream else { std::process::exit(1) };
                interrupt.ended_stream.store(true, Ordering::Release);
                // The reader sees the end of its connection and finds the flag set.
                cut.cut();
            }
        })?;
        Ok(())
    }

    /// From here on Ctrl-C cuts this connection.
    pub(crate) fn stream_begins(&self, cut: Option<Cut>) {
        self.ended_stream.store(false, Ordering::Release);
        *self.stream.lock().unwrap_or_else(PoisonError::into_inner) = cut;
    }

    /// Ctrl-C ends the process again. True when it has cut the stream.
    pub(crate) fn stream_ends(&self) -> bool {
        *self.stream.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.ended_stream.swap(false, Ordering::AcqRel)
    }
}

/// A flag that the first Ctrl-C sets, for loops that print a summary when they are stopped. A second one ends the
/// process, in case the loop waits for a server that does not answer.
pub(crate) fn stop_flag() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    // Order matters: the exit looks at the flag before this signal sets it. Without handlers Ctrl-C just ends us.
    let _ = signal_hook::flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&flag));
    let _ = signal_hook::flag::register(SIGINT, Arc::clone(&flag));
    flag
}
