#!/usr/bin/env python3
"""Sums up line coverage of rust/wire and rust/engine, tests not counted.

  coverage.py TREE GOAL DIRECTORY

TREE is what paths in DIRECTORY/lcov.info begin with. Prints a table of the files with
uncovered lines; DIRECTORY/uncovered.txt gets those lines. Ends with 1 below GOAL percent.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "lint"))
import rust_source  # noqa: E402

ROOMS = ("wire", "engine")


def counts(lcov, tree):
    """{path below the tree: {line: how often it ran}}"""
    files, lines = {}, None
    for record in lcov.splitlines():
        tag, _, value = record.partition(":")
        if tag == "SF":
            path = Path(value)
            inside = path.is_relative_to(tree)
            lines = files.setdefault(path.relative_to(tree), {}) if inside else {}
        elif tag == "DA":
            number, count = value.split(",")[:2]
            lines[int(number)] = max(lines.get(int(number), 0), int(count))
    return files


def live_lines(path):
    """The numbers of the lines of a file that are no test, and its text."""
    text = (rust_source.TREE / path).read_text(encoding="utf-8")
    source = rust_source.code(text)
    live = rust_source.without_tests(source).splitlines()
    pairs = enumerate(zip(source.splitlines(), live), 1)
    return {number for number, (whole, kept) in pairs if whole == kept}, text.splitlines()


def ranges(numbers):
    """`3-5, 9` for 3, 4, 5, 9."""
    out = []
    for number in sorted(numbers):
        if out and out[-1][1] == number - 1:
            out[-1][1] = number
        else:
            out.append([number, number])
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in out)


def row(name, covered, total, rest=""):
    share = 100 * covered / total if total else 100
    return f"{name:28} {total:6} {total - covered:6} {share:7.2f} %  {rest}".rstrip()


def shortened(text, width=60):
    return text if len(text) <= width else text[: text.rindex(",", 0, width)] + ", ..."


def main():
    tree, goal, directory = Path(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])
    files = counts((directory / "lcov.info").read_text(encoding="utf-8"), tree)
    sums = {room: [0, 0, 0] for room in ROOMS}
    uncovered = []
    print(f"{'file':28} {'lines':>6} {'missed':>6} {'covered':>9}  which")
    for path, lines in sorted(files.items(), key=lambda item: item[0]):
        room = rust_source.room(path)
        if room not in ROOMS or rust_source.is_test_file(path):
            continue
        live, text = live_lines(path)
        counted = {number: count for number, count in lines.items() if number in live}
        missed = [number for number, count in counted.items() if count == 0]
        sums[room][0] += len(counted) - len(missed)
        sums[room][1] += len(counted)
        sums[room][2] += 1
        uncovered += [f"{path}:{number}: {text[number - 1]}" for number in sorted(missed)]
        if missed:
            name = str(path.relative_to("rust"))
            print(row(name, len(counted) - len(missed), len(counted), shortened(ranges(missed))))
    print()
    failed = False
    for room, (covered, total, number) in sums.items():
        failed |= total == 0 or 100 * covered < goal * total
        print(row(f"{room}, {number} files", covered, total, f"goal {goal:g} %"))
    (directory / "uncovered.txt").write_text("\n".join(uncovered) + "\n", encoding="utf-8")
    print(f"every uncovered line: {directory}/uncovered.txt")
    if failed:
        print(f"error: below the goal of {goal:g} %")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
