"""Takes what InfiniteTalk and MultiTalk take: one JSON object, one clip, a name without its suffix."""

import argparse
import json
import shutil
import sys
from pathlib import Path

import stand_in_video  # type: ignore[import-not-found]

parser = argparse.ArgumentParser()
for flag in ("--ckpt_dir", "--wav2vec_dir", "--input_json", "--size", "--mode", "--save_file"):
    parser.add_argument(flag, required=True)
parser.add_argument("--infinitetalk_dir")
for flag in ("--sample_steps", "--motion_frame", "--base_seed", "--max_frame_num"):
    parser.add_argument(flag, type=int)
given = parser.parse_args()
stand_in_video.misbehave_early()
content = json.loads(Path(given.input_json).read_text(encoding="utf-8"))
image = content["cond_image" if given.infinitetalk_dir is None else "cond_video"]
seconds = stand_in_video.sound_seconds(content["cond_audio"]["person1"])
assert isinstance(content["prompt"], str)
assert seconds * 25 > 81, "Audio is too short"
assert Path(given.ckpt_dir, "config.json").is_file()
Path("save_audio", Path(image).stem).mkdir(parents=True)
for block in range(3):
    sys.stdout.write(f"block {block} took {900 - 100 * block} ms for 24 frames\n")
frames = min(round(seconds * 25), given.max_frame_num or 1000) if given.mode == "streaming" else 81
name = Path(given.save_file)
stand_in_video.write(name.with_name(name.name + ".mp4"), frames, fps=25, size=(80, 80), image=image)
shutil.copy(content["cond_audio"]["person1"], name.with_name(name.name + "-cropaudio.wav"))
shutil.copy(name.with_name(name.name + ".mp4"), name.with_name(name.name + "-temp.mp4"))
