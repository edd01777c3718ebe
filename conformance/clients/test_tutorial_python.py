"""A first-hour tutorial's Python, block by block, with redis-py: each parser, each protocol."""

import bz2
import datetime
import ipaddress
import json
import pathlib
import random
import signal
import subprocess
import sys
from collections.abc import MutableMapping

import pytest
import redis
import yaml
from cryptography.fernet import Fernet

from harness import Server, child, until
from hats import OutOfStockError, buyitem

HERE = pathlib.Path(__file__).parent
# redis-py makes a bool of the reply only under RESP2.
SAVING = (True, b"Background saving started")
RESTAURANT = {
    "name": "Ravagh",
    "type": "Persian",
    "address": {
        "street": {"line1": "11 E 30th St", "line2": "APT 1"},
        "city": "New York",
        "state": "NY",
        "zip": 10016,
    },
}


def test_a_database_is_like_a_dictionary(connect):
    r = connect()
    assert r.mset({"Croatia": "Zagreb", "Bahamas": "Nassau"}) is True
    assert r.get("Bahamas") == b"Nassau"
    assert r.get("Bahamas").decode("utf-8") == "Nassau"
    assert r.get("Japan") is None
    assert r.mset({"Lebanon": "Beirut", "Norway": "Oslo", "France": "Paris"})
    assert r.mget("Lebanon", "Norway", "Bahamas", "Japan") == [b"Beirut", b"Oslo", b"Nassau", None]
    assert r.exists("Norway") == 1 and r.exists("Sweden") == 0
    assert r.ping() is True


def test_keys_are_strings_and_dates_are_not(connect):
    r = connect()
    today = datetime.date.today()
    visitors = {"dan", "jon", "alex"}
    with pytest.raises(redis.exceptions.DataError):
        r.sadd(today, *visitors)
    key = today.isoformat()
    assert r.sadd(key, *visitors) == 3
    assert set(r.smembers(key)) == {b"dan", b"alex", b"jon"}
    assert r.scard(today.isoformat()) == 3


def test_hashes(connect):
    r = connect()
    assert [r.hset("realpython", *pair) for pair in [("url", "https://realpython.com/"), ("github", "realpython")]] == [1, 1]
    assert r.hset("realpython", "github", "realpython") == 0
    with pytest.deprecated_call():
        assert r.hmset("pypa", {"url": "https://www.pypa.io/", "github": "pypa", "fullname": "Python Packaging Authority"})
    assert r.hgetall("pypa") == {
        b"url": b"https://www.pypa.io/",
        b"github": b"pypa",
        b"fullname": b"Python Packaging Authority",
    }
    assert r.hset("mykey", "field1", "value1") == 1


def stock(r):
    """Puts the three hats on the shelf, as the tutorial's seed numbers them."""
    numbers = random.Random(444)
    kinds = [("black", 49.99, "fitted", 1000), ("maroon", 59.99, "hipster", 500), ("green", 99.99, "baseball", 200)]
    hats = {
        f"hat:{numbers.getrandbits(32)}": {"color": color, "price": price, "style": style, "quantity": quantity, "npurchased": 0}
        for color, price, style, quantity in kinds
    }
    with r.pipeline() as pipe:
        for key, hat in hats.items():
            with pytest.deprecated_call():
                assert pipe.hmset(key, hat) is pipe
        assert pipe.execute() == [True, True, True]
    assert sorted(r.keys()) == sorted(key.encode() for key in hats)
    return next(key for key, hat in hats.items() if hat["quantity"] == 200)


def test_hats_are_sold_until_none_are_left(connect):
    r = connect(db=1)
    item = stock(r)
    assert item == "hat:56854717"
    until(lambda: saving_ended(r), "no earlier save runs")
    assert r.bgsave() in SAVING
    assert r.hgetall(item) == {
        b"color": b"green",
        b"npurchased": b"0",
        b"price": b"99.99",
        b"quantity": b"200",
        b"style": b"baseball",
    }
    assert r.hincrby(item, "quantity", -1) == 199
    assert r.hget(item, "quantity") == b"199"
    assert r.hincrby(item, "npurchased", 1) == 1
    for _ in range(3):
        buyitem(r, item)
    assert r.hmget(item, "quantity", "npurchased") == [b"196", b"4"]
    for _ in range(196):
        buyitem(r, item)
    assert r.hmget(item, "quantity", "npurchased") == [b"0", b"200"]
    with pytest.raises(OutOfStockError, match="Sorry, hat:56854717 is out of stock!"):
        buyitem(r, item)


