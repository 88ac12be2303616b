"""A published dataset in small, before it is prepared: the lists, a card, videos of other heights and rates."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

from tests.unit.datasets.preparing.barcodes import make_video

VIDEOS = {"Anna1": "-nna0000001", "Ben2": "Ben20000002", "Carl": "Carl0000003", "Dora": "Dora0000004"}
SPLIT = ("Anna1_0", "Ben2_1", "Carl_0")
RESERVE = ("Dora_0",)
SUBSETS = ("RD", "WDA", "WRA")
KINDS = ("video_url", "annotion_time", "resolution", "crop_wh", "crop_ratio")
WDA = {
    "video_url": "".join(f"{name} https://www.youtube.com/watch?v={video}\n" for name, video in VIDEOS.items()),
    "annotion_time": "Anna1.mp4 00:00-00:02\nBen2.mp4 00:00-00:01 00:01-00:03\nCarl.mp4 00:01-00:03\n"
    "Dora.mp4 00:00-00:02\n",
    "resolution": "".join(f"{name}.mp4 64\n" for name in VIDEOS),
    "crop_wh": "".join(f"{clip}.mp4 16 64 0 64\n" for clip in (*SPLIT, *RESERVE)),
    "crop_ratio": "".join(f"{clip}.mp4 1.2\n" for clip in (*SPLIT, *RESERVE)),
}  # fmt: skip
CARD = """\
name: small
title: Small
kind: prepared
tier: paper
summary: Three clips of made videos, under the rules of a published list.
protocol:
  {{name: small, version: 1, fps: 25, size: [32, 32], clip_seconds: 0.8, reference_image: image,
    encoding: {{crf: 4, preset: ultrafast}}}}
prepared:
  annotations: hdtf
  repository: nobody/nothing
  commit: "{commit}"
  url: https://example.org/small
  terms: Made for tests.
  must_accept: {accept}
  files: [{files}]
  folder: small
  split: small-3@1
  split_sha256: {split}
  reserve_sha256: {reserve}
  rule: {{key: liveact-eval/small/v1/, clips: 3}}
  prompt: A person is talking.
"""


def write_published(folder: Path, *, must_accept: bool = False) -> Path:
    """The card, its clip lists beside it and the authors' lists in `lists`."""
    lists = folder / "lists"
    lists.mkdir(parents=True)
    for subset in SUBSETS:
        for kind in KINDS:
            (lists / f"{subset}_{kind}.txt").write_text(
                WDA[kind] if subset == "WDA" else "", encoding="utf-8"
            )
    hashes = {}
    for name, ids in (("small-3@1", SPLIT), ("small-3@1.reserve", RESERVE)):
        content = "".join(f"{clip}\n" for clip in ids).encode()
        (folder / f"{name}.txt").write_bytes(content)
        hashes[name] = hashlib.sha256(content).hexdigest()
    files = ", ".join(f"{{path: {subset}_{kind}.txt}}" for subset in SUBSETS for kind in KINDS)
    path = folder / "small.yaml"
    path.write_text(
        CARD.format(
            commit="0" * 40,
            accept=str(must_accept).lower(),
            files=files,
            split=hashes["small-3@1"],
            reserve=hashes["small-3@1.reserve"],
        ),
        encoding="utf-8",
    )
    return path


def write_videos(folder: Path) -> Path:
    """A video each, by id or by name."""
    make_video(folder / f"{VIDEOS['Anna1']}.mp4")
    make_video(folder / "Ben2.mkv", rate=30, size=(192, 128), sound_codec="libopus", sound_hz=48_000)
    make_video(folder / "WDA_Carl.mp4", rate=Fraction(30000, 1001))
    make_video(folder / "Talk of Dora [Dora0000004].mp4", rate=24)
    return folder
