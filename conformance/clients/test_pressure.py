"""Clients that want more than they should get: memory, descriptors, other clients' replies, a crash."""

import contextlib
import ctypes
import os
import re
import resource
import select
import selectors

import pytest
import redis

from harness import PATIENCE_S, Server, until
from test_robustness import MARK, MARKED, same_answers

MIB = 1 << 20


def resident(server):
    """Bytes of memory that the process holds."""
    with open(f"/proc/{server.process.pid}/status") as file:
        return int(re.search(r"VmRSS:\s+(\d+) kB", file.read())[1]) * 1024


def receive(stream, length):
    said = bytearray()
    while len(said) < length:
        piece = stream.recv(min(MIB, length - len(said)))
        assert piece, "closed too early"
        said += piece
    return bytes(said)


def push(server, streams, request, rounds):
    """Sends a request over and over on each connection and reads nothing, until all is sent or nobody takes more."""
    payload = memoryview(request * rounds)
    with selectors.DefaultSelector() as selector:
        left = {stream: payload for stream in streams}
        for stream in streams:
            stream.setblocking(False)
            selector.register(stream, selectors.EVENT_WRITE)
        # Who is not written to for a second has been stopped; that is what should happen.
        while left and (ready := selector.select(timeout=1)):
            for key, _ in ready:
                with contextlib.suppress(BlockingIOError):
                    try:
                        left[key.fileobj] = left[key.fileobj][key.fileobj.send(left[key.fileobj][:MIB]):]
                    except (BrokenPipeError, ConnectionResetError):
                        left[key.fileobj] = b""
                if not left[key.fileobj]:
                    selector.unregister(key.fileobj)
                    del left[key.fileobj]


def test_refusals_that_nobody_reads(ours):
    with Server(ours, "--requirepass", "key") as server, contextlib.ExitStack() as streams:
        before = resident(server)
        connections = [streams.enter_context(server.connect()) for _ in range(20)]
        # 5 million requests, which would be answered with 200 MB.
        push(server, connections, b"*1\r\n$3\r\nGET\r\n", 250_000)
        with server.client(password="key", socket_timeout=PATIENCE_S) as r:
            assert r.set("a", "b") and r.get("a") == b"b"
        assert resident(server) - before < 32 * MIB


def test_refusals_are_sent_once_they_are_read(ours):
    with Server(ours, "--requirepass", "key") as server, server.connect() as stream:
        count = 200_000
        refusal = b"-NOAUTH Authentication required.\r\n"
        with selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ | selectors.EVENT_WRITE)
            stream.setblocking(False)
            requests, said = memoryview(b"PING\r\n" * count), 0
            while said < count * len(refusal):
                for _, events in selector.select(timeout=PATIENCE_S):
                    if events & selectors.EVENT_READ:
                        piece = stream.recv(MIB)
                        assert piece, f"closed after {said} bytes"
                        said += len(piece)
                    elif requests:
                        requests = requests[stream.send(requests[:MIB]):]
                if not requests:
                    selector.modify(stream, selectors.EVENT_READ)
        assert said == count * len(refusal)


@pytest.mark.parametrize("limit", ["hard", "soft"])
def test_replies_that_nobody_reads_reach_their_limit(ours, limit):
    words = "normal 8mb 0 0" if limit == "hard" else "normal 0 4mb 1"
    with Server(ours, "--client-output-buffer-limit", words) as server:
        r = server.client()
        r.set("big", b"x" * 100_000)
        before = resident(server)
        with server.connect() as stream:
            # A single read of the server brings requests for 200 MB.
            stream.sendall(b"GET big\r\n" * 2_000)
            until(lambda: r.info("stats")["client_output_buffer_limit_disconnections"] == 1, "the client is closed")
            if limit == "hard":
                assert resident(server) - before < 64 * MIB
        assert r.get("big") == b"x" * 100_000


