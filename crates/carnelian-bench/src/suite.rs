//! The commands that are measured.

use crate::options::Options;
use crate::template::encode;

/// A test: the title of its report, and its command as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Test {
    pub(crate) title: String,
    pub(crate) command: Vec<u8>,
}

/// A default test: its title, the names of `-t` that select it, and its arguments. `{data}` stands for a value of
/// `-d` bytes, `{score}` for a random score if keys are random and for 0 if not.
struct Default {
    title: &'static str,
    selected_by: &'static [&'static str],
    arguments: &'static [&'static str],
}

const fn test(
    title: &'static str,
    selected_by: &'static [&'static str],
    arguments: &'static [&'static str],
) -> Default {
    Default { title, selected_by, arguments }
}

const KEY: &str = "key:__rand_int__";
const ELEMENT: &str = "element:__rand_int__";

/// The default tests of redis-benchmark 7.0.15, in its order. The order matters: LPOP finds what LPUSH pushed.
const DEFAULTS: &[Default] = &[
    test("PING_INLINE", &["ping_inline", "ping"], &[]),
    test("PING_MBULK", &["ping_mbulk", "ping"], &["PING"]),
    test("SET", &["set"], &["SET", KEY, "{data}"]),
    test("GET", &["get"], &["GET", KEY]),
    test("INCR", &["incr"], &["INCR", "counter:__rand_int__"]),
    test("LPUSH", &["lpush"], &["LPUSH", "mylist", "{data}"]),
    test("RPUSH", &["rpush"], &["RPUSH", "mylist", "{data}"]),
    test("LPOP", &["lpop"], &["LPOP", "mylist"]),
    test("RPOP", &["rpop"], &["RPOP", "mylist"]),
    test("SADD", &["sadd"], &["SADD", "myset", ELEMENT]),
    test("HSET", &["hset"], &["HSET", "myhash", ELEMENT, "{data}"]),
    test("SPOP", &["spop"], &["SPOP", "myset"]),
    test("ZADD", &["zadd"], &["ZADD", "myzset", "{score}", ELEMENT]),
    test("ZPOPMIN", &["zpopmin"], &["ZPOPMIN", "myzset"]),
    test(
        "LPUSH (needed to benchmark LRANGE)",
        &["lrange", "lrange_100", "lrange_300", "lrange_500", "lrange_600"],
        &["LPUSH", "mylist", "{data}"],
    ),
    test("LRANGE_100 (first 100 elements)", &["lrange", "lrange_100"], &["LRANGE", "mylist", "0", "99"]),
    test("LRANGE_300 (first 300 elements)", &["lrange", "lrange_300"], &["LRANGE", "mylist", "0", "299"]),
    test("LRANGE_500 (first 500 elements)", &["lrange", "lrange_500"], &["LRANGE", "mylist", "0", "499"]),
    test("LRANGE_600 (first 600 elements)", &["lrange", "lrange_600"], &["LRANGE", "mylist", "0", "599"]),
    test(
        "MSET (10 keys)",
        &["mset"],
        &[
            "MSET", KEY, "{data}", KEY, "{data}", KEY, "{data}", KEY, "{data}", KEY, "{data}", KEY, "{data}",
            KEY, "{data}", KEY, "{data}", KEY, "{data}", KEY, "{data}",
        ],
    ),
];

/// The generator of values: the linear congruential one of ANSI C with a fixed start, like the reference, so that
/// both write the same values, which compress alike.
#[derive(Debug)]
pub(crate) struct Data(u32);

impl Data {
    pub(crate) fn new() -> Self {
        Self(1234)
    }

    /// `bytes` bytes, each of the 64 from `0` on.
    fn take(&mut self, bytes: usize) -> Vec<u8> {
        let next = |state: &mut u32| {
            *state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            b'0' + ((*state >> 16) & 63) as u8
        };
        (0..bytes).map(|_| next(&mut self.0)).collect()
    }
}

