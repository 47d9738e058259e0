#!/usr/bin/env python3
"""Turns what guest.sh measured into a table, figures.json and figures.svg.

  figures.py DIRECTORY MODE... -- FACT=VALUE...

Reads DIRECTORY/raw-MODE, lines of round, kind, name and value, or "-" and why there is none. A
ratio is the median of the rounds' own ratios, each to plain TCP of the same round. Round 0 is
not counted. Ends non-zero, after all else, if a figure is missing.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import chart

MODES = {
    "wall": "wall clock",
    "icount": "deterministic: one CPU, an instruction is a nanosecond",
    "paths": "two paths, deterministic",
}


@dataclass(frozen=True)
class Row:
    """A line of the table: kind `of` in figure `name`, and what is wanted of its ratio, or of
    the figure itself if that has a unit: plain TCP has nothing like it."""

    name: str
    label: str
    of: str = "ours"
    goal: float | None = None
    lower: bool = False
    modes: tuple[str, ...] = ("wall", "icount")
    # What the deterministic modes are compared with.
    note: str = ""
    unit: str = ""

    def met(self, values):
        """Whether each round met the goal; None if the rounds do not agree, or there is none."""
        if self.goal is None:
            return None
        said = {value <= self.goal if self.lower else value >= self.goal for value in values}
        return said.pop() if len(said) == 1 else None


ROWS = (
    Row("bulk", "bulk, Mbit/s", goal=0.90, note="0.95 in the end; in-tree was 0.75"),
    Row("bulk_elapsed", "  with idle time"),
    Row("requests", "requests/s"),
    Row("latency", "latency, us", lower=True),
    Row("connections", "connections/s", goal=0.85, note="in-tree was 0.62"),
    Row("slab", "idle: slab, octets", goal=1.3, lower=True, note="in-tree was 1.57"),
    Row("memory", "idle: all memory", lower=True, modes=("icount",)),
    Row("bulk", "TCP beside us, bulk", of="beside", goal=0.995),
    Row("connections", "TCP beside us, conn/s", of="beside"),
    Row("equal", "50 + 50 Mbit/s", goal=0.99, note="in-tree was 0.984", modes=("paths",)),
    Row("unequal", "100 + 10 Mbit/s", goal=0.99, note="in-tree was 0.983", modes=("paths",)),
    Row("veth", "unshaped, Mbit/s", goal=1.0, note="in-tree was 0.75", modes=("paths",)),
    Row("gap_down", "gap: link down, ms", goal=40, lower=True, note="in-tree was 470", modes=("paths",), unit="ms"),
    Row("gap_down_later", "  later on", lower=True, modes=("paths",), unit="ms"),
    Row("gap_silent", "gap: silence, ms", goal=250, lower=True, note="in-tree was 478", modes=("paths",), unit="ms"),
    Row("gap_silent_later", "  later on", lower=True, modes=("paths",), unit="ms"),
)

def read_raw(path):
    """{kind: {name: [a value for each round]}}, and {(kind, name): why there is none}"""
    rounds, missing = {}, {}
    for line in path.read_text().splitlines():
        number, kind, name, value, *reason = line.split()
        if value == "-":
            missing[kind, name] = " ".join(reason)
        elif int(number) > 0:
            rounds.setdefault((kind, name), {})[int(number)] = float(value)
    figures = {}
    for (kind, name), values in rounds.items():
        # One that a round lacks is missing.
        if (kind, name) not in missing:
            figures.setdefault(kind, {})[name] = [values[n] for n in sorted(values)]
    if not figures:
        raise SystemExit(f"error: no figure in {path}")
    return figures, missing


def without_idle(figures, name):
    """Makes it the rate at which a lone CPU worked: how long it waited is another matter."""
    for named in figures.values():
        if name not in named:
            continue
        named[f"{name}_elapsed"] = named[name]
        named[name] = []
        for rate, octets, idle in zip(named[f"{name}_elapsed"], named[f"{name}_octets"], named[f"{name}_idle_ns"]):
            seconds = 8 * octets / (rate * 1e6)
            named[name].append(8 * octets / (seconds - idle / 1e9) / 1e6)


def ratios(figures, kind, name):
    """The ratio to plain TCP, a value for each round."""
    base, values = (figures.get(which, {}).get(name, []) for which in ("tcp", kind))
    return [value / of for value, of in zip(values, base) if of > 0]


def spread(values):
    middle = median(values)
    return (max(values) - min(values)) / middle if middle else 0.0


def middle(values):
    return median(values) if values else None


def row_of(row, figures, mode, missing):
    """What table and chart show of it. `bar` is a ratio, or what has a unit."""
    tcp, in_tree, ours = (figures.get(kind, {}).get(row.name, []) for kind in ("tcp", "in-tree", row.of))
    if row.of != "ours":
        in_tree = []
    if row.unit:
        bar, bar_in_tree = ours, in_tree
    else:
        bar = ratios(figures, row.of, row.name)
        bar_in_tree = ratios(figures, "in-tree", row.name) if in_tree else []
    return {
        "name": row.name,
        "kind": row.of,
        "label": row.label,
        "unit": row.unit,
        "goal": row.goal,
        "lower_is_better": row.lower,
        "note": row.note if mode != "wall" else "",
        "tcp": middle(tcp),
        "in_tree": middle(in_tree),
        "ours": middle(ours),
        "bar": middle(bar),
        "low": min(bar, default=None),
        "high": max(bar, default=None),
        "bar_in_tree": middle(bar_in_tree),
        "met": row.met(bar),
        "missing": missing.get((row.of, row.name), ""),
    }


def rows_of(figures, mode, missing):
    """The rows of the mode for which there is something, be it that it is missing."""
    rows = [row_of(row, figures, mode, missing) for row in ROWS if mode in row.modes]
    return [row for row in rows if row["bar"] is not None or row["missing"]]


VERDICT = {True: "met", False: "MISSED", None: "unclear"}


def number(value):
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def verdict(row):
    if row["missing"]:
        return f"MISSING: {row['missing']}"
    return VERDICT[row["met"]]


def goal(row):
    if row["goal"] is None:
        return row["missing"] and verdict(row)
    sign = "<=" if row["lower_is_better"] else ">="
    note = f" ({row['note']})" if row["note"] else ""
    return f"{sign} {row['goal']:<5} {verdict(row)}{note}"


def range_of(row):
    """The ratio and from where to where it went, or only the latter."""
    if row["bar"] is None:
        return ""
    if row["unit"]:
        return f"{'':7} {number(row['low']):>6} - {number(row['high']):>6}"
    return f"{row['bar']:7.3f} {row['low']:6.3f} - {row['high']:6.3f}"


def table(title, rows):
    print(f"\n{title}")
    print(
        f"  {'':22} {'TCP':>9} {'in-tree':>9} {'ours':>9}   {'in-tree':>7} {'ours':>7}"
        f" {'(from - to)':>15}  {'goal':>8}"
    )
    for row in rows:
        in_tree = "" if row["bar_in_tree"] is None or row["unit"] else f"{row['bar_in_tree']:.3f}"
        print(
            f"  {row['label']:22} {number(row['tcp']):>9} {number(row['in_tree']):>9} {number(row['ours']):>9}"
            f"   {in_tree:>7} {range_of(row):23}  {goal(row)}".rstrip()
        )


def counted(figures):
    """How many rounds there were."""
    return max(len(values) for named in figures.values() for values in named.values())


def repeats(figures):
    """The worst spread of the figures that are work and not waiting, and whose that is."""
    shown = ("bulk", "requests", "connections", "slab", "equal", "unequal", "veth")
    spreads = (
        (spread(values), f"{name}, {kind}")
        for kind, named in figures.items()
        for name, values in named.items()
        if name in shown
    )
    return max(spreads, default=None)


def main():
    if "--" not in sys.argv or len(sys.argv) < 4:
        raise SystemExit(__doc__.strip())
    cut = sys.argv.index("--")
    directory, modes = Path(sys.argv[1]), sys.argv[2:cut]
    facts = dict(fact.split("=", 1) for fact in sys.argv[cut + 1 :])
    report, lost = {"facts": facts, "modes": {}}, set()
    for mode in modes:
        figures, missing = read_raw(directory / f"raw-{mode}")
        lost |= set(missing.values())
        if mode == "icount":
            without_idle(figures, "bulk")
        elif mode == "paths":
            without_idle(figures, "veth")
        count, worst = counted(figures), repeats(figures)
        title = f"{MODES[mode]}; rounds: {count}"
        if count > 1 and worst:
            title += f"; work repeats within {100 * worst[0]:.1f} % (worst: {worst[1]})"
        rows = rows_of(figures, mode, missing)
        report["modes"][mode] = {"title": title, "rows": rows, "rounds": figures}
        table(title, rows)
    print("\n  TCP, in-tree, ours: medians. Ratios to plain TCP of the same round, median (smallest - largest).")
    if "wall" in modes and float(facts.get("load", 0)) >= int(facts.get("cores", 1)):
        print(f"  This machine was busy (load {facts['load']} on {facts['cores']} cores): its wall clock says little.")
    (directory / "figures.json").write_text(json.dumps(report, indent=1) + "\n")
    (directory / "figures.svg").write_text(chart.draw(report))
    if lost:
        raise SystemExit(f"error: figures are missing: {', '.join(sorted(lost))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
