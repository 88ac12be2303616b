"""Metrics against stored numbers of the reference implementations, and against libraries that state them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import laplace
from skimage.color import deltaE_ciede2000
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from liveact_eval.metrics.adjacent import Adjacent
from liveact_eval.metrics.base import Batch, ClipContext, Metric, Rows
from liveact_eval.metrics.delta_e import DeltaEFace, DeltaEFrame
from liveact_eval.metrics.psnr import CEILING_DB, Psnr
from liveact_eval.metrics.sharpness import Sharpness
from liveact_eval.metrics.ssim import Ssim
from liveact_eval.metrics.temporal_flickering import TemporalFlickering
from tests.helpers import Pixels, moving_square, read_all

CLIP = ClipContext(fps=25.0, truth=None)
RANDOM = np.random.RandomState(0)


def rows(metric: Metric, **batch: Any) -> Rows:
    """Features of a metric's only need, as the engine keeps them."""
    (need,) = metric.needs
    given = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in batch.items()}
    made = np.asarray(metric.features(need, Batch(**given)), dtype=np.float64)
    return made.reshape(len(made), -1)


def value(metric: Metric, name: str, features: Rows) -> float:
    (need,) = metric.needs
    made = metric.score({need: features}, CLIP).values[name]
    assert isinstance(made, float)
    return made


def pairs(frames: NDArray[Any]) -> NDArray[Any]:
    return np.stack([frames[:-1], frames[1:]], axis=1)


def luma(frames: Pixels) -> NDArray[np.float32]:
    return np.asarray(frames.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32))


@pytest.fixture(scope="module")
def vbench(shared: Path) -> Any:
    return np.load(shared / "parity" / "metrics" / "vbench.npz", allow_pickle=False)


@pytest.fixture(scope="module")
def deltae(shared: Path) -> Any:
    return np.load(shared / "parity" / "metrics" / "deltae.npz", allow_pickle=False)


@pytest.mark.parametrize(("every", "name"), [(1, "flicker_score_all"), (3, "flicker_score_every3")])
def test_temporal_flickering(vbench: Any, every: int, name: str) -> None:
    frames = vbench["flicker_frames_u8"][::every]
    features = rows(TemporalFlickering(), windows=pairs(frames))
    if every == 1:
        assert features[:, 0] == pytest.approx(vbench["flicker_mae_seq"], rel=1e-6)
    assert value(TemporalFlickering(), "temporal_flickering", features) == pytest.approx(
        float(vbench[name]), rel=1e-6
    )


def test_colour_drift(deltae: Any) -> None:
    crops = deltae["crops_u8"]
    features = rows(DeltaEFace(), windows=crops[:, None], anchor=crops[0])
    assert features[:, 0] == pytest.approx(deltae["per_frame_pixel_mean"], abs=1e-4)
    assert features[:, 1] == pytest.approx(deltae["per_frame_of_mean_colour"], abs=1e-4)
    total, last = deltae["total_pixel_mean"], deltae["last25pct_pixel_mean"]
    assert value(DeltaEFace(), "delta_e_face_pixel_total", features) == pytest.approx(float(total), abs=1e-4)
    assert value(DeltaEFace(), "delta_e_face_pixel_last", features) == pytest.approx(float(last), abs=1e-4)
    assert value(DeltaEFrame(), "delta_e_frame_pixel_total", features) == pytest.approx(
        float(total), abs=1e-4
    )


def test_colour_drift_does_not_depend_on_batches(deltae: Any) -> None:
    crops = deltae["crops_u8"]
    whole = rows(DeltaEFace(), windows=crops[:, None], anchor=crops[0])
    parts = [
        rows(DeltaEFace(), windows=crops[n : n + 7, None], anchor=crops[0]) for n in range(0, len(crops), 7)
    ]
    assert np.array_equal(np.concatenate(parts), whole)


