"""Runs a script after seeding Python's own generator, for programs that draw from it and have no flag for that.

Started as `python seeded.py SEED SCRIPT ARGUMENT...`. Standard library only.
"""

from __future__ import annotations

import os
import random
import runpy
import sys


def main(words: list[str]) -> None:
    """Run the script as if it had been started itself."""
    seed, *sys.argv = words
    random.seed(int(seed))
    sys.path[0] = os.path.dirname(os.path.realpath(sys.argv[0]))  # noqa: PTH120
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
