"""Starting servers and running programs, for the tests beside this file."""

import contextlib
import os
import pathlib
import pty
import select
import signal
import socket
import subprocess
import tempfile
import time

import redis

PATIENCE_S = 15


def free_port():
    """A port of the loopback interface that nothing uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(condition, what, limit_s=PATIENCE_S):
    """Polls until the condition gives something true, which is returned; fails by name when it never does."""
    deadline = time.monotonic() + limit_s
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"waited {limit_s} s in vain: {what}"
        time.sleep(0.005)


class Programs:
    """A set of programs: server, cli, benchmark and check-rdb, found by the names that Redis gave them."""

    NAMES = ("redis-server", "redis-cli", "redis-benchmark", "redis-check-rdb")

    def __init__(self, label, directory, carnelian, options=()):
        self.label = label
        self.carnelian = carnelian
        self.options = list(options)
        for name in self.NAMES:
            setattr(self, name.removeprefix("redis-").replace("-", "_"), str(directory / name))

    @classmethod
    def of(cls, label, server, links, options=()):
        """The multi-call binary under each name, or the programs beside a server."""
        server = pathlib.Path(server).absolute()
        if not server.stem.startswith("carnelian"):
            return cls(label, server.parent, False, options)
        for name in cls.NAMES:
            (links / name).symlink_to(server)
        return cls(label, links, True, options)

    def __repr__(self):
        return self.label


class Server:
    """A running server in a directory of its own, ended when the `with` block is left."""

    def __init__(self, programs, *options, directory=None, stdin=None, preexec=None, host="127.0.0.1"):
        self.programs = programs
        self.port = free_port()
        self.host = host
        self._scratch = None if directory else tempfile.TemporaryDirectory(prefix="clients-")
        self.directory = pathlib.Path(directory or self._scratch.name)
        self.log = self.directory / "stdout.log"
        words = [programs.server]
        if stdin is not None:
            words.append("-")
        words += ["--port", str(self.port), "--dir", str(self.directory), *programs.options]
        if not any(option == "--save" for option in options):
            words += ["--save", ""]
        if not any(option == "--bind" for option in options):
            words += ["--bind", "127.0.0.1"]
        words += [str(option) for option in options]
        self.command = words
        self.started = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                preexec_fn=preexec,
                # A file size limit should fail the write and not end the process.
                restore_signals=preexec is None,
            )
        if stdin is not None:
            self.process.stdin.write(stdin.encode())
            self.process.stdin.close()

    def __enter__(self):
        try:
            until(self._answers, "the server answers")
        except BaseException:
            self.__exit__()
            raise
        self.startup_ms = (time.monotonic() - self.started) * 1000
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended: {self.process.returncode}\n{self.output()}")
        try:
            return self.client(socket_timeout=1, protocol=2).ping()
        except redis.exceptions.AuthenticationError:
            return True
        except redis.exceptions.BusyLoadingError:
            return False
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError):
            # It may be reading a large snapshot.
            return False

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self._scratch:
            self._scratch.cleanup()

    def output(self):
        return self.log.read_text(errors="replace")

    def client(self, **options):
        # One try, so that a test sees what the server did first.
        options = {"host": self.host, "port": self.port, "retry": None, "protocol": 2} | options
        return redis.Redis(**options)

    def connect(self):
        """A plain socket."""
        stream = socket.create_connection((self.host, self.port), timeout=PATIENCE_S)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return stream

    def stop(self, number=signal.SIGTERM):
        """Ends the server by a signal and returns its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE_S)

    def cli(self, program, *words, stdin=None, code=0):
        """Runs a redis-cli against this server and returns what it printed."""
        return run(program, "-h", self.host, "-p", self.port, *words, stdin=stdin, code=code)


def run(program, *words, stdin=None, code=0, limit_s=60, environment=None):
    """Runs a program to its end and returns its standard output."""
    done = subprocess.run(
        [str(program), *map(str, words)],
        input=stdin if isinstance(stdin, (bytes, type(None))) else stdin.encode(),
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        timeout=limit_s,
        env=os.environ | (environment or {}),
    )
    output = done.stdout.decode(errors="replace")
    assert code is None or done.returncode == code, (
        f"{program} {words} ended with {done.returncode}: {output}{done.stderr.decode(errors='replace')}"
    )
    return output


class Terminal:
    """A program on a terminal that cannot move its cursor, so that all it shows is a plain transcript."""

    def __init__(self, *words):
        self.leader, follower = pty.openpty()
        self.process = subprocess.Popen(
            [str(word) for word in words],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
            env=os.environ | {"TERM": "dumb", "HOME": tempfile.gettempdir(), "REDISCLI_HISTFILE": "/dev/null"},
        )
        os.close(follower)
        self.shown = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.leader)

    def _read(self, deadline):
        ready, _, _ = select.select([self.leader], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"nothing more was shown after {self.shown!r}"
        try:
            piece = os.read(self.leader, 65536)
        except OSError:
            piece = b""  # How Linux says that the other end is closed.
        self.shown += piece.decode(errors="replace").replace("\r\n", "\n")
        return piece

    def wait_prompt(self, at):
        """Reads until a prompt ends what was shown since the position `at`."""
        deadline = time.monotonic() + PATIENCE_S
        while not (len(self.shown) > at and self.shown.endswith("> ")):
            assert self._read(deadline), f"ended after {self.shown!r}"

    def session(self, lines):
        """Types lines, each at its prompt, then QUIT; returns the transcript."""
        at = 0
        for line in [*lines, "QUIT"]:
            self.wait_prompt(at)
            at = len(self.shown) + len(line) + 1
            os.write(self.leader, line.encode() + b"\n")
        deadline = time.monotonic() + PATIENCE_S
        while self._read(deadline):
            pass
        self.process.wait(timeout=PATIENCE_S)
        return self.shown


@contextlib.contextmanager
def child(*words, **options):
    """A process that is ended with the block."""
    process = subprocess.Popen([str(word) for word in words], **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def digest(client):
    """The fingerprint of everything a server holds."""
    answer = client.execute_command("DEBUG", "DIGEST")
    return answer.decode() if isinstance(answer, bytes) else answer
