"""The JSON file of CelebV-HQ."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from liveact_eval.datasets.published.celebvhq import LIST, read_celebvhq
from liveact_eval.datasets.published.source_clip import RelativeBox
from liveact_eval.errors import UserError

BOX = {"top": 0.0, "bottom": 0.8815, "left": 0.1964, "right": 0.6922}


def listed(video: str, start: float, end: float, **changes: Any) -> dict[str, Any]:
    """One clip of the file, with what nothing here reads."""
    times = {"start_sec": start, "end_sec": end}
    rest = {"attributes": {"appearance": [0, 1]}, "version": "v0.1"}
    return {"ytb_id": video, "duration": times, "bbox": BOX} | rest | changes


def write(folder: Path, clips: dict[str, Any]) -> Path:
    """The file with these clips."""
    content = {"meta_info": {"appearance_mapping": ["Blurry"]}, "clips": clips}
    (folder / LIST).write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_clips(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        {
            "M2Ohb0FAaJU_1": listed("M2Ohb0FAaJU", 81.62, 86.179),
            # Underscores and dashes inside and at the start of the id.
            "_0tf2n3_lJU_0": listed("_0tf2n3_lJU", 52.72, 56.1),
            "-abcdefghi__12": listed("-abcdefghi_", 0.29, 4),
        },
    )
    clips = read_celebvhq(folder, "talk")
    assert [(clip.id, clip.video_id) for clip in clips] == [
        ("M2Ohb0FAaJU_1", "M2Ohb0FAaJU"),
        ("_0tf2n3_lJU_0", "_0tf2n3_lJU"),
        ("-abcdefghi__12", "-abcdefghi_"),
    ]
    # Hundredths by cutting off, exactly: 0.29 is 0.28999... in binary.
    assert [(clip.start_s, clip.end_s) for clip in clips] == [
        (Fraction("81.62"), Fraction("86.17")),
        (Fraction("52.72"), Fraction("56.1")),
        (Fraction("0.29"), Fraction(4)),
    ]
    assert clips[0].relative_box == RelativeBox(top=0.0, bottom=0.8815, left=0.1964, right=0.6922)
    assert clips[0].crop_rule == "normalised"


@pytest.mark.parametrize(
    ("clips", "message"),
    [
        (
            {"M2Ohb0FAaJU_1": listed("M2Ohb0FAaJX", 1, 2)},
            r"the clip 'M2Ohb0FAaJU_1' of the video 'M2Ohb0FAaJX'",
        ),
        ({"../../../etc_1": listed("../../../etc", 1, 2)}, r"expected the video's id"),
        ({"M2Ohb0FAaJU_1": listed("M2Ohb0FAaJU", 2, 2)}, r"is empty"),
        ({"M2Ohb0FAaJU_1": listed("M2Ohb0FAaJU", 1, 2, bbox=BOX | {"top": 0.9})}, r"is empty"),
        (
            {"M2Ohb0FAaJU_1": listed("M2Ohb0FAaJU", 1, 2, bbox=BOX | {"right": 1.5})},
            r"clips\.M2Ohb0FAaJU_1\.bbox",
        ),
        ({"M2Ohb0FAaJU_1": {"ytb_id": "M2Ohb0FAaJU"}}, r"duration: Field required \(2 such in all\)"),
    ],
)
def test_what_is_not_as_published(tmp_path: Path, clips: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_celebvhq(write(tmp_path, clips))


def test_no_json(tmp_path: Path) -> None:
    (tmp_path / LIST).write_text("version https://git-lfs", encoding="utf-8")
    with pytest.raises(UserError, match=r"celebvhq_info\.json: the file: Invalid JSON"):
        read_celebvhq(tmp_path)