@pytest.mark.parametrize("removal", ["DEL big", "UNLINK big", "FLUSHALL", "SET big other", "SETRANGE big 0 yyyy", "RENAME other big", "GETDEL big"])
def test_a_reply_outlives_its_value(server, removal):
    r = server.client()
    value = bytes(range(256)) * (16 * MIB // 256)
    r.set("big", value)
    r.set("other", "value")
    with server.connect() as stream:
        stream.sendall(b"GET big\r\n")
        head = b"$%d\r\n" % len(value)
        assert receive(stream, len(head)) == head
        # What has been removed is overwritten by others.
        r.execute_command(*removal.split())
        r.set("next", b"z" * len(value))
        assert receive(stream, len(value) + 2) == value + b"\r\n"


def test_big_values_that_are_only_promised(ours):
    with Server(ours) as server, contextlib.ExitStack() as streams:
        r = server.client()
        before, before_used = resident(server), r.info("memory")["used_memory"]
        for _ in range(300):
            stream = streams.enter_context(server.connect())
            stream.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$400000000\r\n" + b"x" * 10_000)
        for _ in range(300):
            stream = streams.enter_context(server.connect())
            stream.sendall(b"*1000000\r\n$3\r\nDEL\r\n$1\r\n")
        until(lambda: r.info("stats")["total_net_input_bytes"] > 300 * 10_000, "all has arrived")
        # What arrived is 3 MB, and each may have room for a little more.
        assert resident(server) - before < 64 * MIB
        assert r.info("memory")["used_memory"] - before_used < 64 * MIB
        assert r.set("b", "c")


def test_a_query_over_its_limit(ours):
    with Server(ours, "--client-query-buffer-limit", "1mb") as server, server.connect() as stream:
        r = server.client()
        before = resident(server)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            stream.sendall(b"*2\r\n$3\r\nGET\r\n$100000000\r\n")
            for _ in range(99):
                stream.sendall(b"x" * MIB)
        with contextlib.suppress(ConnectionResetError):
            assert stream.recv(100) == b""
        assert resident(server) - before < 16 * MIB
        assert r.ping()


REQUESTS = b"\r\n*0\r\nSET a 1\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n*-1\r\n\r\nGET a\n*1\r\n$4\r\nPING\r\n*0\r\nECHO \"x\\r\\n\"\r\n*-5\r\n\n"


def test_requests_cut_at_every_byte(server, reference):
    def answers(server, r, at):
        with server.connect() as stream:
            stream.sendall(REQUESTS[:at])
            # The first part has most likely been read when another client has its answer.
            r.ping()
            stream.sendall(REQUESTS[at:] + MARK)
            said = b""
            while not said.endswith(MARKED):
                piece = stream.recv(4096)
                assert piece, f"closed after {said}"
                said += piece
            return said

    with server.client() as r, reference.client() as other:
        wanted = answers(reference, other, 0)
        assert wanted.startswith(b"+OK\r\n:2\r\n$1\r\n2\r\n+PONG\r\n$3\r\nx\r\n\r\n")
        for at in range(len(REQUESTS)):
            assert answers(server, r, at) == wanted, at


EVIL = b"a\r\n-ERR b\r\n+c\0d\xff\xfe\r\n$-1\r\n"

# Requests whose errors repeat what they were sent, for each place of EVIL in them.
REPEATING = [
    "!", "GET !", "! a b", "CLIENT !", "CLIENT KILL TYPE !", "CLIENT KILL ADDR !", "CLIENT REPLY !", "CLIENT SETNAME !",
    "CLIENT NO-EVICT !", "CLIENT TRACKING !", "CLIENT PAUSE !", "CLIENT LIST TYPE !", "CLIENT !", "CONFIG !", "CONFIG SET !",
    "CONFIG SET ! !", "CONFIG SET maxmemory !", "CONFIG SET save !", "CONFIG SET appendfsync !", "CONFIG SET list-max-listpack-size !",
    "COMMAND !", "COMMAND GETKEYS !", "COMMAND LIST FILTERBY !", "COMMAND LIST FILTERBY ! a", "COMMAND DOCS !", "DEBUG !",
    "DEBUG OBJECT !", "HELLO !", "HELLO 3 !", "HELLO 3 SETNAME !", "HELLO 3 AUTH ! !", "AUTH !", "AUTH ! !", "SELECT !",
    "OBJECT !", "OBJECT ENCODING !", "SET a b !", "SET a b EX !", "EXPIRE a 1 !", "EXPIRE a !", "INCRBY a !", "INCRBYFLOAT a !",
    "LPOS a b !", "LPOS a b RANK !", "LMOVE a b ! !", "SCAN !", "SCAN 0 TYPE !", "SCAN 0 !", "SORT a BY", "SORT a !", "SETRANGE a ! b",
    "MEMORY !", "MEMORY USAGE a !", "LATENCY !", "SLOWLOG !", "SLOWLOG GET !", "PUBSUB !", "SUBSCRIBE", "SHUTDOWN !", "BGSAVE !",
    "FLUSHALL !", "SWAPDB ! !", "MOVE a !", "COPY a b !", "RESTORE none ! b", "GETEX a !", "LCS a b !", "LOLWUT VERSION !", "INFO !", "ECHO !",
]


@pytest.mark.parametrize("words", REPEATING)
def test_errors_cannot_be_used_to_forge_replies(server, reference, words):
    arguments = [EVIL if word == "!" else word.encode() for word in words.split()]
    payload = b"*%d\r\n" % len(arguments) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in arguments)
    same_answers(server, reference, payload, False)


