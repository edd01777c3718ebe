//! MONITOR: every command, shown to whoever asked.

use crate::client::{ClientHandle, handle_of};
use crate::inbox::Mail;
use crate::server::Server;
use bytes::Bytes;
use carnelian_commands::Session;
use carnelian_resp::{Args, quote_arg};
use parking_lot::Mutex;
use std::sync::Arc;

/// Clients in MONITOR mode.
#[derive(Debug, Default)]
pub(crate) struct Monitors(Mutex<Vec<Arc<ClientHandle>>>);

impl Monitors {
    pub(crate) fn add(&self, client: Arc<ClientHandle>, server: &Server) {
        self.0.lock().push(client);
        if let Some(node) = server.node() {
            node.set_monitored(true);
        }
    }

    pub(crate) fn remove(&self, id: u64, server: &Server) {
        let mut monitors = self.0.lock();
        let before = monitors.len();
        monitors.retain(|client| client.id != id);
        if monitors.is_empty()
            && before > 0
            && let Some(node) = server.node()
        {
            node.set_monitored(false);
        }
    }

    /// Shows one command: time, database, address, arguments.
    pub(crate) fn show(&self, session: &Session, args: Args<'_>, now_us: u64) {
        let Some(client) = handle_of(session) else { return };
        let mut line =
            format!("+{}.{:06} [{} ", now_us / 1_000_000, now_us % 1_000_000, session.db).into_bytes();
        if client.is_unix {
            line.extend_from_slice(b"unix:");
            line.extend_from_slice(client.local_address.split(':').next().unwrap_or_default().as_bytes());
        } else {
            line.extend_from_slice(client.address.as_bytes());
        }
        line.push(b']');
        for arg in crate::slowlog::without_secrets(args) {
            line.push(b' ');
            quote_arg(&mut line, arg);
        }
        line.extend_from_slice(b"\r\n");
        let line = Bytes::from(line);
        for monitor in self.0.lock().iter() {
            monitor.inbox.send(Mail::Push(line.clone()));
        }
    }
}
