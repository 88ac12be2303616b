"""A cut clip has exactly what is promised: frames, rate, size, samples, and picture and sound at the same moment."""

from __future__ import annotations

import wave
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liveact_eval.cards.protocol import Encoding, Protocol
from liveact_eval.clips.image import load_image
from liveact_eval.clips.sound import load_sound
from liveact_eval.datasets.preparing.cutting import CutClip, cut, luma_by_second, resize
from liveact_eval.datasets.preparing.recipe import CutRecipe, identity, recipe_of, window_of
from liveact_eval.datasets.preparing.rows import Box
from liveact_eval.datasets.published.layout import PreparedFolder
from liveact_eval.datasets.published.source_clip import PixelBox, RelativeBox, SourceClip
from liveact_eval.errors import ClipError, UserError
from liveact_eval.networks.provider import Networks
from tests.helpers import read_all
from tests.unit.datasets.preparing.barcodes import beep_times, flashes, make_video, number_of, source_clip
from tests.unit.datasets.preparing.conftest import RECIPE


def made(
    tmp_path: Path, video: Path, clip: SourceClip, recipe: CutRecipe = RECIPE
) -> tuple[CutClip, PreparedFolder]:
    folder = PreparedFolder(tmp_path / "prepared")
    return cut(clip, video, recipe, folder, Networks(mode="seeded")), folder


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(25), Fraction(50)])
@pytest.mark.parametrize("start", [Fraction(0), Fraction(3, 2)])
def test_clip_is_exactly_what_is_promised(tmp_path: Path, rate: Fraction, start: Fraction) -> None:
    video = make_video(tmp_path / "v.mp4", rate=rate)
    clip = source_clip(start_s=start, end_s=start + 5)
    result, folder = made(tmp_path, video, clip)
    frames, samples = read_all(folder.clip(clip.id))
    assert [frame.time for frame in frames] == [Fraction(n, 25) for n in range(25)]
    assert {frame.rgb.shape for frame in frames} == {(48, 48, 3)}
    with wave.open(str(folder.audio(clip.id))) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (16_000, 1, 2)
        assert sound.getnframes() == 16_000
    assert np.array_equal(load_sound(folder.audio(clip.id)), samples)
    # Flash and beep at the whole second: frame and millisecond.
    second = Fraction(0) if start == 0 else Fraction(1, 2)
    lit = [n for n, frame in enumerate(frames) if flashes(frame.rgb)]
    assert abs(lit[0] - second * 25) < 1
    assert abs(beep_times(samples)[0] - second) <= 0.001
    first = load_image(folder.image(clip.id))
    assert first.shape == (48, 48, 3)
    assert np.abs(first.astype(int) - frames[0].rgb).mean() < 3
    assert number_of(first) == number_of(frames[0].rgb)
    assert (result.window.frames, result.window.samples, result.silent_samples) == (25, 16_000, 0)
    assert len(result.mean_luma) == 1
    assert result.mean_luma[0] == pytest.approx(np.mean([frame.rgb.mean() for frame in frames]), abs=2)


def test_the_size_of_papers(tmp_path: Path) -> None:
    video = make_video(tmp_path / "v.mp4", size=(480, 360), seconds=0.6, moments=(0.2,))
    clip = source_clip(
        crop=PixelBox(x=60, y=0, width=360, height=360), listed_height=360, end_s=Fraction(2, 5)
    )
    result, folder = made(tmp_path, video, clip, CutRecipe())
    frames, samples = read_all(folder.clip(clip.id))
    assert (len(frames), frames[0].rgb.shape, samples.size) == (10, (512, 512, 3), 6_400)
    assert [number_of(frame.rgb) for frame in frames] == list(range(10))
    assert [flashes(frame.rgb) for frame in frames] == [n == 5 for n in range(10)]
    assert beep_times(samples) == pytest.approx([0.2], abs=0.001)
    assert load_image(folder.image(clip.id)).shape == (512, 512, 3)
    assert result.box.method == "listed"


def test_pictures_are_near_lossless(tmp_path: Path) -> None:
    video = make_video(tmp_path / "v.mkv", codec="ffv1", pixels="bgr0", options={}, sound_codec="flac")
    clip = source_clip()
    _, folder = made(tmp_path, video, clip, replace(RECIPE, size=(64, 64), encoding=Encoding()))
    frames, _ = read_all(folder.clip(clip.id))
    (plain, _) = read_all(video, rate=Fraction(25), seconds=1)
    for ours, source in zip(frames, plain, strict=True):
        assert np.abs(ours.rgb.astype(int) - source.rgb[:, 16:80]).mean() < 4