def test_a_change_between_watch_and_exec_stops_the_sale(connect):
    r, other = connect(db=1), connect(db=1)
    item = stock(r)
    with r.pipeline() as pipe:
        pipe.watch(item)
        other.hincrby(item, "quantity", -1)
        pipe.multi()
        pipe.hincrby(item, "quantity", -1)
        with pytest.raises(redis.WatchError):
            pipe.execute()
    assert r.hget(item, "quantity") == b"199"


@pytest.mark.parametrize("protocol", [2, 3])
def test_sixteen_shoppers_buy_each_hat_once(server, protocol):
    r = server.client(db=1)
    r.flushall()
    item = stock(r)
    words = [sys.executable, HERE / "hats.py", server.port, protocol, item]
    shoppers = [
        subprocess.Popen(list(map(str, words)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(16)
    ]
    try:
        assert [shopper.stdout.readline() for shopper in shoppers] == ["ready\n"] * 16
        for shopper in shoppers:
            shopper.stdin.write("go\n")
            shopper.stdin.flush()
        ends = [shopper.communicate(timeout=120)[0] for shopper in shoppers]
    finally:
        for shopper in shoppers:
            if shopper.poll() is None:
                shopper.kill()
            shopper.wait()
    bought = [end.split(" ", 1) for end in ends]
    assert all(message == f"Sorry, {item} is out of stock!\n" for _, message in bought)
    assert sum(int(count) for count, _ in bought) == 200
    assert r.hmget(item, "quantity", "npurchased") == [b"0", b"200"]


def test_keys_expire(connect):
    r = connect()
    text = "now you see me, now you don't"
    with pytest.deprecated_call():
        assert r.setex("runner", datetime.timedelta(minutes=1), value=text) is True
    assert 58 <= r.ttl("runner") <= 60
    assert 54_000 < r.pttl("runner") <= 60_000
    assert r.get("runner") == text.encode()
    assert r.expire("runner", datetime.timedelta(seconds=1)) is True
    until(lambda: r.get("runner") is None, "the key is gone", 5)
    assert r.exists("runner") == 0 and r.ttl("runner") == -2


def test_every_way_to_set_and_take_away_an_expiry(connect):
    r = connect()
    assert r.psetex("a", 50_000, "x") and 0 < r.pttl("a") <= 50_000
    assert r.persist("a") and r.ttl("a") == -1 and not r.persist("a")
    now = datetime.datetime.now()
    assert r.expireat("a", now + datetime.timedelta(seconds=100)) and 98 <= r.ttl("a") <= 100
    assert r.pexpireat("a", int(now.timestamp() * 1000) + 200_000) and 198 <= r.ttl("a") <= 200
    assert r.pexpire("a", datetime.timedelta(seconds=30)) and 28 <= r.ttl("a") <= 30
    assert r.expireat("a", now - datetime.timedelta(seconds=100)) and r.exists("a") == 0


@pytest.mark.parametrize("protocol", [2, 3])
def test_the_watcher_finds_the_bot(server, protocol):
    # The detector counts per minute of the clock; a run that met the end of one says nothing and is done again.
    for _ in range(3):
        minute = datetime.datetime.now().minute
        lines, refused = watch_a_bot(server, protocol)
        if datetime.datetime.now().minute == minute:
            break
    seen = [line.split(":  saw ") for line in lines[:18]]
    for stamp, _ in seen:
        datetime.datetime.fromisoformat(stamp)
    early = ["51.218.112.236", "115.215.230.176", "90.213.45.98", "51.218.112.236"]
    assert [address for _, address in seen] == early + ["104.174.118.18"] * 14
    assert lines[18:] == ["Hat bot detected!:  104.174.118.18"] * 6
    assert refused == repr({ipaddress.ip_address("104.174.118.18")})


def watch_a_bot(server, protocol):
    r = server.client(db=5, protocol=protocol)
    r.flushall()
    early = ["51.218.112.236", "90.213.45.98", "115.215.230.176", "51.218.112.236"]
    assert [r.lpush("ips", address) for address in early] == [1, 2, 3, 4]
    words = [sys.executable, HERE / "watcher.py", server.port, protocol]
    with child(*words, stdout=subprocess.PIPE, text=True) as watcher:
        lines = [watcher.stdout.readline().rstrip("\n") for _ in early]
        for _ in range(20):
            r.lpush("ips", "104.174.118.18")
        lines += [watcher.stdout.readline().rstrip("\n") for _ in range(20)]
        watcher.send_signal(signal.SIGINT)
        refused = watcher.communicate(timeout=15)[0].strip()
    assert 0 < r.ttl(next(iter(r.keys("104.174.118.18:*")))) <= 60
    return lines, refused


def saving_ended(r):
    return r.info("persistence")["rdb_bgsave_in_progress"] == 0


def test_bgsave_moves_lastsave_on(connect):
    r = connect()
    until(lambda: saving_ended(r), "no earlier save runs")
    before = r.lastsave()
    assert isinstance(before, datetime.datetime)
    r.set("a", "b")
    # LASTSAVE counts whole seconds, so save again until the second is another one.
    def saved_later():
        if saving_ended(r):
            assert r.bgsave() in SAVING
        return r.lastsave() > before

    until(saved_later, "LASTSAVE moves on")
    assert r.info("persistence")["rdb_last_bgsave_status"] == "ok"


def test_changes_are_saved_after_a_while(ours):
    with Server(ours, "--save", "1 1") as server:
        r = server.client()
        before = r.lastsave()
        r.set("Bahamas", "Nassau")
        dump = server.directory / "dump.rdb"
        until(lambda: r.lastsave() > before and dump.exists(), "a snapshot is made by itself")
        assert dump.read_bytes().startswith(b"REDIS00")
        server.process.kill()
        server.process.wait()
        with Server(ours, directory=server.directory) as again:
            assert again.client().get("Bahamas") == b"Nassau"


def test_save_can_be_configured_while_running(connect):
    r = connect()
    assert r.config_set("save", "60 1")
    assert r.config_get("save") == {"save": "60 1"}
    assert r.config_set("save", "")
    assert r.config_get("save") == {"save": ""}


def test_nested_values_are_serialised(connect):
    r = connect()
    with pytest.deprecated_call(), pytest.raises(redis.exceptions.DataError):
        r.hmset(484272, RESTAURANT)
    assert r.set(484272, json.dumps(RESTAURANT)) is True
    assert json.loads(r.get(484272)) == RESTAURANT
    assert r.set(484272, yaml.dump(RESTAURANT)) is True
    assert yaml.safe_load(r.get(484272)) == RESTAURANT


def setflat_skeys(r, obj, prefix, delim=":", *, _autopfix=""):
    """Writes each leaf of a nested mapping under the path to it."""
    for key, value in obj.items():
        key = _autopfix + key
        if isinstance(value, (str, bytes, float, int)):
            r.set(f"{prefix}{delim}{key}", value)
        elif isinstance(value, MutableMapping):
            setflat_skeys(r, value, prefix, delim, _autopfix=f"{key}{delim}")
        else:
            raise TypeError(f"Unsupported value type: {type(value)}")


def test_nested_values_are_flattened(connect):
    r = connect()
    assert r.flushdb() is True
    setflat_skeys(r, RESTAURANT, 484272)
    r.set("other", 1)
    assert {key: r.get(key) for key in sorted(r.keys("484272*"))} == {
        b"484272:address:city": b"New York",
        b"484272:address:state": b"NY",
        b"484272:address:street:line1": b"11 E 30th St",
        b"484272:address:street:line2": b"APT 1",
        b"484272:address:zip": b"10016",
        b"484272:name": b"Ravagh",
        b"484272:type": b"Persian",
    }
    with pytest.raises(TypeError):
        setflat_skeys(r, {"list": [1]}, 1)


def test_values_are_encrypted(connect):
    r = connect()
    cipher = Fernet(Fernet.generate_key())
    info = {"cardnum": 2211849528391929, "exp": [2020, 9], "cv2": 842}
    assert r.set("user:1000", cipher.encrypt(json.dumps(info).encode("utf-8")))
    assert r.get("user:1000").startswith(b"gAAAAA")
    assert json.loads(cipher.decrypt(r.get("user:1000"))) == info


def test_values_are_compressed(connect):
    r = connect()
    blob = "i have a lot to talk about" * 10000
    assert r.set("msg:500", bz2.compress(blob.encode("utf-8")))
    assert r.get("msg:500").startswith(b"BZh91AY&SY")
    assert len(r.get("msg:500")) == r.strlen("msg:500") == 122
    assert bz2.decompress(r.get("msg:500")).decode("utf-8") == blob


def test_databases_are_apart(connect):
    connect(db=5).set("here", 1)
    assert connect(db=0).exists("here") == 0
    with pytest.raises(redis.exceptions.ResponseError, match="DB index is out of range"):
        connect(db=16)


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_password_is_asked_for(ours, protocol):
    with Server(ours, "--requirepass", "primary-access-key") as server:
        with pytest.raises(redis.exceptions.AuthenticationError):
            server.client(protocol=protocol).get("a")
        with pytest.raises(redis.exceptions.AuthenticationError):
            server.client(protocol=protocol, password="wrong").get("a")
        assert server.client(protocol=protocol, password="primary-access-key").set("a", 1)
