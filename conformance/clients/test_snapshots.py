"""Snapshots that are taken while others write: exactly one moment of the dataset, and never half a file."""

import signal
import threading

import pytest
import redis

from harness import Server, until

WRITERS = 4
# Keys that a writer takes turns with, and how many of its short-lived ones are there at a time.
TURNS = 500
ALIVE = 50
# Enough to keep the saver busy for a while; each step of it is followed by a pause.
FILLING = 200_000
SLOWLY = ["--rdb-key-save-delay", "2000"]


@pytest.fixture(autouse=True)
def only_ours(ours):
    if not ours.carnelian:
        pytest.skip("the real server forks, and counts its delays by keys")


class Writer(threading.Thread):
    """Writes transactions, the state after each of which follows from its number alone.

    Strings, a list, a set and a hash change; keys come and go. Only what one moment looked like passes `check`.
    """

    def __init__(self, server, name):
        super().__init__()
        self.server, self.name_, self.number, self.stop, self.failure = server, name, 0, False, None

    def run(self):
        try:
            with self.server.client(single_connection_client=True) as r:
                while not self.stop:
                    self.write(r, self.number + 1)
                    self.number += 1
        except Exception as failure:
            self.failure = failure

    def write(self, r, n):
        name = self.name_
        with r.pipeline(transaction=True) as pipe:
            pipe.set(f"{name}:left", n).set(f"{name}:turn:{n % TURNS}", n)
            pipe.set(f"{name}:alive:{n}", n).delete(f"{name}:alive:{n - ALIVE}")
            pipe.rpush(f"{name}:list", n).ltrim(f"{name}:list", -ALIVE, -1)
            pipe.sadd(f"{name}:set", f"member-{n}").srem(f"{name}:set", f"member-{n - ALIVE}")
            pipe.hset(f"{name}:hash", n % TURNS, n)
            pipe.set(f"{name}:right", n)
            pipe.execute()

    def check(self, r):
        """Fails unless the server holds what was there after one of the transactions; returns its number."""
        name = self.name_
        n = int(r.get(f"{name}:left"))
        turns = {k % TURNS: k for k in range(max(1, n - TURNS + 1), n + 1)}
        alive = range(max(1, n - ALIVE + 1), n + 1)
        assert int(r.get(f"{name}:right")) == n
        assert r.mget(f"{name}:turn:{turn}" for turn in range(TURNS)) == [
            str(turns[turn]).encode() if turn in turns else None for turn in range(TURNS)
        ]
        assert sorted(r.scan_iter(f"{name}:alive:*", count=10_000)) == sorted(f"{name}:alive:{k}".encode() for k in alive)
        assert r.lrange(f"{name}:list", 0, -1) == [str(k).encode() for k in alive]
        assert r.smembers(f"{name}:set") == {f"member-{k}".encode() for k in alive}
        assert r.hgetall(f"{name}:hash") == {str(t).encode(): str(k).encode() for t, k in turns.items()}
        return n


def saving(r):
    return r.info("persistence")["rdb_bgsave_in_progress"] == 1


def fill(r):
    """Something to save: many keys, a few large ones, and databases that the tests empty and exchange."""
    for begin in range(0, FILLING, 10_000):
        r.mset({f"fill:{n}": f"value-{n}" for n in range(begin, begin + 10_000)})
    r.rpush("large:list", *range(100_000))
    r.sadd("large:set", *range(100_000))
    r.hset("large:hash", mapping={f"f{n}": n for n in range(100_000)})


