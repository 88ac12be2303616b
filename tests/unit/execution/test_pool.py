"""Tasks over workers: order, follow-ups, and a pool that breaks at an awkward moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import pytest

from liveact_eval.errors import ClipError, UserError
from liveact_eval.execution import pool
from liveact_eval.execution.pool import Task, run_tasks
from liveact_eval.execution.tasks import Outcome, guarded


class Recorder:
    """Makes tasks that note when they are done; each has a follow-up."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []

    def task(self, name: str, function: Callable[..., Any], *arguments: Any, then: int = 0) -> Task:
        def done(outcome: Outcome) -> list[Task]:
            self.seen.append((name, outcome.error.reason if outcome.error is not None else outcome.value))
            return [self.task(f"{name}.{n}", function, *arguments) for n in range(then)]

        return Task(function, arguments, done)


def fail() -> None:
    raise ClipError("unreadable", "no video")


def test_follow_ups_come_before_the_next_clip() -> None:
    notes = Recorder()
    run_tasks(iter([notes.task("a", int, "1", then=2), notes.task("b", int, "2")]), 1)
    assert notes.seen == [("a", 1), ("a.0", 1), ("a.1", 1), ("b", 2)]


def test_failures_are_outcomes() -> None:
    notes = Recorder()
    run_tasks(iter([notes.task("a", fail), notes.task("b", int, "no number"), notes.task("c", int, "3")]), 1)
    assert notes.seen == [("a", "unreadable"), ("b", "internal_error"), ("c", 3)]


def test_what_is_wrong_with_the_request_stops_everything() -> None:
    def refuse() -> None:
        raise UserError("no")

    with pytest.raises(UserError, match="no"):
        guarded(refuse)


def test_memory_errors_cost_one_clip() -> None:
    def hungry() -> None:
        raise MemoryError

    error = guarded(hungry).error
    assert error is not None
    assert error.reason == "out_of_memory"


class FragilePool:
    """A pool in this process that breaks when asked to, as the real one does."""

    broken_submits: tuple[int, ...] = ()
    """Number of the submissions that find the pool broken."""
    count = 0

    def __init__(self) -> None:
        self.down = False

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        type(self).count += 1
        if self.down or self.count in self.broken_submits:
            self.down = True
            raise BrokenProcessPool
        future: Future[Any] = Future()
        if arguments[0] is die:
            future.set_exception(BrokenProcessPool())
            self.down = True
        else:
            future.set_result(function(*arguments))
        return future

    def shutdown(self, wait: bool = True, cancel_futures: bool = False) -> None:
        pass


def die() -> None:
    """Stands for a task that takes its worker with it."""


@pytest.fixture
def fragile(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FragilePool]]:
    class Fresh(FragilePool):
        pass

    monkeypatch.setattr(pool, "_executor", lambda workers: Fresh())
    return iter([Fresh])


@pytest.mark.parametrize("moments", [(1,), (2,), (3,), (2, 5), (1, 2, 3, 4)])
def test_pool_that_breaks_between_two_tasks(
    moments: tuple[int, ...], fragile: Iterator[type[FragilePool]]
) -> None:
    """A worker may die while the parent writes the journal: the next submission finds the pool broken."""
    next(fragile).broken_submits = moments
    notes = Recorder()
    run_tasks((notes.task(str(n), int, n) for n in range(6)), 2)
    assert sorted(notes.seen) == [(str(n), n) for n in range(6)]


def test_only_the_guilty_task_is_blamed(fragile: Iterator[type[FragilePool]]) -> None:
    notes = Recorder()
    tasks = [
        notes.task("a", int, "1"),
        notes.task("b", die),
        notes.task("c", int, "3"),
        notes.task("d", int, "4"),
    ]
    run_tasks(iter(tasks), 2)
    assert sorted(notes.seen) == [("a", 1), ("b", "worker_died"), ("c", 3), ("d", 4)]
