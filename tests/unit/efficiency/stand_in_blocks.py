"""Takes a picture and a sound, prints what it is told to print, and writes as many frames as there is sound.

Standard library only, and `stand_in_video` from beside it; see tests/unit/efficiency/printing_program.py.
"""

import argparse
import os
import sys
from pathlib import Path

import stand_in_video  # type: ignore[import-not-found]

parser = argparse.ArgumentParser()
for flag in ("--image", "--audio", "--out"):
    parser.add_argument(flag, required=True)
for flag in ("--seed", "--width", "--height"):
    parser.add_argument(flag, type=int, required=True)
given = parser.parse_args()
stand_in_video.misbehave_early()
sys.stdout.write(os.environ["SAYS"] + "\n")
frames = round(25 * stand_in_video.sound_seconds(given.audio))
stand_in_video.write(Path(given.out), frames, fps=25, size=(given.width, given.height), image=given.image)
