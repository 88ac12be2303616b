"""Takes what OmniAvatar takes: lines of prompt, image and sound; begins with silence unless told not to."""

import argparse
from pathlib import Path

import stand_in_video  # type: ignore[import-not-found]

parser = argparse.ArgumentParser()
for flag in ("--config", "--input_file"):
    parser.add_argument(flag, required=True)
parser.add_argument("--hp", default="")
given = parser.parse_args()
stand_in_video.misbehave_early()
settings = dict(pair.split("=") for pair in given.hp.split(",") if pair)
assert Path(given.config).is_file(), "configs are read from the working directory"
lead = round(25 * float(settings.get("silence_duration_s", 0.3))) + 1
for number, line in enumerate(Path(given.input_file).read_text(encoding="utf-8").split("\n")):
    if line.strip():
        prompt, image, sound = line.strip().split("@@")
        frames = lead + round(25 * stand_in_video.sound_seconds(sound))
        folder = Path("demo_out", "exp", f"res_{Path(given.input_file).stem}_seed{settings['seed']}_20260101")
        stand_in_video.write(
            folder / f"result_{number:03d}_000_wav.mp4", frames, fps=25, size=(64, 64), image=image
        )
        (folder / "prompt").mkdir()
