#!/usr/bin/env python3
"""Sums up KTAP on the way through.

    ktap.py NAME [--counts FILE] < log

Prints one line, `NAME: 67 passed, 1 failed, 0 skipped`, each failure below it, and adds
the three numbers as a line to FILE. Only results at the start of a line count: an
indented (nested) result is summed up by its parent. A plan that is not kept to and a
log without any result are failures. Ends with 1 if anything failed.
"""

import re
import sys

RESULT = re.compile(r"^(not )?ok\b\s*\d*\s*-?\s*(.*?)\s*(?:#\s*(SKIP|XFAIL|TODO)\b.*)?$", re.I)
PLAN = re.compile(r"^1\.\.(\d+)")


def main():
    name = sys.argv[1]
    planned, passed, failed, skipped = 0, 0, [], 0
    for line in sys.stdin.buffer:
        line = line.decode(errors="replace").rstrip("\r\n")
        if plan := PLAN.match(line):
            planned += int(plan.group(1))
        elif result := RESULT.match(line):
            bad, title, directive = result.groups()
            if directive:
                skipped += 1
            elif bad:
                failed.append(title)
            else:
                passed += 1
    seen = passed + len(failed) + skipped
    if seen == 0 and planned == 0:
        failed.append("no result at all")
    elif seen < planned:
        failed.append(f"ended early: {planned} planned, {seen} reported")
    print(f"{name}: {passed} passed, {len(failed)} failed, {skipped} skipped")
    for title in failed:
        print(f"    FAILED: {title}")
    if "--counts" in sys.argv:
        with open(sys.argv[sys.argv.index("--counts") + 1], "a", encoding="ascii") as counts:
            counts.write(f"{passed} {len(failed)} {skipped}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
