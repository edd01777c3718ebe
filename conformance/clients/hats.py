"""The shop of the tutorial: buying under optimistic locking, and a shopper that is a process of its own."""

import sys

import redis


class OutOfStockError(Exception):
    """Nothing is left of an item."""


def buyitem(r, item):
    """Sells one of an item, and begins again whenever somebody else touched it in between."""
    with r.pipeline() as pipe:
        while True:
            try:
                pipe.watch(item)
                left = r.hget(item, "quantity")
                if left > b"0":
                    pipe.multi()
                    pipe.hincrby(item, "quantity", -1)
                    pipe.hincrby(item, "npurchased", 1)
                    pipe.execute()
                    return
                pipe.unwatch()
                raise OutOfStockError(f"Sorry, {item} is out of stock!")
            except redis.WatchError:
                continue


def main():
    """Buys until nothing is left, and prints how many that were."""
    port, protocol, item = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    r = redis.Redis(port=port, db=1, protocol=protocol)
    # Begin together with the others.
    print("ready", flush=True)
    sys.stdin.readline()
    bought = 0
    try:
        while True:
            buyitem(r, item)
            bought += 1
    except OutOfStockError as error:
        print(bought, error, flush=True)


if __name__ == "__main__":
    main()
