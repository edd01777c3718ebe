//! Scripts and functions.

use super::structures;
use crate::config::spec::{Id, Spec, parameters};

parameters! {
    after structures::END;
    /// Milliseconds after which a running script lets other clients get an error rather than wait; 0 for never.
    /// Default: 5000.
    BUSY_REPLY_THRESHOLD = Spec::long("busy-reply-threshold", 5000).alias("lua-time-limit");
    /// Gives scripts the functions of Lua that are no longer offered. Default: no.
    LUA_ENABLE_DEPRECATED_API = Spec::flag("lua-enable-deprecated-api", false).immutable().hidden().inert();
}