def test_cut_by_relative_box(tmp_path: Path) -> None:
    video = make_video(tmp_path / "v.mp4")
    relative = RelativeBox(top=0.02, bottom=0.98, left=0.16, right=0.84)
    result, _ = made(tmp_path, video, source_clip(crop=None, crop_rule="normalised", relative_box=relative))
    assert (result.box.x, result.box.y, result.box.width, result.box.method) == (16, 0, 64, "normalised")


@pytest.mark.parametrize(("rule", "method"), [("face", "face"), ("upper_body", "upper_body")])
def test_cut_around_the_face_that_a_detector_finds(tmp_path: Path, rule: Any, method: str) -> None:
    # The stand-in for YuNet finds one face in the middle, half as high as the picture.
    video = make_video(tmp_path / "v.mp4", size=(128, 96), moments=())
    clip = source_clip(crop=None, crop_rule=rule, crop_ratio=1.5, end_s=Fraction(1, 2))
    result, _ = made(tmp_path, video, clip)
    assert result.box.method == method
    if rule == "face":
        assert (result.box.x, result.box.y, result.box.width, result.box.height) == (28, 12, 72, 72)
    else:
        assert (result.box.x, result.box.y, result.box.width, result.box.height) == (16, 0, 96, 96)


def test_sound_that_lacks_more_than_a_tenth_of_a_second_refuses_the_clip(tmp_path: Path) -> None:
    from tests.helpers import moving_square, tone, write_av

    clip = source_clip(end_s=Fraction(1))
    ends = {0.95: None, 0.8: "sound_too_short"}
    for seconds, reason in ends.items():
        video = write_av(tmp_path / "v.mp4", moving_square(50, (96, 64)), sound=tone(seconds))
        if reason is None:
            result, _ = made(tmp_path, video, clip)
            assert result.silent_samples == 800
        else:
            with pytest.raises(ClipError, match=reason):
                made(tmp_path, video, clip)


def test_failure_leaves_no_video(tmp_path: Path) -> None:
    video = make_video(tmp_path / "v.mp4", seconds=3.0, times=[Fraction(n, 25) for n in range(20)])
    with pytest.raises(ClipError, match="too_short"):
        made(tmp_path, video, source_clip())
    assert not [path for path in (tmp_path / "prepared").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (Fraction(10), Fraction(60), (250, 160_000)),
        (Fraction("1.234"), Fraction("4.478"), (81, 51_840)),
        (Fraction(0), Fraction("0.04"), (1, 640)),
    ],
)
def test_window_is_the_first_seconds_in_whole_frames(
    start: Fraction, end: Fraction, expected: tuple[int, int]
) -> None:
    window = window_of(source_clip(start_s=start, end_s=end), CutRecipe())
    assert (window.frames, window.samples) == expected
    assert window.end <= end


@pytest.mark.parametrize(
    ("start", "end"), [(None, None), (Fraction(3), Fraction(3)), (Fraction(-1), Fraction(3))]
)
def test_clip_without_a_usable_interval_is_refused(start: Any, end: Any) -> None:
    with pytest.raises(ClipError, match="no_interval"):
        window_of(source_clip(start_s=start, end_s=end), CutRecipe())


def test_identity_is_of_interval_crop_and_recipe_only() -> None:
    clip = source_clip()
    same = [replace(clip, prompt="x"), replace(clip, speaker="y"), replace(clip, url="https://z.example")]
    assert {identity(one, RECIPE) for one in same} == {identity(clip, RECIPE)}
    others = [
        identity(source_clip(end_s=Fraction(1)), RECIPE),
        identity(source_clip(crop=PixelBox(x=0, y=0, width=64, height=64)), RECIPE),
        identity(source_clip("talk_1"), RECIPE),
        identity(clip, replace(RECIPE, size=(64, 64))),
        identity(clip, replace(RECIPE, encoding=Encoding(crf=5))),
        identity(clip, RECIPE),
    ]
    assert len(set(others)) == len(others)


def test_recipe_of_a_protocol() -> None:
    protocol = Protocol(name="p", version=1, fps=25, size=(512, 512), clip_seconds=10)
    assert recipe_of(protocol) == CutRecipe()
    with pytest.raises(UserError, match="size or fps open"):
        recipe_of(protocol.model_copy(update={"size": None}))
    with pytest.raises(UserError, match="crf is 18, expected at most 12"):
        recipe_of(protocol.model_copy(update={"encoding": Encoding(crf=18)}))


def test_resize_looks_at_nothing_beyond_the_box() -> None:
    rgb = np.full((40, 40, 3), 255, np.uint8)
    rgb[10:30, 10:30] = 100
    small = resize(rgb, Box(x=10, y=10, width=20, height=20, method="listed"), (8, 8))
    assert (small == 100).all()


def test_luma_by_second_takes_a_short_last_second() -> None:
    assert luma_by_second([1.0, 3.0, 10.0], Fraction(2)) == (2.0, 10.0)
