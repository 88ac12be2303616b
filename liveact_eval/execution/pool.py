"""Tasks over worker processes, in bounded number; a worker that dies costs one clip."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

from liveact_eval.errors import ClipError
from liveact_eval.execution.tasks import Outcome, guarded


@dataclass(frozen=True)
class Task:
    """A function for a worker, and what the parent does with its outcome: record it, name what follows."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    done: Callable[[Outcome], list[Task]]


def run_tasks(first: Iterator[Task], workers: int) -> None:
    """Run tasks and all that follow from them. Follow-ups go first, so that clips are finished in order.

    With one worker everything runs in this process. `done` always runs in this process, one at a time.
    """
    if workers == 1:
        use_one_thread()
        _run_inline(first)
    else:
        _run_pool(first, workers)


def use_one_thread() -> None:
    """One torch thread per process: sums must not depend on how many processes share the machine."""
    import torch

    torch.set_num_threads(1)


def _run_inline(first: Iterator[Task]) -> None:
    waiting: deque[Task] = deque()
    for task in first:
        waiting.append(task)
        while waiting:
            current = waiting.popleft()
            waiting.extendleft(reversed(current.done(guarded(current.function, *current.arguments))))


def _run_pool(first: Iterator[Task], workers: int) -> None:
    waiting: deque[Task] = deque()
    suspects: deque[Task] = deque()
    flying: dict[Future[Outcome], Task] = {}
    executor = _executor(workers)
    exhausted = False
    try:
        while True:
            # After a crash the tasks that were in flight run one at a time, so that the guilty one is known.
            room = (1 if not flying else 0) if suspects else workers + 1 - len(flying)
            crashed = False
            while room > 0 and not crashed:
                source = suspects or waiting
                task = source.popleft() if source else next(first, None)
                if task is None:
                    exhausted = True
                    break
                try:
                    flying[executor.submit(guarded, task.function, *task.arguments)] = task
                except BrokenProcessPool:
                    # A worker died since the last look; this task was not with it.
                    source.appendleft(task)
                    crashed = True
                room -= 1
            if not flying and not crashed and exhausted and not waiting and not suspects:
                return
            finished = set(flying)
            if not crashed:
                finished, _ = wait(flying, return_when=FIRST_COMPLETED)
                crashed = any(_lost(future) for future in finished)
            if crashed:
                executor.shutdown(wait=True)
                executor = _executor(workers)
                finished = set(flying)
            lost = _settle(flying, finished, waiting)
            if len(lost) == 1:
                waiting.extendleft(reversed(lost[0].done(_died())))
            else:
                suspects.extend(lost)
    finally:
        # Waiting, since whoever takes the run folder next must find nobody else writing into it.
        executor.shutdown(wait=True, cancel_futures=True)


def _settle(
    flying: dict[Future[Outcome], Task], finished: set[Future[Outcome]], waiting: deque[Task]
) -> list[Task]:
    """Take finished tasks out of the air and queue what follows from them; returns those that were lost."""
    lost: list[Task] = []
    for future in [future for future in flying if future in finished]:
        task = flying.pop(future)
        if _lost(future):
            lost.append(task)
        else:
            waiting.extendleft(reversed(task.done(future.result())))
    return lost


def _lost(future: Future[Outcome]) -> bool:
    """Whether a task went down with a worker."""
    return isinstance(future.exception(), BrokenProcessPool)


def _died() -> Outcome:
    message = "the worker process died (killed for memory, or a crash in native code)"
    return Outcome(None, ClipError("worker_died", message), 0.0)


def _executor(workers: int) -> ProcessPoolExecutor:
    # spawn: a forked process would inherit torch's threads and SQLite's file in an undefined state.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)


def _start_worker() -> None:
    # Ctrl-C goes to the whole group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    use_one_thread()


def _end_with_parent() -> None:
    """A killed parent cannot tell its workers to stop: they would wait for ever, and keep their memory."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
