"""LPIPS against the real video and between neighbours, in the engine, and how controls move them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch

from liveact_eval.cards.model import ControlSpec
from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.clip import Clip
from liveact_eval.clips.faces import FaceOrder
from liveact_eval.clips.truth import load_truth
from liveact_eval.generators.controls import ControlGenerator
from liveact_eval.measure import engine
from liveact_eval.measure.engine import Job, Measurement, measure
from liveact_eval.measure.streams import _warp
from liveact_eval.metrics._drift import drift_of
from liveact_eval.metrics._lpips import crop_matrices
from liveact_eval.metrics.adj_lpips import AdjLpips
from liveact_eval.metrics.base import Batch, ClipContext, Metric, Missing
from liveact_eval.metrics.lpips import Lpips
from liveact_eval.networks.lpips_net import LPIPS, neighbours, scaled
from liveact_eval.networks.provider import Networks
from tests.helpers import numbers, read_all

CONTEXT = ClipContext(fps=25.0, truth=None)
SECONDS = 1.2


@pytest.fixture(scope="module")
def networks() -> Networks:
    return Networks(mode="seeded")


@pytest.fixture
def clip(talker: Clip) -> Clip:
    return replace(talker, seconds=SECONDS)


def control(clip: Clip, folder: Path, networks: Networks, *metrics: Metric, **fields: object) -> Measurement:
    generator = ControlGenerator(ControlSpec.model_validate(fields), Encoding(crf=4))
    made = generator.generate(clip, folder / f"{abs(hash(str(fields)))}.mp4", 0)
    found = measure(Job(clip=clip, video=made.video, metrics=metrics, faces=made.faces, networks=networks))
    assert not found.traces, found.traces
    return found


def frames(path: Path | None) -> torch.Tensor:
    assert path is not None
    return torch.from_numpy(np.stack([f.rgb for f in read_all(path, seconds=SECONDS, sound=False)[0]]))


def test_values_are_those_of_the_whole_clip_at_once(
    clip: Clip, talkers: list[Clip], networks: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = talkers[1].video
    assert other is not None and clip.truth is not None
    job = Job(clip=clip, video=other, metrics=[Lpips(), AdjLpips()], faces=FaceOrder(), networks=networks)
    found = measure(job)
    network = cast(LPIPS, networks.get("lpips_alex"))
    mine, real = frames(other), frames(clip.video)
    curve = network(*(scaled(part).permute(0, 3, 1, 2) for part in (mine, real))).numpy()
    landmarks = load_truth(clip.truth).faces.landmarks
    crops = _warp(mine, crop_matrices(landmarks, 25.0)[: len(mine)], (256, 256))
    flicker = neighbours(network, crops).numpy()
    assert len(flicker) == 29
    got = numbers(found)
    for name, expected, count in (("lpips", curve, 30), ("adj_lpips", flicker, 30)):
        drift = drift_of(expected, 25.0, frames=count)
        assert np.allclose(found.scores[name].curves[name], expected, atol=1e-6), name
        assert got[name] == pytest.approx(drift.total, abs=1e-6) and got[name] > 1e-3
        assert got[f"{name}_last"] == pytest.approx(drift.last, abs=1e-6)
        assert got[f"{name}_slope_per_min"] == pytest.approx(drift.slope_per_minute, abs=1e-5)
    assert got["adj_lpips_per_s"] == pytest.approx(25 * got["adj_lpips"])

    monkeypatch.setattr(engine, "RUN_BYTES", 7 * 64 * 64 * 3)
    again = measure(job)
    for name in ("lpips", "adj_lpips"):
        assert np.allclose(again.scores[name].curves[name], found.scores[name].curves[name], atol=1e-6)


def test_equal_videos_have_no_distance_and_stronger_damage_more(
    clip: Clip, tmp_path: Path, networks: Networks
) -> None:
    assert numbers(control(clip, tmp_path, networks, Lpips(), effect="real"))["lpips"] == 0
    for effect, strengths in (("blur", (0.8, 2.0)), ("noise", (8, 30))):
        found = [
            numbers(control(clip, tmp_path, networks, Lpips(), effect=effect, sigma=sigma))["lpips"]
            for sigma in strengths
        ]
        assert 0 < found[0] < found[1], effect


@pytest.mark.slow
def test_noise_flickers_and_a_frozen_video_does_not(clip: Clip, tmp_path: Path, networks: Networks) -> None:
    metric = AdjLpips()
    still = numbers(control(clip, tmp_path, networks, metric, effect="still"))["adj_lpips"]
    real = numbers(control(clip, tmp_path, networks, metric, effect="real"))["adj_lpips"]
    noisy = numbers(control(clip, tmp_path, networks, metric, effect="noise", sigma=20))["adj_lpips"]
    assert still < real / 5 and real < noisy / 2


def test_frames_without_a_face_leave_their_pairs_out(networks: Networks) -> None:
    pictures = torch.rand(6, 64, 64, 3, generator=torch.Generator().manual_seed(0)) * 255
    pictures[2] = torch.nan
    pairs = torch.stack([pictures[:-1], pictures[1:]], dim=1)
    rows = AdjLpips().features("pairs", Batch(windows=pairs, networks=networks)).numpy()
    assert np.isnan(rows).tolist() == [False, True, True, False, False]
    made = AdjLpips().score({"pairs": rows[:, None]}, CONTEXT).values
    assert made["adj_lpips"] == pytest.approx(rows[[0, 3, 4]].mean())


@pytest.mark.parametrize(
    ("metric", "need", "rows", "reason"),
    [
        (Lpips(), "frames", np.zeros((0, 1)), "too_short"),
        (AdjLpips(), "pairs", np.zeros((0, 1)), "too_short"),
        (Lpips(), "frames", np.full((3, 1), np.nan), "too_small"),
        (AdjLpips(), "pairs", np.full((3, 1), np.nan), "no_face"),
    ],
)
def test_what_has_no_number_has_a_reason(metric: Metric, need: str, rows: np.ndarray, reason: str) -> None:
    made = metric.score({need: rows}, CONTEXT).values
    assert set(made) == {output.name for output in metric.outputs}
    assert {value.reason for value in made.values() if isinstance(value, Missing)} == {reason}


def test_pictures_smaller_than_the_network_sees(networks: Networks) -> None:
    small = torch.zeros(2, 1, 31, 64, 3, dtype=torch.uint8)
    rows = Lpips().features("frames", Batch(windows=small, reference=small, networks=networks))
    assert torch.isnan(rows).tolist() == [True, True]
