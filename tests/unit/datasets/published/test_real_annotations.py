"""The real lists, where LIVEACT_EVAL_ANNOTATIONS names a folder with `hdtf/` and `emtd/` in it."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from liveact_eval.cards.load import load_dataset
from liveact_eval.datasets.published.annotation_files import find_annotations
from liveact_eval.datasets.published.catalogue import source_clips
from liveact_eval.datasets.published.hdtf import read_subset
from liveact_eval.datasets.published.splits import drawn_split, read_split, split_text

VARIABLE = "LIVEACT_EVAL_ANNOTATIONS"
# Videos with an address, with intervals, clips, crops, crop ratios, clips of a minute, hours.
HDTF = {
    "RD": (57, 56, 66, 64, 64, 40, 1.20),
    "WDA": (183, 183, 195, 189, 189, 174, 11.10),
    "WRA": (130, 130, 175, 168, 168, 83, 4.77),
}
WITHOUT_CROP = {
    *("Radio15_0", "Radio6_0", "ByronDorgan0_0", "DeanPhillips_0", "JeffMerkley0_0", "JimMcGovern1_0"),
    *("JimMcGovern_0", "LindaSnchez_0", "BillCassidy_0", "CandiceMiller_0", "DuncanHunter_1"),
    *("JaimeHerreraBeutler_0", "KevinBrady0_0", "MittRomney_1", "RudyGiuliani_0"),
}


@pytest.fixture(scope="module")
def lists() -> Path:
    """Folder of the real lists."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip(f"{VARIABLE} names no folder with the published lists")
    return Path(folder)


def test_counts_of_hdtf(lists: Path) -> None:
    card, _ = load_dataset("hdtf")
    folder = find_annotations(card, lists / "hdtf")
    for name, expected in HDTF.items():
        subset = read_subset(folder, name)
        lengths = [end - start for found in subset.intervals.values() for start, end in found]
        assert expected == (
            *(len(subset.videos), len(subset.intervals), len(lengths), len(subset.boxes), len(subset.ratios)),
            *(sum(length >= 60 for length in lengths), round(sum(lengths) / 3600, 2)),
        )
    clips = source_clips(card, lists / "hdtf")
    assert (len(clips), sum(clip.crop is not None for clip in clips)) == (436, 421)
    assert {clip.id for clip in clips if clip.crop is None} == WITHOUT_CROP
    assert [clip.id for clip in clips if clip.duplicate_of] == ["JamesClyburn1_0"]
    assert {clip.id for clip in clips if clip.crop is not None and clip.notes} == {
        *("MaggieHassan_0", "MazieHirono1_0", "PeterKing_0", "KevinMcCarthy1_0", "KevinMcCarthy1_1"),
    }
    # In the file that begins with a byte-order mark.
    assert any(clip.video_name == "CarolynMaloney2" for clip in clips)


def test_counts_of_emtd(lists: Path) -> None:
    card, _ = load_dataset("emtd")
    clips = source_clips(card, lists / "emtd")
    assert (len(clips), len({clip.video_id for clip in clips})) == (110, 39)
    split = read_split(card, load_dataset("emtd")[1].parent)
    videos = Counter(clip[4:] for clip in split.clips)
    assert (len(videos), max(videos.values())) == (36, 2)
    # The first pass takes each video once.
    assert len({clip[4:] for clip in split.clips[:36]}) == 36


@pytest.mark.parametrize("name", ["hdtf", "hdtf-permuted", "hdtf-long", "hdtf-hour", "emtd"])
def test_committed_lists_follow_from_the_real_ones(lists: Path, name: str) -> None:
    card, path = load_dataset(name)
    assert card.prepared is not None
    split = drawn_split(card, source_clips(card, lists / card.prepared.annotations))
    for file, ids in ((split.name, split.clips), (card.prepared.reserve, split.reserve)):
        assert (path.parent / f"{file}.txt").read_bytes() == split_text(ids).encode()