def test_ciede2000_of_the_published_pairs(deltae: Any) -> None:
    table = deltae["sharma"]
    assert deltaE_ciede2000(table[:, :3], table[:, 3:6]) == pytest.approx(table[:, 6], abs=1e-4)


def pictures(kind: str, shared: Path) -> tuple[Pixels, Pixels]:
    """Two runs of frames to compare."""
    if kind == "random":
        x, y = (RANDOM.randint(0, 256, (4, 40, 52, 3)).astype(np.uint8) for _ in range(2))
    elif kind == "flat":
        # A bright, nearly even picture: variances are small differences of large squares.
        x = (250 + RANDOM.randint(0, 2, (4, 40, 52, 3))).astype(np.uint8)
        y = (250 + RANDOM.randint(0, 3, (4, 40, 52, 3))).astype(np.uint8)
    elif kind == "even":
        x, y = np.full((2, 40, 52, 3), 255, np.uint8), np.full((2, 40, 52, 3), 254, np.uint8)
    else:
        frames = [frame.rgb for frame in read_all(shared / "clips" / "halfbody_a.mp4", seconds=0.5)[0]]
        x, y = np.stack(frames[0:4])[:, 60:260, 100:300], np.stack(frames[5:9])[:, 60:260, 100:300]
    return x, y


@pytest.mark.parametrize("kind", ["random", "flat", "even", "real"])
def test_ssim_is_scikit_images(kind: str, request: pytest.FixtureRequest) -> None:
    shared = request.getfixturevalue("shared") if kind == "real" else Path()
    x, y = pictures(kind, shared)
    options: dict[str, Any] = {
        "gaussian_weights": True,
        "sigma": 1.5,
        "use_sample_covariance": False,
        "data_range": 255,
    }
    expected = [structural_similarity(a, b, channel_axis=-1, **options) for a, b in zip(x, y, strict=True)]
    made = rows(Ssim(), windows=x[:, None], reference=y[:, None])[:, 0]
    assert np.abs(made - expected).max() < 1e-5
    assert (rows(Ssim(), windows=x[:, None], reference=x[:, None]) == 1).all()
    grey = luma(x)
    adjacent = rows(Adjacent(), windows=pairs(grey))
    expected = [
        structural_similarity(a, b, **options)
        for a, b in zip(grey[:-1].astype(float), grey[1:].astype(float), strict=True)
    ]
    assert np.abs(adjacent[:, 0] - expected).max() < 1e-5
    assert adjacent[:, 1] == pytest.approx(np.abs(np.diff(grey, axis=0)).mean(axis=(1, 2)), rel=1e-5)


@pytest.mark.parametrize("kind", ["random", "flat", "even"])
def test_psnr_is_scikit_images(kind: str) -> None:
    x, y = pictures(kind, Path())
    features = rows(Psnr(), windows=x[:, None], reference=y[:, None])
    expected = [peak_signal_noise_ratio(a, b, data_range=255) for a, b in zip(x, y, strict=True)]
    curve = Psnr().score({"frames": features}, CLIP).curves["psnr_db"]
    assert curve == pytest.approx(expected, abs=1e-6)
    assert value(Psnr(), "psnr_db", features) == pytest.approx(np.mean(expected), abs=1e-6)


def test_psnr_of_equal_frames_is_the_ceiling() -> None:
    x = moving_square(3)[:, None]
    assert value(Psnr(), "psnr_db", rows(Psnr(), windows=x, reference=x)) == CEILING_DB


@pytest.mark.parametrize("kind", ["random", "flat"])
def test_sharpness_is_the_variance_of_scipys_laplacian(kind: str) -> None:
    grey = luma(pictures(kind, Path())[0])
    made = rows(Sharpness(), windows=grey[:, None])[:, 0]
    expected = [laplace(frame.astype(np.float64))[1:-1, 1:-1].var() for frame in grey]
    assert made == pytest.approx(expected, rel=1e-5)
