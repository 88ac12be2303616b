"""Whether a request fits the machine: kernels and memory, found out before anything is loaded."""

from __future__ import annotations

from pathlib import Path

import torch

from liveact_eval.liveact.acceleration import DType, SpeedOptions
from liveact_eval.liveact.config import LiveActConfig
from liveact_eval.liveact.memory_need import GIB, MemoryNeed, NeedOptions, RolloutNeed, memory_need, too_small
from liveact_eval.liveact.request import GenerationOptions

DTYPES: dict[torch.dtype, DType] = {
    torch.bfloat16: "bfloat16",
    torch.float16: "float16",
    torch.float32: "float32",
}
"""Precisions and their names."""


def speed_of(options: GenerationOptions, dtype: torch.dtype) -> SpeedOptions:
    """The part of the options that says how the transformer and the VAE compute."""
    return SpeedOptions(
        dtype=DTYPES[dtype],
        attention=options.attention,
        fp8_linear=options.fp8_linear,  # type: ignore[arg-type]  # checked by SpeedOptions.check
        compile=options.compile,  # type: ignore[arg-type]
        cuda_graphs=options.cuda_graphs,
        block_offload=options.block_offload or None,
        channels_last_vae=options.channels_last_vae,
        tf32=options.tf32,
    )


def need_of(
    config: LiveActConfig,
    options: GenerationOptions,
    *,
    size: tuple[int, int],
    dtype: torch.dtype,
    steps: int = 3,
    blocks: int = 1,
    ranks: int = 1,
    text_elsewhere: bool = False,
    rollout: RolloutNeed | None = None,
) -> MemoryNeed:
    """What videos of a size need.

    Args:
        config: sizes of the networks.
        options: how videos are made.
        size: width and height in pixels.
        dtype: of weights and memory.
        steps: denoising steps.
        blocks: blocks of the video, for the memory policy that never forgets.
        ranks: processes that share the heads.
        text_elsewhere: the encoders do not count, as prompts are encoded on another device.
        rollout: what a rollout with a memory of its own needs; `None`: as `options` and `steps` say.
    """
    return memory_need(
        config,
        size=size,
        options=NeedOptions(
            dtype=dtype,
            fp8_linear=options.fp8_linear != "off",
            block_offload=options.block_offload or None,
            fp8_cache=options.fp8_cache,
            offload_cache=options.offload_cache,
            memory=options.memory,
            steps=steps,
            guided_steps=0 if options.audio_guidance == 1.0 else steps - 1,
            blocks=blocks,
            ranks=ranks,
            encoders_on_device=not text_elsewhere,
            rollout=rollout,
        ),
    )


def check_fits(need: MemoryNeed, device: torch.device) -> None:
    """Refuse what will not fit.

    Raises:
        LiveActError: says what is needed and what is there, in GiB, and what lowers it.
    """
    free = free_bytes(device)
    if free is not None and need.total_gib > free / GIB:
        raise too_small(need, free / GIB, str(device))


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
