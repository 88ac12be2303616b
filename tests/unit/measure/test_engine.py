"""The pass over a video: what is opened, what is compared with what, and what has no number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import av
import numpy as np
import pytest
import torch

from liveact_eval.clips.clip import Clip
from liveact_eval.clips.faces import FaceOrder
from liveact_eval.measure import engine
from liveact_eval.measure.engine import Job, measure
from liveact_eval.measure.needs import FrameNeed, Need
from liveact_eval.measure.streams import DerivedStreams, StreamKey
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.psnr import Psnr
from liveact_eval.metrics.registry import select
from tests.helpers import clip_of, moving_square, numbers, tone, values, write_av


@pytest.fixture
def real(tmp_path: Path) -> Path:
    return write_av(tmp_path / "real.mp4", moving_square(30), sound=tone(1.2))


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return write_av(tmp_path / "made.mp4", moving_square(24, start=3), sound=tone(0.96))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of all files that are opened for decoding."""
    names: list[str] = []
    original = av.open

    def counting(file: Any, *arguments: Any, **options: Any) -> Any:
        names.append(Path(str(file).removeprefix("file:")).name)
        return original(file, *arguments, **options)

    monkeypatch.setattr(av, "open", counting)
    return names


def test_each_video_is_opened_once(real: Path, made: Path, opened: list[str]) -> None:
    measure(Job(clip=clip_of(real), video=made, metrics=select(["all-offline"])))
    assert sorted(opened) == ["made.mp4", "real.mp4"]


def test_the_real_video_is_opened_once(real: Path, opened: list[str]) -> None:
    measured = measure(Job(clip=clip_of(real), video=real, metrics=select(["all-offline"])))
    assert opened == ["real.mp4"]
    assert measured.paired_frames == measured.frames == 30