/// The default tests that `-t` selects, all of them without it.
pub(crate) fn selected(options: &Options, data: &mut Data) -> Vec<Test> {
    let value = data.take(options.data_bytes);
    let is_selected = |test: &Default| {
        options
            .tests
            .as_ref()
            .is_none_or(|names| names.iter().any(|name| test.selected_by.contains(&name.as_str())))
    };
    let score = if options.random_keys.is_some() { "__rand_int__" } else { "0" };
    let encoded = |test: &Default| {
        if test.arguments.is_empty() {
            return b"PING\r\n".to_vec();
        }
        let argument = |argument: &&'static str| match *argument {
            "{data}" => value.clone(),
            "{score}" => score.into(),
            other => other.into(),
        };
        encode(&test.arguments.iter().map(argument).collect::<Vec<Vec<u8>>>())
    };
    DEFAULTS
        .iter()
        .filter(|test| is_selected(test))
        .map(|test| Test { title: test.title.into(), command: encoded(test) })
        .collect()
}

/// The command of the command line; `last` is one more argument, from the standard input.
pub(crate) fn own(options: &Options, data: &mut Data, last: Option<&[u8]>) -> Test {
    let title = String::from_utf8_lossy(&options.command.join(&b' ')).into_owned();
    let mut arguments = options.command.clone();
    arguments.extend(last.map(<[u8]>::to_vec));
    for argument in &mut arguments {
        let places: Vec<usize> = memchr::memmem::find_iter(argument, b"__data__").collect();
        if !places.is_empty() {
            let value = data.take(options.data_bytes);
            for place in places.into_iter().rev() {
                argument.splice(place..place + b"__data__".len(), value.iter().copied());
            }
        }
    }
    Test { title, command: encode(&arguments) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(names: Option<&str>) -> Vec<String> {
        let tests = names.map(|names| names.split(',').map(str::to_owned).collect());
        let options = Options { tests, ..Options::default() };
        selected(&options, &mut Data::new()).into_iter().map(|test| test.title).collect()
    }

    #[test]
    fn names_select_tests() {
        assert_eq!(titles(None).len(), 20);
        assert_eq!(titles(Some("get,set")), ["SET", "GET"]);
        assert_eq!(titles(Some("ping")), ["PING_INLINE", "PING_MBULK"]);
        assert_eq!(
            titles(Some("lrange_300")),
            ["LPUSH (needed to benchmark LRANGE)", "LRANGE_300 (first 300 elements)"]
        );
        assert_eq!(titles(Some("lrange")).len(), 5);
        assert_eq!(titles(Some("nothing")), [""; 0]);
    }

    #[test]
    fn commands_are_encoded_as_recorded_from_the_reference() {
        let options = Options { random_keys: Some(5), ..Options::default() };
        let tests = selected(&options, &mut Data::new());
        let sent = |title: &str| {
            let test = tests.iter().find(|test| test.title == title).unwrap();
            String::from_utf8_lossy(&test.command).into_owned()
        };
        assert_eq!(sent("PING_INLINE"), "PING\r\n");
        assert_eq!(sent("PING_MBULK"), "*1\r\n$4\r\nPING\r\n");
        assert_eq!(sent("SET"), "*3\r\n$3\r\nSET\r\n$16\r\nkey:__rand_int__\r\n$3\r\nVXK\r\n");
        assert_eq!(
            sent("ZADD"),
            "*4\r\n$4\r\nZADD\r\n$6\r\nmyzset\r\n$12\r\n__rand_int__\r\n$20\r\nelement:__rand_int__\r\n"
        );
        assert!(sent("MSET (10 keys)").starts_with("*21\r\n$4\r\nMSET\r\n"));
    }

    #[test]
    fn data_is_put_into_ones_own_command() {
        let command = ["hset", "h", "a__data__b__data__"].map(|word| word.as_bytes().to_vec()).to_vec();
        let options = Options { command, data_bytes: 2, ..Options::default() };
        let test = own(&options, &mut Data::new(), Some(b"last\n"));
        assert_eq!(test.title, "hset h a__data__b__data__");
        assert_eq!(test.command, b"*4\r\n$4\r\nhset\r\n$1\r\nh\r\n$6\r\naVXbVX\r\n$5\r\nlast\n\r\n");
    }
}
