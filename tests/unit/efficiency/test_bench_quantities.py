"""Every quantity, of a generator whose durations are known: right within 2 ms or 2 per cent."""

from __future__ import annotations

import statistics
from itertools import pairwise

import numpy as np
import pytest

from liveact_eval.efficiency.figures import FIGURES, Figure
from liveact_eval.efficiency.measure import record
from liveact_eval.efficiency.samples import ENCODE, SOUND, percentile
from liveact_eval.efficiency.stages import UNCLAIMED, stage_records
from liveact_eval.efficiency.summary import Facts, summarise
from tests.unit.efficiency.fake_stream import (
    RATE,
    FakeClock,
    FakeGenerator,
    FakeMemory,
    Plan,
    made,
    steady_plans,
)

SECONDS = [3.0, 2.5, *[1.2] * 9, 1.7, *[1.2] * 9, 2.0]
"""Two blocks of warm-up, then twenty: eighteen in time for 20 FPS (1.6 s), two late."""
FACTS = Facts(
    target_fps=20.0,
    kv_counted=3 * 2**20,
    tflop_per_frame=27.0,
    device="NVIDIA H200",
    precision="bfloat16",
    no_energy="the device is no GPU",
)


def figures(facts: Facts = FACTS, **given: float) -> dict[str, Figure]:
    recordings = [made(steady_plans(SECONDS), **given) for _ in range(3)]
    return {figure.name: figure for figure in summarise(recordings, facts)}


@pytest.fixture(scope="module")
def found() -> dict[str, Figure]:
    return figures(open_s=0.25, encode_s=0.1, watts=500.0)


def value(found: dict[str, Figure], name: str) -> float:
    number = found[name].value
    assert number is not None, found[name].reason
    return number


def test_every_quantity_is_there(found: dict[str, Figure]) -> None:
    assert list(found) == [spec.name for spec in FIGURES]
    assert {name for name, figure in found.items() if figure.value is None} == set()
    assert all(figure.n == 3 and len(figure.values) == 3 for figure in found.values())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fps_sustained", 20 * 32 / 25.3),
        ("fps_without_host_copy", 20 * 32 / (0.9 * 25.3)),
        ("fps_without_vae", 20 * 32 / (0.7 * 25.3)),
        ("fps_with_encoding", 20 * 32 / (25.3 + 20 * 0.1)),
        ("frame_ms", 25.3 / 640 * 1000),
        ("real_time_factor", 20 / (640 / 25.3)),
        ("ttff_ms", 3250.0),
        # The first block waits for 1.05 s of its own sound and 0.1 s more.
        ("ttff_live_ms", 250 + 1150 + 3000),
        ("block_p50_ms", 1200.0),
        ("block_p95_ms", 1700.0),
        ("block_p99_ms", 2000.0),
        ("tail_ms", 800.0),
        ("deadline_misses", 2.0),
        ("deadline_miss_share", 0.1),
        ("look_ahead_ms", 100.0),
        ("look_ahead_first_ms", 100.0),
        ("block_wait_ms", 1550.0),
        ("peak_device_gib", 5.0),
        ("peak_host_gib", 7.0),
        ("kv_counted_mib", 3.0),
        ("kv_measured_mib", 3.0),
        ("nfe", 3.0),
        ("tflop_per_frame", 27.0),
        ("achieved_tflops", 27.0 * 640 / 25.3),
        ("mfu", 27.0 * 640 / 25.3 / 989.4),
        # 500 W from before the stream is opened to the last encoded block, over all frames.
        ("energy_per_frame_j", 500 * (0.25 + 5.5 + 25.3 + 22 * 0.1) / (21 + 21 * 32)),
    ],
)
def test_quantity_is_right(found: dict[str, Figure], name: str, expected: float) -> None:
    assert value(found, name) == pytest.approx(expected, rel=1e-6)


def emitted() -> list[float]:
    """When blocks come out in a live call, worked out here once more."""
    done, frames, times = 0.0, 0, []
    for index, seconds in enumerate(SECONDS):
        frames += 21 if index == 0 else 32
        done = max(done, frames / 20 + 0.1) + seconds
        times.append(done)
    return times


def test_delays_of_a_live_call(found: dict[str, Figure]) -> None:
    times = emitted()
    delays = [
        times[block] - (21 + 32 * (block - 1) + offset + 1) / 20
        for block in range(2, 22)
        for offset in range(32)
    ]
    assert value(found, "delay_mean_ms") == pytest.approx(1000 * statistics.fmean(delays), abs=2)
    assert value(found, "delay_p95_ms") == pytest.approx(1000 * percentile(delays, 95), abs=2)
    assert value(found, "delay_max_ms") == pytest.approx(1000 * max(delays), abs=2)
    gaps = [after - before - 1.6 for before, after in pairwise(times[2:])]
    assert value(found, "jitter_ms") == pytest.approx(1000 * statistics.stdev(gaps), abs=2)


