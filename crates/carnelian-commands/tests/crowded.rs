//! A shard that is as full as it can be: what adds data is refused, everything else goes on.

mod common;

use common::{TestNode, check_on};

#[test]
fn what_adds_data_is_refused() {
    let mut node = TestNode::new(1, carnelian_resp::Protocol::Resp2);
    check_on(
        &mut node,
        "SET a 1 => OK
         RPUSH list x y => 2",
    );
    let payload = match node.reply(&["DUMP", "list"]) {
        carnelian_resp::Reply::Bulk(payload) => payload,
        other => panic!("{other:?}"),
    };
    let crowded = node.node.engine().gates().crowd();
    check_on(
        &mut node,
        "SET b 1 => -OOM command not allowed when used memory > 'maxmemory'.
         APPEND a 1 => -OOM command not allowed when used memory > 'maxmemory'.
         HSET h f v => -OOM command not allowed when used memory > 'maxmemory'.
         MULTI => OK
         DEL a => -OOM command not allowed when used memory > 'maxmemory'.
         EXEC => -EXECABORT Transaction discarded because of previous errors.
         GET b => nil
         EXPIRE list 100 => 1
         PERSIST list => 1
         RENAME list other => OK
         LPOP other => \"x\"",
    );
    let refused = node.reply(&[&b"RESTORE"[..], b"k", b"0", &payload]);
    assert!(
        matches!(&refused, carnelian_resp::Reply::Error(text) if text.starts_with(b"OOM")),
        "{refused:?}"
    );
    drop(crowded);
    check_on(
        &mut node,
        "SET b 1 => OK
         DEL other a b => 3",
    );
}
