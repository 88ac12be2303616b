"""CPU and wall time of a piece of work, and what it wrote."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass
class Cost:
    """What a piece of work took."""

    cpu_s: float = 0.0
    """User plus system time of this process, its threads and its finished children, in seconds."""
    wall_s: float = 0.0
    """Elapsed time, in seconds."""


@dataclass
class Ledger:
    """Costs by step, in the order in which the steps first came; a step may come many times."""

    steps: dict[str, Cost] = field(default_factory=dict)

    @contextmanager
    def on(self, step: str) -> Iterator[None]:
        """Charge what happens inside to a step."""
        cost = self.steps.setdefault(step, Cost())
        cpu, wall = cpu_seconds(), time.perf_counter()
        try:
            yield
        finally:
            cost.wall_s += time.perf_counter() - wall
            cost.cpu_s += cpu_seconds() - cpu

    def total(self) -> Cost:
        """All steps together."""
        costs = self.steps.values()
        return Cost(sum(cost.cpu_s for cost in costs), sum(cost.wall_s for cost in costs))


def cpu_seconds() -> float:
    """User plus system seconds so far; a child counts from the moment it has been waited for."""
    usages = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def bytes_written() -> int | None:
    """Bytes handed to write calls so far, to files and pipes alike; `None` where the system does not say."""
    try:
        lines = Path("/proc/self/io").read_text().splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar:"))


def warm_memory(size: int) -> None:
    """Touch `size` bytes and give them back, outside of any measurement.

    A virtual machine may return idle pages to its host within seconds; who touches them next pays several
    times the usual price, which would charge a step for what ran before it.
    """
    np.ones(size, np.uint8)