def test_a_snapshot_under_load_is_one_moment(ours, tmp_path):
    with Server(ours, *SLOWLY, directory=tmp_path) as server:
        r = server.client()
        fill(r)
        for db in (1, 2, 3):
            server.client(db=db).mset({f"{db}:{n}": n for n in range(1000)})
        writers = [Writer(server, f"writer{n}") for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        until(lambda: all(writer.number > 2 * TURNS for writer in writers), "the writers are at work")
        with server.client(single_connection_client=True) as one:
            before = [writer.number for writer in writers]
            one.bgsave()
            after = [writer.number for writer in writers]
            # All of this is later than the snapshot.
            one.delete("large:list", "fill:0")
            one.srem("large:set", *range(50_000))
            one.hset("large:hash", "f0", "changed")
            one.mset({f"fill:{FILLING + n}": "new" for n in range(1000)})
            one.rename("fill:1", "fill:renamed")
            one.execute_command("SWAPDB", 1, 2)
            one.execute_command("SELECT", 3)
            one.flushdb()
            one.set("3:0", "new")
        assert saving(r), "the snapshot was over too early for this test"
        until(lambda: not saving(r), "the snapshot ends", 60)
        meanwhile = [writer.number - n for writer, n in zip(writers, after)]
        for writer in writers:
            writer.stop = True
        for writer in writers:
            writer.join()
            assert writer.failure is None, writer.failure
        assert r.info("persistence")["rdb_last_bgsave_status"] == "ok"
        # Nobody had to wait for the saver, which takes hundreds of steps.
        assert all(count > 20 for count in meanwhile), meanwhile
        final = [writer.check(r) for writer in writers]
        assert final == [writer.number for writer in writers]
        server.process.kill()
        server.process.wait()
    with Server(ours, directory=tmp_path) as server:
        r = server.client()
        for writer, first, last in zip(writers, before, after):
            # A transaction counts for the writer only after its reply.
            assert first <= writer.check(r) <= last + 1
        for begin in range(0, FILLING, 10_000):
            wanted = [f"value-{n}".encode() for n in range(begin, begin + 10_000)]
            assert r.mget(f"fill:{n}" for n in range(begin, begin + 10_000)) == wanted
        assert not r.exists(f"fill:{FILLING}", "fill:renamed")
        assert r.lrange("large:list", 0, -1) == [str(n).encode() for n in range(100_000)]
        assert r.smembers("large:set") == {str(n).encode() for n in range(100_000)}
        assert r.hgetall("large:hash") == {f"f{n}".encode(): str(n).encode() for n in range(100_000)}
        for db in (1, 2, 3):
            r = server.client(db=db)
            assert r.dbsize() == 1000
            assert r.mget(f"{db}:{n}" for n in range(1000)) == [str(n).encode() for n in range(1000)]


def test_flushall_ends_a_snapshot(ours, tmp_path):
    with Server(ours, *SLOWLY, directory=tmp_path) as server:
        r = server.client()
        fill(r)
        r.bgsave()
        assert r.flushall()
        until(lambda: not saving(r), "the snapshot ends")
        assert not list(tmp_path.glob("*.rdb"))
        # And the next one is nothing but its own.
        r.set("a", "b")
        r.bgsave()
        until(lambda: not saving(r), "the second snapshot ends")
        server.process.kill()
        server.process.wait()
    with Server(ours, directory=tmp_path) as server:
        assert server.client().keys() == [b"a"]


def test_a_killed_server_leaves_the_old_file(ours, tmp_path):
    with Server(ours, *SLOWLY, directory=tmp_path) as server:
        r = server.client()
        r.set("a", "kept")
        assert r.save()
        path = tmp_path / "dump.rdb"
        before = path.read_bytes()
        r.set("a", "lost")
        fill(r)
        r.bgsave()
        until(lambda: any(file.stat().st_size > 100_000 for file in tmp_path.glob("temp-*.rdb")), "the file grows")
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        assert path.read_bytes() == before
        assert list(tmp_path.glob("temp-*.rdb")), "the snapshot was over too early for this test"
    with Server(ours, directory=tmp_path) as server:
        assert server.client().get("a") == b"kept" and server.client().dbsize() == 1


def test_shutdown_while_a_snapshot_is_written(ours, tmp_path):
    with Server(ours, *SLOWLY, directory=tmp_path) as server:
        r = server.client()
        fill(r)
        r.bgsave()
        r.set("last", "word")
        with pytest.raises(redis.exceptions.ConnectionError):
            r.execute_command("SHUTDOWN", "SAVE")
        assert server.process.wait(timeout=60) == 0
        assert [file.name for file in tmp_path.glob("*.rdb")] == ["dump.rdb"]
    with Server(ours, directory=tmp_path) as server:
        assert server.client().get("last") == b"word" and server.client().dbsize() == FILLING + 4


def test_reads_and_writes_go_on_while_a_large_value_is_saved(ours):
    with Server(ours, *SLOWLY) as server:
        r = server.client()
        fill(r)
        r.bgsave()
        done = 0
        while saving(r):
            # Each of these would have to wait if the saver held on to the large values.
            r.sadd("large:set", f"new-{done}")
            assert r.sismember("large:set", f"new-{done}")
            done += 1
        assert done > 20
        assert r.scard("large:set") == 100_000 + done
