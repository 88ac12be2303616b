"""Metrics of landmarks in the engine, with a network that says where the points are in each frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from liveact_eval.clips.clip import Clip
from liveact_eval.measure import engine
from liveact_eval.measure.engine import Job, Measurement, measure
from liveact_eval.measure.head_crops import SIDE as CROP
from liveact_eval.metrics._face_motion import blinks_of, head_motion
from liveact_eval.metrics._fan_landmarks import SCHEME, landmarks_of
from liveact_eval.metrics._landmarks import eye_opening, face_distance, head_pose, lip_distance, mouth_opening
from liveact_eval.metrics._lip_pairs import LipPairs
from liveact_eval.metrics.base import Batch, ClipContext, Metric, Missing
from liveact_eval.metrics.blink import Blink
from liveact_eval.metrics.head_motion import HeadMotion
from liveact_eval.metrics.lip_stability import LipStability
from liveact_eval.metrics.lmd import LipDistance
from liveact_eval.networks.fan import MAP_SIDE, POINTS
from liveact_eval.networks.provider import Networks
from tests.helpers import clip_of, numbers, tone, values, write_av

FPS = 25
SIDE = 128
REAL = 180
"""Number of the first frame of the real video."""
STEP, DARKEST = 15, 8


def cells() -> NDArray[np.int64]:
    """Cells of all points in all frames that can be numbered, (256, 68, 2): a mouth that talks, eyes that blink."""
    made = np.random.RandomState(3).randint(8, 56, (1, POINTS, 2)).repeat(256, axis=0)
    n = np.arange(256)
    turn = np.rint(2 * np.sin(n / 9)).astype(int)
    for point, at in zip(
        SCHEME.rigid, [(32, 36), (32, 56), (14, 24), (50, 24), (24, 46), (40, 46)], strict=True
    ):
        made[:, point] = at
    made[:, SCHEME.rigid[0], 0] += turn
    for corners in (SCHEME.left_eye, SCHEME.right_eye):
        left = 14 if corners is SCHEME.left_eye else 40
        shut = (n % 60 >= 20) & (n % 60 < 25)
        for point, x, y in zip(corners, (0, 3, 7, 10, 7, 3), (0, -3, -3, 0, 3, 3), strict=True):
            made[:, point] = left + x, 24
            made[:, point, 1] += np.where(shut, 0, y)
    opening = np.rint(3 + 3 * np.sin(n)).astype(int)
    for number, (upper, lower) in enumerate(SCHEME.inner_lips):
        made[:, upper] = made[:, lower] = 30 + 2 * number, 44
        made[:, lower, 1] += np.where(n < REAL, opening, 2)
    return made


CELLS = cells()
SIDEWAYS = np.where(np.arange(POINTS) % 2, 1, -1)
"""The neighbour, of both in a row, that is the higher one: half the peak, and the other a quarter."""
SHARES = (CELLS + 0.5 + np.stack([SIDEWAYS / 4, np.zeros(POINTS)], axis=1)) / MAP_SIDE
FINE = (CELLS + 0.5 + np.stack([SIDEWAYS / 6, np.zeros(POINTS)], axis=1)) / MAP_SIDE
"""The bell through 1/4, 1 and 1/2 has its top at ln 2 / (2 ln 8) = 1/6."""
SQUARE = SIDE * 0.5 * 2 * 200 / 165
"""Side of the crops, in pixels: the stand-in for YuNet finds a face half as high as the picture."""


class KnownPoints(nn.Module):
    """Reads the number of a frame off its crop, and puts the peaks of that frame into the maps."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(()))
        self.pictures: list[int] = []

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, 3, 256, 256) in 0..1 to maps (N, 68, 64, 64)."""
        levels = pictures.mean(dim=1) * 255
        middle = CROP // 2
        digits = [levels[:, row - 4 : row + 4, middle - 4 : middle + 4].mean(dim=(1, 2)) for row in (90, 190)]
        low, high = (((digit - DARKEST) / STEP).round().long() for digit in digits)
        numbers = (low + 16 * high).tolist()
        self.pictures += numbers
        maps = torch.zeros(len(numbers), POINTS, MAP_SIDE, MAP_SIDE)
        for one, number in zip(maps, numbers, strict=True):
            x, y = torch.from_numpy(CELLS[number]).unbind(1)
            k, side = torch.arange(POINTS), torch.from_numpy(SIDEWAYS)
            one[k, y, x] = 1
            one[k, y, x + side] = 0.5
            one[k, y, x - side] = one[k, y + 1, x] = one[k, y - 1, x] = 0.25
        return maps


def numbered(first: int, count: int) -> NDArray[np.uint8]:
    """Pictures that carry their number: its low digit above, its high one below."""
    pictures = np.full((count, SIDE, SIDE, 3), DARKEST, np.uint8)
    for picture, n in zip(pictures, range(first, first + count), strict=True):
        picture[: SIDE // 2] += np.uint8(STEP * (n % 16))
        picture[SIDE // 2 :] += np.uint8(STEP * (n // 16))
    return pictures


@pytest.fixture
def networks() -> Networks:
    made = Networks(mode="seeded")
    made._loaded["fan"] = KnownPoints()
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`own.mkv`: 6 s, of which the last 3 are silent; `real.mkv`: 1.6 s; `mute.mkv`: 1.6 s without a sound."""
    folder = tmp_path_factory.mktemp("videos")
    own = tone(6)
    own[3 * 16_000 :] = 0
    write_av(folder / "own.mkv", numbered(0, 150), rate=FPS, sound=own)
    write_av(folder / "real.mkv", numbered(REAL, 40), rate=FPS, sound=tone(1.6))
    write_av(folder / "mute.mkv", numbered(0, 40), rate=FPS)
    return folder


