"""Stands in for `python -m torch.distributed.run`: one process that is told its rank, without PyTorch."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

parser = argparse.ArgumentParser()
parser.add_argument("--standalone", action="store_true", required=True)
parser.add_argument("--nproc_per_node", type=int, required=True)
parser.add_argument("--no-python", action="store_true")
parser.add_argument("words", nargs=argparse.REMAINDER)
given = parser.parse_args()
assert given.nproc_per_node == 1
before = [] if given.no_python else [sys.executable, "-u"]
ranks = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}
sys.exit(subprocess.call([*before, *given.words], env=os.environ | ranks))
