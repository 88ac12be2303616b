"""Takes what EchoMimic takes: YAML that maps an image to sounds; a folder by date, a frame limit, squashed pictures."""

import argparse
from pathlib import Path

import stand_in_video  # type: ignore[import-not-found]

parser = argparse.ArgumentParser()
parser.add_argument("--config", required=True)
parser.add_argument("-W", type=int, default=512)
parser.add_argument("-H", type=int, default=512)
parser.add_argument("-L", type=int, default=1200)
for flag in ("--seed", "--fps"):
    parser.add_argument(flag, type=int, required=True)
given = parser.parse_args()
stand_in_video.misbehave_early()
cases: dict[str, list[str]] = {}
for line in Path(given.config).read_text(encoding="utf-8").splitlines():
    # The shape that PyYAML gives it: a map, below it a key per image, below that a list.
    if line.startswith("  - "):
        cases[list(cases)[-1]].append(line[4:])
    elif line.startswith("  "):
        cases[line.strip().rstrip(":")] = []
    elif line.startswith("pretrained_vae_path: "):
        assert Path(line.partition(": ")[2]).is_dir()
for image, sounds in cases.items():
    for sound in sounds:
        frames = min(given.L, round(given.fps * stand_in_video.sound_seconds(sound)))
        name = f"{Path(image).stem}_{Path(sound).stem}_{given.H}x{given.W}_2_1200_withaudio.mp4"
        out = Path("output", "20260101", f"1200--seed_{given.seed}-{given.W}x{given.H}", name)
        stand_in_video.write(out, frames, fps=given.fps, size=(given.W, given.H), image=image)
