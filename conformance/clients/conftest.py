"""Options and fixtures: the programs under test, the real ones, and a server of either."""

import pathlib

import pytest
import redis
from redis._parsers import _HiredisParser, _RESP2Parser, _RESP3Parser

from harness import Programs, Server


def pytest_addoption(parser):
    parser.addoption("--server", default="/usr/bin/redis-server", help="the server under test")
    parser.addoption("--reference", default="/usr/bin", help="where the real programs are")
    parser.addoption("--shards", help="how many shards the server under test has")


@pytest.fixture(scope="session")
def ours(request, tmp_path_factory):
    shards = request.config.getoption("--shards")
    options = ["--shards", shards] if shards else []
    return Programs.of("ours", request.config.getoption("--server"), tmp_path_factory.mktemp("bin"), options)


@pytest.fixture(scope="session")
def real(request):
    return Programs("real", pathlib.Path(request.config.getoption("--reference")), False)


@pytest.fixture(scope="module")
def server(ours):
    with Server(ours, "--enable-debug-command", "yes") as server:
        yield server


@pytest.fixture(scope="module")
def reference(real):
    with Server(real, "--enable-debug-command", "yes") as server:
        yield server


@pytest.fixture(params=["real cli", "our cli"])
def cli(request, ours, real):
    """A redis-cli of each make."""
    return real.cli if request.param == "real cli" else ours.cli


@pytest.fixture(params=["hiredis-2", "hiredis-3", "python-2", "python-3"])
def connect(request, server):
    """Makes redis-py clients of the emptied server, with each parser and protocol."""
    parser, protocol = request.param.split("-")
    classes = {"hiredis-2": _HiredisParser, "hiredis-3": _HiredisParser, "python-2": _RESP2Parser, "python-3": _RESP3Parser}
    pools = []

    def connect(db=0):
        pool = redis.ConnectionPool(
            host="127.0.0.1", port=server.port, db=db, protocol=int(protocol), parser_class=classes[request.param]
        )
        pools.append(pool)
        client = redis.Redis(connection_pool=pool)
        assert client.ping()
        connection = pool.get_connection()
        assert type(connection._parser) is classes[request.param]
        pool.release(connection)
        return client

    connect().flushall()
    yield connect
    for pool in pools:
        pool.disconnect()
