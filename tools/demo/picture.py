#!/usr/bin/env python3
"""Draws what watch.py saw of a transfer over two paths, on the terminal and as SVG.

  picture.py FILE.svg TITLE DEATH LABEL=REPORT...

DEATH says how the first path died, if it did. The terminal shows the last report; the SVG has
all of them below one another, with the same time and the same scale.
"""

import json
import sys
from bisect import bisect_left
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))

from svg import FAINT, GREY, TEXT, line, path, picture, rectangle, text  # noqa: E402

PATHS = ("first path", "second path")
FIRST, SECOND, GAP = "#c4461f", "#e8a33d", "#f6d9d0"
COLUMNS, ROWS = 70, 4
BLOCKS = " ▁▂▃▄▅▆▇█"
WIDTH, LEFT, RIGHT, HEIGHT, HEAD, FOOT = 900, 64, 20, 170, 60, 52


class Seen:
    """A report, and what can be asked of it."""

    def __init__(self, label, report):
        self.label = label
        self.cut, self.gap = report["cut"], report["gap"]
        self.read, self.seconds = report["octets"], report["seconds"]
        self.times = [sample[0] for sample in report["samples"]]
        self.octets = list(zip(*(sample[1:] for sample in report["samples"])))
        self.end = self.times[-1]

    def at(self, which, moment):
        """Octets until then, between two samples in proportion."""
        after = bisect_left(self.times, moment)
        if after == 0:
            return self.octets[which][0]
        if after == len(self.times):
            return self.octets[which][-1]
        t0, t1 = self.times[after - 1 : after + 1]
        y0, y1 = self.octets[which][after - 1 : after + 1]
        return y0 + (y1 - y0) * (moment - t0) / (t1 - t0)

    def rates(self, which, edges):
        """Mbit/s from each edge to the next: of path 0, path 1, or 2, what was read."""
        return [
            8e-6 * (self.at(which, b) - self.at(which, a)) / (b - a) for a, b in zip(edges, edges[1:])
        ]


def edges(end, count):
    return [end * number / count for number in range(count + 1)]


def upwards(value):
    """The next round number."""
    return next(top for top in (5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 150, 200, 1e9) if top >= value)


def strip(name, rates, top):
    """Rows of one chart, the highest first."""
    for row in range(ROWS - 1, -1, -1):
        level = [min(max(round(8 * (ROWS * rate / top - row)), 0), 8) for rate in rates]
        scale = f"{top:>4g} |" if row == ROWS - 1 else "     |"
        label = f"  {name}" if row == ROWS - 1 else ""
        yield f"{scale}{''.join(BLOCKS[eighths] for eighths in level)}{label}".rstrip()
    yield f"   0 +{'-' * COLUMNS}"


def seconds(end):
    """Where the seconds are, on the axis of time."""
    words = [" "] * (COLUMNS + 8)
    step = next(step for step in (0.5, 1, 2, 5, 10, 20) if end / step <= 10)
    for number in range(int(end / step) + 1):
        at = round(number * step / end * COLUMNS)
        mark = f"{number * step:g}" + (" s" if number == 0 else "")
        words[at : at + len(mark)] = mark
    return "      " + "".join(words).rstrip()


def terminal(seen, death):
    marks = edges(seen.end, COLUMNS)
    paths = [seen.rates(which, marks) for which in (0, 1)]
    read = seen.rates(2, marks)
    print("Mbit/s")
    for name, rates in zip(PATHS, paths):
        print(*strip(name, rates, upwards(max(max(paths[0]), max(paths[1])) / 1.15)), sep="\n")
    print(*strip("read", read, upwards(sorted(read)[-4])), sep="\n")
    print(seconds(seen.end))
    if seen.cut is not None:
        at = round(seen.cut / seen.end * COLUMNS)
        words = f"{death}; {gap_of(seen)}"
        # Before or behind the mark, where there is room.
        print(" " * (6 + at) + "^ " + words if at < COLUMNS / 2 else f"{words} ^".rjust(7 + at))


def gap_of(seen):
    return f"{1000 * (seen.gap[1] - seen.gap[0]):.0f} ms without an octet"


def area(lower, upper, marks, place, fill):
    """Between two lines of steps."""
    x, y = place(marks[0], lower[0])
    d = [f"M{x:.0f} {y:.0f}"]
    for mark, value in zip(marks[1:], upper):
        x, y = place(mark, value)
        d.append(f"V{y:.0f}H{x:.0f}")
    for mark, value in zip(marks[-2::-1], lower[::-1]):
        x, y = place(mark, value)
        d.append(f"V{y:.0f}H{x:.0f}")
    return path("".join(d) + "Z", fill)


