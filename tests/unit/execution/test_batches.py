"""Clips that are made together."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

from liveact_eval.execution.batches import Batches
from liveact_eval.execution.entrants import Entrant, ExistingVideos
from liveact_eval.execution.tasks import generate_many
from tests.unit.generators.command.command_cases import driven_clip, generator


@dataclass(frozen=True)
class Pair:
    entrant: Entrant
    clip: str


def pairs(name: str, clips: int, together: int) -> list[Pair]:
    made = generator("hunyuanvideo-avatar", Path("repo"), clips_per_process=together)
    entrant = Entrant(name, name, "command", "", made)
    return [Pair(entrant, f"{name}{n}") for n in range(clips)]


def test_batches_are_full_but_for_the_last() -> None:
    given = pairs("a", 5, 2)
    batches: Batches[Pair, int] = Batches()
    batches.announce(given)
    got = [[pair.clip for pair, _ in batches.add(pair, n)] for n, pair in enumerate(given)]
    assert got == [[], ["a0", "a1"], [], ["a2", "a3"], ["a4"]]
    assert not batches.takes(given[0])


def test_who_does_not_come_is_not_waited_for() -> None:
    given = pairs("a", 4, 3)
    batches: Batches[Pair, int] = Batches()
    batches.announce(given)
    assert batches.leave_out(given[0]) == []
    assert batches.add(given[1], 1) == []
    assert batches.add(given[2], 2) == []
    assert [pair.clip for pair, _ in batches.leave_out(given[3])] == ["a1", "a2"]


def test_models_do_not_mix_and_others_do_not_wait() -> None:
    one, two = pairs("a", 2, 2), pairs("b", 2, 2)
    single = Pair(Entrant("c", "c", "videos", "", ExistingVideos(())), "c0")
    batches: Batches[Pair, int] = Batches()
    batches.announce([one[0], two[0], single, one[1], two[1]])
    assert not batches.takes(single)
    assert batches.add(one[0], 0) == [] and batches.add(two[0], 0) == []
    assert [pair.clip for pair, _ in batches.add(one[1], 1)] == ["a0", "a1"]
    assert [pair.clip for pair, _ in batches.add(two[1], 1)] == ["b0", "b1"]


def test_a_batch_travels_to_another_process(tmp_path: Path) -> None:
    """As a copy: what a task is made of can be sent, and is equal where it arrives."""
    made = generator("hunyuanvideo-avatar", tmp_path)
    task = (generate_many, (made, [(driven_clip(tmp_path), tmp_path / "x")], 7))
    assert ForkingPickler.dumps(task)
    assert copy.deepcopy(task) == task
