"""Samples per second count training alone, and the process that takes the most memory is logged."""

from __future__ import annotations

import pytest
import torch

from liveact_eval.training.pace import Pace, Speed, of_all


def test_a_pace_counts_steps_and_not_what_lies_between(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("liveact_eval.training.pace.time.monotonic", lambda: now)
    counted = Pace(torch.device("cpu"), batch=8)
    now = 2.0
    counted.step()
    # A validation.
    now = 100.0
    counted.begin()
    now = 102.0
    counted.step()
    assert counted.report() == Speed(samples_per_s=4.0, peak_vram_gib=None)
    counted.begin()
    now = 103.0
    counted.step()
    assert counted.report().samples_per_s == 8.0


def test_peaks_are_those_of_the_largest() -> None:
    assert of_all([Speed(10.0, 1.5), Speed(11.0, 2.5)]) == {"samples_per_s": 10.0, "peak_vram_gib": 2.5}
    assert of_all([Speed(10.0, None)]) == {"samples_per_s": 10.0}


def test_the_peak_of_a_gpu_is_in_gib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 3 * 2**29)
    assert Pace(torch.device("cuda:0"), batch=1).report().peak_vram_gib == 1.5
