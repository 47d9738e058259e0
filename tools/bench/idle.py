#!/usr/bin/env python3
"""Idle connections between the namespaces client and server, in the guest.

  idle.py hold PROTOCOL             one; says "holding" and keeps it until a signal comes
  idle.py measure PROTOCOL N        prints two numbers, octets of kernel memory for each of N,
                                    both ends together: objects of slab caches, and in all

PROTOCOL is that of socket(): 6 or 262. Each connection has carried an octet each way.
"""

import contextlib
import os
import re
import resource
import signal
import socket
import sys
import time
from pathlib import Path

ADDRESS = ("10.1.1.2", 13000)
WARM_UP = 50


def enter(namespace):
    """Sockets made from now on belong to that namespace."""
    with open(f"/run/netns/{namespace}") as handle:
        os.setns(handle.fileno(), os.CLONE_NEWNET)


def listen(protocol):
    enter("server")
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(ADDRESS)
    listener.listen(8)
    enter("client")
    return listener


def connect(listener, protocol):
    near = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
    near.connect(ADDRESS)
    far, _ = listener.accept()
    near.sendall(b"?")
    far.recv(1)
    far.sendall(b"!")
    near.recv(1)
    return near, far


def slab():
    """Octets of the objects that are in use."""
    total = 0
    with open("/proc/slabinfo") as lines:
        for line in lines.readlines()[2:]:
            _, active, _, size = line.split()[:4]
            total += int(active) * int(size)
    return total


def all_memory():
    """Octets that are neither free nor a page of a file or process."""
    info = {}
    with open("/proc/meminfo") as lines:
        for line in lines:
            name, value = line.split()[:2]
            info[name[:-1]] = int(value) * 1024
    # Free pages that processors keep at hand are not in MemFree.
    with open("/proc/zoneinfo") as zones:
        at_hand = sum(int(n) for n in re.findall(r"^\s+count:\s+(\d+)", zones.read(), re.M))
    free = info["MemFree"] + at_hand * resource.getpagesize()
    others = sum(info[k] for k in ("Buffers", "Cached", "AnonPages", "PageTables", "KernelStack"))
    return info["MemTotal"] - free - others


def settled():
    """After what connections leave behind for a moment, and without what caches keep in stock."""
    time.sleep(0.5)
    for cache in {path.resolve() for path in Path("/sys/kernel/slab").iterdir()}:
        # One that is being given up while we read the list is no loss.
        with contextlib.suppress(OSError):
            (cache / "shrink").write_text("1")
    return slab(), all_memory()


def measure(protocol, count):
    wanted = 2 * (count + WARM_UP) + 50
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
    listener = listen(protocol)
    kept = [connect(listener, protocol) for _ in range(WARM_UP)]
    before = settled()
    kept += [connect(listener, protocol) for _ in range(count)]
    after = settled()
    print(*(round((b - a) / count) for a, b in zip(before, after)))


def hold(protocol):
    listener = listen(protocol)
    kept = connect(listener, protocol)
    print("holding", *(end.fileno() for end in kept), flush=True)
    signal.pause()


def main():
    if sys.argv[1:2] == ["measure"] and len(sys.argv) == 4:
        measure(int(sys.argv[2]), int(sys.argv[3]))
    elif sys.argv[1:2] == ["hold"] and len(sys.argv) == 3:
        hold(int(sys.argv[2]))
    else:
        raise SystemExit(__doc__.strip())


if __name__ == "__main__":
    main()
