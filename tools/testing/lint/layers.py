#!/usr/bin/env python3
"""Fails on a path that points up: wire -> engine -> shell, and sys below shell.

- wire names neither engine, shell, sys nor the kernel crate; engine neither shell, sys
  nor the kernel crate; sys neither shell nor engine;
- generated bindings are named in sys alone.

The two facades that give the pure part the kernel's own types under cfg(MODULE) may
name the kernel crate.
"""

import re
import sys

import rust_source

MAY_NAME = {
    "wire": {"wire"},
    "engine": {"wire", "engine"},
    "shell": {"wire", "engine", "shell", "sys"},
    "sys": {"wire", "sys"},
}
PURE = ("wire", "engine")
FACADES = ("rust/engine/mem.rs", "rust/wire/keys.rs")
# `crate::name`, and each name of `crate::{a, b::{c}}`.
ONE = re.compile(r"\bcrate\s*::\s*(\w+)")
GROUP = re.compile(r"\bcrate\s*::\s*\{")


def names(source):
    """(offset, first path segment below `crate`) wherever one is named."""
    for match in ONE.finditer(source):
        yield match.start(), match.group(1)
    for match in GROUP.finditer(source):
        inner = source[match.end() : rust_source.closing(source, match.end() - 1)]
        while "{" in inner:
            inner = re.sub(r"\{[^{}]*\}", "", inner)
        for part in inner.split(","):
            if name := re.match(r"\s*(\w+)", part):
                yield match.start(), name.group(1)


def complaints(path, text):
    room = rust_source.room(path)
    if room not in MAY_NAME:
        return
    source = rust_source.code(text)
    for offset, name in names(source):
        if name in MAY_NAME and name not in MAY_NAME[room]:
            yield offset, f"{room} names crate::{name}, which is above it"
    if room in PURE and str(path) not in FACADES:
        for match in re.finditer(r"(?<!:)\bkernel\s*::", source):
            yield match.start(), f"{room} names the kernel crate"
    if room != "sys":
        for match in re.finditer(r"\bbindings\s*::", source):
            yield match.start(), "bindings are named outside rust/sys"


def main():
    bad = 0
    for path, text in rust_source.sources():
        for offset, what in complaints(path, text):
            print(f"{path}:{text.count(chr(10), 0, offset) + 1}: {what}")
            bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
