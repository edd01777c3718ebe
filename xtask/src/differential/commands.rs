//! The table of commands: their syntax, how often they come, and what about their reply is promised.

use super::grammar::Node;

/// What two servers must agree on in a reply. An error is always compared byte by byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// Every byte.
    Exact,
    /// The elements, in any order: no server promises the order of a hash table.
    Unordered,
    /// As `Unordered`, for a flat list of names and values that belong together.
    Pairs,
    /// A number that is read off a clock, in seconds.
    Seconds,
    /// A number that is read off a clock, in milliseconds.
    Milliseconds,
    /// The cursor must be zero or not zero; a whole iteration gives the same elements in any order.
    Scan,
    /// As `Scan`, for an iteration that gives names and values.
    ScanPairs,
    /// A random choice: the types and numbers of elements are the same. What was chosen must be among the elements
    /// of the next reply, which is of a command that the generator adds.
    Random,
    /// The type of the reply, and whether it is null.
    Shape,
}

/// One line of the table.
pub(crate) struct Rule {
    pub(crate) syntax: Node,
    pub(crate) weight: usize,
    pub(crate) check: Check,
}

/// The commands that come at any time.
pub(crate) fn rules() -> Vec<Rule> {
    parse(COMMON)
}

/// The commands that belong to a connection and come seldom, outside transactions.
pub(crate) fn connection_rules() -> Vec<Rule> {
    parse(CONNECTION)
}

/// The commands that wait for a list, each with a key that is filled just before.
pub(crate) fn blocking_rules() -> Vec<Rule> {
    parse(BLOCKING)
}

