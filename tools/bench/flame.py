#!/usr/bin/env python3
"""Turns the samples of profile.sh into flame graphs and a table.

  flame.py DIRECTORY

Writes DIRECTORY/flame-KIND.svg for each DIRECTORY/samples-KIND, and profile.txt: the
instructions that each function costs for a KiB of payload, or for a connection, at both ends
together. An emulated CPU (ICOUNT=1) takes a nanosecond for an instruction, so samples count those.
"""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.sax.saxutils import escape

KINDS = ("tcp", "in-tree", "ours")
# What a profile is of: how many of what was counted make one, and its name.
UNITS = {"bulk": (1024, "KiB of payload"), "connections": (1, "connection")}
IDLE = "pv_native_safe_halt"
FRAME = re.compile(r"^\s+[0-9a-f]+ (.*) \((.*)\)$")


def room(name, owner, module):
    if name == IDLE:
        return "idle"
    if name in module:
        return "module"
    return "kernel" if owner.startswith("[") else "user"


def read_samples(path, module):
    """A Counter of call chains, outermost first; a frame is (function, where it belongs)."""
    chains, task, frames = Counter(), None, []
    for line in [*path.read_text(errors="replace").splitlines(), ""]:
        if not line.strip():
            if task and frames:
                chains[((task, "task"), *reversed(frames))] += 1
            task, frames = None, []
        elif match := FRAME.match(line):
            name = match[1].rsplit("+0x", 1)[0]
            frames.append((name, room(name, match[2], module)))
        else:
            task = line.strip()
    if not chains:
        raise SystemExit(f"error: no sample in {path}")
    return chains


def readable(names):
    """Rust's mangled names as a person would write them."""
    mangled = sorted(name for name in names if name.startswith("_R"))
    if not mangled:
        return {}
    out = subprocess.run(["c++filt"], input="\n".join(mangled), text=True, capture_output=True, check=True).stdout
    return {name: short(full) for name, full in zip(mangled, out.splitlines())}


def short(name):
    """Without crate and parameters; <Type as Trait>::function belongs to Type."""
    name = re.sub(r"\[[0-9a-f]+\]", "", name).replace("rust_mptcp_main::", "")
    before = None
    while before != name:
        before, name = name, re.sub(r"(?<=\w)(::)?<[^<>]*>", "", name)
    return re.sub(r"^<([^<>]+?)( as [^<>]+)?>", r"\1", name)


def renamed(chains, names):
    out = Counter()
    for chain, count in chains.items():
        out[tuple((names.get(name, name), owner) for name, owner in chain)] += count
    return out


# --- flame graph ---

WIDTH, ROW, PAD = 1200, 17, 40
COLOURS = {"module": "#d9542b", "kernel": "#e9b872", "user": "#9dbf9e", "task": "#c3c9d1"}


def tree_of(chains):
    """Nested {frame: [count, children]}."""
    root = {}
    for chain, count in chains.items():
        level = root
        for frame in chain:
            node = level.setdefault(frame, [0, {}])
            node[0] += count
            level = node[1]
    return root


def boxes(level, depth, at):
    for (name, owner), (count, children) in sorted(level.items()):
        yield depth, at, count, name, owner
        yield from boxes(children, depth + 1, at)
        at += count


def flame(title, chains, per_sample, unit):
    total = sum(chains.values())
    scale = (WIDTH - 20) / total
    found = [b for b in boxes(tree_of(chains), 0, 0) if b[2] * scale >= 0.4]
    height = (max(b[0] for b in found) + 1) * ROW + PAD + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        ' font-family="DejaVu Sans Mono, monospace" font-size="11">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="10" y="18" font-size="15">{escape(title)}</text>',
    ]
    x = 10
    for words, fill in COLOURS.items():
        parts.append(f'<rect x="{x}" y="25" width="10" height="10" fill="{fill}"/>')
        parts.append(f'<text x="{x + 14}" y="34">{words}</text>')
        x += 80
    for depth, at, count, name, owner in found:
        x, y, width = 10 + at * scale, height - 10 - (depth + 1) * ROW, count * scale
        fits = int((width - 4) / 6.7)
        words = name if len(name) <= fits else name[: fits - 1] + "\u2026" if fits > 3 else ""
        fill = COLOURS.get(owner, COLOURS["kernel"])
        hint = f"{name} ({owner}): {count * per_sample:.1f} instructions per {unit}, {100 * count / total:.1f} %"
        parts.append(
            f'<g><title>{escape(hint)}</title><rect x="{x:.1f}" y="{y}" width="{max(width - 0.3, 0.2):.1f}"'
            f' height="{ROW - 1}" fill="{fill}"/>'
            f'<text x="{x + 2:.1f}" y="{y + 12}">{escape(words)}</text></g>'
        )
    return "\n".join(parts) + "\n</svg>\n"


# --- table ---


def own_cost(chains, per_sample):
    """What each function itself costs, and each room."""
    functions, rooms = Counter(), Counter()
    for chain, count in chains.items():
        name, owner = chain[-1]
        rooms[owner] += count * per_sample
        if owner != "idle":
            functions["(user space)" if owner == "user" else name] += count * per_sample
    return functions, rooms


def table(costs, unit):
    """Lines, dearest beside plain TCP first."""
    of = {kind: functions for kind, (functions, _) in costs.items()}
    lines = [f"{f'instructions per {unit}':58} {'TCP':>8} {'in-tree':>8} {'ours':>8} {'ours-TCP':>9}"]

    def add(label, values):
        lines.append(f"{label[:58]:58} " + " ".join(f"{v:8.1f}" for v in values) + f" {values[2] - values[0]:+9.1f}")

    add("all but idle", [sum(of[k].values()) for k in KINDS])
    for which in ("module", "kernel", "user", "idle"):
        add(f"  {which}", [costs[k][1][which] for k in KINDS])
    lines.append("")
    for name in sorted(set().union(*of.values()), key=lambda n: of["tcp"][n] - of["ours"][n]):
        add(name, [of[k][name] for k in KINDS])
    return lines


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__.strip())
    directory = Path(sys.argv[1])
    of, amount, every = (directory / "samples").read_text().split()
    size, unit = UNITS[of]
    per_sample = int(every) / (int(amount) / size)
    module = set((directory / "samples-symbols").read_text().split())
    chains = {kind: read_samples(directory / f"samples-{kind}", module) for kind in KINDS}
    names = readable({name for found in chains.values() for chain in found for name, _ in chain})
    chains = {kind: renamed(found, names) for kind, found in chains.items()}
    for kind, found in chains.items():
        busy = Counter({chain: count for chain, count in found.items() if chain[-1][1] != "idle"})
        cost = sum(busy.values()) * per_sample
        title = f"{of}, {kind}: {cost:.0f} instructions per {unit}, both ends"
        (directory / f"flame-{kind}.svg").write_text(flame(title, busy, per_sample, unit))
    lines = table({kind: own_cost(found, per_sample) for kind, found in chains.items()}, unit)
    (directory / "profile.txt").write_text("\n".join(lines) + "\n")
    print("\n".join(lines[:37]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
