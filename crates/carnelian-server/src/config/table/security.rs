//! Passwords, access lists, dangerous commands.

use super::replication;
use crate::config::spec::{Id, Spec, parameters};

const PUBSUB_DEFAULT: &[(&str, u32)] = &[("allchannels", 1), ("resetchannels", 0)];
const WHO: &[(&str, u32)] = &[("no", 0), ("yes", 1), ("local", 2)];

parameters! {
    after replication::END;
    /// Password of the default user. Default: unset, none needed.
    REQUIREPASS = Spec::optional("requirepass").binary().sensitive();
    /// File with the users, one a line, in place of `user` lines in the configuration. Default: empty, no file.
    ACLFILE = Spec::text("aclfile", "").immutable();
    /// Number of refusals that ACL LOG remembers. Default: 128.
    ACLLOG_MAX_LEN = Spec::long("acllog-max-len", 128);
    /// Channels a new user may use: `allchannels` or `resetchannels` (none). Default: resetchannels.
    ACL_PUBSUB_DEFAULT = Spec::words("acl-pubsub-default", PUBSUB_DEFAULT, 0);
    /// Who may change parameters that can harm the machine (`dir`, `dbfilename`): `no` one, `yes` everyone, or `local`
    /// connections. Default: no.
    ENABLE_PROTECTED_CONFIGS = Spec::words("enable-protected-configs", WHO, 0).immutable();
    /// Who may use DEBUG: `no` one, `yes` everyone, or `local` connections. Default: no.
    ENABLE_DEBUG_COMMAND = Spec::words("enable-debug-command", WHO, 0).immutable();
    /// Who may use MODULE: `no` one, `yes` everyone, or `local` connections. Default: no.
    ENABLE_MODULE_COMMAND = Spec::words("enable-module-command", WHO, 0).immutable();
}
