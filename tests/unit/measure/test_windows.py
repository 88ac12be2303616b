"""Windows do not depend on how the stream was cut into runs."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from liveact_eval.measure.windows import FrameWindows, SoundWindows

CASES = {
    "length": st.integers(0, 60),
    "cuts": st.lists(st.integers(0, 60), max_size=8),
    "window": st.integers(1, 12),
    "hop": st.integers(1, 20),
}


def runs(length: int, cuts: list[int]) -> list[slice]:
    edges = [0, *sorted(min(cut, length) for cut in cuts), length]
    return [slice(a, b) for a, b in itertools.pairwise(edges)]


def starts(length: int, window: int, hop: int) -> list[int]:
    return list(range(0, length - window + 1, hop))


@settings(max_examples=150, deadline=None)
@given(**CASES)
def test_frames(length: int, cuts: list[int], window: int, hop: int) -> None:
    frames = torch.arange(length * 6, dtype=torch.int32).reshape(length, 2, 3)
    windows = FrameWindows(window, hop)
    made = [part for run in runs(length, cuts) if (part := windows.push(frames[run])) is not None]
    expected = [frames[n : n + window] for n in starts(length, window, hop)]
    assert sum(map(len, made)) == len(expected)
    if expected:
        assert torch.equal(torch.cat(made), torch.stack(expected))


@settings(max_examples=150, deadline=None)
@given(**CASES)
def test_sound(length: int, cuts: list[int], window: int, hop: int) -> None:
    samples = np.arange(length, dtype=np.int16)
    windows = SoundWindows(window, hop)
    made = [part for run in runs(length, cuts) if (part := windows.push(samples[run])) is not None]
    expected = [samples[n : n + window] for n in starts(length, window, hop)]
    assert sum(map(len, made)) == len(expected)
    if expected:
        assert np.array_equal(np.concatenate(made), np.stack(expected))
        assert made[0].dtype == np.int16


def test_a_run_is_not_kept_alive_by_its_tail() -> None:
    windows = FrameWindows(2, 1)
    windows.push(torch.zeros(100, 8, 8))
    assert windows._kept is not None
    assert windows._kept.untyped_storage().nbytes() == 8 * 8 * 4
