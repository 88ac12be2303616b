"""The list of EMTD: CSV under another name."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from liveact_eval.datasets.published.emtd import LIST, read_emtd
from liveact_eval.errors import UserError

HEAD = "URL,Start Timecode,End Timecode\n"
URL = "https://www.youtube.com/watch?v=VideoAAAAAA"


def test_rows(emtd: Path) -> None:
    clips = read_emtd(emtd, "talk")
    assert [clip.id for clip in clips] == [
        *("000_VideoAAAAAA", "001_VideoAAAAAA", "002_-ideoBBBBBB"),
        *("003_VideoAAAAAA", "004_VideoAAAAAA", "005_Video_CCCCC"),
    ]
    assert {clip.url for clip in clips[:2]} == {URL}
    first = clips[0]
    assert (first.start_s, first.end_s) == (Fraction("54.716"), Fraction("61.441"))
    assert (first.crop_rule, first.crop, first.speaker, first.prompt) == (
        "upper_body",
        None,
        "VideoAAAAAA",
        "talk",
    )
    assert "00:00:54.596 to 00:01:01.561" in first.notes[0]
    assert clips[2].start_s == 3600 + Fraction("0.12")


def test_byte_order_mark_and_windows_lines(emtd: Path) -> None:
    before = read_emtd(emtd)
    content = (emtd / LIST).read_bytes()
    (emtd / LIST).write_bytes(b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n").rstrip())
    assert read_emtd(emtd) == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"line 1: the heading ''"),
        ("URL,Start,End\n", r"the heading 'URL,Start,End'; expected URL,Start Timecode,End Timecode"),
        (f"{HEAD}{URL},00:00:01.000\n", r"line 2: 2 cells"),
        (f"{HEAD}\n{URL},00:00:01.000,1:02\n", r"line 3: '1:02' is no time; expected HH:MM:SS\.mmm"),
        (f"{HEAD}{URL},00:00:01.000,00:00:01.240\n", r"later than the start by more than six frames"),
        (f"{HEAD}https://youtu.be/VideoAAAAAA,00:00:01.000,00:00:09.000\n", r"names no video"),
        (f"{HEAD}https://[x?v=VideoAAAAAA,00:00:01.000,00:00:09.000\n", r"line 2: .*names no video"),
        (f"{HEAD}{'x' * 200_000}\n", r"line 2: no CSV: field larger"),
    ],
)
def test_what_is_not_as_published(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / LIST).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read_emtd(tmp_path)
