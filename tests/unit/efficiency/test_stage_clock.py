"""The clock of a block: every moment belongs to one stage, whoever names it."""

from __future__ import annotations

import pytest
import torch

from liveact_eval.liveact.clock import EventTicker, HostTicker, StageClock, stage


class Marks:
    """Marks that are reached later than they are set, as on a GPU."""

    def __init__(self) -> None:
        self.seconds_now = 0.0
        self.settled = False

    def work(self, seconds: float) -> None:
        self.seconds_now += seconds

    def tick(self) -> float:
        return self.seconds_now

    def settle(self, last: float) -> None:
        assert last == self.seconds_now
        self.settled = True

    def seconds(self, before: float, after: float) -> float:
        assert self.settled, "asked before the work was done"
        return after - before


def test_stages_within_stages_share_no_time() -> None:
    marks = Marks()
    clock = StageClock(marks)
    marks.work(0.5)
    with clock.stage("speech"):
        marks.work(1.0)
    with clock.listening():
        with stage("rollout"):
            marks.work(2.0)
            for step in range(2):
                with stage(f"step_{step}"):
                    marks.work(3.0)
                    with stage("memory"):
                        marks.work(0.25)
                    marks.work(1.0)
        with stage("vae"):
            marks.work(7.0)
        with stage("host"):
            marks.work(0.125)
    timings = clock.finish()
    assert dict(timings.stages) == {
        "other": 0.5,
        "speech": 1.0,
        "rollout": 2.0,
        "step_0": 4.0,
        "memory": 0.5,
        "step_1": 4.0,
        "vae": 7.0,
        "host": 0.125,
    }
    assert (timings.condition_s, timings.dit_s, timings.vae_s, timings.host_s) == (1.5, 10.5, 7.0, 0.125)
    assert timings.total_s == sum(seconds for _, seconds in timings.stages) == marks.seconds_now


def test_a_stage_that_fails_is_left() -> None:
    marks = Marks()
    clock = StageClock(marks)
    with pytest.raises(RuntimeError, match="out of it"), clock.listening(), stage("vae"):
        marks.work(1.0)
        raise RuntimeError("out of it")
    marks.work(2.0)
    assert dict(clock.finish().stages) == {"other": 2.0, "vae": 1.0}


def test_nobody_listens() -> None:
    marks = Marks()
    clock = StageClock(marks)
    with stage("vae"):
        marks.work(1.0)
    with clock.listening():
        pass
    with stage("vae"):
        marks.work(1.0)
    assert dict(clock.finish().stages) == {"other": 2.0}


def test_the_host_needs_no_events() -> None:
    ticker = HostTicker()
    before, after = ticker.tick(), ticker.tick()
    ticker.settle(after)
    assert ticker.seconds(before, after) == after - before >= 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_events_count_the_work_and_not_its_being_asked_for() -> None:
    device = torch.device("cuda")
    clock = StageClock(EventTicker(device))
    numbers = torch.randn(8192, 8192, device=device)
    with clock.stage("vae"):
        for _ in range(20):
            numbers = numbers @ numbers * 1e-4
    seconds = dict(clock.finish().stages)
    assert seconds["vae"] > 10 * seconds["other"]
