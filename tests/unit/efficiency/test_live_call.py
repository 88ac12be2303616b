"""A call in real time, with a clock for two threads: it meets the simulation of the same blocks."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from liveact_eval.efficiency.clock import MonotonicClock
from liveact_eval.efficiency.figures import Figure
from liveact_eval.efficiency.live import LiveCall, call
from liveact_eval.efficiency.playout import play
from liveact_eval.efficiency.records import live_records
from liveact_eval.efficiency.simulator import Emission, Timeline
from liveact_eval.efficiency.summary import Facts, simulated, summarise
from tests.unit.efficiency.fake_stream import RATE, Plan, made, steady_plans
from tests.unit.efficiency.virtual_time import LiveFake, VirtualTime

SECONDS = [0.9, 1.2, 1.3, 2.4, 1.1, 1.2]
"""The fourth block takes longer than the 1.6 s that it lasts."""
FACTS = Facts(
    target_fps=20.0,
    kv_counted="none",
    tflop_per_frame="none",
    device="cpu",
    precision="float32",
    no_energy="none",
)


def spoken(plans: list[Plan], seconds: float | None = None, **given: float) -> tuple[LiveCall, LiveFake]:
    time = VirtualTime()
    generator = LiveFake(time, plans, **given)  # type: ignore[arg-type]
    length = max(plan.heard_s for plan in plans) + 1 if seconds is None else seconds
    sound = np.zeros(round(length * RATE), np.int16)
    return call(generator, sound, RATE, seed=0, clock=time), generator


def test_real_time_meets_the_simulation() -> None:
    plans = steady_plans(SECONDS)
    real, generator = spoken(plans, open_s=0.25)
    simulation = simulated(made(plans, open_s=0.25))
    assert [e.at_s for e in real.timeline.emissions] == pytest.approx(
        [e.at_s for e in simulation.timeline.emissions], abs=0.002
    )
    assert [e.first_frame for e in real.timeline.emissions] == [0, 21, 53, 85, 117, 149]
    assert real.open_s == pytest.approx(0.25)
    assert real.late_s == pytest.approx(0.0, abs=1e-9)
    assert play(real.timeline).stalls == play(simulation.timeline).stalls > 0
    (stream,) = generator.streams
    assert len(stream.fed_by) == 1
    assert stream.fed_by != {threading.current_thread().name}


def test_the_speaker_stops_with_the_last_block() -> None:
    _, generator = spoken(steady_plans([0.1, 0.1, 0.1]), seconds=500.0)
    assert generator.streams[0].samples < 8 * RATE
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("speaker")]


def test_a_block_that_wants_all_sound_gets_it() -> None:
    real, _ = spoken([Plan(21, 3.0, (("step_0", 0.5),))], seconds=3.0)
    assert [e.at_s for e in real.timeline.emissions] == pytest.approx([3.5])


def test_sound_that_cannot_be_taken_is_told_and_wakes_the_reader() -> None:
    with pytest.raises(ValueError, match="cannot be taken"):
        spoken(steady_plans(SECONDS), deaf_after_s=2.0)


def test_interrupted_in_the_middle() -> None:
    """Ctrl-C is what the caller sees, and no thread is left."""
    with pytest.raises(KeyboardInterrupt):
        spoken(steady_plans(SECONDS), fails_at=2)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("speaker")]


def value(found: list[Figure], name: str) -> float:
    (figure,) = [figure for figure in found if figure.name == name]
    assert figure.value is not None
    return figure.value


def later(recording_call: LiveCall, seconds: float) -> LiveCall:
    emissions = tuple(
        Emission(first_frame=e.first_frame, frames=e.frames, at_s=e.at_s + seconds)
        for e in recording_call.timeline.emissions
    )
    return LiveCall(timeline=Timeline(emissions, 20.0), open_s=0.0, late_s=0.03)


def test_figures_are_those_of_the_call_and_not_of_the_simulation() -> None:
    recording = made(steady_plans(SECONDS))
    real = later(simulated(recording), 0.5)
    before, after = summarise([recording], FACTS), summarise([recording], FACTS, [real])
    for name in ("ttff_live_ms", "delay_mean_ms", "delay_max_ms", "reaction_max_ms", "lip_delay_p95_ms"):
        assert value(after, name) == pytest.approx(value(before, name) + 500, abs=0.01)
    for name in ("fps_sustained", "ttff_ms", "block_p95_ms", "look_ahead_ms", "stalls"):
        assert value(after, name) == pytest.approx(value(before, name))
    records = live_records([recording], [real])
    assert [r.real_ms - r.simulated_ms for r in records if r.real_ms is not None] == pytest.approx(
        [500.0] * 6
    )
    assert {record.real_ms for record in live_records([recording], None)} == {None}


def test_another_video_is_refused() -> None:
    recording = made(steady_plans(SECONDS))
    other = simulated(made(steady_plans(SECONDS[:-1])))
    with pytest.raises(ValueError, match="other blocks"):
        summarise([recording], FACTS, [other])


def test_the_machines_clock_waits_no_longer_than_it_must() -> None:
    clock, left = MonotonicClock(), threading.Event()
    clock.sleep(-1.0, left)
    left.set()
    before = clock.now()
    clock.sleep(3600.0, left)
    assert clock.now() - before < 60