def run(clip: Clip, video: Path, networks: Networks, *metrics: Metric) -> Measurement:
    found = measure(Job(clip=clip, video=video, metrics=metrics, networks=networks))
    assert not found.traces, found.traces
    return found


def seen_by(networks: Networks) -> list[int]:
    network = networks.get("fan")
    assert isinstance(network, KnownPoints)
    return network.pictures


def test_one_pass_of_the_network_gives_what_the_formulas_give(folder: Path, networks: Networks) -> None:
    found = run(
        clip_of(folder / "own.mkv"), folder / "own.mkv", networks, LipStability(), HeadMotion(), Blink()
    )
    assert sorted(seen_by(networks)) == list(range(150))
    points, got = FINE[:150], numbers(found)

    blinks = blinks_of(eye_opening(points, SCHEME), FPS)
    assert blinks.count == 3
    assert got["blinks_per_min"] == pytest.approx(3 * 60 / 6)
    assert got["blink_length_s"] == pytest.approx(5 / FPS)
    np.testing.assert_allclose(
        found.scores["blink"].curves["eye_opening"], eye_opening(points, SCHEME), rtol=1e-6
    )

    pose = head_pose(points, SCHEME)
    motion = head_motion(pose, FPS)
    assert not isinstance(motion.deviation_deg, Missing) and not isinstance(motion.range_deg, Missing)
    assert (
        got["head_yaw_std_deg"] == pytest.approx(motion.deviation_deg[0], rel=1e-5)
        and got["head_yaw_std_deg"] > 1
    )
    assert got["head_roll_range_deg"] == pytest.approx(motion.range_deg[2], abs=1e-5)
    assert got["head_speed_deg_per_s"] == pytest.approx(motion.speed_deg_s, rel=1e-5)
    np.testing.assert_allclose(found.scores["head_motion"].curves["head_pitch_deg"], pose[:, 1], atol=1e-5)

    # The inside of the silence: 3 s less the 0.2 s at which it begins; at the end of the clip nothing follows.
    inside = mouth_opening(points, SCHEME)[80:]
    assert got["silence_s"] == pytest.approx(70 / FPS)
    assert got["silent_lip_motion"] == pytest.approx(inside.std(), rel=1e-6)
    assert got["silent_lip_opening"] == pytest.approx(inside.mean(), rel=1e-6)


def test_lips_are_compared_with_the_real_ones_in_the_picture(folder: Path, networks: Networks) -> None:
    clip = clip_of(folder / "real.mkv", seconds=1.6)
    found = run(clip, folder / "own.mkv", networks, LipDistance(), HeadMotion())
    # No face goes through the network twice.
    assert sorted(seen_by(networks)) == [*range(40), *range(REAL, REAL + 40)]
    ours, real = (SHARES[first : first + 40] * SQUARE for first in (0, REAL))
    pixels, share = lip_distance(ours, real, SCHEME)
    got = numbers(found)
    assert got["lmd"] == pytest.approx(share.mean(), rel=1e-5)
    assert got["lmd_last"] == pytest.approx(share[-10:].mean(), rel=1e-5)
    assert got["lmd_px"] == pytest.approx(pixels.mean(), rel=1e-5) and got["lmd_px"] > 1
    assert got["lmd_face"] == pytest.approx(face_distance(ours, real, SCHEME).mean(), rel=1e-5)
    np.testing.assert_allclose(found.scores["lmd"].curves["lmd"], share, rtol=1e-5)


