"""Takes what StableAvatar takes: one clip, a fixed name, no sound, flags without a default."""

import argparse
from pathlib import Path

import stand_in_video  # type: ignore[import-not-found]

parser = argparse.ArgumentParser()
texts = (
    "--validation_reference_path",
    "--validation_driven_audio_path",
    "--validation_prompts",
    "--output_dir",
)
for flag in texts:
    parser.add_argument(flag, required=True)
for flag in ("--seed", "--width", "--height", "--sample_steps"):
    parser.add_argument(flag, type=int)
given = parser.parse_args()
stand_in_video.misbehave_early()
assert given.seed + given.sample_steps > 0
seconds = stand_in_video.sound_seconds(given.validation_driven_audio_path)
frames = 4 * int((25 * seconds - 1) / 4) + 1
out = Path(given.output_dir, "video_without_audio.mp4")
stand_in_video.write(
    out, frames, fps=25, size=(given.width, given.height), image=given.validation_reference_path
)
