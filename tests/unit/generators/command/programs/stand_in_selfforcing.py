"""Takes what Self-Forcing takes: prompts, one per line, and nothing else; 16 frames per second, latents are counted."""

import argparse
from pathlib import Path

import stand_in_video  # type: ignore[import-not-found]

parser = argparse.ArgumentParser()
for flag in ("--config_path", "--output_folder", "--checkpoint_path", "--data_path"):
    parser.add_argument(flag, required=True)
for flag in ("--seed", "--num_output_frames"):
    parser.add_argument(flag, type=int, required=True)
for flag in ("--use_ema", "--save_with_index"):
    parser.add_argument(flag, action="store_true")
given = parser.parse_args()
stand_in_video.misbehave_early()
assert given.num_output_frames % 3 == 0, "blocks of three latents"
for number, prompt in enumerate(Path(given.data_path).read_text(encoding="utf-8").splitlines()):
    assert prompt
    out = Path(given.output_folder, f"{number}-0_ema.mp4")
    stand_in_video.write(out, 4 * given.num_output_frames - 3, fps=16, size=(160, 96))
