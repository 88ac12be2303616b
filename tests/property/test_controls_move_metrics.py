"""Each control moves each metric the way that it must; the real clip is the perfect score."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from liveact_eval.cards.load import load_model
from liveact_eval.cards.model import ControlSpec
from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.clip import Clip
from liveact_eval.clips.encode import write_video
from liveact_eval.clips.faces import FaceOrder
from liveact_eval.generators.build import build_generator
from liveact_eval.generators.controls import ControlGenerator
from liveact_eval.measure.engine import Job, Measurement, measure
from liveact_eval.metrics.base import Missing
from liveact_eval.metrics.registry import select
from tests.helpers import clip_of, read_all

ENCODING = Encoding(crf=4)
OFFLINE = {metric.name: metric for metric in select(["all-offline"]) if not metric.networks}
PICTURES = [name for name in OFFLINE if not name.startswith(("delta_e", "av_offset"))]
Make = Callable[..., Measurement]


@pytest.fixture(params=[0, 1])
def clip(request: pytest.FixtureRequest, talkers: list[Clip]) -> Clip:
    return talkers[int(request.param)]


@pytest.fixture
def made(clip: Clip, tmp_path: Path) -> Make:
    """Makes a control of the clip and measures it."""
    count = itertools.count()

    def make(metrics: list[str], of: Clip = clip, **fields: object) -> Measurement:
        generator = ControlGenerator(ControlSpec.model_validate(fields), ENCODING)
        video = generator.generate(of, tmp_path / f"{next(count)}.mp4", 0)
        return measure(Job(clip=of, video=video.video, metrics=select(metrics), faces=video.faces))

    return make


def value(measured: Measurement, name: str) -> float:
    found = next(score.values[name] for score in measured.scores.values() if name in score.values)
    assert isinstance(found, float), found
    return found


def rising(numbers: list[float]) -> bool:
    return all(a < b for a, b in itertools.pairwise(numbers))


def test_real_is_perfect(clip: Clip, made: Make) -> None:
    measured = made(["all-offline"], replace(clip, seconds=2), effect="real")
    for metric in OFFLINE.values():
        for output in metric.outputs:
            # Real clips do drift in colour and flicker by moving: only what compares with them is perfect.
            if output.best is not None and not output.name.startswith(
                ("delta_e", "temporal", "mouth", "sharp")
            ):
                assert value(measured, output.name) == pytest.approx(output.best, abs=1e-6), output.name
    assert value(measured, "mouth_correlation") > 0.9


@pytest.mark.parametrize("frames", [-7, -4, -1, 0, 1, 5, 7])
def test_shift_moves_the_offset_by_exactly_as_much(made: Make, frames: int) -> None:
    measured = made(["av_offset"], effect="shift", frames=frames)
    assert value(measured, "av_offset_frames") == frames
    assert value(measured, "av_offset_abs_frames") == abs(frames)


def test_shift_leaves_the_picture_alone(clip: Clip, made: Make) -> None:
    short = replace(clip, seconds=2)
    real, shifted = (
        made(["all-offline"], short, effect="real"),
        made(["all-offline"], short, effect="shift", frames=5),
    )
    for name, score in real.scores.items():
        if name != "av_offset":
            assert shifted.scores[name].values == score.values, name
    assert value(shifted, "mouth_correlation") == value(real, "mouth_correlation")


def test_stronger_blur_is_less_sharp_and_less_alike(made: Make) -> None:
    runs = [made(["sharpness", "psnr", "ssim"], effect="blur", sigma=sigma) for sigma in (0, 0.8, 1.6, 3.2)]
    for name in ("sharpness", "psnr_db", "ssim"):
        assert rising([-value(run, name) for run in runs]), name


def test_stronger_noise_differs_more(made: Make) -> None:
    names = ["adjacent", "psnr", "ssim", "temporal_flickering", "sharpness"]
    runs = [made(names, effect="noise", sigma=sigma) for sigma in (0, 4, 12, 30)]
    for name in ("adjacent_mae", "sharpness"):
        assert rising([value(run, name) for run in runs]), name
    for name in ("psnr_db", "ssim", "temporal_flickering", "adjacent_ssim"):
        assert rising([-value(run, name) for run in runs]), name


def test_stronger_noise_drifts_more(clip: Clip, made: Make) -> None:
    runs = [
        made(["delta_e_frame", "delta_e_face"], replace(clip, seconds=1), effect="noise", sigma=sigma)
        for sigma in (0, 12, 30)
    ]
    for name in ("delta_e_frame_pixel_total", "delta_e_face_pixel_total"):
        assert rising([value(run, name) for run in runs]), name


def test_freeze_is_half_frozen(made: Make) -> None:
    measured = made(["repetition", "psnr"], effect="freeze", start=0.5)
    assert value(measured, "frozen_share") == pytest.approx(0.5, abs=0.02)
    # Frame 62 of 125 is held to the end.
    assert value(measured, "longest_freeze_s") == pytest.approx(62 / 25, abs=0.041)
    assert value(measured, "loop_share") == 0
    assert value(measured, "psnr_db") < 100


def test_still_does_not_move(made: Make, clip: Clip) -> None:
    measured = made(["repetition", "adjacent", "av_offset", "temporal_flickering"], effect="still")
    assert value(measured, "frozen_share") > 0.95
    assert value(measured, "adjacent_mae") < 0.1
    assert value(measured, "temporal_flickering") > 0.999
    offset = measured.scores["av_offset"].values
    assert {found.reason for found in offset.values() if isinstance(found, Missing)} == {"no_mouth_motion"}
    assert [finding.code for finding in measured.findings] == ["frozen"]
    drift = made(["delta_e_face"], replace(clip, seconds=1), effect="still")
    assert value(drift, "delta_e_face_pixel_total") < 0.3


@pytest.mark.parametrize(("period", "crf"), [(15, 10), (25, 4), (25, 10), (25, 18), (50, 10)])
def test_a_loop_is_found(clip: Clip, tmp_path: Path, period: int, crf: int) -> None:
    assert clip.video is not None
    pictures = [frame.rgb for frame in read_all(clip.video, seconds=period / 25, sound=False)[0]]
    assert len(pictures) == period
    path = tmp_path / "loop.mp4"
    write_video(path, (pictures * 9)[:125], size=(64, 64), rate=Fraction(25), encoding=Encoding(crf=crf))
    measured = measure(Job(clip=clip_of(None), video=path, metrics=select(["repetition"])))
    assert value(measured, "loop_share") > 0.99
    assert value(measured, "frozen_share") < 0.5


def test_real_does_not_loop(made: Make) -> None:
    measured = made(["repetition"], effect="real")
    assert (value(measured, "loop_share"), value(measured, "longest_freeze_s")) == (0, 0)


def test_the_shipped_cards_do_what_they_say(clip: Clip, tmp_path: Path) -> None:
    offsets = {}
    for name in ("real", "shift", "noise", "blur"):
        video = build_generator(load_model(name), ENCODING).generate(clip, tmp_path / f"{name}.mp4", 0)
        job = Job(clip=clip, video=video.video, metrics=select(["av_offset"]), faces=video.faces)
        offsets[name] = value(measure(job), "av_offset_frames")
    assert offsets == {"real": 0, "shift": 5, "noise": 0, "blur": 0}


def test_cutting_the_picture_short_does_not_change_what_is_common(clip: Clip) -> None:
    assert clip.video is not None
    jobs = [
        Job(clip=replace(clip, seconds=s), video=clip.video, metrics=select(PICTURES), faces=FaceOrder())
        for s in (1, 2)
    ]
    short, long = (measure(job) for job in jobs)
    for name, score in short.scores.items():
        for curve, numbers in score.curves.items():
            assert np.array_equal(numbers, long.scores[name].curves[curve][: len(numbers)]), curve
