"""Stands in for the program of a baseline: takes its options, reads its input, and writes where it writes.

A copy lies at the place of the real script in a folder that has what the real repository has, as far as it is read.
Videos have the shape that the real program gives them, and an eighth of their size. The variable BASELINE_FAULTS, a map
in JSON from system to fault, makes it misbehave as is told of the real one.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

ROOT = next(folder for folder in Path(__file__).resolve().parents if (folder / "system.json").is_file())
SYSTEM = json.loads((ROOT / "system.json").read_text(encoding="utf-8"))
FAULT = json.loads(os.environ.get("BASELINE_FAULTS", "{}")).get(SYSTEM["name"], "")
os.environ["MISBEHAVE"] = FAULT
sys.path.insert(0, str(ROOT))

import stand_in_options  # type: ignore[import-not-found]  # noqa: E402
import stand_in_systems  # type: ignore[import-not-found]  # noqa: E402
import stand_in_video  # type: ignore[import-not-found]  # noqa: E402

given = stand_in_options.parser_of(SYSTEM).parse_args()
stand_in_video.misbehave_early()
for made in stand_in_systems.SYSTEMS[SYSTEM["name"]](given, FAULT):
    width, height = made.size[0] // 8, made.size[1] // 8
    stand_in_video.write(made.path, made.frames, fps=made.fps, size=(width, height), image=made.image)
