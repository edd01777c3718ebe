//! Every parameter, by topic. To add one is to add one item to one of these files.

mod advanced;
mod aof;
mod carnelian;
mod clients;
mod cluster;
mod general;
mod memory;
mod monitoring;
mod network;
mod replication;
mod scripting;
mod security;
mod snapshot;
mod structures;
mod tls;

use super::spec::{Id, Spec};

/// The identifiers of all parameters.
pub mod id {
    pub use super::{
        advanced::*, aof::*, carnelian::*, clients::*, cluster::*, general::*, memory::*, monitoring::*,
        network::*, replication::*, scripting::*, security::*, snapshot::*, structures::*, tls::*,
    };
}

/// A topic: its title and its parameters.
#[derive(Debug, Clone, Copy)]
pub struct Group {
    /// Title for people.
    pub title: &'static str,
    /// The parameters, in the order of their identifiers.
    pub specs: &'static [Spec],
}

/// All parameters, by topic; the identifiers number them through in this order.
pub const GROUPS: &[Group] = &[
    Group { title: "Network", specs: network::SPECS },
    Group { title: "TLS", specs: tls::SPECS },
    Group { title: "General", specs: general::SPECS },
    Group { title: "Carnelian", specs: carnelian::SPECS },
    Group { title: "Snapshots", specs: snapshot::SPECS },
    Group { title: "Append only file", specs: aof::SPECS },
    Group { title: "Replication", specs: replication::SPECS },
    Group { title: "Security", specs: security::SPECS },
    Group { title: "Clients", specs: clients::SPECS },
    Group { title: "Memory", specs: memory::SPECS },
    Group { title: "Data structures", specs: structures::SPECS },
    Group { title: "Scripts", specs: scripting::SPECS },
    Group { title: "Cluster", specs: cluster::SPECS },
    Group { title: "Monitoring", specs: monitoring::SPECS },
    Group { title: "Advanced", specs: advanced::SPECS },
];

/// Number of parameters, aliases not counted.
pub const COUNT: usize = advanced::END as usize;

static ALL: [&Spec; COUNT] = {
    let mut all = [&network::SPECS[0]; COUNT];
    let (mut group, mut next) = (0, 0);
    while group < GROUPS.len() {
        let specs = GROUPS[group].specs;
        let mut i = 0;
        while i < specs.len() {
            all[next] = &specs[i];
            (i, next) = (i + 1, next + 1);
        }
        group += 1;
    }
    assert!(next == COUNT, "GROUPS and the numbering of the groups disagree");
    all
};

/// The description of a parameter.
pub(super) fn spec(id: Id) -> &'static Spec {
    ALL[id.index()]
}

/// Every identifier, in order.
pub fn all() -> impl DoubleEndedIterator<Item = Id> + Clone {
    (0..COUNT as u16).map(Id)
}

/// Finds a parameter by its name or alias, in any letter case. Also tells the name it was found under.
/// Linear in the number of parameters: for CONFIG and start-up only.
pub fn find(name: &[u8]) -> Option<(Id, &'static str)> {
    all().find_map(|id| {
        let spec = id.spec();
        let names = [Some(spec.name), spec.alias];
        names.into_iter().flatten().find(|n| n.as_bytes().eq_ignore_ascii_case(name)).map(|n| (id, n))
    })
}
