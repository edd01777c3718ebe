"""The tutorial's detector of bots: takes addresses from a list as they come and counts them per minute.

Ends on SIGINT and prints what it would refuse from now on.
"""

import datetime
import ipaddress
import signal
import sys

import redis

MAXVISITS = 15


def main():
    # Whoever runs the tests in the background of a script has this signal ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    refused = set()
    ipwatcher = redis.Redis(port=int(sys.argv[1]), db=5, protocol=int(sys.argv[2]))
    try:
        while True:
            _, addr = ipwatcher.blpop("ips")
            addr = ipaddress.ip_address(addr.decode("utf-8"))
            now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
            addrts = f"{addr}:{now.minute}"
            n = ipwatcher.incrby(addrts, 1)
            if n >= MAXVISITS:
                print(f"Hat bot detected!:  {addr}", flush=True)
                refused.add(addr)
            else:
                print(f"{now}:  saw {addr}", flush=True)
            ipwatcher.expire(addrts, 60)
    except KeyboardInterrupt:
        print(refused, flush=True)


if __name__ == "__main__":
    main()