def test_reaction_is_worst_where_speech_begins_with_a_block(found: dict[str, Figure]) -> None:
    times = emitted()
    worst = max(times[block] - (21 + 32 * (block - 1)) / 20 for block in range(2, 22))
    assert value(found, "reaction_max_ms") == pytest.approx(1000 * worst, abs=2)
    mean = statistics.fmean(times[block] - (21 + 32 * (block - 0.5)) / 20 + 1.6 for block in range(2, 22))
    assert value(found, "reaction_mean_ms") == pytest.approx(1000 * (mean - 1.6), abs=6)


def test_taking_sound_counts() -> None:
    """Each of the 160 packets between two blocks costs 0.5 ms: 80 ms more for each."""
    slow = figures(feed_s=0.0005)
    assert value(slow, "fps_sustained") == pytest.approx(640 / (25.3 + 20 * 0.08), rel=1e-6)
    assert value(slow, "block_p50_ms") == pytest.approx(1280.0, abs=2)


def test_warm_up_and_a_cut_last_block_are_left_out() -> None:
    plans = steady_plans([9.0, 9.0, 1.0, 1.0, 1.0])
    last = plans[-1]
    cut = [*plans[:-1], Plan(5, last.heard_s, (("step_0", 4.0),))]
    recording = made(cut)
    assert [block.block for block in recording.steady] == [2, 3]
    assert [block.block for block in recording.warm_up] == [0, 1]
    (fps,) = [f for f in summarise([recording], FACTS) if f.name == "fps_sustained"]
    assert fps.value == pytest.approx(32.0)


def test_what_is_not_known_has_a_reason() -> None:
    facts = Facts(
        target_fps=20.0,
        kv_counted="the memory `full` grows",
        tflop_per_frame="not counted",
        device="cpu",
        precision="float32",
        no_energy="the device is no GPU",
        encodes=False,
    )
    found = figures(facts)
    expected = {
        "kv_counted_mib": "grows",
        "tflop_per_frame": "not counted",
        "mfu": "not counted",
        "energy_per_frame_j": "no GPU",
        "fps_with_encoding": "no video",
    }
    for name, reason in expected.items():
        assert found[name].value is None
        assert reason in (found[name].reason or "")
        assert found[name].values == [None] * 3


def test_unknown_peak_gives_a_rate_and_no_share() -> None:
    facts = Facts(
        target_fps=20.0,
        kv_counted=1,
        tflop_per_frame=2.0,
        device="cpu",
        precision="float32",
        no_energy="none",
    )
    found = figures(facts)
    assert value(found, "achieved_tflops") == pytest.approx(2 * 640 / 25.3)
    assert found["mfu"].reason == "the dense peak of cpu in float32 is not known"


def test_stages_sum_to_the_total() -> None:
    plans = [Plan(p.frames, p.heard_s, p.stages, unclaimed_s=0.03) for p in steady_plans(SECONDS)]
    recordings = [made(plans, feed_s=0.0005, encode_s=0.5) for _ in range(2)]
    records = {record.name: record for record in stage_records(recordings)}
    assert list(records) == [SOUND, "step_0", "vae", "host", UNCLAIMED, ENCODE]
    assert sum(r.share for r in records.values() if not r.beside) == pytest.approx(1.0)
    total = 25.3 + 20 * 0.03 + 20 * 0.08
    assert records["step_0"].share == pytest.approx(0.7 * 25.3 / total, rel=1e-3)
    assert records[UNCLAIMED].ms_per_block == pytest.approx(30.0, abs=0.1)
    assert records[ENCODE].beside
    assert records[ENCODE].ms_per_block == pytest.approx(500.0)


def test_sound_is_given_as_it_comes() -> None:
    """A block begins with the first packet that completes what it needs."""
    recording = made([Plan(21, 1.155, ()), Plan(32, 3.0, ())])
    assert [block.heard_s for block in recording.blocks] == pytest.approx([1.16, 3.0])


def test_a_generator_that_wants_all_sound_begins_at_its_end() -> None:
    clock = FakeClock()
    plans = [Plan(plan.frames, 1e9, plan.stages) for plan in steady_plans([1.0] * 5)]
    sound = np.zeros(8 * RATE, np.int16)
    recording = record(FakeGenerator(clock, plans), sound, RATE, seed=0, clock=clock, memory=FakeMemory())
    assert {block.heard_s for block in recording.blocks} == {8.0}


def test_stops_after_so_many_blocks() -> None:
    clock, memory = FakeClock(), FakeMemory()
    told: list[int] = []
    recording = record(
        FakeGenerator(clock, steady_plans([1.0] * 5)),
        np.zeros(20 * RATE, np.int16),
        RATE,
        seed=0,
        clock=clock,
        memory=memory,
        told=told.append,
        blocks=3,
    )
    assert [block.block for block in recording.blocks] == [0, 1, 2]
    assert told == [21, 32, 32]
    assert memory.resets == 1


@pytest.mark.parametrize(("q", "expected"), [(50, 2), (75, 3), (76, 4), (100, 4), (1, 1)])
def test_percentile_is_a_sample(q: float, expected: float) -> None:
    assert percentile([4, 1, 3, 2], q) == expected
    with pytest.raises(ValueError, match="nothing"):
        percentile([], q)


def test_percentiles_of_a_hundred() -> None:
    assert [percentile(range(1, 101), q) for q in range(1, 101)] == list(range(1, 101))
