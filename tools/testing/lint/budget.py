#!/usr/bin/env python3
"""Keeps the code to its budget (Documentation and style: what a reader can hold).

- a file: at most 600 lines without its tests; a function: at most 60;
- `unsafe` in rust/sys alone;
- no unwrap, expect, panic!, todo!, unimplemented!, unreachable! outside tests in wire,
  engine and shell: a panic is a kernel BUG.

exceptions.txt beside this file lists what may pass, each with its reason.
"""

import re
import sys
from pathlib import Path

import rust_source

FILE_LINES = 600
FUNCTION_LINES = 60
PANICS = re.compile(
    r"\.\s*(unwrap|expect|unwrap_err|expect_err)\s*\(|\b(panic|todo|unimplemented|unreachable)\s*!"
)
NO_PANICS_IN = ("wire", "engine", "shell")


def read_exceptions(path):
    """Lines `WHERE: reason`; WHERE is a path, or path::function."""
    allowed = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        where, _, reason = line.partition(": ")
        if not reason.strip():
            raise SystemExit(f"{path}:{number}: an exception needs a reason: `{where}: why`")
        allowed[where] = False
    return allowed


def complaints(path, text):
    """(where, line, what is wrong) of one file."""
    source = rust_source.code(text)
    tested = rust_source.is_test_file(path)
    live = "" if tested else rust_source.without_tests(source)
    kept = len(text.splitlines()) - (
        0 if tested else sum(1 for a, b in zip(source.splitlines(), live.splitlines()) if a != b)
    )
    if not tested and kept > FILE_LINES:
        yield str(path), 1, f"{kept} lines without tests, {FILE_LINES} allowed"
    for name, line, length in rust_source.functions(live):
        if length > FUNCTION_LINES:
            yield f"{path}::{name}", line, f"fn {name}: {length} lines, {FUNCTION_LINES} allowed"
    if rust_source.room(path) != "sys":
        for match in re.finditer(r"\bunsafe\b", source):
            yield str(path), source.count("\n", 0, match.start()) + 1, "`unsafe` outside rust/sys"
    if rust_source.room(path) in NO_PANICS_IN:
        for match in PANICS.finditer(live):
            what = match.group().lstrip(".").rstrip("(").strip()
            yield str(path), live.count("\n", 0, match.start()) + 1, f"`{what}` can panic"


def main():
    allowed = read_exceptions(Path(__file__).with_name("exceptions.txt"))
    bad = 0
    for path, text in rust_source.sources():
        for where, line, what in complaints(path, text):
            if where in allowed:
                allowed[where] = True
            else:
                print(f"{path}:{line}: {what}")
                bad += 1
    for where, used in allowed.items():
        if not used:
            print(f"exceptions.txt: {where} needs no exception any more")
            bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
