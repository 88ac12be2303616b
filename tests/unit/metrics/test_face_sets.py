"""FID and FVD of faces: the same moments on both sides, what is left out, and the values through the engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from liveact_eval.clips.faces import FaceOrder
from liveact_eval.measure import engine
from liveact_eval.measure.engine import Job, measure
from liveact_eval.measure.set_crops import area_crops, clean_crops
from liveact_eval.metrics._face_sets import FacePairs, face_part
from liveact_eval.metrics._frechet import distance, summarise
from liveact_eval.metrics._gaussian_collector import unpack
from liveact_eval.metrics.base import ClipScore, Metric, Missing
from liveact_eval.metrics.fid_face import FIDFace
from liveact_eval.metrics.fvd_face import FVDFace
from liveact_eval.metrics.fvd_videomae import FVDVideoMAE
from liveact_eval.metrics.registry import select
from liveact_eval.networks.provider import Networks
from tests.helpers import Pixels, clip_of, moving_square, read_all, write_av

FRAMES = 50


class Means(nn.Module):
    """Features that cost nothing: means over a grid of the pictures, and over time."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1), requires_grad=False)
        self.seen = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen += len(x)
        planes = x.flatten(0, 1)[None] if x.ndim == 4 else x.mean(dim=2).flatten(0, 1)[None]
        return nn.functional.adaptive_avg_pool2d(planes, 2)[0].reshape(len(x), -1)


@dataclass(frozen=True)
class OneNetwork(Networks):
    """Hands out the network of this module."""

    network: nn.Module | None = None

    def missing(self, name: str) -> str | None:
        return None

    def get(self, name: str) -> nn.Module:
        assert self.network is not None
        return self.network


def boxes_of(frames: int, lost: slice = slice(0)) -> np.ndarray:
    middle = 60 + 8 * np.sin(np.arange(frames) / 5)
    boxes = np.stack([middle - 30, middle - 32, middle + 30, middle + 32], axis=1).astype(np.float32)
    boxes[lost] = np.nan
    return boxes


def truth(folder: Path, boxes: np.ndarray) -> Path:
    path = folder / "truth.npz"
    np.savez(
        path,
        face_box=boxes,
        mouth_box=boxes,
        landmarks=np.zeros((len(boxes), 5, 2), np.float32),
        mouth_opening=np.zeros(len(boxes), np.float32),
        fps=25.0,
    )
    return path


def scored(
    metric: Metric,
    folder: Path,
    lost: slice = slice(0),
    own: bool = True,
    network: nn.Module | None = None,
) -> ClipScore:
    """Of a generated video, or of the real one against itself."""
    real = write_av(folder / "real.mp4", moving_square(FRAMES, (128, 128), step=5))
    made = write_av(folder / "made.mp4", moving_square(FRAMES, (128, 128), step=3, start=20))
    clip = clip_of(real, truth=truth(folder, boxes_of(FRAMES, lost)))
    networks = OneNetwork(network=network or Means())
    job = Job(clip=clip, video=made if own else real, metrics=[metric], networks=networks, faces=FaceOrder())
    return measure(job).scores[metric.name]


def frames(path: Path) -> Pixels:
    return np.stack([frame.rgb for frame in read_all(path, sound=False)[0]])


def features_of(metric: Metric, path: Path, boxes: np.ndarray) -> np.ndarray:
    """All at once, by the definition."""
    pictures = frames(path)
    if isinstance(metric, FIDFace):
        return np.asarray(Means()(clean_crops(pictures, boxes).permute(0, 3, 1, 2)))
    crops = area_crops(pictures, boxes, (224, 224)) / 255 * 2 - 1
    windows = [crops[n : n + 16].permute(3, 0, 1, 2) for n in range(0, FRAMES - 15, 16)]
    return np.asarray(Means()(torch.stack(windows)))


