"""The fifteen lists of HDTF, with everything that is irregular in them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from liveact_eval.datasets.published.hdtf import read_hdtf, read_subset, speaker_of
from liveact_eval.datasets.published.source_clip import PixelBox
from liveact_eval.errors import UserError


def test_counts(hdtf: Path) -> None:
    found = {}
    for name in ("RD", "WDA", "WRA"):
        subset = read_subset(hdtf, name)
        clips = sum(map(len, subset.intervals.values()))
        found[name] = (
            len(subset.videos),
            len(subset.intervals),
            clips,
            len(subset.boxes),
            len(subset.ratios),
        )
    assert found == {"RD": (2, 1, 2, 1, 1), "WDA": (5, 5, 5, 5, 5), "WRA": (2, 2, 3, 3, 3)}


def test_clips(hdtf: Path) -> None:
    clips = {clip.id: clip for clip in read_hdtf(hdtf, "A person is talking.")}
    assert list(clips) == [
        *("Radio1_0", "Radio1_1", "Anna1_0", "Anna2_0", "WhipJimClyburn_0", "JamesClyburn1_0"),
        *("JamesClyburn_0", "Kim-Lee1_0", "Kim-Lee1_1", "Zero_0"),
    ]
    late = clips["Radio1_1"]
    assert (late.start_s, late.end_s, late.seconds) == (Fraction(120), Fraction(730), Fraction(610))
    assert (late.crop, late.crop_ratio, late.listed_height) == (
        PixelBox(x=483, y=0, width=390, height=390),
        1.0,
        720,
    )
    assert (late.crop_rule, late.notes, late.prompt, late.subset) == (
        "pixels",
        (),
        "A person is talking.",
        "RD",
    )
    # Behind the byte-order mark; an id that begins with a dash.
    anna = clips["Anna2_0"]
    assert (anna.video_id, anna.url) == ("-nna0000002", "https://www.youtube.com/watch?v=-nna0000002")
    assert clips["JamesClyburn1_0"].url == "https://www.youtube.com/watch?v=gh3YqnvNdio"


def test_crops_that_cannot_be_used_as_they_are(hdtf: Path) -> None:
    clips = {clip.id: clip for clip in read_hdtf(hdtf)}
    rules = {clip.id: (clip.crop_rule, clip.listed_height) for clip in clips.values() if clip.notes}
    assert rules == {"Radio1_0": ("face", 720), "Anna1_0": ("pixels", 720), "Zero_0": ("face", None)}
    assert "no crop" in clips["Radio1_0"].notes[0]
    assert "line 791 of 720" in clips["Anna1_0"].notes[0]
    assert clips["Zero_0"].crop is not None


def test_one_video_under_two_names(hdtf: Path) -> None:
    doubled = {clip.id: clip.duplicate_of for clip in read_hdtf(hdtf) if clip.duplicate_of is not None}
    assert doubled == {"JamesClyburn1_0": "WhipJimClyburn"}


@pytest.mark.parametrize(
    ("subset", "video", "speaker"),
    [
        ("RD", "Radio34", "Radio34"),
        ("WDA", "AmyKlobuchar1", "AmyKlobuchar"),
        ("WRA", "AdamKinzinger", "AdamKinzinger"),
        ("WDA", "JamesClyburn1", "JamesClyburn"),
        ("WDA", "WhipJimClyburn", "JamesClyburn"),
    ],
)
def test_speakers(subset: str, video: str, speaker: str) -> None:
    assert speaker_of(subset, video) == speaker


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("annotion_time", "Radio1.mp4 00:20-01:35 1:99-2:00", r"line 1: '1:99-2:00' is no interval.*MM:SS"),
        ("annotion_time", "\nRadio1.mp4 00:20-00:20", r"line 2: .*ends before it begins"),
        ("annotion_time", "Radio1.mp4 ", r"line 1: no interval"),
        ("annotion_time", "Radio9.mp4 00:20-01:35", r"intervals of 1 names that have no address, 'Radio9'"),
        ("video_url", "Radio1 https://www.youtube.com/watch?t=6", r"names no video"),
        ("video_url", "Radio1 https://www.youtube.com/watch?v=short", r"names no video"),
        ("video_url", "Radio1", r"0 words after the name"),
        ("video_url", "../x https://www.youtube.com/watch?v=Radio000001", r"'\.\./x' is no name"),
        ("crop_wh", "Radio1_1.mp4 1 2 3", r"line 1: '1 2 3' after the name; expected 4 whole numbers"),
        ("crop_wh", "Radio1_1.mp4 1 0 3 0", r"a crop without size"),
        ("crop_wh", "Radio1_7.mp4 1 2 3 2", r"crops of 1 names that have no interval, 'Radio1_7'"),
        ("crop_wh", f"Radio1_1.mp4 1 {'9' * 5000} 3 4", r"expected 4 whole numbers"),
        ("crop_ratio", "Radio1_1.mp4 0", r"one factor such as 1\.2"),
        ("resolution", "Radio1.mp4 720\nRadio1.mp4 720", r"line 2: 'Radio1' is here for the second time"),
    ],
)
def test_what_is_not_as_published(hdtf: Path, name: str, text: str, message: str) -> None:
    (hdtf / f"RD_{name}.txt").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read_hdtf(hdtf)


def test_files_that_cannot_be_read(hdtf: Path) -> None:
    (hdtf / "WRA_resolution.txt").write_bytes(b"Kim\xff 720")
    with pytest.raises(UserError, match=r"WRA_resolution\.txt: byte 3 is no UTF-8"):
        read_hdtf(hdtf)
    (hdtf / "WRA_resolution.txt").unlink()
    with pytest.raises(UserError, match=r"WRA_resolution\.txt: cannot be read.*--annotations"):
        read_hdtf(hdtf)
