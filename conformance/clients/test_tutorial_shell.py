"""The tutorial's shell and CLI sessions, with its configuration file as it stands, and both makes of redis-cli."""

import os
import re
import signal
import socket
import subprocess

import pytest
import redis

from harness import Server, Terminal, child, free_port, run, until

CONFIG = """\
# /etc/redis/6379.conf

port              6379
daemonize         yes
save              60 1
bind              127.0.0.1
tcp-keepalive     300
dbfilename        dump.rdb
dir               ./
rdbcompression    yes
"""

# What is typed, and what is shown for it.
SESSION = [
    ("PING", "PONG"),
    ("ping", "PONG"),
    ("SET Bahamas Nassau", "OK"),
    ("SET Croatia Zagreb", "OK"),
    ("GET Croatia", '"Zagreb"'),
    ("GET Japan", "(nil)"),
    ("MSET Lebanon Beirut Norway Oslo France Paris", "OK"),
    ("MGET Lebanon Norway Bahamas", '1) "Beirut"\n2) "Oslo"\n3) "Nassau"'),
    ("EXISTS Norway", "(integer) 1"),
    ("EXISTS Sweden", "(integer) 0"),
    ('HSET realpython url "https://realpython.com/"', "(integer) 1"),
    ("HSET realpython github realpython", "(integer) 1"),
    ('HSET realpython fullname "Real Python"', "(integer) 1"),
    ('HMSET pypa url "https://www.pypa.io/" github pypa fullname "Python Packaging Authority"', "OK"),
    (
        "HGETALL pypa",
        '1) "url"\n2) "https://www.pypa.io/"\n3) "github"\n4) "pypa"\n5) "fullname"\n6) "Python Packaging Authority"',
    ),
    ("hset mykey field1 value1", "(integer) 1"),
    ("FLUSHDB", "OK"),
    ("GET Croatia", "(nil)"),
]


def transcript(prompt, session):
    """The session as a terminal shows it."""
    return "".join(f"{prompt}> {typed}\n{shown}\n" for typed, shown in session) + f"{prompt}> QUIT\n"


