"""One video asked for by hand: making what was planned, and how fast it went."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from liveact_eval.cards.protocol import Encoding
from liveact_eval.errors import UserError
from liveact_eval.files import remove_abandoned
from liveact_eval.generators.plan_video import VideoPlan, told_plainly
from liveact_eval.generators.recipe import build_pipeline, place
from liveact_eval.liveact.config import named_config
from liveact_eval.liveact.launch import launched_rank
from liveact_eval.liveact.request import block_count

if TYPE_CHECKING:
    from liveact_eval.generators.native import Told


@dataclass(frozen=True, kw_only=True)
class VideoSummary:
    """What was made, and how fast."""

    out: str
    """The video."""
    frames: int
    """Its frames."""
    video_seconds: float
    """Its length."""
    video_fps: float
    """Its frames per second."""
    size: tuple[int, int]
    """Its width and height."""
    blocks: int
    """Blocks that it was made in."""
    load_s: float
    """Seconds until the networks were built."""
    made_s: float
    """Seconds from then to the last frame, encoding included."""
    made_fps: float
    """Frames per second of that time."""
    first_frame_s: float
    """Seconds from the networks being built to the first block of frames on the host."""
    memory_bytes: int
    """Keys and values held at the end."""
    peak_bytes: int | None
    """Most memory of the GPU in use at once; `None` on the CPU."""
    parts_s: dict[str, float] = field(default_factory=dict)
    """Seconds of all blocks by part: condition, dit, vae, host."""
    ran: dict[str, str | int | float] = field(default_factory=dict)
    """Configuration, weights, device, precision, options."""


def make_video(plan: VideoPlan, told: Told) -> VideoSummary:
    """Make the video of a plan, and write it while it is made, whole or not at all.

    Where a launcher started several processes, all of them make it together, and the first one writes it.

    Args:
        plan: what to make.
        told: hears of every block.

    Raises:
        UserError: a weight file does not fit, or memory ran out.
    """
    import torch

    from liveact_eval.generators.native import BlockClock, drive, write_stream
    from liveact_eval.liveact.parallel import launched_exchange

    device, _, _ = place(plan.recipe)
    heads = named_config(plan.recipe.config).dit.num_heads
    with told_plainly(), launched_exchange(heads, device) as exchange:
        began = time.monotonic()
        pipeline = build_pipeline(plan.recipe)
        pipeline.models.dit.exchange = exchange
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        built = time.monotonic()
        stream = pipeline.stream(
            plan.image,
            prompt=plan.prompt,
            edits=plan.edits,
            size=plan.size,
            fps=plan.rate,
            seed=plan.seed,
            frames=plan.frames,
        )
        clock = BlockClock(built, told)
        try:
            if launched_rank() == 0:
                remove_abandoned(plan.out)
                write_stream(
                    stream, plan.sound, plan.out, size=plan.size, encoding=Encoding(), told=clock.hear
                )
            else:
                for block in drive(stream, plan.sound):
                    clock.hear(block)
        except torch.cuda.OutOfMemoryError as error:
            raise UserError(
                f"The GPU ran out of memory: {error} Take a smaller size, or --set fp8_cache=true."
            ) from error
        seconds = time.monotonic() - built
    return VideoSummary(
        out=str(plan.out),
        frames=clock.frames,
        video_seconds=float(clock.frames / plan.rate),
        video_fps=float(plan.rate),
        size=plan.size,
        blocks=block_count(clock.frames, plan.recipe.block_latents),
        load_s=built - began,
        made_s=seconds,
        made_fps=clock.frames / seconds,
        first_frame_s=clock.first_frame_s,
        memory_bytes=stream.memory_bytes(),
        peak_bytes=torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None,
        parts_s=clock.parts_s,
        ran=pipeline.describe() | {"ranks": exchange.ranks},
    )
