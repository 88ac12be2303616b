"""What has no number, and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from liveact_eval.clips.clip import Clip
from liveact_eval.clips.sanity import SanityLimits
from liveact_eval.errors import ClipError
from liveact_eval.measure.engine import Job, measure
from liveact_eval.metrics.base import Batch, Missing
from liveact_eval.metrics.psnr import Psnr
from liveact_eval.metrics.registry import select
from tests.helpers import clip_of, moving_square, numbers, tone, values, write_av


@pytest.fixture
def real(tmp_path: Path) -> Path:
    return write_av(tmp_path / "real.mp4", moving_square(30), sound=tone(1.2))


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return write_av(tmp_path / "made.mp4", moving_square(24, start=3), sound=tone(0.96))


def test_what_cannot_be_asked_is_missing_with_a_reason(real: Path, made: Path, talker: Clip) -> None:
    metrics = [metric for metric in select(["all-offline"]) if not metric.networks]
    alone = values(measure(Job(clip=clip_of(None), video=made, metrics=metrics)))
    assert {name: value.reason for name, value in alone.items() if isinstance(value, Missing)} == {
        "psnr_db": "no_reference",
        "ssim": "no_reference",
        "av_offset_frames": "no_truth",
        "av_offset_abs_frames": "no_truth",
        "mouth_correlation": "no_truth",
        **{
            name: "no_face_track"
            for name in alone
            if name.startswith("delta_e_face") or name in ("face_coverage", "several_faces")
        },
        **{
            name: "too_short"
            for name in alone
            if name in ("sharpness_trend", "delta_e_frame_colour_slope_per_min")
        },
    }
    assert talker.video is not None
    clip = replace(talker, seconds=1.2)
    unknown = values(measure(Job(clip=clip, video=talker.video, metrics=metrics)))
    reasons = {value.reason for value in unknown.values() if isinstance(value, Missing)}
    assert reasons == {"no_face_track"}


def test_another_size_than_the_protocols(real: Path) -> None:
    with pytest.raises(ClipError, match="wrong_size: the video is 64x64, the protocol 32x32"):
        measure(Job(clip=clip_of(real, size=(32, 32)), video=real, metrics=[]))


def test_another_size_than_the_real_videos(tmp_path: Path, real: Path) -> None:
    other = write_av(tmp_path / "other.mp4", moving_square(10, (48, 64)), sound=tone(0.4))
    found = measure(Job(clip=clip_of(real), video=other, metrics=select(["psnr", "sharpness"])))
    expected = Missing("wrong_size", "the video is 48x64, the real one 64x64")
    assert (found.size, found.scores["psnr"].values["psnr_db"]) == ((48, 64), expected)
    assert isinstance(found.scores["sharpness"].values["sharpness"], float)


def test_a_finding_that_rejects_takes_all_numbers(real: Path, made: Path) -> None:
    job = Job(clip=clip_of(real), video=made, metrics=select(["all-offline"]), expected_seconds=3.0)
    rejected = measure(job)
    assert {value.reason for value in values(rejected).values() if isinstance(value, Missing)} >= {
        "wrong_length"
    }
    assert numbers(rejected) == {}
    kept = measure(
        Job(
            clip=job.clip,
            video=job.video,
            metrics=job.metrics,
            expected_seconds=3.0,
            limits=SanityLimits(reject=("black",)),
        )
    )
    assert [(f.code, f.rejects) for f in kept.findings] == [("wrong_length", False)]
    assert numbers(kept)["psnr_db"] > 10


def test_a_broken_reference_is_the_clips_failure(tmp_path: Path, made: Path) -> None:
    broken = tmp_path / "real.mp4"
    broken.write_text("not a video")
    with pytest.raises(ClipError, match=r"unreadable: 'real\.mp4'"):
        measure(Job(clip=clip_of(broken), video=made, metrics=[Psnr()]))


def test_a_metric_that_breaks_costs_only_itself(real: Path) -> None:
    class Broken(Psnr):
        name = "broken"

        def features(self, need: str, batch: Batch) -> torch.Tensor:
            raise ZeroDivisionError("on purpose")

    found = measure(Job(clip=clip_of(real), video=real, metrics=[Broken(), Psnr()]))
    assert found.scores["psnr"].values == {"psnr_db": 100.0}
    value = found.scores["broken"].values["psnr_db"]
    assert isinstance(value, Missing) and value.reason == "internal_error"
    assert "on purpose" in found.traces["broken"]


def test_a_stream_that_cannot_be_made_costs_only_who_reads_it(
    real: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> torch.Tensor:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr("liveact_eval.measure.streams._resize", broken)
    found = measure(
        Job(clip=clip_of(real), video=real, metrics=select(["psnr", "repetition", "delta_e_frame"]))
    )
    assert set(found.traces) == {"repetition", "delta_e_frame"}
    assert found.scores["psnr"].values == {"psnr_db": 100.0}
    value = found.scores["repetition"].values["loop_share"]
    assert isinstance(value, Missing) and value.reason == "internal_error" and "on purpose" in value.detail
