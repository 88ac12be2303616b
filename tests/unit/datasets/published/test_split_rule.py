"""The rule that draws splits: the same clips in the same order everywhere."""

from __future__ import annotations

import hashlib
import random
from fractions import Fraction
from pathlib import Path

import pytest

from liveact_eval.cards.dataset import DatasetCard
from liveact_eval.cards.load import load_dataset
from liveact_eval.cards.published import ConcatenateRule, SplitRule, count_substituted
from liveact_eval.datasets.published.emtd import read_emtd
from liveact_eval.datasets.published.hdtf import read_hdtf
from liveact_eval.datasets.published.long_audio import long_audios
from liveact_eval.datasets.published.order import candidates, draw
from liveact_eval.datasets.published.source_clip import SourceClip
from liveact_eval.datasets.published.splits import (
    Split,
    drawn_split,
    read_split,
    split_text,
    with_reserve,
)
from liveact_eval.errors import UserError

KEY = "liveact-eval/hdtf/v1/"
COMMITTED = ("hdtf", "hdtf-permuted", "hdtf-long", "hdtf-hour", "emtd")


def clip(name: str, video: str, speaker: str, seconds: int = 60) -> SourceClip:
    """A candidate of a video and a speaker."""
    return SourceClip(
        id=name,
        dataset="made",
        video_id=video,
        video_name=video,
        url="",
        start_s=Fraction(0),
        end_s=Fraction(seconds),
        crop_rule="upper_body",
        speaker=speaker,
    )


def by_hash(*names: str, key: str = KEY) -> list[str]:
    """The order of the rule, written down a second time."""
    return [
        name for _, name in sorted((hashlib.sha256((key + name).encode()).digest(), name) for name in names)
    ]


def test_order_is_that_of_the_hashes(hdtf: Path) -> None:
    clips = read_hdtf(hdtf)
    rule = SplitRule(key=KEY, clips=3, needs_box=True)
    eligible = [c.id for c in candidates(clips, rule)]
    # Without a crop; the same video under a second name.
    assert {c.id for c in clips} - set(eligible) == {"Radio1_0", "JamesClyburn1_0"}
    expected, speakers = [], set()
    for name in by_hash(*eligible):
        person = {"Anna": "Anna", "Kim-L": "Kim-Lee", "James": "C", "WhipJ": "C"}.get(
            name[:4] if name.startswith("Anna") else name[:5], name
        )
        if person not in speakers:
            speakers.add(person)
            expected.append(name)
    assert draw(clips, rule) == expected
    assert len(expected) == 5


def test_written_down_by_hand() -> None:
    """An order that no refactoring may change: committed lists follow from it."""
    clips = [clip(f"clip{n}", f"video{n}", f"person{n}") for n in range(6)]
    assert draw(clips, SplitRule(key="liveact-eval/made/v1/", clips=6)) == [
        *("clip3", "clip5", "clip1", "clip4", "clip2", "clip0"),
    ]


def test_order_of_candidates_does_not_matter(hdtf: Path) -> None:
    clips = read_hdtf(hdtf)
    rule = SplitRule(key=KEY, clips=3)
    shuffled = random.Random(0).sample(clips, len(clips))
    assert draw(shuffled, rule) == draw(clips, rule)
    assert draw(clips, SplitRule(key="another/", clips=3)) != draw(clips, rule)


def test_second_pass_comes_after_the_first(emtd: Path) -> None:
    clips = read_emtd(emtd)
    rule = SplitRule(key="liveact-eval/emtd/v1/", clips=2, min_seconds=4, passes=2)
    # 4.240 s less six frames are exactly 4 s; 4.239 s are less, and so are 2.21 s.
    assert [c.id for c in candidates(clips, rule)] == [
        *("000_VideoAAAAAA", "001_VideoAAAAAA", "003_VideoAAAAAA", "005_Video_CCCCC"),
    ]
    ids = draw(clips, rule)
    assert sorted(name[4:] for name in ids[:2]) == ["VideoAAAAAA", "Video_CCCCC"]
    assert len(ids) == 3
    assert ids[2].endswith("VideoAAAAAA")
    assert ids[:2] == [name for name in by_hash(*ids, key=rule.key) if name != ids[2]]


def test_a_speaker_counts_over_videos() -> None:
    clips = [clip("a", "v1", "anna"), clip("b", "v2", "anna"), clip("c", "v2", "ben")]
    assert len(draw(clips, SplitRule(key="k", clips=1))) == 2