fn parse(table: &[(&'static str, usize, Check)]) -> Vec<Rule> {
    table.iter().map(|&(syntax, weight, check)| Rule { syntax: Node::parse(syntax), weight, check }).collect()
}

use Check::*;

const COMMON: &[(&str, usize, Check)] = &[
    // Strings.
    ("SET skey value [NX|XX] [GET] [EX seconds|PX milliseconds|EXAT at|PXAT atms|KEEPTTL]", 16, Exact),
    ("GET skey", 10, Exact),
    ("GETSET skey value", 3, Exact),
    ("GETDEL skey", 3, Exact),
    ("GETEX skey [EX seconds|PX milliseconds|EXAT at|PXAT atms|PERSIST]", 5, Exact),
    ("SETNX skey value", 3, Exact),
    ("SETEX skey seconds value", 3, Exact),
    ("PSETEX skey milliseconds value", 3, Exact),
    ("MSET (skey value)...", 4, Exact),
    ("MSETNX (skey value)...", 4, Exact),
    ("MGET skey...", 4, Exact),
    ("APPEND skey value", 5, Exact),
    ("STRLEN skey", 4, Exact),
    ("GETRANGE skey index index", 5, Exact),
    ("SUBSTR skey index index", 2, Exact),
    ("SETRANGE skey byteoffset value", 5, Exact),
    ("INCR skey", 5, Exact),
    ("DECR skey", 4, Exact),
    ("INCRBY skey int", 5, Exact),
    ("DECRBY skey int", 5, Exact),
    ("INCRBYFLOAT skey float", 6, Exact),
    ("LCS skey skey [LEN] [IDX] [MINMATCHLEN count] [WITHMATCHLEN]", 5, Exact),
    // Bits.
    ("SETBIT skey bitoffset bit", 5, Exact),
    ("GETBIT skey readoffset", 4, Exact),
    ("BITCOUNT skey [index index [BYTE|BIT]]", 5, Exact),
    ("BITPOS skey bit [index [index [BYTE|BIT]]]", 6, Exact),
    ("BITOP (AND|OR|XOR|NOT) skey skey...", 4, Exact),
    (
        "BITFIELD skey (GET bitwidth fieldoffset|SET bitwidth fieldoffset int|INCRBY bitwidth fieldoffset int|\
         OVERFLOW (WRAP|SAT|FAIL))...",
        6,
        Exact,
    ),
    ("BITFIELD_RO skey (GET bitwidth fieldoffset)...", 3, Exact),
    // Hashes.
    ("HSET hkey (field value)...", 12, Exact),
    ("HMSET hkey (field value)...", 3, Exact),
    ("HSETNX hkey field value", 4, Exact),
    ("HGET hkey field", 5, Exact),
    ("HMGET hkey field...", 4, Exact),
    ("HGETALL hkey", 5, Pairs),
    ("HKEYS hkey", 3, Unordered),
    ("HVALS hkey", 3, Unordered),
    ("HLEN hkey", 3, Exact),
    ("HDEL hkey field...", 5, Exact),
    ("HEXISTS hkey field", 3, Exact),
    ("HSTRLEN hkey field", 3, Exact),
    ("HINCRBY hkey field int", 6, Exact),
    ("HINCRBYFLOAT hkey field float", 6, Exact),
    ("HRANDFIELD hkey [random [WITHVALUES]]", 4, Random),
    ("HSCAN hkey cursor [MATCH pattern] [COUNT positive]", 4, ScanPairs),
    // Lists.
    ("LPUSH lkey element...", 8, Exact),
    ("RPUSH lkey element...", 8, Exact),
    ("LPUSHX lkey element...", 3, Exact),
    ("RPUSHX lkey element...", 3, Exact),
    ("LPOP lkey [count]", 4, Exact),
    ("RPOP lkey [count]", 4, Exact),
    ("LLEN lkey", 3, Exact),
    ("LRANGE lkey index index", 6, Exact),
    ("LINDEX lkey index", 5, Exact),
    ("LSET lkey index element", 5, Exact),
    ("LINSERT lkey (BEFORE|AFTER) element element", 6, Exact),
    ("LREM lkey count element", 5, Exact),
    ("LTRIM lkey index index", 3, Exact),
    ("LPOS lkey element [RANK index] [COUNT count] [MAXLEN count]", 6, Exact),
    ("RPOPLPUSH lkey lkey", 4, Exact),
    ("LMOVE lkey lkey (LEFT|RIGHT) (LEFT|RIGHT)", 5, Exact),
    ("LMPOP lkeys (LEFT|RIGHT) [COUNT count]", 5, Exact),
    // Sets.
    ("SADD tkey member...", 12, Exact),
    ("SREM tkey member...", 5, Exact),
    ("SISMEMBER tkey member", 4, Exact),
    ("SMISMEMBER tkey member...", 3, Exact),
    ("SMEMBERS tkey", 4, Unordered),
    ("SCARD tkey", 3, Exact),
    ("SMOVE tkey tkey member", 4, Exact),
    ("SINTER tkey...", 4, Unordered),
    ("SUNION tkey...", 4, Unordered),
    ("SDIFF tkey...", 4, Unordered),
    ("SINTERSTORE tkey tkey...", 3, Exact),
    ("SUNIONSTORE tkey tkey...", 3, Exact),
    ("SDIFFSTORE tkey tkey...", 3, Exact),
    ("SINTERCARD tkeys [LIMIT count]", 4, Exact),
    ("SRANDMEMBER tkey [random]", 4, Random),
    ("SPOP tkey [random]", 4, Shape),
    ("SSCAN tkey cursor [MATCH pattern] [COUNT positive]", 4, Scan),
    // Keys.
    ("DEL key...", 3, Exact),
    ("UNLINK key...", 2, Exact),
    ("EXISTS key...", 4, Exact),
    ("TOUCH key...", 2, Exact),
    ("TYPE key", 4, Exact),
    ("RENAME key key", 4, Exact),
    ("RENAMENX key key", 3, Exact),
    ("COPY key key [DB db] [REPLACE]", 5, Exact),
    ("MOVE key db", 3, Exact),
    ("KEYS pattern", 3, Unordered),
    ("SCAN cursor [MATCH pattern] [COUNT positive] [TYPE type]", 5, Scan),
    ("RANDOMKEY", 2, Random),
    ("DBSIZE", 3, Exact),
    ("OBJECT ENCODING key", 6, Exact),
    ("OBJECT IDLETIME key", 1, Seconds),
    ("OBJECT FREQ key", 1, Exact),
    ("OBJECT REFCOUNT key", 1, Shape),
    ("DUMP key", 2, Shape),
    ("RESTORE key milliseconds payload [REPLACE] [ABSTTL] [IDLETIME count] [FREQ count]", 5, Exact),
    ("SORT lkey [BY weight] [LIMIT index index] [GET get]... [ASC|DESC] [ALPHA] [STORE lkey]", 5, Exact),
    ("SORT tkey [LIMIT index count] [ASC|DESC] [ALPHA] [STORE lkey]", 3, Exact),
    ("SORT_RO lkey [BY weight] [LIMIT index index] [GET get]... [ASC|DESC] [ALPHA]", 3, Exact),
    // Expiry.
    ("EXPIRE key seconds [NX|XX|GT|LT]", 5, Exact),
    ("PEXPIRE key milliseconds [NX|XX|GT|LT]", 4, Exact),
    ("EXPIREAT key at [NX|XX|GT|LT]", 4, Exact),
    ("PEXPIREAT key atms [NX|XX|GT|LT]", 4, Exact),
    ("EXPIRE key seconds [NX|XX|GT|LT] [NX|XX|GT|LT|word]", 2, Exact),
    ("TTL key", 4, Seconds),
    ("PTTL key", 3, Milliseconds),
    ("EXPIRETIME key", 3, Seconds),
    ("PEXPIRETIME key", 3, Milliseconds),
    ("PERSIST key", 3, Exact),
    // What belongs nowhere.
    ("PING [word]", 1, Exact),
    ("ECHO word", 1, Exact),
    ("unknown [word] [value]", 1, Exact),
];

const CONNECTION: &[(&str, usize, Check)] = &[
    ("SELECT db", 12, Exact),
    ("SWAPDB db db", 3, Exact),
    ("FLUSHDB [ASYNC|SYNC|word]", 1, Exact),
    ("HELLO [proto [SETNAME name] [AUTH word word]]", 4, Shape),
    ("CLIENT SETNAME name", 3, Exact),
    ("CLIENT GETNAME", 3, Exact),
    ("CLIENT ID", 1, Shape),
    ("CLIENT INFO", 1, Shape),
    ("CLIENT NO-EVICT (ON|OFF|word)", 1, Exact),
    ("CLIENT subcommand", 1, Exact),
    ("CLIENT TRACKINGINFO", 1, Exact),
    ("CLIENT GETREDIR", 1, Exact),
    ("CLIENT UNBLOCK nobody [TIMEOUT|ERROR|word]", 1, Exact),
    ("OBJECT subcommand key", 1, Exact),
    ("AUTH word [word]", 1, Exact),
    ("RESET", 1, Exact),
    ("WAIT 0 0", 1, Exact),
    ("WAIT int badtimeout", 1, Exact),
    ("EXEC", 2, Exact),
    ("DISCARD", 2, Exact),
    ("UNWATCH", 2, Exact),
    ("WATCH", 1, Exact),
];

const BLOCKING: &[(&str, usize, Check)] = &[
    ("BLPOP lkey... timeout", 4, Exact),
    ("BRPOP lkey... timeout", 4, Exact),
    ("BRPOPLPUSH lkey lkey timeout", 3, Exact),
    ("BLMOVE lkey lkey (LEFT|RIGHT) (LEFT|RIGHT) timeout", 3, Exact),
    ("BLMPOP timeout lkeys (LEFT|RIGHT) [COUNT count]", 4, Exact),
];

#[cfg(test)]
mod tests {
    use super::super::rng::Rng;
    use super::*;

    #[test]
    fn the_tables_parse_and_every_rule_makes_commands() {
        let mut rng = Rng::new(3);
        for rule in rules().iter().chain(&connection_rules()).chain(&blocking_rules()) {
            assert!(rule.weight > 0);
            for _ in 0..50 {
                let mut args = Vec::new();
                rule.syntax.emit(&mut rng, &mut args);
                assert!(!args.is_empty());
            }
        }
    }
}
