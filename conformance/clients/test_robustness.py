"""What clients that are many, slow, broken or hostile do to a server and to its other clients."""

import contextlib
import resource
import selectors
import socket
import struct
import time

import pytest

from harness import PATIENCE_S, Server, until

IDLE = 10_000
BUSY = 1_000
ROUNDS = 20

MARK = b"*2\r\n$4\r\nECHO\r\n$10\r\nend-marker\r\n"
MARKED = b"$10\r\nend-marker\r\n"

# What is sent, and whether the server ends the connection for it.
BROKEN = {
    "bulk past 32 bits": (b"*1\r\n$4294967296\r\n", True),
    "bulk past 64 bits": (b"*1\r\n$9223372036854775808\r\n", True),
    "bulk of -1": (b"*1\r\n$-1\r\n", True),
    "bulk of -2": (b"*1\r\n$-2\r\n", True),
    "bulk over the limit": (b"*1\r\n$536870913\r\n", True),
    "bulk with zeros": (b"*1\r\n$00005\r\nhello\r\n", True),
    "bulk of letters": (b"*1\r\n$abc\r\n", True),
    "bulk without a number": (b"*1\r\n$\r\n", True),
    "no bulk where one belongs": (b"*2\r\n$3\r\nGET\r\n:1\r\n", True),
    "multibulk past 32 bits": (b"*2147483648\r\n", True),
    "multibulk past 64 bits": (b"*9223372036854775808\r\n", True),
    "multibulk of letters": (b"*abc\r\n", True),
    "multibulk of nothing": (b"*\r\n", False),
    "a header that has no end": (b"*" + b"1" * 70_000, True),
    "a line that has no end": (b"x" * 70_000, True),
    "a bulk header that has no end": (b"*1\r\n$" + b"1" * 70_000, True),
    "unbalanced quotes": (b'SET a "b\r\n', True),
    "quotes in a word": (b'SET a "b"c\r\n', True),
    # Without zeros, behind which the real server does not see the end of a line.
    "binary": (bytes(range(1, 256)) * 4 + b"\r\n", False),
    "a command of zeros": (b"*2\r\n$4\r\n\0\0\0\0\r\n$1\r\n\0\r\n", False),
    "a command of bytes that are no text": (b"*2\r\n$2\r\n\xff\xfe\r\n$1\r\n\x80\r\n", False),
    "nothing, in all forms": (b"\r\n*0\r\n*-1\r\n\r\n*-10\r\n", False),
    "inline and multibulk in turn": (b"PING\r\n*1\r\n$4\r\nPING\r\nPING\n\r\nPING\r\n", False),
    "an unknown command with line ends": (b"*2\r\n$5\r\nA\r\nBC\r\n$4\r\n\r\n\r\n\r\n", False),
    "an unknown command that is long": (b"*2\r\n$2000\r\n" + b"c" * 2000 + b"\r\n$2000\r\n" + b"a" * 2000 + b"\r\n", False),
    "a million empty arguments": (b"*1000000\r\n" + b"$0\r\n\r\n" * 1_000_000, False),
    "a million arguments": (b"*1000001\r\n$4\r\nPING\r\n" + b"$1\r\nx\r\n" * 1_000_000, False),
    "HTTP": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", True),
    "POST": (b"POST / HTTP/1.1\r\n\r\n", True),
}

# Before a password was given, the limits are far lower.
BEFORE_AUTH = {
    "eleven arguments": (b"*11\r\n", True),
    "a million arguments": (b"*1048577\r\n", True),
    "a bulk over 16 KiB": (b"*1\r\n$16385\r\n", True),
    "ten arguments": (b"*10\r\n" + b"$1\r\nx\r\n" * 10, False),
    "a bulk of 16 KiB": (b"*1\r\n$16384\r\n" + b"x" * 16384 + b"\r\n", False),
    "a command": (b"GET a\r\nSET a b\r\nPING\r\nQUIT\r\n", True),
    "HELLO": (b"HELLO 3\r\n", False),
    "a wrong password": (b"AUTH wrong\r\nAUTH a b\r\n", False),
}


def answer(server, payload, closes):
    """Everything the server says to a payload: to the end of the connection, or to a mark that is sent after it."""
    with server.connect() as stream:
        said = b""
        # What the server no longer reads may fail to be sent; what it said still counts.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            stream.sendall(payload if closes else payload + MARK)
        with contextlib.suppress(ConnectionResetError):
            while piece := stream.recv(1 << 16):
                said += piece
                if not closes and said.endswith(MARKED):
                    break
        return said


def same_answers(server, reference, payload, closes, password=None):
    with server.client(socket_timeout=PATIENCE_S, password=password) as other:
        value = payload[:50]
        other.set("other", value)
        wanted = answer(reference, payload, closes)
        assert answer(server, payload, closes) == wanted
        assert other.get("other") == value, "another client was harmed"


@pytest.mark.parametrize("name", BROKEN)
def test_broken_requests_get_the_real_answer(server, reference, name):
    same_answers(server, reference, *BROKEN[name])


@pytest.fixture(scope="module")
def locked(ours, real):
    """A server of each make that wants a password."""
    with Server(ours, "--requirepass", "key") as server, Server(real, "--requirepass", "key") as reference:
        yield server, reference