@pytest.mark.parametrize("name", COMMITTED)
def test_committed_lists_are_what_the_cards_pin(name: str) -> None:
    card, path = load_dataset(name)
    assert card.prepared is not None
    split = read_split(card, path.parent)
    assert len(split.clips) == card.prepared.rule.clips
    assert set(split.clips).isdisjoint(split.reserve)
    content = (path.parent / f"{split.name}.txt").read_bytes()
    assert hashlib.sha256(content).hexdigest() == card.prepared.split_sha256
    assert content == split_text(split.clips).encode()
    # No other order of the same ids is the order of the rule, but for later passes.
    both = [*split.clips, *split.reserve]
    if card.prepared.rule.passes == 1:
        assert both == by_hash(*both, key=card.prepared.rule.key)


def changed_card(name: str, tmp_path: Path, content: bytes) -> DatasetCard:
    """The card with another list beside it, pinned as it is."""
    card, _ = load_dataset(name)
    assert card.prepared is not None
    (tmp_path / f"{card.prepared.split}.txt").write_bytes(content)
    pinned = {"split_sha256": hashlib.sha256(content).hexdigest(), "reserve_sha256": None}
    return card.model_copy(update={"prepared": card.prepared.model_copy(update=pinned)})


def test_changed_list_is_refused(tmp_path: Path) -> None:
    card, path = load_dataset("emtd")
    assert card.prepared is not None
    content = (path.parent / "emtd-50@1.txt").read_bytes()
    (tmp_path / "emtd-50@1.txt").write_bytes(content + b"111_extra\n")
    with pytest.raises(UserError, match=r"was changed: SHA-256 .*another split"):
        read_split(card, tmp_path)
    for wrong, message in (
        (content.replace(b"\n", b"\r\n"), "damaged"),
        (content[:-1], "damaged"),
        (content + content, "damaged"),
        (content + b"\xff\n", "no ASCII"),
        (content + b"111_extra\n", "has 51 ids, its card says 50"),
    ):
        with pytest.raises(UserError, match=message):
            read_split(changed_card("emtd", tmp_path, wrong), tmp_path)
    with pytest.raises(UserError, match=r"cannot be read.*reinstall"):
        read_split(card, tmp_path / "none")


def test_without_a_committed_list() -> None:
    card, path = load_dataset("celebvhq")
    with pytest.raises(UserError, match=r"drawn from the authors' lists.*datasets prepare celebvhq"):
        read_split(card, path.parent)
    clips = [clip(f"c{n}", f"v{n}", f"p{n}") for n in range(49)]
    rule = SplitRule(key="k", clips=50)
    assert card.prepared is not None
    loose = card.model_copy(update={"prepared": card.prepared.model_copy(update={"rule": rule})})
    with pytest.raises(UserError, match=r"takes 49 of 49 clips, expected at least 50"):
        drawn_split(loose, clips)
    split = drawn_split(loose, [*clips, clip("c49", "v49", "p49"), clip("c50", "v50", "p50")])
    assert (len(split.clips), len(split.reserve), split.name) == (50, 1, "celebvhq-50@1")


def test_reserve_stands_in_place_by_place() -> None:
    split = Split(name="made@1", clips=("a", "b", "c", "d"), reserve=("r1", "r2", "r3"))
    assert with_reserve(split, ["a", "b", "c", "d", "r1"]) == split
    found = with_reserve(split, ["a", "c", "r2", "r3"])
    assert found == Split(
        name="made@1+r2", clips=("a", "r2", "c", "r3"), reserve=("r1",), replaced=("b", "d")
    )
    # What still lacks keeps its place.
    assert with_reserve(split, ["a", "r3"]).clips == ("a", "r3", "c", "d")
    assert [count_substituted(name) for name in ("made@1", "made@1+r2")] == [0, 2]


def test_long_audio_is_all_of_one_speaker(hdtf: Path) -> None:
    rule = SplitRule(key="liveact-eval/hdtf-hour/v1/", clips=2, needs_box=True)
    long = ConcatenateRule(seconds=3600, min_own_seconds=130)
    found = long_audios(read_hdtf(hdtf), rule, long)
    assert list(found) == by_hash("JamesClyburn_long", "Anna_long", "Radio1_long", key=rule.key)
    james = found["JamesClyburn_long"]
    # The second name of the video is left out; the rest in the order of the list.
    assert [part.id for part in james.parts] == ["WhipJimClyburn_0", "JamesClyburn_0"]
    assert [float(james.own_seconds), float(james.seconds)] == [150, 3600]
    assert found["Anna_long"].own_seconds == 130
    assert "Anna_long" not in long_audios(
        read_hdtf(hdtf), rule, ConcatenateRule(seconds=9, min_own_seconds=131)
    )
