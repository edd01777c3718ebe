//! Keys that nobody asks for and whose time is over.

use crate::support::TestServer;

#[test]
fn a_backlog_on_one_shard_is_worked_off() {
    let server = TestServer::start("shards 1\nhz 10\nenable-debug-command yes");
    let mut client = server.connect();
    client.run("debug set-active-expire 0");
    client.run("set lives 1");
    for key in 0..20_000 {
        client.run(&format!("set key:{key} value px 1"));
    }
    // Not looked up, they are all still there.
    assert_eq!(client.text("dbsize"), "20001");
    client.run("debug set-active-expire 1");
    while client.text("dbsize") != "1" {}
    assert_eq!(client.info("stats", "expired_keys").unwrap(), "20000");
    assert_eq!(client.text("get lives"), "1");
}
