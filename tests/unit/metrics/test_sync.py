"""Sync-C and Sync-D through the engine: equal to the formulas over the whole clip, and what has no score."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from liveact_eval.clips.faces import FaceOrder
from liveact_eval.measure import engine
from liveact_eval.measure.engine import Job, Measurement, measure
from liveact_eval.metrics._mfcc import mfcc, sound_windows
from liveact_eval.metrics._sync_crops import crop_track, whole_pictures
from liveact_eval.metrics._sync_curve import SyncScores, distances, scores
from liveact_eval.metrics.base import ClipContext, Metric, Missing
from liveact_eval.metrics.sync import Sync, SyncLse
from liveact_eval.networks.provider import Networks
from liveact_eval.networks.seeded_networks import syncnet
from tests.helpers import Samples, clip_of, moving_square, numbers, read_all, values, write_av

FRAMES = 34


@dataclass(frozen=True)
class OneNetwork(Networks):
    """Hands out the network of this module."""

    network: nn.Module | None = None

    def missing(self, name: str) -> str | None:
        return None if name == "syncnet" else "only one network is here"

    def get(self, name: str) -> nn.Module:
        assert self.network is not None
        return self.network


@pytest.fixture(scope="module")
def networks() -> OneNetwork:
    return OneNetwork(network=syncnet().eval().requires_grad_(False))


class Stub(nn.Module):
    """Embeddings that cost nothing: means of the crops and coefficients of the sound."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(1.0), requires_grad=False)

    def embed_video(self, crops: torch.Tensor) -> torch.Tensor:
        assert crops.shape[1:] == (224, 224, 3)
        levels = crops.float().mean(dim=(1, 2))
        return levels.unfold(0, 5, 1).flatten(1)[:, :13] / 50

    def embed_audio(self, windows: torch.Tensor) -> torch.Tensor:
        assert windows.shape[1:] == (20, 13)
        return windows.float().mean(dim=1) / 10


@pytest.fixture(scope="module")
def stub() -> OneNetwork:
    return OneNetwork(network=Stub())


def noise(seconds: float) -> Samples:
    return np.random.RandomState(4).randint(-9000, 9000, round(seconds * 16_000)).astype(np.int16)


def boxes_of(frames: int) -> np.ndarray:
    middle = 60 + 8 * np.sin(np.arange(frames) / 5)
    return np.stack([middle - 30, middle - 32, middle + 30, middle + 32], axis=1).astype(np.float32)


def video(folder: Path, frames: int = FRAMES, sound: Samples | None = None, rate: int = 25) -> Path:
    heard = noise(frames / rate) if sound is None else sound
    return write_av(
        folder / "video.mp4",
        moving_square(frames, (128, 128), step=5),
        sound=heard if len(heard) else None,
        rate=rate,
    )


def truth(folder: Path, boxes: np.ndarray) -> Path:
    count = len(boxes)
    path = folder / "truth.npz"
    np.savez(
        path,
        face_box=boxes,
        mouth_box=boxes,
        landmarks=np.zeros((count, 5, 2), np.float32),
        mouth_opening=np.zeros(count, np.float32),
        fps=25.0,
    )
    return path


def measured(metric: Metric, path: Path, networks: Networks, boxes: np.ndarray | None = None) -> Measurement:
    if boxes is None:
        return measure(Job(clip=clip_of(None), video=path, metrics=[metric], networks=networks))
    clip = clip_of(None, truth=truth(path.parent, boxes))
    return measure(Job(clip=clip, video=path, metrics=[metric], networks=networks, faces=FaceOrder()))