@pytest.mark.parametrize("metric", [FIDFace(), FVDFace()])
def test_only_moments_with_both_faces_count(
    metric: FIDFace | FVDFace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = slice(18, 21)
    parts = scored(metric, tmp_path, lost).parts
    part = parts[metric.frechet]
    whole = [features_of(metric, tmp_path / f"{n}.mp4", boxes_of(FRAMES, lost)) for n in ("made", "real")]
    kept = np.isfinite(whole[0]).all(axis=1)
    assert kept.sum() == (47 if isinstance(metric, FIDFace) else 2)

    found = face_part(part)

    assert found.lost == int((~kept).sum())
    for side, expected in zip((found.own, found.real), whole, strict=True):
        statistics = unpack(side)[0]
        assert statistics.n == kept.sum()
        assert statistics.mean == pytest.approx(expected[kept].mean(axis=0), abs=1e-4)
    value = metric.distances(metric.frechet, [], [part], None)
    assert value[0] == pytest.approx(
        distance(summarise(whole[1][kept]), summarise(whole[0][kept])), rel=1e-3, abs=1e-6
    )
    assert value[0] > 0
    for output in metric.outputs:
        small = parts[output.name]
        assert np.isfinite(metric.distances(output.name, [], [small, small], None)).all()
    warning = metric.warning(metric.frechet, 1.0, [part])
    assert warning is not None
    assert warning.startswith(f"{found.lost} {metric.unit} without a face in one of both videos are left out")
    monkeypatch.setattr(engine, "RUN_BYTES", 1)
    again = scored(metric, tmp_path, lost).parts[metric.frechet]
    assert again == pytest.approx(part, abs=1e-4)


@pytest.mark.parametrize("metric", [FIDFace(), FVDFace()])
def test_the_real_video_has_no_distance_from_itself_and_is_looked_at_once(
    metric: FIDFace | FVDFace, tmp_path: Path
) -> None:
    network = Means()
    part = scored(metric, tmp_path, own=False, network=network).parts[metric.frechet]
    found = face_part(part)
    assert np.array_equal(found.own, found.real) and found.lost == 0
    assert network.seen == (FRAMES if isinstance(metric, FIDFace) else 3)
    assert metric.distances(metric.frechet, [], [part], None)[0] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("metric", [FIDFace(), FVDFace()])
def test_without_faces_there_is_nothing(metric: Metric, tmp_path: Path) -> None:
    made = scored(metric, tmp_path, slice(None)).values
    assert set(made) == {output.name for output in metric.outputs}
    for value in made.values():
        assert isinstance(value, Missing) and value.reason == "no_face"
        assert "has a face in both videos" in value.detail


def test_floor_and_kernel_distance_use_the_faces() -> None:
    stream = np.random.RandomState(0)
    parts = []
    for _ in range(6):
        pairs = FacePairs(keep=64)
        pairs.append(np.concatenate([stream.randn(12, 4) + 1, stream.randn(12, 4)], axis=1))
        parts.append(np.asarray(pairs.table)[0])
    metric = FIDFace()
    speakers = [str(n) for n in range(6)]
    # A clip against its own real side is about one apart in each of four numbers; halves of one side are not.
    for output in ("fid_face", "kid_face"):
        floor = metric.floor(output, parts, speakers)
        value = metric.distances(output, parts, parts, None)[0]
        assert floor is not None and floor < value / 2
    assert metric.interval("fid_face", 4.0, np.array([3.0, 4.0, 6.0]), 0.9) is not None


def test_rows_without_a_face_are_counted_in_any_batches() -> None:
    rows = np.arange(24.0).reshape(6, 4)
    rows[2, 3] = np.nan
    together, apart = FacePairs(), FacePairs()
    together.append(rows)
    apart.append(rows[:2])
    # A batch without any face does not know how many numbers a feature has.
    apart.append(np.full((1, 2), np.nan))
    apart.append(rows[3:])
    assert np.array_equal(together.table, apart.table)
    assert face_part(together.table[0]).lost == 1
    assert FacePairs().table.shape == (0, 1)


def test_the_large_network_runs_only_by_name() -> None:
    assert "fvd_videomae" not in {metric.name for metric in select(["all", "all-offline"])}
    assert [type(metric) for metric in select(["fvd_videomae"])] == [FVDVideoMAE]


def test_windows_reach_videomae_in_nought_to_one(tmp_path: Path) -> None:
    class Kept(Means):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert x.shape == (1, 3, 16, 224, 224)
            assert float(x.min()) >= 0 and float(x.max()) <= 1.001
            return super().forward(x)

    video = write_av(tmp_path / "video.mp4", moving_square(35, (64, 48)))
    job = Job(clip=clip_of(video), video=video, metrics=[FVDVideoMAE()], networks=OneNetwork(network=Kept()))
    part = measure(job).scores["fvd_videomae"].parts["fvd_videomae"]
    assert unpack(part)[0].n == 2
