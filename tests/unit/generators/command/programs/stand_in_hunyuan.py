"""Takes what HunyuanVideo-Avatar takes: a CSV file with a byte-order mark, several clips; 400 frames at most."""

import argparse
import csv
from pathlib import Path

import stand_in_video  # type: ignore[import-not-found]

parser = argparse.ArgumentParser()
for flag in ("--input", "--ckpt", "--save-path"):
    parser.add_argument(flag, required=True)
for flag in ("--sample-n-frames", "--seed", "--image-size"):
    parser.add_argument(flag, type=int)
given = parser.parse_args()
stand_in_video.misbehave_early()
assert Path(given.input).read_bytes().startswith(b"\xef\xbb\xbf")
with Path(given.input).open(encoding="utf-8-sig", newline="") as stream:
    rows = list(csv.DictReader(stream))
assert rows and set(rows[0]) == {"videoid", "image", "audio", "prompt", "fps"}
for row in rows:
    assert "'" not in row["image"] + row["audio"]
    if stand_in_video.MISBEHAVIOUR == "poison" and row["videoid"].startswith("bad"):
        raise RuntimeError("this face is not found")
    frames = min(400, round(float(row["fps"]) * stand_in_video.sound_seconds(row["audio"])))
    out = Path(given.save_path, f"{row['videoid']}_audio.mp4")
    stand_in_video.write(out, max(frames, 129), fps=25, size=(64, 64), image=row["image"])
