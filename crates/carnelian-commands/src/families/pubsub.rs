//! Specs of publish/subscribe; the host runs it.

use crate::families::help;
use crate::host::HostCommand;
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};

const SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec::host("channels", -2, Group::PubSub, HostCommand::PubSub)
        .flags(&[Flags::PUBSUB, Flags::LOADING, Flags::STALE])
        .docs(
            "2.8.0",
            "O(N), N being the number of channels",
            "Returns the channels that have subscribers.",
            "PUBSUB CHANNELS [pattern]",
        ),
    CommandSpec::host("numpat", 2, Group::PubSub, HostCommand::PubSub)
        .flags(&[Flags::PUBSUB, Flags::LOADING, Flags::STALE])
        .docs("2.8.0", "O(1)", "Returns the number of patterns that have subscribers.", "PUBSUB NUMPAT"),
    CommandSpec::host("numsub", -2, Group::PubSub, HostCommand::PubSub)
        .flags(&[Flags::PUBSUB, Flags::LOADING, Flags::STALE])
        .docs(
            "2.8.0",
            "O(N), N being the number of channels asked for",
            "Returns how many subscribers channels have, those by pattern not counted.",
            "PUBSUB NUMSUB [channel [channel ...]]",
        ),
    CommandSpec::host("shardchannels", -2, Group::PubSub, HostCommand::PubSub)
        .flags(&[Flags::PUBSUB, Flags::LOADING, Flags::STALE])
        .docs(
            "7.0.0",
            "O(N), N being the number of shard channels",
            "Returns the shard channels that have subscribers.",
            "PUBSUB SHARDCHANNELS [pattern]",
        ),
    CommandSpec::host("shardnumsub", -2, Group::PubSub, HostCommand::PubSub)
        .flags(&[Flags::PUBSUB, Flags::LOADING, Flags::STALE])
        .docs(
            "7.0.0",
            "O(N), N being the number of shard channels asked for",
            "Returns how many subscribers shard channels have.",
            "PUBSUB SHARDNUMSUB [shardchannel [shardchannel ...]]",
        ),
    help::spec("6.2.0", "PUBSUB HELP", Group::PubSub),
];

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::host("psubscribe", -2, Group::PubSub, HostCommand::PSubscribe)
        .flags(&[Flags::PUBSUB, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .docs(
            "2.0.0",
            "O(N), N being the number of patterns",
            "Subscribes to the channels that match patterns.",
            "PSUBSCRIBE pattern [pattern ...]",
        ),
    CommandSpec::host("publish", 3, Group::PubSub, HostCommand::Publish)
        .flags(&[Flags::PUBSUB, Flags::LOADING, Flags::STALE, Flags::FAST, Flags::MAY_REPLICATE])
        .docs(
            "2.0.0",
            "O(N+M), N being the number of subscribers and M the number of patterns",
            "Sends a message to the subscribers of a channel.",
            "PUBLISH channel message",
        ),
    CommandSpec::container("pubsub", Group::PubSub, SUBCOMMANDS).docs(
        "2.8.0",
        "Depends on the subcommand",
        "Commands about channels and their subscribers.",
        "PUBSUB",
    ),
    CommandSpec::host("punsubscribe", -1, Group::PubSub, HostCommand::PUnsubscribe)
        .flags(&[Flags::PUBSUB, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .docs(
            "2.0.0",
            "O(N), N being the number of patterns",
            "Ends subscriptions to patterns, all of them without arguments.",
            "PUNSUBSCRIBE [pattern [pattern ...]]",
        ),
    CommandSpec::host("spublish", 3, Group::PubSub, HostCommand::SPublish)
        .flags(&[Flags::PUBSUB, Flags::LOADING, Flags::STALE, Flags::FAST, Flags::MAY_REPLICATE])
        .keys(&[KeySpec::one(1, KeyFlags::NOT_KEY)])
        .docs(
            "7.0.0",
            "O(N), N being the number of subscribers",
            "Sends a message to the subscribers of a shard channel.",
            "SPUBLISH shardchannel message",
        ),
    CommandSpec::host("ssubscribe", -2, Group::PubSub, HostCommand::SSubscribe)
        .flags(&[Flags::PUBSUB, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::NOT_KEY)])
        .docs(
            "7.0.0",
            "O(N), N being the number of shard channels",
            "Subscribes to shard channels.",
            "SSUBSCRIBE shardchannel [shardchannel ...]",
        ),
    CommandSpec::host("subscribe", -2, Group::PubSub, HostCommand::Subscribe)
        .flags(&[Flags::PUBSUB, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .docs(
            "2.0.0",
            "O(N), N being the number of channels",
            "Subscribes to channels.",
            "SUBSCRIBE channel [channel ...]",
        ),
    CommandSpec::host("sunsubscribe", -1, Group::PubSub, HostCommand::SUnsubscribe)
        .flags(&[Flags::PUBSUB, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::NOT_KEY)])
        .docs(
            "7.0.0",
            "O(N), N being the number of shard channels",
            "Ends subscriptions to shard channels, all of them without arguments.",
            "SUNSUBSCRIBE [shardchannel [shardchannel ...]]",
        ),
    CommandSpec::host("unsubscribe", -1, Group::PubSub, HostCommand::Unsubscribe)
        .flags(&[Flags::PUBSUB, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .docs(
            "2.0.0",
            "O(N), N being the number of channels",
            "Ends subscriptions to channels, all of them without arguments.",
            "UNSUBSCRIBE [channel [channel ...]]",
        ),
];

const _: () = check(COMMANDS);
