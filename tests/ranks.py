"""Several ranks of one computation, each a process of its own, without the price of importing PyTorch for each."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any

import torch.multiprocessing as torch_processes


def run_ranks(work: Callable[..., None], ranks: int, *arguments: Any) -> None:
    """Run `work(rank, *arguments)` in so many processes at once; an error in one of them is raised here.

    They are forked off one clean server process, which has imported PyTorch and the module of `work`: a fork of the
    process that runs the tests would inherit its threads and locks.
    """
    context = multiprocessing.get_context("forkserver")
    # Heeded by the first call of a process of tests only, which starts the server.
    context.set_forkserver_preload(["torch", "torch.distributed", work.__module__])
    torch_processes.start_processes(work, args=arguments, nprocs=ranks, start_method="forkserver")
