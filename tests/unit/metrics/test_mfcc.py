"""Sound features: lengths, runs, silence, windows."""

from __future__ import annotations

import numpy as np
import pytest

from liveact_eval.metrics._mfcc import MfccStream, mel_filters, mfcc, sound_windows

NOISE = np.random.RandomState(0).randint(-20_000, 20_000, 9_001).astype(np.int16)


@pytest.mark.parametrize(
    ("samples", "steps"), [(0, 1), (1, 1), (400, 1), (401, 2), (560, 2), (561, 3), (9_001, 55)]
)
def test_there_is_a_step_for_every_hop_that_begins(samples: int, steps: int) -> None:
    assert mfcc(NOISE[:samples]).shape == (steps, 13)


@pytest.mark.parametrize("run", [1, 159, 160, 401, 5_000])
def test_runs_of_any_length_give_the_same(run: int) -> None:
    sound = NOISE[:2_500] if run == 1 else NOISE
    stream = MfccStream()
    parts = [stream.push(sound[start : start + run]) for start in range(0, len(sound), run)]
    assert np.array_equal(np.concatenate([*parts, stream.finish()]), mfcc(sound))


def test_silence_is_finite_and_has_the_energy_of_the_smallest_number() -> None:
    steps = mfcc(np.zeros(800, np.int16))
    assert np.isfinite(steps).all()
    assert steps[:, 0] == pytest.approx(np.log(np.finfo(np.float64).eps))


def test_the_first_coefficient_is_the_energy() -> None:
    louder = mfcc((NOISE // 4 * 2).astype(np.int16)) - mfcc((NOISE // 4).astype(np.int16))
    assert louder[:, 0] == pytest.approx(np.full(len(louder), 2 * np.log(2)))
    # All others measure the shape of the spectrum, which loudness does not change.
    assert np.abs(louder[:, 1:]).max() < 1e-9


def test_triangles_peak_at_one_and_leave_out_the_ends() -> None:
    filters = mel_filters()
    assert filters.shape == (26, 257)
    assert np.array_equal(filters.max(axis=1), np.ones(26))
    assert filters[:, 0].max() == filters[:, 256].max() == 0


def test_windows_begin_every_four_steps() -> None:
    steps = np.arange(60 * 13, dtype=np.float64).reshape(60, 13)
    windows = sound_windows(steps, 3, first=2)
    assert windows.shape == (3, 20, 13)
    assert np.array_equal(windows[1], steps[12:32])
    assert sound_windows(steps, 0).shape == (0, 20, 13)


def test_windows_beyond_the_sound_are_an_error() -> None:
    with pytest.raises(ValueError, match="need 64 steps; there are 60"):
        sound_windows(np.zeros((60, 13)), 12)
