//! Scheduling and the out-of-memory killer.

use super::monitoring;
use crate::config::spec::{Id, Spec, Special, parameters};

const OOM_MODES: &[(&str, u32)] = &[("no", 0), ("yes", 1), ("relative", 1), ("absolute", 2)];

parameters! {
    after monitoring::END;
    /// Whether and how the score for the kernel's out-of-memory killer is set: `no`, `relative` (`yes`) to the one at start,
    /// or `absolute`. Default: no.
    OOM_SCORE_ADJ = Spec::words("oom-score-adj", OOM_MODES, 0);
    /// Scores of a primary, a replica and background work, each from -2000 to 2000. Default: `0 200 800`.
    OOM_SCORE_ADJ_VALUES = Spec::special("oom-score-adj-values", Special::OomScoreValues);
    /// Processors for the threads that serve clients, for example `0-7:2`. Default: unset, all.
    SERVER_CPULIST = Spec::optional("server_cpulist").immutable();
    /// Processors for background threads. Default: unset, all.
    BIO_CPULIST = Spec::optional("bio_cpulist").immutable();
    /// Processors for rewriting the append only file. Default: unset, all.
    AOF_REWRITE_CPULIST = Spec::optional("aof_rewrite_cpulist").immutable();
    /// Processors for taking snapshots. Default: unset, all.
    BGSAVE_CPULIST = Spec::optional("bgsave_cpulist").immutable();
}
