//! Replies that refer to large values: they show what was there when the command ran.

mod common;

use carnelian_resp::{Protocol, split_args};
use common::TestNode;

/// Runs the commands on a node whose replies refer to large values, and on one whose replies copy them; all replies are
/// kept until the end. Returns how many bytes were referred to.
#[track_caller]
fn check(commands: &[&str]) -> usize {
    let large = |byte: char| byte.to_string().repeat(20_000);
    let mut referred = 0;
    for shards in [1, 64] {
        let mut nodes = [TestNode::new(shards, Protocol::Resp3), TestNode::new(shards, Protocol::Resp3)];
        nodes[0].out.share_large();
        let mut replies = [Vec::new(), Vec::new()];
        for (node, replies) in nodes.iter_mut().zip(&mut replies) {
            for key in ["a", "b", "c"] {
                node.run(&format!("set {key} {}", large(key.chars().next().unwrap())));
            }
            let mut out = std::mem::take(&mut node.out);
            for command in commands {
                let line = command.replace("LARGE", &large('x'));
                let args = split_args(line.as_bytes()).unwrap();
                let args = carnelian_resp::OwnedArgs::from_slices(&args);
                let start = out.len();
                node.node.execute(&mut node.session, args.as_args(), &mut out, node.now_ms, &node.stats);
                out.debug_check_replies(start, 1);
            }
            referred = referred.max(out.unsent_shared());
            *replies = out.take();
        }
        assert!(replies[0] == replies[1], "the replies are the same as copied ones");
    }
    referred
}

#[test]
fn every_command_that_returns_a_string_refers_to_it() {
    for command in [
        "get a",
        "getex a",
        "getex a ex 10",
        "getex a exat 1",
        "getdel a",
        "getset a x",
        "getset a LARGE",
        "set a x get",
        "set a LARGE get",
        "set a x xx get",
        "mget a",
        "getrange a 0 -1",
        "getrange a 5000 -1",
        "substr a 0 -1",
    ] {
        let bytes = check(&[command]);
        assert!(bytes >= 15_000, "{command}: {bytes}");
    }
    assert_eq!(check(&["mget a b nothing c a"]), 80_000);
    assert_eq!(check(&["getrange a 0 9000", "getrange a 3 2", "getrange a 0 5"]), 0);
}

#[test]
fn later_commands_do_not_change_earlier_replies() {
    let changes = [
        "append a LARGE",
        "append a x",
        "setrange a 5 12345",
        "setrange a 30000 12345",
        "setbit a 9 0",
        "bitfield a set u8 16 255",
        "set a LARGE",
        "set a 1",
        "del a",
        "unlink a",
        "rename a b",
        "rename b a",
        "copy b a replace",
        "copy a d",
        "getdel a",
        "expire a -1",
        "flushall",
        "bitop not a a",
        "move a 1",
        "swapdb 0 1",
    ];
    for change in changes {
        let bytes = check(&["get a", change, "get a", "append a y", "get a", "mget a b"]);
        assert!(bytes >= 20_000, "{change}: {bytes}");
        check(&["get a", "get a", change, change, "append a y", "setrange a 0 z", "get a", "get b"]);
    }
}

#[test]
fn transactions_and_errors() {
    let bytes =
        check(&["multi", "get a", "append a x", "get a", "lpush a 1", "getdel a", "get a", "exec", "get b"]);
    assert_eq!(bytes, 20_000 + 20_001 + 20_001 + 20_000);
    // The value comes first, and then the error.
    check(&["get a", "sort a", "getex a ex 0", "getex a ex nonsense", "get a"]);
    check(&["get a", "set a LARGE get ex 0", "get a"]);
}