@pytest.fixture(scope="module")
def daemon(ours, tmp_path_factory):
    """A server started as the tutorial starts it; gives the directory and what was printed."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", 6379))
        except OSError:
            pytest.fail("port 6379 is taken; the tutorial's configuration file needs it", pytrace=False)
    directory = tmp_path_factory.mktemp("tutorial")
    (directory / "6379.conf").write_text(CONFIG)
    here = os.getcwd()
    os.chdir(directory)
    try:
        # A daemon keeps no hold of the terminal, so this returns when the first process ends.
        shown = run(ours.server, directory / "6379.conf", limit_s=15)
    finally:
        os.chdir(here)
    r = redis.Redis(retry=None, protocol=2)

    def answers():
        try:
            return r.ping()
        except redis.exceptions.ConnectionError:
            return False

    until(answers, "the daemon answers")
    number = r.info("server")["process_id"]
    yield directory, shown, number
    os.kill(number, signal.SIGTERM)
    until(lambda: not os.path.exists(f"/proc/{number}") or zombie(number), "the daemon ends")


def zombie(number):
    """Whether a process has ended and waits to be noticed, as daemons do where nothing collects them."""
    try:
        with open(f"/proc/{number}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def check_start_lines(shown):
    stamp = r"(?P<pid>\d+):C \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d\.\d{3} [#*] "
    lines = shown.splitlines()[:3]
    wanted = [
        r"oO0OoO0OoO0Oo \S+ is starting oO0OoO0OoO0Oo",
        r"\S+ version=\d+\.\d+\.\d+, bits=64, commit=\w+, modified=[01], pid=(?P=pid), just started",
        r"Configuration loaded",
    ]
    pattern = "\n".join(stamp.replace("?P<pid>", "" if n else "?P<pid>") + text for n, text in enumerate(wanted))
    assert re.fullmatch(pattern, "\n".join(lines)), shown


def test_the_start_is_logged(ours, tmp_path):
    (tmp_path / "6379.conf").write_text(CONFIG)
    command = [ours.server, tmp_path / "6379.conf", "--port", free_port(), "--daemonize", "no"]
    with child(*command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as server:
        check_start_lines("".join(server.stdout.readline() for _ in range(3)))


def test_the_daemon_shows_the_start_or_nothing(daemon):
    # The tutorial's version wrote these lines before it left the terminal; 7.0 leaves first.
    _, shown, _ = daemon
    if shown:
        check_start_lines(shown)


def test_the_configuration_file_is_obeyed(daemon):
    directory, _, number = daemon
    r = redis.Redis(protocol=2)
    wanted = {
        "port": "6379", "daemonize": "yes", "save": "60 1", "bind": "127.0.0.1", "tcp-keepalive": "300",
        "dbfilename": "dump.rdb", "dir": str(directory), "rdbcompression": "yes",
    }
    assert {name: r.config_get(name)[name] for name in wanted} == wanted
    assert os.readlink(f"/proc/{number}/cwd") == str(directory)
    info = r.info()
    assert info["tcp_port"] == 6379 and info["config_file"] == str(directory / "6379.conf")


def test_the_first_session_needs_no_options(daemon, cli):
    with Terminal(cli) as terminal:
        assert terminal.session([typed for typed, _ in SESSION]) == transcript("127.0.0.1:6379", SESSION)


def test_bgsave_of_the_daemon(daemon, cli):
    directory, _, _ = daemon
    r = redis.Redis(protocol=2)
    until(lambda: r.info("persistence")["rdb_bgsave_in_progress"] == 0, "no save runs")
    assert run(cli, "BGSAVE") == "Background saving started\n"
    until(lambda: r.info("persistence")["rdb_bgsave_in_progress"] == 0, "the save ends")
    assert (directory / "dump.rdb").read_bytes().startswith(b"REDIS00")


def test_a_transaction_typed_by_hand(server, cli):
    server.client().flushall()
    session = ["MULTI", "HINCRBY 56854717 quantity -1", "HINCRBY 56854717 npurchased 1", "EXEC"]
    at = f"127.0.0.1:{server.port}"
    with Terminal(cli, "-p", server.port) as terminal:
        assert terminal.session(session) == (
            f"{at}> MULTI\nOK\n{at}(TX)> {session[1]}\nQUEUED\n{at}(TX)> {session[2]}\nQUEUED\n"
            f"{at}(TX)> EXEC\n1) (integer) -1\n2) (integer) 1\n{at}> QUIT\n"
        )


def test_another_database_is_chosen(server, cli):
    server.client().flushall()
    at = f"127.0.0.1:{server.port}"
    with Terminal(cli, "-p", server.port, "-n", 5) as terminal:
        assert terminal.session(["SET a 1", "SELECT 0", "GET a"]) == (
            f"{at}[5]> SET a 1\nOK\n{at}[5]> SELECT 0\nOK\n{at}> GET a\n(nil)\n{at}> QUIT\n"
        )
    assert server.cli(cli, "-n", 5, "GET", "a") == "1\n"


def test_a_host_a_port_and_a_password(ours, cli):
    with Server(ours, "--requirepass", "key") as server:
        assert server.cli(cli, "-a", "key", "--no-auth-warning", "SET", "a", "1") == "OK\n"
        assert "NOAUTH Authentication required." in server.cli(cli, "GET", "a", code=None)
        assert run(cli, "-h", "localhost", "-p", server.port, "GET", "a", environment={"REDISCLI_AUTH": "key"}) == "1\n"


def test_replies_on_a_pipe(server, cli):
    server.client().flushall()
    typed = "\n".join(line for line, _ in SESSION) + "\n"
    shown = "\n".join(text for _, text in SESSION) + "\n"
    assert server.cli(cli, "--no-raw", stdin=typed) == shown
    assert server.cli(cli, "--no-raw", "GET", "Japan") == "(nil)\n"
    assert server.cli(cli, stdin="SET a b\nGET a\nGET c\nMGET a c\n") == "OK\nb\n\nb\n\n"


def test_the_programs_say_their_version(ours, cli):
    assert re.fullmatch(r"\S+ \d+\.\d+\.\d+\S*( \(.*\))?\n", run(cli, "--version"))
    pattern = r"\S+ server v=\d+\.\d+\.\d+ sha=\w+:\d+ malloc=\S+ bits=64 build=\w+\n"
    assert re.fullmatch(pattern, run(ours.server, "--version"))
    assert re.fullmatch(pattern, run(ours.server, "-v"))