def headline(seen):
    rate = 8e-6 * seen.read / seen.seconds
    return f"{seen.label}: {seen.read / 2**20:.0f} MiB in {seen.seconds:.1f} s, {rate:.1f} Mbit/s"


def axes(end, top, place, parts):
    floor, ceiling = place(0, 0)[1], place(0, top)[1]
    for rate in (0, top / 2, top):
        height = place(0, rate)[1]
        parts.append(line(LEFT, height, WIDTH - RIGHT, height, FAINT))
        parts.append(text(LEFT - 8, height + 4, f"{rate:g}", 12, "end", GREY))
    parts.append(text(LEFT - 8, ceiling - 14, "Mbit/s", 12, "end", GREY))
    for second in range(int(end) + 1):
        x = place(second, 0)[0]
        parts.append(line(x, floor, x, floor + 4, GREY))
        parts.append(text(x, floor + 18, f"{second}", 12, "middle", GREY))
    parts.append(text(WIDTH - RIGHT, floor + 34, "seconds since the first octet", 12, "end", GREY))


def death_and_gap(seen, death, top, place, parts):
    """When the path died, and from where to where nothing came, in milliseconds."""
    floor, ceiling = place(0, 0)[1], place(0, top)[1]
    x = place(seen.cut, 0)[0]
    parts.append(line(x, ceiling - 8, x, floor, TEXT, 1.5, 'stroke-dasharray="4 3"'))
    parts.append(text(x, ceiling - 14, death, 13, "middle"))
    x0, x1 = (place(moment, 0)[0] for moment in seen.gap)
    y = ceiling + 16
    parts.append(line(x0, y, x1, y, TEXT, 1.5))
    for end in (x0, x1):
        parts.append(line(end, y - 5, end, y + 5, TEXT, 1.5))
    parts.append(text(x1 + 8, y + 4, gap_of(seen), 13, weight="bold"))


def panel(seen, death, end, top, y, parts):
    def place(moment, rate):
        return LEFT + moment / end * (WIDTH - LEFT - RIGHT), y + HEAD + HEIGHT * (1 - min(rate, top) / top)

    marks = edges(seen.end, max(2, round(seen.end / 0.05)))
    first, second = (seen.rates(which, marks) for which in (0, 1))
    parts.append(text(16, y + 18, headline(seen), 15, weight="bold"))
    if seen.gap:
        (x0, ceiling), (x1, floor) = place(seen.gap[0], top), place(seen.gap[1], 0)
        parts.append(rectangle(x0, ceiling, max(x1 - x0, 2), floor - ceiling, GAP))
    axes(end, top, place, parts)
    parts.append(area([0] * len(first), first, marks, place, FIRST))
    parts.append(area(first, [a + b for a, b in zip(first, second)], marks, place, SECOND))
    if seen.cut is not None:
        death_and_gap(seen, death, top, place, parts)
    return y + HEAD + HEIGHT + FOOT


def draw(title, death, all_seen):
    end = max(seen.end for seen in all_seen)
    most = max(
        a + b
        for seen in all_seen
        for a, b in zip(*(seen.rates(which, edges(seen.end, max(2, round(seen.end / 0.2)))) for which in (0, 1)))
    )
    parts, y, x = [text(16, 26, title, 17, weight="bold")], 60, 16
    words = ((FIRST, "by the first path"), (SECOND, "by the second path"), (GAP, "the program gets nothing"))
    for fill, name in words if any(seen.gap for seen in all_seen) else words[:2]:
        parts.append(rectangle(x, 38, 14, 12, fill))
        parts.append(text(x + 20, 49, name, 13))
        x += 44 + 8 * len(name)
    for seen in all_seen:
        y = panel(seen, death, end, upwards(most), y, parts)
    return picture(WIDTH, y, parts)


def main():
    if len(sys.argv) < 5:
        raise SystemExit(__doc__.strip())
    file, title, death = sys.argv[1:4]
    all_seen = []
    for argument in sys.argv[4:]:
        label, _, report = argument.partition("=")
        all_seen.append(Seen(label, json.loads(Path(report).read_text())))
    terminal(all_seen[-1], death)
    Path(file).write_text(draw(title, death, all_seen))
    return 0


if __name__ == "__main__":
    sys.exit(main())
