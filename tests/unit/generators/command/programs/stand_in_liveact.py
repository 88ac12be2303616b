"""Takes what the SoulX-LiveAct program takes: a JSON list; writes into its working directory, names cut at a dot."""

import argparse
import json
from pathlib import Path

import stand_in_video  # type: ignore[import-not-found]

parser = argparse.ArgumentParser()
for flag in ("--size", "--ckpt_dir", "--wav2vec_dir", "--input_json"):
    parser.add_argument(flag, required=True)
for flag in ("--fps", "--seed"):
    parser.add_argument(flag, type=int, required=True)
parser.add_argument("--dura_print", action="store_true")
given = parser.parse_args()
stand_in_video.misbehave_early()
width, height = map(int, given.size.split("*"))
for item in json.loads(Path(given.input_json).read_text(encoding="utf-8")):
    image, sound = item["cond_image"], item["cond_audio"]
    blocks = int(stand_in_video.sound_seconds(sound) * given.fps / 32)
    name = f"{Path(image).name.split('.')[0]}_{Path(sound).name.split('.')[0]}.mp4"
    stand_in_video.write(Path("tmp.mp4"), 2, fps=given.fps, size=(width, height))
    stand_in_video.write(Path(name), 21 + 32 * blocks, fps=given.fps, size=(width, height), image=image)
