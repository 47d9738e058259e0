#!/usr/bin/env python3
"""Turns what guest.sh measured into a table, figures.json and figures.svg.

  figures.py DIRECTORY MODE... -- FACT=VALUE...

Reads DIRECTORY/raw-MODE, lines of round, kind, name and value. A ratio is the median of the
rounds' own ratios, each to plain TCP of the same round. Round 0 is not counted.
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
}


@dataclass(frozen=True)
class Row:
    """A line of the table: kind `of` in figure `name`, and what is wanted of its ratio."""

    name: str
    label: str
    of: str = "ours"
    goal: float | None = None
    lower: bool = False
    modes: tuple[str, ...] = ("wall", "icount")
    # What the deterministic mode is compared with.
    note: str = ""

    def met(self, ratios):
        """Whether each round met the goal; None if the rounds do not agree, or there is none."""
        if self.goal is None:
            return None
        said = {ratio <= self.goal if self.lower else ratio >= self.goal for ratio in ratios}
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
)


def read_raw(path):
    """{kind: {name: [a value for each round]}}"""
    rounds = {}
    for line in path.read_text().splitlines():
        number, kind, name, value = line.split()
        if int(number) > 0:
            rounds.setdefault((kind, name), {})[int(number)] = float(value)
    figures = {}
    for (kind, name), values in rounds.items():
        figures.setdefault(kind, {})[name] = [values[n] for n in sorted(values)]
    if not figures:
        raise SystemExit(f"error: no figure in {path}")
    return figures


def without_idle(figures):
    """Makes bulk the rate at which a lone CPU worked: how long it waited is another matter."""
    for named in figures.values():
        named["bulk_elapsed"] = named["bulk"]
        named["bulk"] = []
        for rate, octets, idle in zip(named["bulk_elapsed"], named["bulk_octets"], named["bulk_idle_ns"]):
            seconds = 8 * octets / (rate * 1e6)
            named["bulk"].append(8 * octets / (seconds - idle / 1e9) / 1e6)


def ratios(figures, kind, name):
    """The ratio to plain TCP, a value for each round."""
    base, values = (figures.get(which, {}).get(name, []) for which in ("tcp", kind))
    return [value / of for value, of in zip(values, base) if of > 0]


def spread(values):
    middle = median(values)
    return (max(values) - min(values)) / middle if middle else 0.0


def rows_of(figures, mode):
    """What table and chart show: dictionaries, with what could not be measured left out."""
    rows = []
    for row in ROWS:
        of = ratios(figures, row.of, row.name)
        if not of or mode not in row.modes:
            continue
        in_tree = ratios(figures, "in-tree", row.name) if row.of == "ours" else []
        rows.append(
            {
                "name": row.name,
                "kind": row.of,
                "label": row.label,
                "goal": row.goal,
                "lower_is_better": row.lower,
                "note": row.note if mode == "icount" else "",
                "tcp": median(figures["tcp"][row.name]),
                "in_tree": median(figures["in-tree"][row.name]) if in_tree else None,
                "ours": median(figures[row.of][row.name]),
                "ratio": median(of),
                "ratio_low": min(of),
                "ratio_high": max(of),
                "ratio_in_tree": median(in_tree) if in_tree else None,
                "met": row.met(of),
            }
        )
    return rows


VERDICT = {True: "met", False: "MISSED", None: "unclear"}


def number(value):
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def table(title, rows):
    print(f"\n{title}")
    print(
        f"  {'':22} {'TCP':>9} {'in-tree':>9} {'ours':>9}   {'in-tree':>7} {'ours':>7}"
        f" {'(from - to)':>15}  {'goal':>8}"
    )
    for row in rows:
        in_tree = "" if row["ratio_in_tree"] is None else f"{row['ratio_in_tree']:.3f}"
        goal = ""
        if row["goal"] is not None:
            sign = "<=" if row["lower_is_better"] else ">="
            goal = f"{sign} {row['goal']:<5} {VERDICT[row['met']]}"
            goal += f" ({row['note']})" if row["note"] else ""
        print(
            f"  {row['label']:22} {number(row['tcp']):>9} {number(row['in_tree']):>9} {number(row['ours']):>9}"
            f"   {in_tree:>7} {row['ratio']:7.3f} {row['ratio_low']:6.3f} - {row['ratio_high']:6.3f}  {goal}".rstrip()
        )


def repeats(figures):
    """The worst spread of the figures that are work and not waiting, and whose that is."""
    shown = ("bulk", "requests", "connections", "slab")
    return max(
        (spread(values), f"{name}, {kind}")
        for kind, named in figures.items()
        for name, values in named.items()
        if name in shown
    )


def main():
    if "--" not in sys.argv or len(sys.argv) < 4:
        raise SystemExit(__doc__.strip())
    cut = sys.argv.index("--")
    directory, modes = Path(sys.argv[1]), sys.argv[2:cut]
    facts = dict(fact.split("=", 1) for fact in sys.argv[cut + 1 :])
    report = {"facts": facts, "modes": {}}
    for mode in modes:
        figures = read_raw(directory / f"raw-{mode}")
        if mode == "icount":
            without_idle(figures)
        count, worst = len(figures["tcp"]["bulk"]), repeats(figures)
        title = f"{MODES[mode]}; rounds: {count}"
        if count > 1:
            title += f"; work repeats within {100 * worst[0]:.1f} % (worst: {worst[1]})"
        rows = rows_of(figures, mode)
        report["modes"][mode] = {"title": title, "rows": rows, "rounds": figures}
        table(title, rows)
    print("\n  TCP, in-tree, ours: medians. Ratios to plain TCP of the same round, median (smallest - largest).")
    if "wall" in modes and float(facts.get("load", 0)) >= int(facts.get("cores", 1)):
        print(f"  This machine was busy (load {facts['load']} on {facts['cores']} cores): its wall clock says little.")
    (directory / "figures.json").write_text(json.dumps(report, indent=1) + "\n")
    (directory / "figures.svg").write_text(chart.draw(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
