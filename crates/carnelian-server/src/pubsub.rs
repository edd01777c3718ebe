//! Channels, patterns and their subscribers.

use crate::client::ClientHandle;
use crate::inbox::Mail;
use bytes::Bytes;
use carnelian_encoding::glob_match;
use carnelian_resp::{Protocol, ReplyWriter};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

type Subscribers = BTreeMap<u64, Arc<ClientHandle>>;

#[derive(Default)]
struct Registry {
    channels: HashMap<Box<[u8]>, Subscribers>,
    patterns: BTreeMap<Box<[u8]>, Subscribers>,
    shard_channels: HashMap<Box<[u8]>, Subscribers>,
}

/// What a subscription is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A channel by name.
    Channel,
    /// Channels by pattern.
    Pattern,
    /// A channel bound to a slot.
    ShardChannel,
}

/// All subscriptions. A leaf lock: nothing else is locked while it is held.
#[derive(Default)]
pub(crate) struct PubSub(Mutex<Registry>);

/// One message in the two forms that subscribers may want, encoded when first needed.
struct Encoded<'a> {
    parts: &'a [&'a [u8]],
    resp2: Option<Bytes>,
    resp3: Option<Bytes>,
}

impl Encoded<'_> {
    fn for_client(&mut self, client: &ClientHandle) -> Bytes {
        let (slot, protocol) = if client.resp.load(Relaxed) == 3 {
            (&mut self.resp3, Protocol::Resp3)
        } else {
            (&mut self.resp2, Protocol::Resp2)
        };
        slot.get_or_insert_with(|| {
            let mut out = ReplyWriter::new(protocol);
            write_message(&mut out, self.parts);
            out.take().into()
        })
        .clone()
    }
}

fn write_message(out: &mut ReplyWriter, parts: &[&[u8]]) {
    out.push(parts.len());
    for part in parts {
        out.bulk(part);
    }
}

impl PubSub {
    /// Adds a subscription; false when the client has it already.
    pub(crate) fn subscribe(&self, kind: Kind, name: &[u8], client: &Arc<ClientHandle>) -> bool {
        let mut registry = self.0.lock();
        let mut own = client.subscriptions.lock();
        let (subscribers, own) = match kind {
            Kind::Channel => (registry.channels.entry(name.into()).or_default(), &mut own.channels),
            Kind::Pattern => (registry.patterns.entry(name.into()).or_default(), &mut own.patterns),
            Kind::ShardChannel => {
                (registry.shard_channels.entry(name.into()).or_default(), &mut own.shard_channels)
            }
        };
        subscribers.insert(client.id, Arc::clone(client));
        own.insert(name.into())
    }

    /// Ends a subscription; false when the client does not have it.
    pub(crate) fn unsubscribe(&self, kind: Kind, name: &[u8], client: &ClientHandle) -> bool {
        let mut registry = self.0.lock();
        let mut own = client.subscriptions.lock();
        match kind {
            Kind::Channel => remove(&mut registry.channels, name, client.id),
            Kind::ShardChannel => remove(&mut registry.shard_channels, name, client.id),
            Kind::Pattern => {
                if let Some(subscribers) = registry.patterns.get_mut(name) {
                    subscribers.remove(&client.id);
                    if subscribers.is_empty() {
                        registry.patterns.remove(name);
                    }
                }
            }
        }
        match kind {
            Kind::Channel => own.channels.remove(name),
            Kind::Pattern => own.patterns.remove(name),
            Kind::ShardChannel => own.shard_channels.remove(name),
        }
    }

    /// Ends every subscription of a client.
    pub(crate) fn forget(&self, client: &ClientHandle) {
        for kind in [Kind::Channel, Kind::Pattern, Kind::ShardChannel] {
            for name in Self::names_of(kind, client) {
                self.unsubscribe(kind, &name, client);
            }
        }
    }

    /// What a client is subscribed to.
    pub(crate) fn names_of(kind: Kind, client: &ClientHandle) -> Vec<Box<[u8]>> {
        let own = client.subscriptions.lock();
        match kind {
            Kind::Channel => own.channels.iter().cloned().collect(),
            Kind::Pattern => own.patterns.iter().cloned().collect(),
            Kind::ShardChannel => own.shard_channels.iter().cloned().collect(),
        }
    }

    /// Sends a message to a channel's subscribers and returns how many got it. What goes to the publisher itself is
    /// written to `own`, so that it stands before the reply to PUBLISH.
    pub(crate) fn publish(
        &self,
        channel: &[u8],
        message: &[u8],
        mut own: Option<(u64, &mut ReplyWriter)>,
    ) -> usize {
        let registry = self.0.lock();
        let mut receivers = 0;
        if let Some(subscribers) = registry.channels.get(channel) {
            receivers += send(subscribers, &[b"message", channel, message], own.as_mut());
        }
        for (pattern, subscribers) in &registry.patterns {
            if glob_match(pattern, channel, false) {
                receivers += send(subscribers, &[b"pmessage", pattern, channel, message], own.as_mut());
            }
        }
        receivers
    }

    /// As [`publish`](Self::publish), to a shard channel.
    pub(crate) fn shard_publish(
        &self,
        channel: &[u8],
        message: &[u8],
        mut own: Option<(u64, &mut ReplyWriter)>,
    ) -> usize {
        let registry = self.0.lock();
        registry
            .shard_channels
            .get(channel)
            .map_or(0, |subscribers| send(subscribers, &[b"smessage", channel, message], own.as_mut()))
    }

    /// Whether anybody listens to anything.
    pub(crate) fn is_idle(&self) -> bool {
        let registry = self.0.lock();
        registry.channels.is_empty() && registry.patterns.is_empty()
    }

    /// Channels with subscribers, those that match `pattern` if there is one.
    pub(crate) fn channels(&self, kind: Kind, pattern: Option<&[u8]>) -> Vec<Box<[u8]>> {
        let registry = self.0.lock();
        let map = if kind == Kind::ShardChannel { &registry.shard_channels } else { &registry.channels };
        map.keys()
            .filter(|channel| pattern.is_none_or(|pattern| glob_match(pattern, channel, false)))
            .cloned()
            .collect()
    }

    /// Number of subscribers of a channel by name.
    pub(crate) fn subscribers(&self, kind: Kind, channel: &[u8]) -> usize {
        let registry = self.0.lock();
        let map = if kind == Kind::ShardChannel { &registry.shard_channels } else { &registry.channels };
        map.get(channel).map_or(0, BTreeMap::len)
    }

    /// Number of channels, patterns and shard channels with subscribers.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let registry = self.0.lock();
        (registry.channels.len(), registry.patterns.len(), registry.shard_channels.len())
    }
}

fn remove(map: &mut HashMap<Box<[u8]>, Subscribers>, name: &[u8], id: u64) {
    if let Some(subscribers) = map.get_mut(name) {
        subscribers.remove(&id);
        if subscribers.is_empty() {
            map.remove(name);
        }
    }
}

fn send(subscribers: &Subscribers, parts: &[&[u8]], mut own: Option<&mut (u64, &mut ReplyWriter)>) -> usize {
    let mut encoded = Encoded { parts, resp2: None, resp3: None };
    for client in subscribers.values() {
        match &mut own {
            Some((id, out)) if *id == client.id => write_message(out, parts),
            _ => client.inbox.send(Mail::Push(encoded.for_client(client))),
        }
    }
    subscribers.len()
}