def test_the_real_video_is_its_own_pair_and_needs_each_face_once(folder: Path, networks: Networks) -> None:
    got = numbers(run(clip_of(folder / "real.mkv"), folder / "real.mkv", networks, LipDistance()))
    assert got == {"lmd": 0, "lmd_last": 0, "lmd_px": 0, "lmd_face": 0}
    assert sorted(seen_by(networks)) == list(range(REAL, REAL + 40))


def test_results_do_not_depend_on_the_runs(
    folder: Path, networks: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Beyond the end of the real video there is nothing to compare with.
    metrics = (LipDistance(), HeadMotion())
    clip = clip_of(folder / "real.mkv", seconds=2.0)
    expected = numbers(run(clip, folder / "own.mkv", networks, *metrics))
    monkeypatch.setattr(engine, "RUN_BYTES", 7 * SIDE * SIDE * 3)
    assert numbers(run(clip, folder / "own.mkv", networks, *metrics)) == pytest.approx(expected, rel=1e-9)


def test_what_cannot_be_said_has_a_reason(folder: Path, networks: Networks) -> None:
    mute = values(run(clip_of(None), folder / "mute.mkv", networks, LipStability(), Blink(), LipDistance()))
    reasons = {name: value.reason for name, value in mute.items() if isinstance(value, Missing)}
    assert reasons["silent_lip_motion"] == "no_audio"
    assert reasons["blinks_per_min"] == "too_short"
    assert reasons["lmd"] == "no_reference"
    loud = values(run(clip_of(None), folder / "real.mkv", networks, LipStability()))
    assert loud["silent_lip_motion"] == Missing(
        "no_silence", "0.00 s of silence with a face; 0.5 s are needed"
    )


@pytest.mark.parametrize(
    "metric", [LipDistance(), LipStability(), HeadMotion(), Blink()], ids=lambda m: m.name
)
def test_without_a_face_every_output_is_missing(metric: Metric) -> None:
    width = {"lmd": 3, "head_motion": 3}.get(metric.name, 1)
    for frames in (0, 200):
        rows = {
            "heads": np.full((frames, width), np.nan),
            "sound": np.full((800, 1), 0.1),
            "squares": np.zeros((0, 1)),
        }
        made = metric.score(rows, ClipContext(fps=25.0, truth=None)).values
        assert set(made) == {output.name for output in metric.outputs}
        assert all(isinstance(value, Missing) for name, value in made.items() if name != "silence_s")


def test_a_frame_without_a_face_does_not_go_through_the_network(networks: Networks) -> None:
    crops = torch.full((3, 1, CROP, CROP, 3), float(DARKEST))
    crops[1] = torch.nan
    found = landmarks_of(Batch(windows=crops, networks=networks))
    assert np.isnan(found).all(axis=(1, 2)).tolist() == [False, True, False]
    np.testing.assert_allclose(found[0], SHARES[0])
    assert seen_by(networks) == [0, 0]
    with pytest.raises(ValueError, match="comes with its reference"):
        landmarks_of(Batch(windows=crops, networks=networks), "reference")


def test_points_and_squares_meet_in_whatever_runs_they_come() -> None:
    rng = np.random.RandomState(0)
    points = rng.rand(9, 2 * POINTS * 2)
    squares = rng.rand(9, 6) * 10 + 30
    points[4, 3] = np.nan
    tables = []
    for cuts, other in (([], []), ([2, 5], [1, 8]), (list(range(1, 9)), [6])):
        pairs = LipPairs(SCHEME)
        for part in np.split(points, cuts):
            pairs.points.append(part)
        for part in np.split(squares, other):
            pairs.squares.append(part)
        tables.append(pairs.points.table)
        assert len(pairs.squares.table) == 9
    # Crops of another size and place show the same points at other shares: only places in the picture are compared.
    ours = squares[0, :2] + points[0].reshape(2, -1, 2)[0] * squares[0, 2]
    real = squares[0, 3:5] + points[0].reshape(2, -1, 2)[1] * squares[0, 5]
    assert tables[0][0, 1] == pytest.approx(lip_distance(ours[None], real[None], SCHEME)[0][0])
    assert np.isnan(tables[0]).any(axis=1).tolist() == [n == 4 for n in range(9)]
    for table in tables:
        np.testing.assert_allclose(table, tables[0], rtol=1e-12)
