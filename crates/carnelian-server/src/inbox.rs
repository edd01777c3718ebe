//! How others reach a connection that waits: messages and the waker of its task.

use atomic_waker::AtomicWaker;
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::atomic::{
    AtomicBool, AtomicUsize, Ordering::AcqRel, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};
use std::task::Waker;

/// What others tell a connection.
#[derive(Debug)]
pub(crate) enum Mail {
    /// The encoded reply of the command it is blocked in.
    Reply(Vec<u8>),
    /// An encoded message of another client's doing (publish/subscribe, MONITOR), to be sent between replies.
    Push(Bytes),
    /// CLIENT UNBLOCK: as if time had run out, or with an error.
    Unblock { with_error: bool },
    /// A postponed command may be tried again.
    Resume,
    /// Locks have been released that its command could not have.
    Retry,
    /// See whether another worker is better for it.
    Move,
    /// See whether replies have gone unread for too long.
    CheckOutput,
    /// Close at once.
    Kill,
}

/// A connection's letter box.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    mail: Mutex<Vec<Mail>>,
    /// Bytes of pushes that the connection has not fetched.
    bytes: AtomicUsize,
    has_mail: AtomicBool,
    waker: AtomicWaker,
}

impl Inbox {
    /// Leaves a message and wakes the connection.
    pub(crate) fn send(&self, mail: Mail) {
        if let Mail::Push(bytes) = &mail {
            self.bytes.fetch_add(bytes.len(), Relaxed);
        }
        self.mail.lock().push(mail);
        if !self.has_mail.swap(true, AcqRel) {
            self.waker.wake();
        }
    }

    /// Whether there is mail. One load.
    #[inline]
    pub(crate) fn has_mail(&self) -> bool {
        self.has_mail.load(Acquire)
    }

    /// Fetches all mail.
    pub(crate) fn take(&self) -> Vec<Mail> {
        self.has_mail.store(false, Release);
        let mail = std::mem::take(&mut *self.mail.lock());
        for mail in &mail {
            if let Mail::Push(bytes) = mail {
                self.bytes.fetch_sub(bytes.len(), Relaxed);
            }
        }
        mail
    }

    /// Bytes of pushes waiting.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    /// The task to wake when mail comes. Check [`has_mail`](Self::has_mail) again after this.
    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }
}