def test_running_out_of_descriptors(ours):
    with Server(ours) as server, contextlib.ExitStack() as streams:
        r = server.client(single_connection_client=True)
        assert r.ping()
        open_now = len(descriptors(server))
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (open_now + 10, open_now + 10))
        waiting = [streams.enter_context(server.connect()) for _ in range(50)]
        for stream in waiting:
            stream.sendall(b"PING\r\n")
        until(lambda: "Too many open files" in server.output(), "the log says what is wrong")
        served, _, _ = select.select(waiting, [], [], PATIENCE_S)
        assert 0 < len(served) <= 10
        assert all(stream.recv(100) == b"+PONG\r\n" for stream in served)
        # Those who are there go on, and a place that becomes free is taken.
        assert r.ping()
        for stream in waiting:
            stream.close()
        until(lambda: accepted(server), "there is room again")
        # It does not fill the log while it waits.
        assert server.output().count("Too many open files") < 20


def descriptors(server):


    return os.listdir(f"/proc/{server.process.pid}/fd")


def accepted(server):
    with server.connect() as stream:
        stream.settimeout(1)
        with contextlib.suppress(ConnectionResetError, BrokenPipeError, TimeoutError):
            stream.sendall(b"PING\r\n")
            return stream.recv(200) == b"+PONG\r\n"
    return False


def unprivileged():
    """The privilege to raise hard limits is given up, and the limit is low."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    # CAP_SYS_RESOURCE
    drop_capability(24)


def drop_capability(number):


    # PR_CAPBSET_DROP takes it from the program that is executed next.
    assert ctypes.CDLL(None, use_errno=True).prctl(24, number, 0, 0, 0) == 0


def test_a_low_limit_on_descriptors_lowers_the_number_of_clients(ours):
    with Server(ours, preexec=unprivileged) as server, contextlib.ExitStack() as streams:
        r = server.client(single_connection_client=True)
        clients = int(r.config_get("maxclients")["maxclients"])
        assert clients == 32
        assert "maxclients has been reduced to 32" in server.output()
        for _ in range(clients - 1):
            stream = streams.enter_context(server.connect())
            stream.sendall(b"PING\r\n")
            assert stream.recv(100) == b"+PONG\r\n"
        with server.connect() as stream:
            assert stream.recv(100) == b"-ERR max number of clients reached\r\n"


def test_a_bug_in_a_command_costs_only_its_client(ours):
    if not ours.carnelian:
        pytest.skip("the real server ends")
    with Server(ours, "--enable-debug-command", "yes", "--io-threads", "2", "--save", "3600 1") as server:
        r = server.client()
        r.mset({f"k{n}": n for n in range(1000)})
        with contextlib.ExitStack() as streams:
            others = [streams.enter_context(server.connect()) for _ in range(8)]
            for n, stream in enumerate(others):
                stream.sendall(b"BLPOP queue%d 0\r\n" % n)
            until(lambda: r.info("clients")["blocked_clients"] == 8, "all are blocked")
            connected = r.info("clients")["connected_clients"]
            for _ in range(20):
                with server.connect() as stream:
                    # It watches keys, has a transaction open and subscribes when it is struck.
                    stream.sendall(b"WATCH k1 k2\r\nSUBSCRIBE ch\r\nUNSUBSCRIBE ch\r\nMULTI\r\nSET k1 no\r\nDEBUG PANIC\r\nEXEC\r\n")
                    said = b""
                    with contextlib.suppress(ConnectionResetError):
                        while piece := stream.recv(1000):
                            said += piece
                    assert b"*2" not in said.split(b"QUEUED")[-1]
                with pytest.raises(redis.exceptions.ConnectionError):
                    server.client().execute_command("DEBUG", "PANIC")
            until(lambda: r.info("clients")["connected_clients"] == connected, "nobody stays in the register")
            # Blocked clients, every key, snapshots and expiry still work.
            for n, stream in enumerate(others):
                assert r.rpush(f"queue{n}", "x") == 1
                assert b"$1\r\nx\r\n" in stream.recv(100)
        assert r.publish("ch", "x") == 0
        assert r.mget(f"k{n}" for n in range(2, 1000)) == [str(n).encode() for n in range(2, 1000)]
        r.set("short", "lived", px=1)
        until(lambda: r.dbsize() == 1000, "expiry goes on")
        assert r.bgsave()
        until(lambda: r.info("persistence")["rdb_saves"] == 1, "a snapshot is written")
        assert "DEBUG PANIC" in server.output() and "This is a bug" in server.output()
        assert server.stop() == 0
