"""The server as a process: how it starts, where it listens and writes, and how it ends."""

import os
import re
import signal
import socket
import subprocess

import pytest
import redis

from harness import Server, child, free_port, until


def test_start_up_is_quick_and_small(ours, capsys):
    with Server(ours) as server:
        status = (lambda text: int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]))
        with open(f"/proc/{server.process.pid}/status") as file:
            resident_kib = status(file.read())
        with capsys.disabled():
            print(f"\n[{ours}: answers after {server.startup_ms:.0f} ms, holds {resident_kib / 1024:.1f} MiB]", end=" ")
        limit = 10_000 if ours.carnelian else 20_000
        assert resident_kib * 1024 < limit * 1000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_saves_and_ends(ours, number):
    with Server(ours, "--save", "3600 1") as server:
        server.client().set("a", "b")
        assert server.stop(number) == 0
        assert (server.directory / "dump.rdb").exists()
        with Server(ours, directory=server.directory) as again:
            assert again.client().get("a") == b"b"


def test_without_save_points_nothing_is_saved(ours):
    with Server(ours) as server:
        server.client().set("a", "b")
        assert server.stop() == 0
        assert not (server.directory / "dump.rdb").exists()


@pytest.mark.parametrize("word, saved", [("SAVE", True), ("NOSAVE", False)])
def test_shutdown(ours, word, saved):
    with Server(ours) as server:
        server.client().set("a", "b")
        with server.connect() as stream:
            stream.sendall(f"SHUTDOWN {word}\r\n".encode())
            assert stream.recv(100) == b""
        assert server.process.wait(timeout=15) == 0
        assert (server.directory / "dump.rdb").exists() == saved


def test_pidfile_and_logfile(ours, tmp_path):
    pidfile, logfile = tmp_path / "server.pid", tmp_path / "server.log"
    with Server(ours, "--pidfile", pidfile, "--logfile", logfile) as server:
        assert int(pidfile.read_text()) == server.process.pid
        assert "Ready to accept connections" in logfile.read_text()
        assert server.output() == ""
        assert server.stop() == 0
        assert not pidfile.exists()
        assert "bye bye" in logfile.read_text()


def test_unix_socket(ours, tmp_path):
    path = tmp_path / "socket"
    with Server(ours, "--unixsocket", path, "--unixsocketperm", "700") as server:
        assert path.stat().st_mode & 0o777 == 0o700
        client = redis.Redis(unix_socket_path=str(path))
        assert client.set("a", "b") and server.client().get("a") == b"b"
        client.close()
        assert server.stop() == 0
        assert not path.exists()


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
def test_ipv6(ours):
    with Server(ours, "--bind", "::1", host="::1") as server:
        assert server.client().ping()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), timeout=5)


def test_an_address_that_may_be_missing(ours):
    with Server(ours, "--bind", "127.0.0.1 -192.0.2.1") as server:
        assert server.client().ping()


def test_configuration_from_standard_input(ours):
    with Server(ours, stdin="databases 3\n# a comment\nmaxclients 50\n") as server:
        r = server.client()
        assert r.config_get("databases") == {"databases": "3"}
        assert r.config_get("maxclients") == {"maxclients": "50"}


def fails(ours, *words, stdin=b""):
    done = subprocess.run([ours.server, *map(str, words)], capture_output=True, timeout=15, input=stdin)
    assert done.returncode == 1, done
    return (done.stdout + done.stderr).decode()


def test_a_wrong_configuration_is_refused(ours, tmp_path):
    assert "*** FATAL CONFIG FILE ERROR" in fails(ours, "--no-such-thing", "1")
    path = tmp_path / "bad.conf"
    path.write_text("port 0\nmaxclients many\n")
    said = fails(ours, path)
    assert ">>> 'maxclients many'" in said and "line 2" in said
    assert "No such file" in fails(ours, tmp_path / "missing.conf")


def test_a_taken_port_is_refused(ours, tmp_path):
    pidfile = tmp_path / "pid"
    with Server(ours, "--pidfile", pidfile) as server:
        words = ["--pidfile", pidfile, "--always-show-logo", "yes"]
        said = fails(ours, "--port", server.port, "--bind", "127.0.0.1", *words)
        assert "Address already in use" in said
        # Who waits for the pid in the log connects then, and would meet the other server.
        assert "PID:" not in said
        assert int(pidfile.read_text()) == server.process.pid


def test_the_logo_or_the_mode(ours):
    with Server(ours, "--always-show-logo", "yes") as server:
        assert server.stop() == 0
        said = server.output()
        assert f"PID: {server.process.pid}" in said and f"Port: {server.port}" in said
        assert "Running mode" not in said
    with Server(ours, "--always-show-logo", "no") as server:
        assert server.stop() == 0
        said = server.output()
        assert "PID:" not in said and f"Running mode=standalone, port={server.port}." in said


def test_a_daemon_writes_its_pid(ours, tmp_path):
    port, pidfile = free_port(), tmp_path / "pid"
    words = ["--daemonize", "yes", "--port", port, "--pidfile", pidfile, "--dir", tmp_path, "--save", "", "--bind", "127.0.0.1"]
    with child(ours.server, *words, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL) as parent:
        assert parent.wait(timeout=15) == 0
    until(lambda: pidfile.exists() and pidfile.read_text().strip(), "the pid is written")
    number = int(pidfile.read_text())
    try:
        client = redis.Redis(port=port, protocol=2)
        until(lambda: answers(client), "the daemon answers")
        assert client.info("server")["process_id"] == number
    finally:
        os.kill(number, signal.SIGTERM)
    until(lambda: not pidfile.exists(), "the daemon ends")


def answers(client):
    try:
        return client.ping()
    except redis.exceptions.ConnectionError:
        return False