def test_the_real_video_shares_its_derived_streams(real: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    class Counted(DerivedStreams):
        def _make(self, key: StreamKey) -> torch.Tensor:
            made.append(len(self._frames))
            return super()._make(key)

    monkeypatch.setattr(engine, "DerivedStreams", Counted)
    measure(Job(clip=clip_of(real), video=real, metrics=select(["psnr", "ssim", "adjacent", "sharpness"])))
    # RGB and luma, once each.
    assert made == [30, 30]


def test_a_drawn_clip_opens_its_video_and_its_sound(talker: Clip, opened: list[str]) -> None:
    assert talker.video is not None
    clip = replace(talker, seconds=1.2)
    metrics = [metric for metric in select(["all-offline"]) if not metric.networks]
    measured = measure(Job(clip=clip, video=talker.video, metrics=metrics, faces=FaceOrder()))
    assert sorted(opened) == ["audio.wav", "video.mp4"]
    assert not any(isinstance(value, Missing) for value in values(measured).values())


def test_the_reference_is_not_opened_where_nothing_is_paired(
    real: Path, made: Path, opened: list[str]
) -> None:
    measured = measure(Job(clip=clip_of(real), video=made, metrics=select(["sharpness", "repetition"])))
    assert opened == ["made.mp4"]
    assert measured.paired_frames is None


def test_results_do_not_depend_on_the_runs(talker: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    assert talker.video is not None
    clip = replace(talker, seconds=1.2)
    job = Job(clip=clip, video=talker.video, metrics=select(["all-offline"]), faces=FaceOrder())
    expected = measure(job)
    for run_bytes in (1, 5 * 64 * 64 * 3, 1 << 30):
        monkeypatch.setattr(engine, "RUN_BYTES", run_bytes)
        other = measure(job)
        assert other.frames == expected.frames == 30
        found = numbers(other)
        for name, value in numbers(expected).items():
            assert found[name] == pytest.approx(value, rel=1e-6, abs=1e-9), (name, run_bytes)


class Compared(Metric):
    """Writes down which frames it is given: their index is their level."""

    name = "compared"
    outputs = (Output(name="compared", title="", direction="none"),)
    needs: ClassVar[Mapping[str, Need]] = {
        "pairs": FrameNeed(paired=True, anchor=True),
        "own": FrameNeed(window=3, hop=5),
    }
    recipe = summary = source = "test"

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        levels = batch.windows.float().flatten(2).mean(dim=2)
        if batch.reference is None or batch.anchor is None:
            return levels
        other = batch.reference.float().flatten(1).mean(dim=1)
        return torch.stack([levels[:, 0], other, batch.anchor.float().mean().expand(len(other))], dim=1)

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        self.rows = rows
        return ClipScore(values={"compared": 0.0})


def levels(path: Path, count: int, first: int = 0) -> Path:
    pictures = [np.full((32, 32, 3), 20 + 4 * (first + n), np.uint8) for n in range(count)]
    return write_av(path, pictures, options={"crf": "0"}, sound=tone(count / 25))


@pytest.mark.parametrize(("mine", "reals"), [(20, 20), (12, 20), (20, 12), (20, 1)])
def test_frames_are_compared_in_step_up_to_the_shorter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mine: int, reals: int
) -> None:
    monkeypatch.setattr(engine, "RUN_BYTES", 5 * 32 * 32 * 3)
    clip = clip_of(levels(tmp_path / "real.mp4", reals, first=10))
    metric = Compared()
    measured = measure(Job(clip=clip, video=levels(tmp_path / "made.mp4", mine), metrics=[metric]))
    common = min(mine, reals)
    index = np.rint((metric.rows["pairs"] - 20) / 4)
    assert index.tolist() == [[n, n + 10, 0] for n in range(common)]
    assert (measured.frames, measured.paired_frames) == (mine, common)
    starts = list(range(0, mine - 2, 5))
    assert np.rint((metric.rows["own"] - 20) / 4).tolist() == [[n, n + 1, n + 2] for n in starts]


def test_the_rate_of_the_protocol_rules_both(tmp_path: Path) -> None:
    # Of the five frames nearest to a tick the last is shown: frame 2, 7, 12, ...
    real = write_av(tmp_path / "real.mp4", moving_square(60), rate=50)
    slow = write_av(tmp_path / "slow.mp4", moving_square(60)[2::5], rate=10)
    measured = measure(Job(clip=clip_of(real, rate=Fraction(10)), video=slow, metrics=[Psnr()]))
    assert (measured.frames, measured.paired_frames, measured.fps) == (12, 12, 10.0)
    assert numbers(measured)["psnr_db"] > 30


def test_the_length_of_the_protocol_rules_both(real: Path, made: Path) -> None:
    measured = measure(Job(clip=clip_of(real, seconds=0.4), video=made, metrics=[Psnr()]))
    assert (measured.frames, measured.paired_frames) == (10, 10)
    assert measured.findings == []


def test_a_metric_of_the_wrong_number_of_rows_is_a_bug(real: Path) -> None:
    class Wrong(Compared):
        def features(self, need: str, batch: Batch) -> torch.Tensor:
            return torch.zeros(1 + len(batch.windows))

    found = measure(Job(clip=clip_of(real), video=real, metrics=[Wrong()]))
    assert "one row per window" in found.traces[Wrong.name]


def test_driving_sound_may_lie_in_the_video_or_beside_it(talker: Clip) -> None:
    assert talker.video is not None
    metrics = select(["av_offset"])
    beside = measure(Job(clip=talker, video=talker.video, metrics=metrics, faces=FaceOrder()))
    inside = measure(
        Job(
            clip=clip_of(talker.video, truth=talker.truth, rate=talker.rate),
            video=talker.video,
            metrics=metrics,
            faces=FaceOrder(),
        )
    )
    assert numbers(beside) == numbers(inside)


@pytest.mark.parametrize("fps", [20, 30])
def test_ground_truth_follows_the_rate_of_the_protocol(talker: Clip, fps: int) -> None:
    assert talker.video is not None
    fields = {name: getattr(talker, name) for name in ("audio", "truth", "size")}
    clip = clip_of(talker.video, rate=Fraction(fps), seconds=3, **fields)
    metrics = select(["av_offset", "delta_e_face"])
    measured = measure(Job(clip=clip, video=talker.video, metrics=metrics, faces=FaceOrder()))
    assert measured.frames == 3 * fps
    own = numbers(
        measure(Job(clip=replace(talker, seconds=3), video=talker.video, metrics=metrics, faces=FaceOrder()))
    )
    other = numbers(measured)
    assert abs(other["av_offset_frames"]) <= 0.5
    assert other["mouth_correlation"] == pytest.approx(own["mouth_correlation"], abs=0.02)
    assert other["delta_e_face_pixel_total"] == pytest.approx(own["delta_e_face_pixel_total"], abs=0.1)
