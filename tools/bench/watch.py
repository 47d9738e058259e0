#!/usr/bin/env python3
"""Reads a transfer from standard input and notes when how much came, and by which path.

  watch.py REPORT [--for SECONDS] [--copy FILE] [--cut OCTETS COMMAND] [--after SECONDS]

  --for SECONDS         how long to read; without it to the end
  --copy FILE           what came
  --cut OCTETS COMMAND  after so many octets, if both paths are in use, runs that: a path dies
  --after SECONDS       how long to read after the cut

REPORT is JSON, times in seconds since the first octet:
  octets, seconds   read in all, and when the last one came
  rate              octets each second without the first two seconds, in which connections grow
  paths             octets that came in by veth0 and veth1
  cut               when the command began; null: it did not
  gap               [from, to], the longest time without an octet that the cut began; null: no cut
  later             the same of what began later: on the path that is left TCP loses and repairs
  stalled           nothing came any more in the end
  samples           [time, veth0, veth1, read]: octets so far, each 50 ms
"""

import argparse
import json
import os
import select
import subprocess
import sys
import time

INTERVAL = 0.05
# Without an octet for so long, a transfer is over.
PATIENCE = 10.0
WARM = 2.0
# What begins within so many seconds of the cut is its doing. Linux first hears of a silent path
# after 200 ms.
SOON = 0.25
PATHS = ("veth0", "veth1")


def received():
    """Octets that came in by each path. A path that is gone has none."""
    octets = dict.fromkeys(PATHS, 0)
    with open("/proc/self/net/dev") as lines:
        for line in lines:
            name, _, counters = line.strip().partition(":")
            if name in octets:
                octets[name] = int(counters.split()[0])
    return [octets[name] for name in PATHS]


def both_used(paths):
    return 20 * min(paths) > max(paths)


def slope(points):
    """Of the line through (x, y) with the least squares: what is held back for a while because
    it is out of order matters less to it than to a difference between two moments."""
    if len(points) < 2:
        return None
    x0, y0 = (sum(values) / len(points) for values in zip(*points))
    return sum((x - x0) * (y - y0) for x, y in points) / sum((x - x0) ** 2 for x, _ in points)


def longer(one, other):
    """Of two times, the first of which may be missing."""
    return other if one is None or other[1] - other[0] > one[1] - one[0] else one


class Transfer:
    def __init__(self, options):
        self.options = options
        self.copy = open(options.copy, "wb") if options.copy else None
        self.octets = 0
        self.begun = self.last = None
        self.before = received()
        self.samples = []
        self.cut = self.gap = self.later = self.command = None
        self.one_path = self.stalled = False

    def now(self):
        return time.monotonic() - self.begun

    def took(self, data):
        if self.begun is None:
            self.begun = time.monotonic()
            self.last = 0.0
        now = self.now()
        self.waited(now)
        self.last = now
        self.octets += len(data)
        if self.copy:
            self.copy.write(data)

    def waited(self, now):
        """Nothing came since the last octet."""
        if self.cut is None:
            return
        gap = [self.last, now]
        if self.last - self.cut < SOON:
            self.gap = longer(self.gap, gap)
        else:
            self.later = longer(self.later, gap)

    def paths(self):
        return [now - before for now, before in zip(received(), self.before)]

    def sample(self):
        self.samples.append([round(self.now(), 4), *self.paths(), self.octets])

    def cut_is_due(self):
        return self.options.cut and self.cut is None and self.octets >= int(self.options.cut[0])

    def make_cut(self):
        self.one_path = not both_used(self.paths())
        if not self.one_path:
            self.cut = self.now()
            self.command = subprocess.Popen(self.options.cut[1], shell=True)

    def over(self):
        """Whether there is no more to be seen."""
        if self.begun is None:
            return False
        now = self.now()
        if self.options.seconds and now > self.options.seconds:
            return True
        if self.cut is not None and now - self.cut > (self.options.after or float("inf")):
            self.stalled = now - self.last > self.options.after / 2
        elif now - self.last > PATIENCE:
            self.stalled = True
        else:
            return self.one_path
        self.waited(now)
        return True

    def read(self):
        """To the end, or until it is over."""
        while not self.over():
            until = INTERVAL * len(self.samples) - self.now() if self.begun is not None else PATIENCE
            if select.select([0], [], [], max(0.0, until))[0]:
                data = os.read(0, 1 << 16)
                if not data:
                    return
                self.took(data)
            elif self.begun is None:
                return
            if self.now() >= INTERVAL * len(self.samples):
                self.sample()
            if self.cut_is_due():
                self.make_cut()

    def report(self):
        if self.begun is None:
            raise SystemExit("watch: nothing came")
        self.sample()
        if self.copy:
            self.copy.close()
        if self.command and self.command.wait():
            raise SystemExit(f"watch: the command of the cut ended with {self.command.returncode}")
        return {
            "octets": self.octets,
            "seconds": self.last,
            "rate": slope([(sample[0], sample[-1]) for sample in self.samples if sample[0] >= WARM]),
            "paths": self.paths(),
            "cut": self.cut,
            "gap": self.gap,
            "later": self.later,
            "stalled": self.stalled,
            "samples": self.samples,
        }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("report")
    parser.add_argument("--for", type=float, dest="seconds")
    parser.add_argument("--copy")
    parser.add_argument("--cut", nargs=2, metavar=("OCTETS", "COMMAND"))
    parser.add_argument("--after", type=float)
    transfer = Transfer(parser.parse_args())
    transfer.read()
    with open(transfer.options.report, "w") as report:
        json.dump(transfer.report(), report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
