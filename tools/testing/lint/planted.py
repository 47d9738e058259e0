#!/usr/bin/env python3
"""The bugs that `make sim PLANTED=1` plants can still be planted.

Each of tools/testing/sim/planted/*.patch has to apply to the tree as it is: the engine moves on,
and whoever moves it seldom has the twenty minutes that planting all of them takes.
"""

import subprocess
import sys
from pathlib import Path

TREE = Path(__file__).resolve().parents[3]
PLANTED = TREE / "tools/testing/sim/planted"


def complaint(patch):
    """Why it does not apply; None if it does."""
    command = ["patch", "--dry-run", "--force", "--strip=1", f"--directory={TREE}", f"--input={patch}"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if ran.returncode == 0 else ran.stdout + ran.stderr


def main():
    patches = sorted(PLANTED.glob("*.patch"))
    if not patches:
        sys.exit(f"no patch in {PLANTED.relative_to(TREE)}")
    stale = 0
    for patch in patches:
        if said := complaint(patch):
            stale += 1
            print(f"{patch.relative_to(TREE)} does not apply any more: make it anew against the engine as it is\n{said}")
    print(f"{len(patches)} planted bugs, {stale} of them stale")
    sys.exit(stale > 0)


if __name__ == "__main__":
    main()
