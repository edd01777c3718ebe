//! MONITOR: every command, shown to whoever asked.

use crate::client::{ClientHandle, handle_of};
use crate::inbox::Mail;
use crate::server::Server;
use bytes::Bytes;
use carnelian_commands::Session;
use carnelian_resp::Args;
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
            quote(&mut line, arg);
        }
        line.extend_from_slice(b"\r\n");
        let line = Bytes::from(line);
        for monitor in self.0.lock().iter() {
            monitor.inbox.send(Mail::Push(line.clone()));
        }
    }
}

/// Appends a text in double quotes, with escapes for what cannot be printed.
pub(crate) fn quote(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for &byte in text {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x07 => out.extend_from_slice(b"\\a"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x20..=0x7e => out.push(byte),
            _ => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
    }
    out.push(b'"');
}
