"""Takes what FantasyTalking takes: plain arguments; 23 frames per second, 81 frames at most, a stamped name."""

import argparse
import time
from pathlib import Path

import stand_in_video  # type: ignore[import-not-found]

parser = argparse.ArgumentParser()
for flag in ("--image_path", "--audio_path", "--prompt", "--output_dir"):
    parser.add_argument(flag, required=True)
for flag in ("--image_size", "--max_num_frames", "--fps", "--seed"):
    parser.add_argument(flag, type=int, required=True)
given = parser.parse_args()
stand_in_video.misbehave_early()
seconds = stand_in_video.sound_seconds(given.audio_path)
frames = min(4 * int(given.fps * seconds / 4) + 5, given.max_num_frames)
name = f"{Path(given.image_path).stem}_{Path(given.audio_path).stem}_{time.time_ns()}.mp4"
stand_in_video.write(
    Path(given.output_dir, name), frames, fps=given.fps, size=(64, 64), image=given.image_path
)
Path("said.txt").write_text(given.prompt, encoding="utf-8")
