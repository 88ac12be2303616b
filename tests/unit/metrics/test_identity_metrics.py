"""CSIM in the engine: references, streaming, frames without a face, and which videos are read."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.clip import Clip
from liveact_eval.clips.encode import write_video
from liveact_eval.clips.faces import FaceOrder, similarity
from liveact_eval.clips.image import load_image
from liveact_eval.clips.truth import load_truth
from liveact_eval.measure import engine
from liveact_eval.measure.engine import Job, Measurement, measure
from liveact_eval.measure.streams import _warp
from liveact_eval.metrics._csim import cosines
from liveact_eval.metrics._drift import drift_of
from liveact_eval.metrics.base import Batch, ClipContext, Metric, Missing
from liveact_eval.metrics.csim import CSIM, CSIMFirst, CSIMPaired, FirstFace
from liveact_eval.networks.iresnet import IResNet, embed
from liveact_eval.networks.provider import Networks
from liveact_eval.networks.seeded import calibrate, fill_seeded
from tests.helpers import Pixels, clip_of, numbers, read_all, values

CONTEXT = ClipContext(fps=25.0, truth=None)
SECONDS = 1.4


@pytest.fixture(scope="module")
def networks() -> Networks:
    """A small stand-in that maps the same tensors: tested is which faces it gets, and what is made of its vectors."""
    stand_in = nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.Linear(3 * 14 * 14, 32))
    stand_in.eval().requires_grad_(False)
    fill_seeded(stand_in, "stand_in")
    return with_network(stand_in)


def with_network(made: nn.Module) -> Networks:
    found = Networks(mode="seeded")
    found._loaded["iresnet50"] = made
    return found


@pytest.fixture
def clip(talker: Clip) -> Clip:
    return replace(talker, seconds=SECONDS)


@pytest.fixture
def darker(clip: Clip, tmp_path: Path) -> Path:
    """The same clip, growing darker and greener: its faces lie where the real ones do."""
    assert clip.video is not None
    pictures = []
    for n, frame in enumerate(read_all(clip.video, seconds=SECONDS, sound=False)[0]):
        fade = np.array([1 - 0.02 * n, 1 - 0.005 * n, 1 - 0.02 * n])
        pictures.append(np.asarray(frame.rgb * fade, np.uint8))
    path = tmp_path / "darker.mp4"
    write_video(path, pictures, size=(64, 64), rate=Fraction(25), encoding=Encoding(crf=4))
    return path


def run(clip: Clip, video: Path | None, networks: Networks, *metrics: Metric) -> Measurement:
    assert video is not None
    found = measure(Job(clip=clip, video=video, metrics=metrics, faces=FaceOrder(), networks=networks))
    assert not found.traces, found.traces
    return found


def vectors(pictures: list[Pixels], clip: Clip, networks: Networks) -> np.ndarray:
    """Identity vectors by the plain formula, all frames at once."""
    assert clip.truth is not None
    landmarks = load_truth(clip.truth).faces.landmarks[: len(pictures)].astype(np.float64)
    faces = _warp(torch.from_numpy(np.stack(pictures)), similarity(landmarks), (112, 112))
    return np.asarray(embed(networks.get("iresnet50"), faces), np.float64)


def test_values_are_those_of_the_whole_clip_at_once(clip: Clip, darker: Path, networks: Networks) -> None:
    assert clip.video is not None and clip.image is not None
    found = run(clip, darker, networks, CSIM(), CSIMPaired(), CSIMFirst())
    mine, real = (
        vectors([f.rgb for f in read_all(path, seconds=SECONDS, sound=False)[0]], clip, networks)
        for path in (darker, clip.video)
    )
    portrait = vectors([load_image(clip.image).copy()], clip, networks)[0]
    expected = {
        "csim": cosines(mine, portrait),
        "csim_paired": cosines(mine, real),
        "csim_first": cosines(mine, mine[0]),
    }
    expected["csim_first"][0] = np.nan
    got = numbers(found)
    for name, curve in expected.items():
        drift = drift_of(curve, 25.0)
        assert np.allclose(found.scores[name].curves[name], curve, atol=1e-6, equal_nan=True), name
        assert got[name] == pytest.approx(drift.total, abs=1e-6)
        assert got[f"{name}_last"] == pytest.approx(drift.last, abs=1e-6)
    assert got["csim_coverage"] == 1.0
    assert got["csim_slope_per_min"] == pytest.approx(
        drift_of(expected["csim"], 25.0).slope_per_minute, rel=1e-4
    )
    # A picture that changes steadily moves away from the portrait, and most at the end.
    assert got["csim_last"] < got["csim"] < 0.999
    assert got["csim_slope_per_min"] < 0
    assert got["csim_change"] < 0
    assert 0 < got["csim_change_s"] < SECONDS


def test_results_do_not_depend_on_the_runs(
    clip: Clip, darker: Path, networks: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = (CSIM(), CSIMPaired(), CSIMFirst())
    expected = numbers(run(clip, darker, networks, *metrics))
    monkeypatch.setattr(engine, "RUN_BYTES", 5 * 64 * 64 * 3)
    other = numbers(run(clip, darker, networks, *metrics))
    assert other == {name: pytest.approx(value, abs=1e-5) for name, value in expected.items()}
    for name in ("csim", "csim_paired", "csim_first"):
        assert other[name] == pytest.approx(expected[name], abs=1e-6)


def test_the_real_video_is_its_own_pair_and_needs_each_face_once(clip: Clip, networks: Networks) -> None:
    seen: list[int] = []
    hook = networks.get("iresnet50").register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    found = numbers(run(clip, clip.video, networks, CSIMPaired()))
    hook.remove()
    assert found["csim_paired"] == pytest.approx(1.0)
    assert sum(seen) == 35


def test_without_an_image_the_first_real_frame_is_the_portrait(
    clip: Clip, darker: Path, networks: Networks
) -> None:
    assert clip.video is not None
    unpictured = replace(clip, image=None)
    assert numbers(run(unpictured, clip.video, networks, CSIM()))["csim"] > 0.5
    found = run(unpictured, darker, networks, CSIM())
    first = [read_all(clip.video, seconds=SECONDS, sound=False)[0][0].rgb]
    mine = vectors([f.rgb for f in read_all(darker, seconds=SECONDS, sound=False)[0]], clip, networks)
    expected = cosines(mine, vectors(first, clip, networks)[0])
    assert np.allclose(found.scores["csim"].curves["csim"], expected, atol=1e-6)
    # Longer than the real video, it is measured to its end all the same.
    assert found.frames == len(expected) == 35 and found.paired_frames is None


def test_what_has_no_portrait_has_a_reason_and_its_own_first_face_is_asked_for_all_the_same(
    darker: Path, networks: Networks
) -> None:
    found = values(run(clip_of(None), darker, networks, CSIM(), CSIMFirst()))
    reasons = {name: value.reason for name, value in found.items() if isinstance(value, Missing)}
    assert {reasons[name] for name in ("csim", "csim_coverage")} == {"no_reference"}
    assert reasons["csim_first"] != "no_reference"


def test_frames_without_a_face_are_counted_and_left_out() -> None:
    # The class of the network itself, with one block per stage: a face of nothing must not leak into the others.
    made = IResNet((1, 1, 1, 1))
    made.eval().requires_grad_(False)
    fill_seeded(made, "iresnet")
    calibrate(made, torch.rand(2, 3, 112, 112, generator=torch.Generator().manual_seed(0)))
    networks = with_network(made)
    faces = torch.rand(5, 112, 112, 3, generator=torch.Generator().manual_seed(1)) * 255
    empty = faces.clone()
    empty[[0, 3]] = torch.nan
    portrait = CSIM()
    rows = portrait.features("faces", Batch(windows=empty[:, None], anchor=faces[1], networks=networks))
    assert np.isnan(rows).tolist() == [True, False, False, True, False]
    scored = portrait.score({"faces": rows[:, None]}, CONTEXT).values
    assert scored["csim_coverage"] == pytest.approx(0.6)
    assert scored["csim"] == pytest.approx(rows[[1, 2, 4]].mean())

    first = CSIMFirst()
    raw = first.features("faces", Batch(windows=empty[:, None], networks=networks))
    gathered = first.collector("faces")
    gathered.append(raw[:1])
    gathered.append(raw[1:])
    score = first.score({"faces": gathered.table}, CONTEXT)
    expected = cosines(raw, raw[1])[[2, 4]]
    assert score.values["csim_first"] == pytest.approx(expected.mean())
    assert np.isnan(score.curves["csim_first"]).tolist() == [True, True, False, True, False]


def test_the_first_face_is_found_in_whatever_runs_it_comes() -> None:
    rows = np.random.RandomState(0).standard_normal((9, 4)).astype(np.float32)
    rows[:2] = np.nan
    tables = []
    for cuts in ([], [1], [3, 4], list(range(1, 9))):
        gathered = FirstFace()
        for part in np.split(rows, cuts):
            gathered.append(part)
        assert gathered.table.shape == (9, 1)
        tables.append(gathered.table)
    assert all(np.array_equal(table, tables[0], equal_nan=True) for table in tables)
    assert tables[0][2] == pytest.approx(1.0)


@pytest.mark.parametrize("metric", [CSIM(), CSIMPaired(), CSIMFirst()], ids=lambda metric: metric.name)
def test_too_short_clips_and_clips_without_a_face(metric: Metric) -> None:
    for rows, reason in ((np.zeros((0, 1)), "too_short"), (np.full((4, 1), np.nan), "no_face")):
        made = metric.score({"faces": rows}, CONTEXT).values
        assert set(made) == {output.name for output in metric.outputs}
        assert {value.reason for value in made.values() if isinstance(value, Missing)} == {reason}
    alone = metric.score({"faces": np.ones((1, 1))}, CONTEXT).values
    slope = "csim_slope_per_min"
    assert (
        isinstance(alone["csim_first"], Missing) if metric.name == "csim_first" else alone[metric.name] == 1.0
    )
    assert isinstance(alone.get(slope, Missing("")), Missing)
