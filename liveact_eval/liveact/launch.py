"""What a launcher such as torchrun says to the processes that it starts."""

from __future__ import annotations

import os


def launched_ranks() -> int:
    """Ranks that a launcher such as torchrun started; 1 without one."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def launched_rank() -> int:
    """This process's rank among them."""
    return int(os.environ.get("RANK", "0"))


def launched_device() -> str:
    """Name of the GPU of this process: each on a machine has its own."""
    return f"cuda:{os.environ['LOCAL_RANK']}" if launched_ranks() > 1 else "cuda"
