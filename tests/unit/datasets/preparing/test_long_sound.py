"""Sound of an hour from the clips of one speaker: in order, over and over, exactly as long as asked for."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from liveact_eval.clips.image import load_image
from liveact_eval.clips.sound import load_sound
from liveact_eval.datasets.preparing.driver import Preparation
from liveact_eval.datasets.preparing.local_videos import look_into
from liveact_eval.datasets.preparing.long_sound import write_repeated
from liveact_eval.datasets.preparing.obtaining import Source
from liveact_eval.datasets.preparing.verify import Expectation, verify
from liveact_eval.datasets.preparing.wanted import wanted_long
from liveact_eval.datasets.published.long_audio import LongAudio
from liveact_eval.errors import ClipError
from tests.unit.datasets.preparing.barcodes import beep_times, make_video, number_of
from tests.unit.datasets.preparing.conftest import RECIPE, Heard
from tests.unit.datasets.preparing.test_prepare_driver import clip_of, workshop


def long_of(*names: str, seconds: int = 7) -> LongAudio:
    parts = tuple(clip_of(name, start_s=Fraction(1), end_s=Fraction(3)) for name in names)
    return LongAudio(id="talk_long", speaker="talk", parts=parts, seconds=Fraction(seconds))


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    for name, moment in (("one", 1.25), ("two", 2.5)):
        make_video(tmp_path / "mine" / f"{name}.mp4", rate=25, moments=(moment,))
    return tmp_path / "mine"


def test_parts_follow_each_other_and_return(tmp_path: Path, videos: Path, heard: Heard) -> None:
    shop = workshop(tmp_path, Source(way="folder", local=look_into(videos)))
    wanted = wanted_long([long_of("one", "two")])
    (row,) = Preparation(shop=shop, wanted=wanted, retry_failed=False, listener=heard).run(1)
    assert (row.status, row.parts, row.frames, row.samples) == ("ready", ("one_0", "two_0"), 175, 7 * 16_000)
    assert row.files is not None and row.files.clip is None
    samples = load_sound(shop.folder.audio("talk_long"))
    assert samples.size == 7 * 16_000
    # 0.25 in the first part, 1.5 in the second, two seconds each, and the first again.
    assert beep_times(samples) == pytest.approx([0.25, 3.5, 4.25], abs=0.001)
    assert number_of(load_image(shop.folder.image("talk_long"))) == 25
    assert not list(shop.folder.path.rglob("*.mp4"))
    again = Heard()
    (same,) = Preparation(shop=shop, wanted=wanted, retry_failed=False, listener=again).run(1)
    assert same == row
    assert (again.totals, again.rows) == ([(1, 1)], [])
    expected = Expectation(
        recipe=RECIPE,
        split=("talk_long",),
        known=frozenset({"talk_long"}),
        identities={"talk_long": wanted[0].identity(RECIPE)},
    )
    assert verify(shop.folder, expected, lambda clip, of: None).damages == ()
    shop.folder.audio("talk_long").write_bytes(shop.folder.audio("talk_long").read_bytes()[:-2])
    assert {damage.code for damage in verify(shop.folder, expected, lambda clip, of: None).damages} == {
        "changed_file",
        "wrong_length",
    }


def test_missing_part_leaves_nothing_out(tmp_path: Path, videos: Path, heard: Heard) -> None:
    shop = workshop(tmp_path, Source(way="folder", local=look_into(videos)))
    wanted = wanted_long([long_of("one", "absent", "two")])
    (row,) = Preparation(shop=shop, wanted=wanted, retry_failed=False, listener=heard).run(1)
    assert (row.status, row.reason) == ("todo", "not_in_folder")
    assert heard.videos == ["one", "absent"]


def test_length_and_parts_are_its_identity() -> None:
    kinds = (long_of("one", "two"), long_of("two", "one"), long_of("one"), long_of("one", "two", seconds=8))
    assert len({one.identity(RECIPE) for one in wanted_long(kinds)}) == 4


def test_repeated_sound_is_cut_to_the_sample(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_repeated(path, [np.arange(5, dtype=np.int16), np.arange(10, 13, dtype=np.int16)], 10)
    with wave.open(str(path)) as sound:
        assert np.frombuffer(sound.readframes(99), "<i2").tolist() == [0, 1, 2, 3, 4, 10, 11, 12, 0, 1]
    with pytest.raises(ClipError, match="no_audio"):
        write_repeated(path, [np.zeros(0, np.int16)], 10)
