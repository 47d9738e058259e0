#!/usr/bin/env python3
"""Turns the counts of exact-plugin.c into a table of functions.

  exact.py DIRECTORY bulk|paths|requests|connections AMOUNT

Writes DIRECTORY/exact-OF.txt: the instructions that each function costs for 128 KiB, a request and
its answer, or a connection, at both ends together, and how often it is called; dearest beside plain
TCP first. User space is one line.
"""

import bisect
import sys
from collections import Counter
from pathlib import Path

from flame import KINDS, readable

# What is counted: how much of the amount makes one, and its name.
UNITS = {"bulk": (128 << 10, "write of 128 KiB"), "paths": (128 << 10, "write of 128 KiB"), "requests": (1, "request"), "connections": (1, "connection")}
USER = "(user space)"
SHOWN = 40


def read_symbols(path):
    """Addresses in order, and for each of them (function, whether it is the module's)."""
    found = {}
    for line in path.read_text().splitlines():
        address, kind, name, *owner = line.split()
        if kind in "tTwW":
            found[int(address, 16)] = (name, owner == ["[rust_mptcp]"])
    addresses = sorted(found)
    return addresses, [found[address] for address in addresses]


def read_counts(path, addresses, names):
    """Instructions of each function, and calls of it."""
    instructions, calls = Counter(), Counter()
    for line in path.read_text().splitlines():
        at, length, runs = line.split()
        at, length, runs = int(at, 16), int(length), int(runs)
        place = bisect.bisect_right(addresses, at) - 1
        name = names[place] if at >> 63 and place >= 0 else (USER, False)
        instructions[name] += length * runs
        if name[0] != USER and addresses[place] == at:
            calls[name] += runs
    if not instructions:
        raise SystemExit(f"error: nothing was counted in {path}")
    return instructions, calls


def per_unit(directory, which, symbols, units):
    """The second run of a kind less the first, for one unit."""
    first, second = (read_counts(directory / f"counts.{2 * which + i}", *symbols) for i in range(2))
    for before, after in zip(first, second):
        after.subtract(before)
    return [Counter({name: n / units for name, n in found.items()}) for found in second]


def table(kinds, unit):
    costs, calls = ([found[i] for found in kinds] for i in range(2))
    lines = [f"{f'instructions per {unit}':58} {'TCP':>8} {'in-tree':>8} {'ours':>8} {'ours-TCP':>9} {'calls':>7} {'ours':>7}"]

    def add(label, values, called=None):
        tail = f" {called[0]:7.2f} {called[2]:7.2f}" if called else ""
        lines.append(f"{label[:58]:58} " + " ".join(f"{v:8.0f}" for v in values) + f" {values[2] - values[0]:+9.0f}{tail}")

    add("all", [sum(found.values()) for found in costs])
    add("  per cent of TCP's", [100 * sum(found.values()) / sum(costs[0].values()) for found in costs])
    add("  module", [sum(n for (_, ours), n in found.items() if ours) for found in costs])
    lines.append("")
    everything = set().union(*costs)
    short = readable({name for name, _ in everything})
    for name in sorted(everything, key=lambda n: costs[0][n] - costs[2][n]):
        values = [found[name] for found in costs]
        if any(abs(v) >= 0.5 for v in values):
            label = ("* " if name[1] else "  ") + short.get(name[0], name[0])
            add(label, values, [found[name] for found in calls])
    return lines


def main():
    if len(sys.argv) != 4 or sys.argv[2] not in UNITS:
        raise SystemExit(__doc__.strip())
    directory, of, amount = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    size, unit = UNITS[of]
    symbols = read_symbols(directory / "symbols")
    kinds = [per_unit(directory, which, symbols, amount / size) for which in range(len(KINDS))]
    lines = table(kinds, unit)
    (directory / f"exact-{of}.txt").write_text("\n".join(lines) + "\n")
    print("\n".join(lines[:SHOWN]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
