"""Whether a generator fits into memory, found out by arithmetic before anything is loaded."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch

from liveact_eval.liveact.config import LiveActConfig
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.models import RolloutFactory, blank_modules
from liveact_eval.liveact.request import GenerationOptions
from liveact_eval.liveact.vae import SPATIAL_STRIDE

GIB = 2**30
_BYTES_PER_PIXEL = 8_192
"""Room for what lives only while a block is made, above all in the decoder: a generous estimate."""


@dataclass(frozen=True, kw_only=True)
class MemoryNeed:
    """Bytes that a generator needs where frames are made."""

    weights: int
    """All networks there."""
    memory: int
    """Keys and values of the past."""
    working: int
    """Activations, roughly."""

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.memory + self.working


def memory_need(
    config: LiveActConfig,
    rollouts: RolloutFactory,
    options: GenerationOptions,
    *,
    size: tuple[int, int],
    dtype: torch.dtype,
    text_elsewhere: bool = False,
) -> MemoryNeed:
    """What videos of that size need, from a copy of the networks that has sizes but no numbers.

    Args:
        config: sizes of the networks.
        rollouts: the forcing strategy; its memory is built without numbers too.
        options: how videos are made.
        size: width and height in pixels.
        dtype: of weights and memory.
        text_elsewhere: the text encoder lies on another device.
    """
    modules = blank_modules(config)
    counted = [module for role, module in modules.items() if not (text_elsewhere and role == "text")]
    weights = sum(p.numel() * dtype.itemsize for module in counted for p in module.parameters())
    dit = modules["dit"].to(dtype)
    assert isinstance(dit, CausalDiT)
    # In host memory it would be real.
    rollout = rollouts(dit, dataclasses.replace(options, offload_cache=False))
    width, height = (side // SPATIAL_STRIDE for side in size)
    channels = config.dit.in_dim - config.dit.out_dim
    rollout.begin(torch.empty(1, channels, rollout.condition_latents, height, width, device="meta"))
    memory = 0 if options.offload_cache else rollout.memory_bytes()
    return MemoryNeed(weights=weights, memory=memory, working=size[0] * size[1] * _BYTES_PER_PIXEL)


def free_bytes(device: torch.device) -> int | None:
    """Bytes free on a device; `None` where it cannot be known."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kib = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(kib[0]) * 1024 if kib else None


def check_capacity(need: MemoryNeed, free: int | None, device: torch.device) -> None:
    """Refuse what will not fit.

    Raises:
        LiveActError: says what is needed and what is there, in GiB.
    """
    if free is not None and need.total > free:
        raise LiveActError(
            f"Not enough memory on {device}: {need.total / GIB:.1f} GiB needed (weights {need.weights / GIB:.1f}, "
            f"keys and values {need.memory / GIB:.1f}, work {need.working / GIB:.1f}), {free / GIB:.1f} GiB free. "
            "Take a smaller size, the option fp8_cache or offload_cache, or another device."
        )
