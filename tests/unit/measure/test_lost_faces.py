"""A search for faces that fails costs the metrics that need them, and no other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from torch import nn

from liveact_eval.errors import UserError
from liveact_eval.measure.engine import Job, Measurement, measure
from liveact_eval.measure.face_finding import Faces
from liveact_eval.metrics.base import Missing
from liveact_eval.metrics.registry import select
from liveact_eval.networks.provider import Networks
from tests.helpers import clip_of, moving_square, numbers, tone, values, write_av

FRAMES = 60
NAMES = ["psnr", "sharpness", "adjacent", "delta_e_face"]


@pytest.fixture
def real(tmp_path: Path) -> Path:
    return write_av(tmp_path / "real.mp4", moving_square(FRAMES), sound=tone(2.4))


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return write_av(tmp_path / "made.mp4", moving_square(FRAMES - 4, start=3), sound=tone(2.24))


def fail_after(monkeypatch: pytest.MonkeyPatch, frames: int, error: Exception) -> None:
    """The detector sees a face in so many frames, and then fails."""
    seen = 0

    def find(network: nn.Module, pictures: np.ndarray) -> list[Faces]:
        nonlocal seen
        seen += len(pictures)
        if seen > frames:
            raise error
        box, points = (
            np.array([[2.0, 2, 62, 62]]),
            np.array([[[20.0, 20], [40, 20], [30, 30], [22, 44], [38, 44]]]),
        )
        return [Faces(box, points) for _ in pictures]

    for place in ("face_finding", "face_pass"):
        monkeypatch.setattr(f"liveact_eval.measure.{place}.find_faces", find)


def run(video: Path, real: Path | None, names: list[str]) -> Measurement:
    return measure(
        Job(clip=clip_of(real), video=video, metrics=select(names), networks=Networks(mode="seeded"))
    )


@pytest.mark.parametrize("after", [0, 10, 40])
@pytest.mark.parametrize("same", [False, True])
def test_the_others_have_the_numbers_that_they_have_alone(
    real: Path, made: Path, monkeypatch: pytest.MonkeyPatch, after: int, same: bool
) -> None:
    video = real if same else made
    monkeypatch.setattr("liveact_eval.measure.engine.RUN_BYTES", 10 * 64 * 64 * 3)
    alone = run(video, real, NAMES[:-1])
    fail_after(monkeypatch, after, RuntimeError("the detector fell over"))
    found = run(video, real, NAMES)
    assert set(found.traces) == {"delta_e_face"}
    assert "the detector fell over" in found.traces["delta_e_face"]
    assert numbers(found) == numbers(alone)
    assert (found.frames, found.paired_frames) == (alone.frames, alone.paired_frames)
    lost = [value for value in values(found).values() if isinstance(value, Missing)]
    assert {value.reason for value in lost} == {"internal_error"}
    assert all("the detector fell over" in value.detail for value in lost)


def test_a_detector_that_cannot_be_made_costs_no_more(real: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Networks, name: str) -> nn.Module:
        raise RuntimeError(f"no {name} today")

    monkeypatch.setattr(Networks, "get", broken)
    found = run(real, None, NAMES[1:])
    assert set(found.traces) == {"delta_e_face"}
    assert isinstance(values(found)["sharpness"], float)


def test_what_the_user_can_mend_is_said_at_once(real: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_after(monkeypatch, 0, UserError("This file is not that of the network. Fetch it again"))
    with pytest.raises(UserError, match="Fetch it again"):
        run(real, None, NAMES[1:])
