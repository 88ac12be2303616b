"""VBench's arithmetic on cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from liveact_eval.metrics._vbench_consistency import Seen, consistency, frame_weighted
from liveact_eval.metrics._vbench_dynamics import (
    Thresholds,
    fast_motion,
    kept_frames,
    kept_in_run,
    moves,
    sampling_interval,
    thresholds,
)
from liveact_eval.metrics._vbench_sampling import frames_per_second, middle_frames
from liveact_eval.metrics._vbench_smoothness import (
    compared_frames,
    frame_errors,
    given_frames,
    smoothness,
)
from liveact_eval.metrics._vbench_smoothness import middle_frames as made_frames
from liveact_eval.metrics._vbench_transforms import clip_input, dino_input, imaging_input


def features(count: int) -> np.ndarray:
    return np.random.RandomState(0).standard_normal((count, 16)) + 0.5


@pytest.mark.parametrize("cut", [0, 1, 2, 6, 9])
def test_consistency_in_pieces_is_that_of_the_whole(cut: int) -> None:
    rows = features(9)
    whole, end = consistency(rows)
    first, seen = consistency(rows[:cut])
    second, last = consistency(rows[cut:], seen)
    np.testing.assert_allclose(np.concatenate([first, second]), whole, atol=1e-15)
    assert isinstance(end, Seen) and isinstance(last, Seen)
    np.testing.assert_array_equal(end.last, last.last)


def test_consistency_clamps_each_cosine_at_zero() -> None:
    rows = np.array([[1.0, 0.0], [-1.0, 0.0], [-3.0, 0.0], [0.0, 2.0]])
    values, _ = consistency(rows)
    np.testing.assert_allclose(values, [0.0, 0.5, 0.0])
    assert frame_weighted(values).tolist() == [0.5, 3.0]
    assert len(consistency(rows[:1])[0]) == 0


def test_every_second_frame_is_compared_and_the_last_of_an_even_video_is_not() -> None:
    assert list(given_frames(6)) == [0, 2, 4]
    assert list(compared_frames(6)) == [1, 3]
    assert list(compared_frames(7)) == [1, 3, 5]
    assert list(compared_frames(2)) == []


def test_frames_are_padded_clipped_and_cut_to_whole_levels() -> None:
    seen: list[torch.Size] = []

    def network(before: Tensor, after: Tensor) -> Tensor:
        seen.append(before.shape)
        return before * 2 - 0.5 / 255

    frames = torch.tensor([1, 100, 200], dtype=torch.uint8).expand(2, 20, 33, 3)
    made = made_frames(network, frames, frames)
    assert seen == [(2, 3, 32, 48)]
    assert made.shape == frames.shape
    assert made[0, 5, 7].tolist() == [1, 199, 255]
    assert frame_errors(frames, made).tolist() == [(0 + 99 + 55) / 3] * 2
    assert smoothness(np.array([0.0, 51.0])) == pytest.approx(0.9)


def test_the_padding_is_cut_off_again() -> None:
    frames = torch.randint(0, 256, (1, 21, 33, 3), generator=torch.Generator().manual_seed(0)).byte()
    # A little more, so that rounding down loses no level.
    made = made_frames(lambda before, after: before + 1e-4, frames, frames)
    assert torch.equal(made, frames)


@pytest.mark.parametrize(("fps", "interval"), [(25, 3), (20, 2), (16, 2), (24, 3), (30, 4), (12, 2), (3, 1)])
def test_interval_of_kept_frames(fps: float, interval: int) -> None:
    assert sampling_interval(fps) == interval


def test_kept_frames_of_a_stream_in_runs() -> None:
    stream = torch.arange(125)
    runs = [kept_in_run(start, stream[start : start + 7], 25) for start in range(0, 125, 7)]
    assert torch.cat(runs).tolist() == list(kept_frames(125, 25))


def test_a_video_moves_if_enough_pairs_have_a_fast_part() -> None:
    assert thresholds(16, 512, 832) == Thresholds(motion=12.0, pairs=4)
    assert thresholds(42, 512, 512).pairs == 10
    limit = Thresholds(motion=12.0, pairs=2)
    assert moves([12.1, 0.0, 13.0], limit)
    assert not moves([12.0, 0.0, 13.0], limit)


def test_fast_motion_is_that_of_the_fastest_twentieth() -> None:
    flow = torch.zeros(2, 2, 10, 20)
    flow[0, 0, 0, :10], flow[0, 1, 0, :10] = 3.0, 4.0
    flow[1, 0, 0, :5] = -8.0
    assert fast_motion(flow).tolist() == [5.0, 4.0]


def test_middles_of_parts_and_frames_per_second() -> None:
    assert middle_frames(3, 9) == [1, 4, 7]
    assert middle_frames(4, 2) == [0, 1, 1, 1]
    assert frames_per_second(2, 50, 25) == [6, 19, 31, 44]


@pytest.mark.parametrize(
    ("size", "made"), [((480, 832), (224, 388)), ((530, 681), (224, 287)), ((681, 530), (287, 224))]
)
def test_dino_keeps_the_whole_frame(size: tuple[int, int], made: tuple[int, int]) -> None:
    frames = torch.zeros(1, *size, 3, dtype=torch.uint8)
    assert dino_input(frames).shape[-2:] == made
    assert clip_input(frames).shape[-2:] == (224, 224)


def test_bicubic_overshoot_stays() -> None:
    frames = torch.zeros(1, 300, 300, 3)
    frames[:, :, 150:] = 255.0
    black = (0 - 0.48145466) / 0.26862954
    assert float(clip_input(frames)[:, 0].min()) < black - 0.05


def test_bytes_and_floats_give_the_same() -> None:
    frames = torch.randint(0, 256, (2, 90, 120, 3), generator=torch.Generator().manual_seed(0)).byte()
    assert torch.equal(dino_input(frames), dino_input(frames.float()))
    assert torch.equal(clip_input(frames)[1:], clip_input(frames[1:]))


@pytest.mark.parametrize(
    ("mode", "size"),
    [
        ("longer", (398, 512)),
        ("shorter", (512, 657)),
        ("shorter_centercrop", (512, 512)),
        ("None", (530, 681)),
    ],
)
def test_imaging_sizes_are_cut_to_whole_pixels(mode: str, size: tuple[int, int]) -> None:
    frames = torch.full((1, 530, 681, 3), 255, dtype=torch.uint8)
    made = imaging_input(frames, mode)  # type: ignore[arg-type]
    assert made.shape[-2:] == size
    assert float(made.max()) == pytest.approx(1.0, abs=1e-6)
    small = torch.zeros(1, 100, 90, 3)
    assert imaging_input(small).shape[-2:] == (100, 90)


def test_unknown_imaging_mode() -> None:
    with pytest.raises(ValueError, match="imaging mode 'wider'; longer, shorter"):
        imaging_input(torch.zeros(1, 8, 8, 3), "wider")  # type: ignore[arg-type]
