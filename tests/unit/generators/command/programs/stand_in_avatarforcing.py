"""Takes what AvatarForcing takes: shell-split lines of three; drops other lines and short sounds without a word."""

import argparse
import shlex
from pathlib import Path

import stand_in_video  # type: ignore[import-not-found]

parser = argparse.ArgumentParser()
for flag in ("--config_path", "--output_folder", "--checkpoint_path", "--data_path"):
    parser.add_argument(flag, required=True)
for flag in ("--num_output_frames", "--seed"):
    parser.add_argument(flag, type=int, required=True)
for flag in ("--i2v", "--save_with_index"):
    parser.add_argument(flag, action="store_true")
given = parser.parse_args()
stand_in_video.misbehave_early()
units = given.num_output_frames
assert (units - 1) % 4 == 0
kept = []
for line in Path(given.data_path).read_text(encoding="utf-8").splitlines():
    parts = shlex.split(line)
    if len(parts) == 3 and stand_in_video.sound_seconds(parts[1]) * 25 >= 4 * units + 80:
        kept.append(parts)
for number, (image, _, caption) in enumerate(kept):
    assert caption
    out = Path(given.output_folder, f"{number}-0_ema.mp4")
    stand_in_video.write(out, 4 * (units - 1) + 1, fps=25, size=(160, 96), image=image)
