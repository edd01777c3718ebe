//! What `--help` and `--version` print.

/// The release of `redis-cli` whose options and output this client follows.
const FOLLOWS: &str = "7.0.15";

/// One line: under the name `redis-cli`, first the version that scripts look for.
pub(crate) fn version(program: &str) -> String {
    let own = env!("CARGO_PKG_VERSION");
    if program == "redis-cli" {
        format!("redis-cli {FOLLOWS} (carnelian {own})\n")
    } else {
        format!("{program} {own} (follows redis-cli {FOLLOWS})\n")
    }
}

/// The whole help text.
pub(crate) fn help(program: &str) -> String {
    let version = version(program);
    format!("{version}\nUsage: {program} [OPTIONS] [COMMAND [ARG ...]]\n{OPTIONS}{EXAMPLES}")
        .replace("PROGRAM", program)
}

const OPTIONS: &str = r#"
Without a command you get a prompt; "help" there explains it. With one, it is sent and its reply printed.

The server
  -h <host>                Host name or address (127.0.0.1 unless given).
  -p <port>                Port (6379 unless given).
  -s <path>                Unix socket; wins over host and port.
  -u <uri>                 All in one: redis://[[user:]password@][host[:port]][/db]
  -n <db>                  Database to select.
  --user <name>            ACL user to log in as, together with a password.
  -a, --pass <password>    Password. Safer, because other users cannot see it: the variable REDISCLI_AUTH.
  --askpass                Ask for the password instead, without showing it.
  --no-auth-warning        Do not warn about a password on the command line.
  -2, -3                   Speak RESP2 or RESP3 from the start.
  -c                       Cluster: follow MOVED and ASK to the node that has the key.

One command
  -r <times>               Send it this often; -1 for ever.
  -i <seconds>             Wait this long in between (0.1 is fine). Also paces --scan and --stat, and every 100
                           steps of --bigkeys, --memkeys and --hotkeys.
  -x                       Standard input becomes the last argument.
  -X <tag>                 Standard input takes the place of the argument that equals <tag>.
  --quoted-input           Arguments are written as at the prompt: "a\x00b" is three bytes.
  -e                       Exit with 1 when the reply is an error.
  --eval <file> [keys] , [args]
                           Run a Lua script from a file. A comma of its own ends the keys.

How replies look
  --no-raw                 Types and numbering spelled out: the layout for a terminal.
  --raw                    Content only: the layout when output is not a terminal.
  -d <text>                Raw: what separates the elements of a reply (a newline unless given).
  -D <text>                Raw: what ends a reply (a newline unless given).
  --csv                    Comma-separated values.
  --json                   JSON, with RESP3 types where the server has them (-2 turns that off).
  --quoted-json            JSON in plain ASCII: other bytes appear as \\xHH.
  --show-pushes <yes|no>   Print messages the server sends on its own (yes on a terminal).

Looking at the data
  --scan                   Print every key, walking the keyspace with SCAN.
  --bigkeys                Find the keys with the most elements, by type.
  --memkeys                Find the keys that take the most memory.
  --memkeys-samples <n>    The same, looking at <n> elements of each key.
  --hotkeys                Find the most used keys; the server must run an LFU eviction policy.
  --pattern <glob>         Only keys that match, for the four above.
  --quoted-pattern <glob>  The same, with quotes and escapes as at the prompt.
  --count <n>              How many keys SCAN looks at in one step.

Looking at the server
  --stat                   A line a second: keys, memory, clients, requests.
  --latency                Round-trip times of PING. Off a terminal: one line after a second (or -i), then the end.
  --latency-history        The same, starting afresh every 15 seconds (or -i).
  --latency-dist           The distribution as a coloured spectrum, a line a second (or -i).
  --mono                   The spectrum in shades of grey.
  --intrinsic-latency <s>  How long this machine keeps a busy process waiting, measured without a server.
  --lru-test <keys>        Load the server like a cache, 80 % of requests to 20 % of the keys; shows the hit rate.

Moving data
  --pipe                   Send commands in protocol form from standard input, as fast as the server takes them.
  --pipe-timeout <s>       Give up when the last reply takes longer (30 seconds; 0 waits for ever).
  --rdb <file>             Fetch a snapshot of the data set; "-" prints it.
  --functions-rdb <file>   The same with the functions only.
  --replica                Act as a replica and print the commands the server sends on.

  --help                   This text.
  -v, --version            The version.

Not in this build: the cluster manager (--cluster), the Lua debugger (--ldb), TLS (--tls and its companions).
"#;

const EXAMPLES: &str = r#"
Examples
  PROGRAM set greeting hello
  PROGRAM -x set picture < photo.jpg
  PROGRAM -r 10 -i 1 info memory
  PROGRAM --json hgetall user:1
  PROGRAM --scan --pattern 'user:*'
  PROGRAM --quoted-input set '"zero-\x00-inside"' value
  PROGRAM -D "" --raw dump key | PROGRAM -x restore copy 0
  PROGRAM --eval script.lua key1 key2 , arg1 arg2

Variables
  REDISCLI_AUTH            The password, when neither -a nor -u gives one.
  REDISCLI_HISTFILE        Where the prompt keeps its history (~/.rediscli_history; /dev/null keeps none).
  REDISCLI_RCFILE          Preferences read by the prompt (~/.redisclirc), such as ":set nohints".
"#;

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::options::Options;

    #[test]
    fn the_version_answers_to_either_name() {
        assert!(version("redis-cli").starts_with("redis-cli 7.0.15 "));
        assert!(version("carnelian-cli").starts_with(concat!("carnelian-cli ", env!("CARGO_PKG_VERSION"))));
    }

    /// Every option that the help names is one that the parser takes.
    #[test]
    fn help_tells_the_truth() {
        let text = help("redis-cli");
        assert!(!text.contains("PROGRAM"));
        for line in OPTIONS.lines().filter(|line| line.starts_with("  -")) {
            let (names, _) = line.trim().split_once("  ").unwrap_or((line.trim(), ""));
            for name in names.split([',', ' ']).filter(|word| word.starts_with('-')) {
                let value = if name == "-u" {
                    "redis://"
                } else if name == "--show-pushes" {
                    "y"
                } else {
                    "1"
                };
                let parsed = Options::parse(vec![OsString::from(name), value.into()], false);
                assert!(parsed.is_ok(), "{name}: {parsed:?}");
            }
        }
    }
}