def at_once(crops: np.ndarray, samples: Samples, networks: OneNetwork) -> SyncScores:
    network = networks.get("syncnet")
    windows = min(len(crops), len(samples) // 640) - 5
    with torch.inference_mode():
        seen = network.embed_video(torch.from_numpy(crops)).numpy()[:windows]
        heard = network.embed_audio(torch.from_numpy(sound_windows(mfcc(samples), windows))).numpy()
    return scores(distances(seen, heard))


def same(made: dict[str, float], prefix: str, expected: SyncScores) -> None:
    assert made[f"{prefix}_c"] == pytest.approx(expected.confidence, abs=2e-6)
    assert made[f"{prefix}_d"] == pytest.approx(expected.distance, rel=1e-6)
    assert made[f"{prefix}_d_zero"] == pytest.approx(expected.distance_at_zero, rel=1e-6)
    if not expected.at_edge:
        assert made[f"{prefix}_offset_frames"] == expected.offset


@pytest.mark.slow
def test_equals_the_formulas_over_the_whole_clip(tmp_path: Path, networks: OneNetwork) -> None:
    path, boxes = video(tmp_path), boxes_of(FRAMES)
    frames, samples = read_all(path)
    expected = at_once(crop_track(np.stack([frame.rgb for frame in frames]), boxes), samples, networks)
    made = measured(Sync(), path, networks, boxes)
    same(numbers(made), "sync", expected)
    assert numbers(made)["sync_coverage"] == 1.0
    assert len(made.scores["sync"].curves["sync_confidence"]) == expected.windows == FRAMES - 5


@pytest.mark.parametrize("frames", [30, 61])
def test_numbers_do_not_depend_on_the_runs(
    tmp_path: Path, stub: OneNetwork, monkeypatch: pytest.MonkeyPatch, frames: int
) -> None:
    path, boxes = video(tmp_path, frames), boxes_of(frames)
    made = numbers(measured(Sync(), path, stub, boxes))
    assert made["sync_coverage"] == 1.0
    monkeypatch.setattr(engine, "RUN_BYTES", 1)
    assert numbers(measured(Sync(), path, stub, boxes)) == pytest.approx(made, abs=1e-6)


@pytest.mark.slow
def test_whole_pictures_equal_the_formulas(tmp_path: Path, networks: OneNetwork) -> None:
    # Sound that ends before the pictures: windows without it do not count.
    path = video(tmp_path, sound=noise(1.25))
    frames, samples = read_all(path)
    expected = at_once(whole_pictures(np.stack([frame.rgb for frame in frames])), samples, networks)
    made = numbers(measured(SyncLse(), path, networks))
    same(made, "lse", expected)
    assert expected.windows == len(samples) // 640 - 5 < FRAMES - 5
    assert made["lse_coverage"] == expected.windows / (FRAMES - 5)


def test_the_longest_stretch_with_a_face_counts(tmp_path: Path, stub: OneNetwork) -> None:
    path, boxes = video(tmp_path, 50), boxes_of(50)
    boxes[9] = np.nan
    frames, samples = read_all(path)
    pictures = np.stack([frame.rgb for frame in frames[10:]])
    expected = at_once(crop_track(pictures, boxes[10:]), samples[6400:], stub)
    made = measured(Sync(), path, stub, boxes)
    found = numbers(made)
    # The sample before the stretch is real here, not zero: the first step of its sound differs a little.
    assert found["sync_d"] == pytest.approx(expected.distance, rel=1e-3)
    assert found["sync_coverage"] == 35 / 45
    curve = made.scores["sync"].curves["sync_confidence"]
    assert len(curve) == 45 and np.isnan(curve[:10]).all() and np.isfinite(curve[10:]).all()


@pytest.mark.parametrize(
    ("frames", "seconds", "faces", "reason"),
    [
        (29, 1.16, slice(0), "too_short"),
        (34, 0.0, slice(0), "no_audio"),
        (34, 0.2, slice(0), "no_audio"),
        (34, 1.36, slice(None), "no_face"),
        (34, 1.36, slice(None, None, 10), "too_short"),
        (4, 0.16, slice(0), "too_short"),
    ],
)
def test_what_has_no_score(
    tmp_path: Path, stub: OneNetwork, frames: int, seconds: float, faces: slice, reason: str
) -> None:
    boxes = boxes_of(frames)
    boxes[faces] = np.nan
    made = values(measured(Sync(), video(tmp_path, frames, noise(seconds)), stub, boxes))
    assert {value.reason if isinstance(value, Missing) else "" for value in made.values()} == {reason}
    assert len(made) == len(Sync.outputs)


def test_another_frame_rate_is_refused_before_anything_runs(tmp_path: Path) -> None:
    path = video(tmp_path, rate=24)
    networks = OneNetwork()
    value = measured(SyncLse(), path, networks).scores["sync_lse"].values["lse_c"]
    assert isinstance(value, Missing) and value.reason == "wrong_rate"
    assert "24 frames per second, expected 25: set protocol.fps" in value.detail


def test_the_rate_of_the_protocol_counts(tmp_path: Path, stub: OneNetwork) -> None:
    path = video(tmp_path, rate=24)
    clip = clip_of(None, rate=Fraction(25))
    made = measure(Job(clip=clip, video=path, metrics=[SyncLse()], networks=stub))
    assert isinstance(made.scores["sync_lse"].values["lse_c"], float)


def test_a_shift_at_the_end_of_the_search_is_no_sync() -> None:
    table = np.full((40, 31), 9.0)
    table[:, 1] = 5.0
    rows = {"mouths": table, "sound": np.array([[50.0, 40, 50, 0]])}
    made = Sync().score(rows, ClipContext(fps=25.0, truth=None)).values
    offset, distance = made["sync_offset_frames"], made["sync_offset_abs_frames"]
    assert isinstance(offset, Missing) and isinstance(distance, Missing) and offset.reason == "no_sync"
    assert (made["sync_c"], made["sync_d"], made["sync_d_zero"]) == (4.0, 5.0, 9.0)
    assert made["sync_coverage"] == 0.8
    table[:, 1], table[:, 12] = 9.0, 5.0
    made = Sync().score(rows, ClipContext(fps=25.0, truth=None)).values
    assert (made["sync_offset_frames"], made["sync_offset_abs_frames"]) == (3.0, 3.0)


def test_curves_of_stretches_keep_the_time_of_the_clip() -> None:
    table = np.full((250, 31), 9.0)
    table[:125, 15], table[125:, 15] = 4.0, 8.0
    rows = {"mouths": table, "sound": np.array([[260.0, 250, 260, 10]])}
    curve = Sync().score(rows, ClipContext(fps=25.0, truth=None)).curves["sync_d_5s"]
    assert len(curve) == 260
    assert curve[10 + 62] == pytest.approx(4.0, abs=0.1)
    assert curve[-1] == pytest.approx(8.0)
