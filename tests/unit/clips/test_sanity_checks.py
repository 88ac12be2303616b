"""Each thing that can be wrong with a clip is found under its code; what is right gives no finding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from liveact_eval.clips.clip import Clip
from liveact_eval.clips.faces import FaceOrder
from liveact_eval.clips.sanity import Finding, FrameSurvey, SanityLimits
from liveact_eval.measure.engine import Job, measure
from tests.helpers import Pixels, clip_of, moving_square, tone, write_av

RANDOM = np.random.RandomState(0)


def noise(frames: int) -> Pixels:
    return RANDOM.randint(0, 256, (frames, 64, 64, 3)).astype(np.uint8)


def black(frames: int) -> Pixels:
    return RANDOM.randint(0, 4, (frames, 64, 64, 3)).astype(np.uint8)


def frozen(frames: int) -> Pixels:
    return np.repeat(moving_square(1), frames, axis=0)


def survey(
    path: Path, limits: SanityLimits | None = None, expected_seconds: float | None = None
) -> list[Finding]:
    job = Job(
        clip=clip_of(path),
        video=path,
        metrics=[],
        limits=limits or SanityLimits(),
        expected_seconds=expected_seconds,
    )
    return measure(job).findings


def codes(found: list[Finding]) -> set[str]:
    return {finding.code for finding in found}


def test_a_good_video_has_no_finding(tmp_path: Path) -> None:
    path = write_av(tmp_path / "v.mp4", moving_square(40), sound=tone(1.6))
    assert survey(path, expected_seconds=1.6) == []


@pytest.mark.parametrize(("make", "code"), [(black, "black"), (noise, "noise"), (frozen, "frozen")])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv444p"])
def test_pictures_that_say_nothing(
    tmp_path: Path, make: Callable[[int], Pixels], code: str, pixels: str
) -> None:
    path = write_av(tmp_path / "v.mp4", make(40), sound=tone(1.6), pixels=pixels, options={"crf": "10"})
    assert code in codes(survey(path))


def test_a_few_bad_frames_are_no_finding(tmp_path: Path) -> None:
    for part in (black(12), noise(12), frozen(12)):
        pictures = np.concatenate([moving_square(20), part, moving_square(20)])
        path = write_av(tmp_path / "v.mp4", pictures, sound=tone(2.08), options={"crf": "10"})
        assert survey(path) == []


def test_no_sound(tmp_path: Path) -> None:
    found = survey(write_av(tmp_path / "v.mp4", moving_square(20)))
    assert [(finding.code, finding.rejects) for finding in found] == [("no_audio", False)]


@pytest.mark.parametrize(("seconds", "expected"), [(1.0, True), (1.5, False), (2.4, False), (2.6, True)])
def test_sound_of_another_length(tmp_path: Path, seconds: float, expected: bool) -> None:
    path = write_av(tmp_path / "v.mp4", moving_square(50), sound=tone(seconds))
    assert codes(survey(path)) == ({"sound_length"} if expected else set())


@pytest.mark.parametrize(("seconds", "expected"), [(1.4, True), (1.6, False), (2.4, False), (3.0, True)])
def test_wrong_length(tmp_path: Path, seconds: float, expected: bool) -> None:
    path = write_av(tmp_path / "v.mp4", moving_square(50), sound=tone(2))
    found = survey(path, expected_seconds=seconds)
    assert codes(found) == ({"wrong_length"} if expected else set())
    assert all(finding.rejects for finding in found)


def test_the_limits_say_what_rejects(tmp_path: Path) -> None:
    path = write_av(tmp_path / "v.mp4", frozen(20))
    assert {f.code: f.rejects for f in survey(path)} == {"frozen": False, "no_audio": False}
    limits = SanityLimits(reject=("frozen",))
    assert {f.code: f.rejects for f in survey(path, limits)} == {"frozen": True, "no_audio": False}


def test_the_black_level_can_be_set(tmp_path: Path) -> None:
    dim = np.minimum(moving_square(20) // 8, 30).astype(np.uint8)
    path = write_av(tmp_path / "v.mp4", dim, sound=tone(0.8))
    assert "black" not in codes(survey(path))
    assert "black" in codes(survey(path, SanityLimits(black_level=40)))


def test_runs_of_any_length_find_the_same() -> None:
    pictures = np.concatenate([frozen(30), moving_square(3), black(2)])
    whole, parts = FrameSurvey(SanityLimits()), FrameSurvey(SanityLimits())
    whole.add(pictures)
    for start in range(0, len(pictures), 7):
        parts.add(pictures[start : start + 7])
    assert (whole.frames, whole.black, whole.still) == (parts.frames, parts.black, parts.still)
    assert (whole.black, whole.still) == (2, 29 + 1)


def test_talkers_have_no_finding(talkers: list[Clip]) -> None:
    for clip in talkers:
        assert clip.video is not None
        job = Job(clip=clip, video=clip.video, metrics=[], faces=FaceOrder(), expected_seconds=5.0)
        assert measure(job).findings == []


@pytest.mark.parametrize("name", ["portrait_a", "portrait_b", "portrait_c", "halfbody_a"])
def test_real_clips_are_not_rejected(shared: Path, name: str) -> None:
    path = shared / "clips" / f"{name}.mp4"
    assert [finding for finding in survey(path) if finding.rejects] == []
