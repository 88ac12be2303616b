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
@given(every=st.integers(1, 9), **CASES)
def test_windows_of_every_kth_frame(length: int, cuts: list[int], window: int, hop: int, every: int) -> None:
    frames = torch.arange(length, dtype=torch.int32)[:, None]
    windows = FrameWindows(window, hop, every)
    made = [part for run in runs(length, cuts) if (part := windows.push(frames[run])) is not None]
    kept = frames[::every]
    expected = [kept[n : n + window] for n in starts(len(kept), window, hop)]
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


@settings(max_examples=100, deadline=None)
@given(**CASES, at_once=st.integers(1, 7))
def test_windows_come_together(length: int, cuts: list[int], window: int, hop: int, at_once: int) -> None:
    frames = torch.arange(length * 2).reshape(length, 2)
    windows = FrameWindows(window, hop, at_once=at_once)
    made = [part for run in runs(length, cuts) if (part := windows.push(frames[run])) is not None]
    assert all(len(part) % at_once == 0 for part in made)
    rest = windows.finish()
    assert rest is None or len(rest) < at_once
    made += [] if rest is None else [rest]
    expected = [frames[n : n + window] for n in starts(length, window, hop)]
    assert [part.tolist() for run in made for part in run] == [part.tolist() for part in expected]


@settings(max_examples=100, deadline=None)
@given(**CASES, at_once=st.integers(1, 7), lead=st.integers(0, 4))
def test_sound_comes_together_behind_its_lead(
    length: int, cuts: list[int], window: int, hop: int, at_once: int, lead: int
) -> None:
    samples = np.arange(1, length + 1, dtype=np.int16)
    windows = SoundWindows(window, hop, lead, at_once)
    made = [part for run in runs(length, cuts) if (part := windows.push(samples[run])) is not None]
    assert all(len(part) % at_once == 0 for part in made)
    rest = windows.finish()
    made += [] if rest is None else [rest]
    whole = np.concatenate([np.zeros(lead, np.int16), samples])
    expected = [whole[n : n + window].tolist() for n in starts(len(whole), window, hop)]
    assert [part.tolist() for run in made for part in run] == expected


def test_a_run_is_not_kept_alive_by_its_tail() -> None:
    windows = FrameWindows(2, 1)
    windows.push(torch.zeros(100, 8, 8))
    assert windows._kept is not None
    assert windows._kept.untyped_storage().nbytes() == 8 * 8 * 4
