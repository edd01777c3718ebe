//! Snapshots: loading one at start-up, writing one on demand, by the clock, and at the end.

use crate::server::Server;
use carnelian_commands::Node;
use std::sync::Arc;

/// Whether the end of the server is to be preceded by a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SaveWish {
    /// If there are save points.
    IfConfigured,
}

pub(crate) fn load_at_start(_: &Arc<Server>, _: &Arc<Node>) -> Result<(), String> {
    Ok(())
}

pub(crate) fn save_if_due(_: &Arc<Server>, _: &Arc<Node>, _: u64) {}

pub(crate) fn wait_for_background_save(_: &Arc<Server>) {}

pub(crate) fn prepare_shutdown(_: &Arc<Server>, _: &Arc<Node>, _: SaveWish, _: bool) -> bool {
    true
}
