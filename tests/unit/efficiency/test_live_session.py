"""`--live` with real networks, a real worker thread, and a clock that runs ahead of the wall."""

from __future__ import annotations

import threading
import time

import pytest

from liveact_eval.efficiency.request import BenchRequest, plan_bench
from liveact_eval.efficiency.schema import Efficiency
from liveact_eval.efficiency.session import measure_cases

_TIMES_FASTER = 200.0


class HastyClock:
    """A second of it is five milliseconds: nobody waits, and no assertion is on how long anything took."""

    def now(self) -> float:
        return _TIMES_FASTER * time.perf_counter()

    def sleep(self, seconds: float, unless: threading.Event) -> None:
        if seconds > 0:
            unless.wait(seconds / _TIMES_FASTER)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Efficiency, list[int]]:
    request = BenchRequest(
        model="liveact-mini",
        out=tmp_path_factory.mktemp("live") / "out",
        sizes=("16x16",),
        device="cpu",
        seconds=4.6,
        repeats=2,
        live=True,
    )
    told: list[int] = []
    return measure_cases(plan_bench(request), told.append, HastyClock()), told


def test_every_block_came_after_its_sound(spoken: tuple[Efficiency, list[int]]) -> None:
    result, told = spoken
    assert result.live_call == "real time"
    (case,) = result.cases
    assert [block.frames for block in case.live_blocks] == [21, 32, 32, 32] * 2
    heard = {(block.repeat, block.block): block.heard_s for block in case.blocks if block.repeat}
    for block in case.live_blocks:
        assert block.real_ms is not None
        assert block.real_ms >= 1000 * heard[block.repeat, block.block]
    assert case.sound_late_ms is not None
    assert sum(told) == 85 + 4 * 117


def test_the_page_says_that_it_was_real_time(spoken: tuple[Efficiency, list[int]]) -> None:
    (note,) = [note for note in spoken[0].notes if "where the simulation puts them" in note]
    assert "sound was fed at most" in note


def test_figures_are_those_of_the_real_call(spoken: tuple[Efficiency, list[int]]) -> None:
    (case,) = spoken[0].cases
    (delay,) = [figure for figure in case.figures if figure.name == "delay_max_ms"]
    came = [block for block in case.live_blocks if block.repeat == 1]
    # The first frame of a block waits longest: its own sound ends a frame, 40 ms, after its start.
    starts = [sum(block.frames for block in came[:place]) for place in range(len(came))]
    worst = max(came[n].real_ms - 40 * (starts[n] + 1) for n in (2, 3))  # type: ignore[operator]
    assert delay.values[0] == pytest.approx(worst)
