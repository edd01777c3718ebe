"""The command line tools of both makes against the servers of both makes."""

import csv
import io
import re
import subprocess

import pytest

from harness import Terminal, child, run

# The tests of redis-benchmark that need no sorted set, as it names them and as it prints their names.
TESTS = {
    "ping": ["PING_INLINE", "PING_MBULK"],
    "set": ["SET"],
    "get": ["GET"],
    "incr": ["INCR"],
    "lpush": ["LPUSH"],
    "rpush": ["RPUSH"],
    "lpop": ["LPOP"],
    "rpop": ["RPOP"],
    "sadd": ["SADD"],
    "hset": ["HSET"],
    "spop": ["SPOP"],
    "lrange": [
        "LPUSH (needed to benchmark LRANGE)",
        "LRANGE_100 (first 100 elements)",
        "LRANGE_300 (first 300 elements)",
        "LRANGE_500 (first 500 elements)",
        "LRANGE_600 (first 600 elements)",
    ],
    "mset": ["MSET (10 keys)"],
}
NAMES = [name for names in TESTS.values() for name in names]


@pytest.fixture(params=["real tool, our server", "our tool, our server", "our tool, real server"])
def setting(request, ours, real, server, reference):
    """Programs and an emptied server."""
    tools, target = request.param.split(", ")
    target = server if target == "our server" else reference
    target.client().flushall()
    return (real if tools == "real tool" else ours), target


def benchmark(setting, *words):
    tools, server = setting
    return run(tools.benchmark, "-p", server.port, "-n", 2000, "-t", ",".join(TESTS), *words)


@pytest.mark.parametrize("options", [[], ["-P", 16], ["--threads", 2], ["-r", 1000, "-d", 100, "-c", 10]], ids=str)
def test_benchmark_as_csv(setting, options):
    rows = list(csv.DictReader(io.StringIO(benchmark(setting, "--csv", *options))))
    assert [row["test"] for row in rows] == NAMES
    for row in rows:
        assert float(row["rps"]) > 0
        latencies = [float(row[f"{part}_latency_ms"]) for part in ("min", "p50", "p95", "p99", "max")]
        assert latencies == sorted(latencies), row


def test_quiet_benchmark(setting):
    lines = re.split(r"[\r\n]+", benchmark(setting, "-q"))
    pattern = r"(.+): (\d+\.\d+) requests per second, p50=\d+\.\d+ msec\s*"
    ends = [match[1] for match in (re.fullmatch(pattern, line) for line in lines) if match]
    assert ends == NAMES


def test_benchmark_of_one_command(setting):
    tools, server = setting
    shown = run(tools.benchmark, "-p", server.port, "-n", 500, "-q", "SET", "key:__rand_int__", "value")
    assert "requests per second" in shown
    assert server.client().dbsize() == 1


def test_pipe(setting):
    tools, server = setting
    commands = b"".join(b"*3\r\n$3\r\nSET\r\n$%d\r\nk%d\r\n$1\r\nv\r\n" % (len(str(n)) + 1, n) for n in range(5000))
    shown = run(tools.cli, "-p", server.port, "--pipe", stdin=commands)
    assert "errors: 0, replies: 5000" in shown
    assert server.client().dbsize() == 5000
    bad = run(tools.cli, "-p", server.port, "--pipe", stdin=b"SET a b\r\nLPUSH a b\r\n", code=None)
    assert "errors: 1, replies: 2" in bad


def test_scan(setting):
    tools, server = setting
    r = server.client()
    r.mset({f"key:{n}": n for n in range(1000)})
    r.rpush("other", 1)
    assert len(set(run(tools.cli, "-p", server.port, "--scan").split())) == 1001
    shown = run(tools.cli, "-p", server.port, "--scan", "--pattern", "key:1*")
    assert set(shown.split()) == {f"key:{n}" for n in range(1000) if str(n).startswith("1")}


def test_bigkeys(setting):
    tools, server = setting
    r = server.client()
    r.set("string", "x" * 1000)
    r.rpush("list", *range(100))
    r.sadd("set", *range(50))
    r.hset("hash", mapping={n: n for n in range(20)})
    shown = run(tools.cli, "-p", server.port, "--bigkeys")
    assert "Sampled 4 keys in the keyspace!" in shown
    for kind, key, size in [("string", "string", "1000 bytes"), ("list", "list", "100 items")]:
        assert re.search(rf'Biggest\s+{kind} found ["\']+{key}["\']+ has {size}', shown), shown
    for kind, key, size in [("set", "set", "50 members"), ("hash", "hash", "20 fields")]:
        assert re.search(rf'Biggest\s+{kind} found ["\']+{key}["\']+ has {size}', shown), shown


def test_stat(setting):
    tools, server = setting
    server.client().mset({"a": 1, "b": 2})
    words = [tools.cli, "-p", server.port, "--stat", "-i", "0.02"]
    # It goes on until it is ended.
    with child(*words, stdout=subprocess.PIPE, text=True) as stat:
        lines = [stat.stdout.readline() for _ in range(4)]
    assert lines[0].startswith("------- data ------")
    assert lines[1].split() == ["keys", "mem", "clients", "blocked", "requests", "connections"]
    for line in lines[2:]:
        assert re.match(r"2\s+\d+\.\d+[KMG]\s+\d+\s+0\s+\d+ \(\+\d+\)\s+\d+", line), line


def test_latency(setting):
    tools, server = setting
    shown = run(tools.cli, "-p", server.port, "--latency", "-i", "0.2")
    low, high, average, samples = shown.split()
    assert int(low) <= float(average) <= int(high) and int(samples) > 1


def test_csv(setting):
    tools, server = setting
    server.client().rpush("list", 'a"b', "", "c,d")
    cli = [tools.cli, "-p", server.port, "--csv"]
    assert run(*cli, "LRANGE", "list", "0", "-1") == '"a\\"b","","c,d"\n'
    assert run(*cli, "MGET", "none") == "NULL\n"
    assert run(*cli, "LLEN", "list") == "3\n"


def test_resp3(setting):
    tools, server = setting
    server.client().hset("h", mapping={"f": "v"})
    cli = [tools.cli, "-p", server.port, "-3", "--no-raw"]
    assert run(*cli, "HGETALL", "h") == '1# "f" => "v"\n'
    assert run(*cli, "SMEMBERS", "none") == "(empty set)\n"
    assert run(*cli, "GET", "none") == "(nil)\n"


def test_input_from_a_pipe_and_repetition(setting):
    tools, server = setting
    assert run(tools.cli, "-p", server.port, "-x", "SET", "a", stdin="from\na pipe") == "OK\n"
    assert server.client().get("a") == b"from\na pipe"
    assert run(tools.cli, "-p", server.port, "-r", "3", "INCR", "n") == "1\n2\n3\n"


def test_errors_are_shown(setting):
    tools, server = setting
    session = ["NOSUCH a", "SET a", "LPUSH a b", "INCR a"]
    at = f"127.0.0.1:{server.port}"
    with Terminal(tools.cli, "-p", server.port) as terminal:
        assert terminal.session(session) == (
            f"{at}> NOSUCH a\n(error) ERR unknown command 'NOSUCH', with args beginning with: 'a' \n"
            f"{at}> SET a\n(error) ERR wrong number of arguments for 'set' command\n"
            f"{at}> LPUSH a b\n(integer) 1\n"
            f"{at}> INCR a\n(error) WRONGTYPE Operation against a key holding the wrong kind of value\n{at}> QUIT\n"
        )
