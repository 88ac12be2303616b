"""Where a run computes: its device, found out before anything is loaded, and the switches that make a GPU exact."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from liveact_eval.errors import UserError
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.launch import launched_device, launched_ranks
from liveact_eval.networks.precision import gpu_without_bfloat16

CPU = torch.device("cpu")
"""Where everything begins: weights and noise are drawn there, so that they are the same on every device."""
_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


def training_device(name: str, precision: str) -> torch.device:
    """The device of this process.

    Args:
        name: `cpu`, `cuda`, `cuda:N`, or `auto` for a GPU where there is one. Of the processes that torchrun starts,
            each takes the GPU of its local rank.
        precision: of the recipe's arithmetic.

    Raises:
        UserError: there is no such device, or it cannot compute so.
    """
    from liveact_eval.liveact.pipeline import open_device

    ranks, chosen = launched_ranks(), name
    if name == "auto":
        chosen = "cuda" if torch.cuda.is_available() else "cpu"
    if chosen == "cuda":
        chosen = launched_device() if ranks > 1 else "cuda:0"
    elif chosen.startswith("cuda:") and ranks > 1:
        raise UserError(
            f"--device {name} names one GPU for {ranks} processes; expected a GPU for each. Take --device cuda: each "
            "process then has the GPU of its local rank."
        )
    try:
        device = open_device(chosen)
    except LiveActError as error:
        raise UserError(f"--device {name}: {error}{_fewer(ranks)}") from error
    if device.type == "cuda" and precision == "bfloat16":
        lacking = gpu_without_bfloat16(device)
        if lacking is not None:
            raise UserError(
                f"The recipe's precision is bfloat16, but {lacking}; bfloat16 needs 8.0 or more. Take `precision: "
                "float32`, or another --device."
            )
    return device


def _fewer(ranks: int) -> str:
    """What else can be done where several processes need a GPU each."""
    count = torch.cuda.device_count()
    if ranks == 1 or not count:
        return ""
    return f" Or start as many processes as there are GPUs (--nproc-per-node {count})."


@contextmanager
def computing_on(device: torch.device) -> Iterator[None]:
    """Have a GPU give the same numbers each time, and float32 where a recipe says so, for the time of the block.

    Kernels that add in any order are replaced by slower ones, and what has no such kernel is an error that names it.
    Products and convolutions keep all bits of float32; a recipe that wants speed says bfloat16. On a CPU nothing has
    to be done.
    """
    if device.type != "cuda":
        yield
        return
    # cuBLAS reads it at its first product; with any other workspace, the order of its sums may change.
    os.environ.setdefault(_WORKSPACE, ":4096:8")
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    tf32, benchmark = (matmul.allow_tf32, cudnn.allow_tf32), cudnn.benchmark
    strict, warned = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    matmul.allow_tf32 = cudnn.allow_tf32 = cudnn.benchmark = False
    torch.use_deterministic_algorithms(True)
    try:
        with torch.cuda.device(device):
            yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = tf32
        cudnn.benchmark = benchmark
        torch.use_deterministic_algorithms(strict, warn_only=warned)


def moved(batch: Mapping[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """A batch on a device; from pinned memory it is copied while the host goes on."""
    return {name: values.to(device, non_blocking=True) for name, values in batch.items()}


def peak_gib(device: torch.device) -> float | None:
    """Most memory of a GPU that this process has had in tensors at once, in GiB; `None` on a CPU."""
    return torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else None
