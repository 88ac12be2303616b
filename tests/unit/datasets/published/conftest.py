"""Small lists that hold every irregularity of the published ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from liveact_eval.datasets.published.emtd import LIST

BOM = b"\xef\xbb\xbf"
WATCH = "https://www.youtube.com/watch?v="
RD = {
    # Radio2 has no interval; its address has a time.
    "video_url": f"Radio1 {WATCH}Radio000001\nRadio2 {WATCH}Radio000002&t=6s\n",
    # Two intervals, and spaces between and after them.
    "annotion_time": "Radio1.mp4 00:20-01:35  02:00-12:10 \n",
    "resolution": "Radio1.mp4 720\nRadio2.mp4 2160\n",
    # Radio1_0 has no crop: the index of the other is that in the line of intervals.
    "crop_wh": "Radio1_1.mp4 483 390 0 390\n",
    "crop_ratio": "Radio1_1.mp4 1.0\n",
}
WDA = {
    # A byte-order mark, no final newline, one video under two names, of one person under three.
    "video_url": f"Anna2 {WATCH}-nna0000002\nWhipJimClyburn {WATCH}gh3YqnvNdio\nAnna1 {WATCH}Anna0000001\n"
    f"JamesClyburn1 {WATCH}gh3YqnvNdio&t=5s\nJamesClyburn {WATCH}James000001",
    "annotion_time": "Anna1.mp4 00:05-01:15\nAnna2.mp4 00:00-01:00\nWhipJimClyburn.mp4 00:01-00:31\n"
    "JamesClyburn1.mp4 00:01-00:41\nJamesClyburn.mp4 00:10-02:10",
    "resolution": "Anna1.mp4 720\nAnna2.mp4 1080\nWhipJimClyburn.mp4 720\nJamesClyburn1.mp4 720\n"
    "JamesClyburn.mp4 360\n",
    # The crop of Anna1 reaches below the frame.
    "crop_wh": "Anna1_0.mp4 342 591 200 591\nAnna2_0.mp4 608 726 0 726\nWhipJimClyburn_0.mp4 10 400 0 400\n"
    "JamesClyburn1_0.mp4 10 400 0 400\nJamesClyburn_0.mp4 10 300 0 300\n",
    "crop_ratio": "Anna1_0.mp4 1.2\nAnna2_0.mp4 1.2\nWhipJimClyburn_0.mp4 1.1\nJamesClyburn1_0.mp4 1.1\n"
    "JamesClyburn_0.mp4 0.75\n",
}
WRA = {
    "video_url": f"Kim-Lee1 {WATCH}KimLee00001\nZero {WATCH}Zero0000001",
    # Windows line ends, a tab, a blank line.
    "annotion_time": "Kim-Lee1.mp4\t00:22-00:45 01:05-01:20 \r\n\r\nZero.mp4 00:00-00:10\r\n",
    # A height of 0, with a crop.
    "resolution": "Kim-Lee1.mp4 720\nZero.mp4 0\n",
    "crop_wh": "Kim-Lee1_0.mp4 1 459 14 459\nKim-Lee1_1.mp4 2 465 0 465\nZero_0.mp4 3 300 0 300\n",
    "crop_ratio": "Kim-Lee1_0.mp4 1.2\nKim-Lee1_1.mp4 1.2\nZero_0.mp4 1.2\n",
}
HDTF = {"RD": RD, "WDA": WDA, "WRA": WRA}
EMTD = f"""URL,Start Timecode,End Timecode
{WATCH}VideoAAAAAA,00:00:54.596,00:01:01.561
{WATCH}VideoAAAAAA&t=355s,00:02:04.207,00:02:14.207
https://www.youtube.com/watch?app=desktop&v=-ideoBBBBBB,01:00:00.000,01:00:02.210
{WATCH}VideoAAAAAA,00:03:00.000,00:03:04.240
{WATCH}VideoAAAAAA,00:04:00.000,00:04:04.239
{WATCH}Video_CCCCC,00:05:00.000,00:06:15.100
"""


@pytest.fixture
def hdtf(tmp_path: Path) -> Path:
    """A folder of fifteen lists."""
    folder = tmp_path / "hdtf"
    folder.mkdir()
    for subset, files in HDTF.items():
        for name, text in files.items():
            mark = BOM if (subset, name) == ("WDA", "video_url") else b""
            (folder / f"{subset}_{name}.txt").write_bytes(mark + text.encode())
    return folder


@pytest.fixture
def emtd(tmp_path: Path) -> Path:
    """A folder with the one list."""
    folder = tmp_path / "emtd"
    folder.mkdir()
    (folder / LIST).write_bytes(EMTD.encode())
    return folder
