"""What can be asked of one video: length, size, rate and options, checked before anything heavy is loaded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

from liveact_eval.liveact.errors import LiveActError

TEMPORAL_STRIDE = 4
"""Video frames per latent frame after the first."""
FIRST_FRAMES = 21
"""Frames of the first block: 6 latent frames."""
LATER_FRAMES = 32
"""Frames of every later block: 8 latent frames."""
_FIRST_LATENTS = 6
MULTIPLE = 16
"""Pixels of which both sides are multiples: 8 per latent, 2 latents per patch."""
SLOWEST_FPS, FASTEST_FPS = 5, 120

LengthRule = Literal["audio", "official"]
"""How the length of a video follows from that of its sound."""


@dataclass(frozen=True, kw_only=True)
class GenerationOptions:
    """How a video is made. The defaults are the official program's on one device, but for `length`."""

    memory: str = "convkv"
    """Memory policy: convkv, convkv-paper, convkv-sp2, mean, window or full."""
    audio_guidance: float = 1.0
    """Guidance towards the speech; 1 is off, any other value costs a second model call per guided step."""
    fp8_cache: bool = False
    """Keep keys and values in 8 bits."""
    offload_cache: bool = False
    """Keep keys and values in host memory."""
    decode: Literal["overlap", "carried"] = "overlap"
    """How blocks are joined when decoded: `overlap` officially, `carried` without a seam."""
    speech: Literal["whole", "windowed"] = "whole"
    """What of the sound is encoded at once: all of it, or what a block looks at (constant memory, live sources)."""
    length: LengthRule = "audio"
    """`audio`: as many frames as the sound lasts; `official`: 21 + 32 k, up to 21 more or 10 fewer than that."""
    attention: str = "sdpa"
    """Attention kernel, see `liveact_eval.liveact.backends`."""
    fp8_linear: str = "off"
    """Linear layers of the transformer in 8 bits: off, scaled, emulated."""
    compile: str = "off"
    """Compile the transformer's blocks: off, default, max-autotune-no-cudagraphs."""
    cuda_graphs: bool = False
    """Replay model calls as CUDA graphs."""
    block_offload: int = 0
    """Blocks of the transformer that stay on a small GPU while the others come from host memory; 0: all stay."""
    channels_last_vae: bool = False
    """Lay out the VAE's kernels with channels last."""
    tf32: bool = False
    """Products in float32 with 10 bits of mantissa, on a GPU."""

    def __post_init__(self) -> None:
        for name, allowed in (
            ("decode", ("overlap", "carried")),
            ("speech", ("whole", "windowed")),
            ("length", get_args(LengthRule)),
        ):
            if getattr(self, name) not in allowed:
                raise LiveActError(
                    f"Option {name} is {getattr(self, name)!r}; expected {' or '.join(allowed)}"
                )
        if not 0 <= self.audio_guidance < math.inf:
            raise LiveActError(
                f"audio_guidance {self.audio_guidance:g}: expected 0 or more, and finite; 1 is off"
            )
        moving = {"memory=full": self.memory == "full", "offload_cache": self.offload_cache}
        for name, wanted in moving.items():
            if self.cuda_graphs and wanted:
                raise LiveActError(
                    f"cuda_graphs and {name} exclude each other: graphs need keys and values that keep their place on "
                    "the device. Leave one of them off"
                )


def check_size(size: tuple[int, int]) -> None:
    """Refuse a width and height that the model cannot make.

    Raises:
        LiveActError: a side is no positive multiple of 16; the nearest size is named.
    """
    if min(size) < MULTIPLE or size[0] % MULTIPLE or size[1] % MULTIPLE:
        nearest = [max(round(side / MULTIPLE), 1) * MULTIPLE for side in size]
        raise LiveActError(
            f"Video size {size[0]}x{size[1]}: both sides must be multiples of {MULTIPLE}. "
            f"The nearest is {nearest[0]}x{nearest[1]}."
        )


def check_fps(fps: Fraction) -> None:
    """Refuse a frame rate at which speech cannot be brought to the model's pace.

    Raises:
        LiveActError: outside 5 to 120.
    """
    if not SLOWEST_FPS <= fps <= FASTEST_FPS:
        raise LiveActError(
            f"{float(fps):g} frames per second: expected {SLOWEST_FPS} to {FASTEST_FPS}; 20 to 25 are usual"
        )


def check_sound(seconds: Fraction | float, fps: Fraction, first: int = _FIRST_LATENTS) -> None:
    """Refuse sound that is shorter than the first block.

    Args:
        seconds: length of the sound.
        fps: frames per second.
        first: latent frames of the rollout's first block; by default LiveAct's.

    Raises:
        LiveActError: says how long it is and how long it must be.
    """
    frames = TEMPORAL_STRIDE * first - (TEMPORAL_STRIDE - 1)
    shortest = frames / fps
    if seconds < shortest:
        raise LiveActError(
            f"The sound lasts {float(seconds):.2f} s; the first block of {frames} frames of this rollout at "
            f"{float(fps):g} frames per second needs {float(shortest):.2f} s. Give longer sound, or append silence."
        )


def frame_count(seconds: Fraction, fps: Fraction, rule: LengthRule = "audio") -> int:
    """Frames of a video whose sound lasts so long.

    `official` is 21 + 32 * floor(seconds * fps / 32), the rule of the official program.
    """
    if rule == "official":
        return FIRST_FRAMES + LATER_FRAMES * int(seconds * fps / LATER_FRAMES)
    return int(seconds * fps + Fraction(1, 2))


def block_count(frames: int, latents: tuple[int, int] = (6, 8)) -> int:
    """Blocks of a video of so many frames; the last one may be cut.

    Args:
        frames: video frames.
        latents: latent frames of the first block and of every later one; by default LiveAct's.
    """
    first, later = TEMPORAL_STRIDE * latents[0] - (TEMPORAL_STRIDE - 1), TEMPORAL_STRIDE * latents[1]
    return 1 + max(0, -(-(frames - first) // later))