@pytest.mark.parametrize("name", BEFORE_AUTH)
def test_limits_before_a_password(locked, name):
    payload, closes = BEFORE_AUTH[name]
    if closes:
        same_answers(*locked, payload, closes, password="key")
    else:
        # QUIT needs no password and marks the end.
        assert refusals(locked[0], payload) == refusals(locked[1], payload)


def refusals(server, payload):
    with server.connect() as stream:
        stream.sendall(payload + b"QUIT\r\n")
        said = b""
        while piece := stream.recv(1 << 16):
            said += piece
        return said


@pytest.mark.parametrize("request_", [b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\nvalue\r\n", b"SET a value\r\n"], ids=["multibulk", "inline"])
def test_half_a_command_does_nothing(server, request_):
    r = server.client()
    r.flushall()
    before = r.info("clients")["connected_clients"]
    for length in range(len(request_)):
        with server.connect() as stream:
            stream.sendall(request_[:length])
    until(lambda: r.info("clients")["connected_clients"] <= before, "the halves are forgotten")
    # A closed connection ends a line as little as it ends a bulk.
    assert r.exists("a") == 0


@pytest.mark.parametrize("size", [1, 2, 7])
def test_requests_in_pieces(server, size):
    server.client().flushall()
    requests = b"\r\n*0\r\nSET a 1\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n*-1\r\nGET a\n*1\r\n$4\r\nPING\r\n"
    wanted = b"+OK\r\n:2\r\n$1\r\n2\r\n+PONG\r\n"
    with server.connect() as stream:
        for at in range(0, len(requests), size):
            stream.sendall(requests[at : at + size])
        said = b""
        while len(said) < len(wanted):
            said += stream.recv(1000)
        assert said == wanted


def test_half_sent_big_values_of_many_clients(server):
    # Each promises 400 MB and sends 20 bytes; what is promised must not be reserved.
    r = server.client()
    before = r.info("memory")["used_memory"]
    with contextlib.ExitStack() as streams:
        for _ in range(200):
            stream = streams.enter_context(server.connect())
            stream.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000\r\n" + b"x" * 20)
        until(lambda: r.info("clients")["connected_clients"] > 200, "all are connected")
        assert r.info("memory")["used_memory"] - before < 200 * 400_000
        assert r.ping()


def test_connections_that_are_cut_off(server):
    for _ in range(500):
        stream = server.connect()
        # Closing with a linger of zero sends a reset.
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.send(b"PING\r\n")
        stream.close()
    assert server.client().ping()


def test_one_client_too_many(ours):
    with Server(ours, "--maxclients", "20") as server, contextlib.ExitStack() as streams:
        def refused():
            stream = streams.enter_context(server.connect())
            stream.sendall(b"PING\r\n")
            with contextlib.suppress(ConnectionResetError):
                return stream.recv(200) == b"-ERR max number of clients reached\r\n"
            return False

        until(refused, "a client is refused")
        streams.close()
        until(lambda: accepted(server), "there is room again")


def accepted(server):
    with server.connect() as stream:
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            stream.sendall(b"PING\r\n")
            return stream.recv(200) == b"+PONG\r\n"
    return False


def test_many_idle_and_many_busy_connections(ours):
    wanted = IDLE + BUSY + 200
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.fail(f"the limit of open files is {hard}; this test needs {wanted}", pytrace=False)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        with Server(ours, "--maxclients", IDLE + BUSY + 50) as server, contextlib.ExitStack() as streams:
            idle = [streams.enter_context(server.connect()) for _ in range(IDLE)]
            work(server, streams)
            assert server.client().info("clients")["connected_clients"] >= IDLE + BUSY
            for stream in idle:
                stream.sendall(b"PING\r\n")
            for stream in idle:
                assert stream.recv(100) == b"+PONG\r\n"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def work(server, streams):
    """Keeps every busy connection at work at once and checks each reply."""
    deadline = time.monotonic() + 60
    with selectors.DefaultSelector() as selector:
        state = {}
        for number in range(BUSY):
            stream = streams.enter_context(server.connect())
            selector.register(stream, selectors.EVENT_READ, number)
            state[number] = [0, b""]
            send_round(stream, number, 0)
        left = BUSY
        while left:
            assert time.monotonic() < deadline, f"{left} connections had not finished"
            for key, _ in selector.select(timeout=1):
                number, stream = key.data, key.fileobj
                round_, said = state[number]
                piece = stream.recv(4096)
                assert piece, "a busy connection was closed"
                said += piece
                value = f"{number}-{round_}"
                wanted = f"+OK\r\n${len(value)}\r\n{value}\r\n:{round_ + 1}\r\n".encode()
                assert wanted.startswith(said) or said == wanted, said
                if said == wanted:
                    round_, said = round_ + 1, b""
                    if round_ == ROUNDS:
                        selector.unregister(stream)
                        left -= 1
                    else:
                        send_round(stream, number, round_)
                state[number] = [round_, said]


def send_round(stream, number, round_):
    stream.sendall(f"SET k{number} {number}-{round_}\r\nGET k{number}\r\nINCR n{number}\r\n".encode())
