"""Forcing strategies as their papers publish them, by name. Importing this module loads no network code.

The four of `liveact_eval.rollouts.named` keep LiveAct's blocks, levels and memory, so that nothing but the past differs
between them; those here bring blocks, levels, cache and positions of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from liveact_eval.errors import UserError
from liveact_eval.rollouts.avatar_forcing import AvatarForcing
from liveact_eval.rollouts.causal_forcing import CausalForcing, CausalForcingConfig, CausVid
from liveact_eval.rollouts.knot import KnotForcing
from liveact_eval.rollouts.live_avatar import LiveAvatar
from liveact_eval.rollouts.longlive import LongLive, LongLiveConfig
from liveact_eval.rollouts.many_steps import DiffusionForcing, TeacherForcing
from liveact_eval.rollouts.named import ROLLOUTS
from liveact_eval.rollouts.overlapping import OverlappingWindows
from liveact_eval.rollouts.rolling import RollingForcing
from liveact_eval.rollouts.self_forcing import SelfForcing
from liveact_eval.rollouts.strategy import Strategy

if TYPE_CHECKING:
    from liveact_eval.liveact.dit import CausalDiT
    from liveact_eval.liveact.request import GenerationOptions
    from liveact_eval.liveact.rollout import Rollout
    from liveact_eval.rollouts.trace import Tracer

_STEADY = 20
"""A block by which every published strategy has filled its window and its cache."""


@dataclass(frozen=True, kw_only=True)
class PublishedRollout:
    """A forcing strategy with its published defaults."""

    name: str
    """Name in model cards and results."""
    title: str
    """Name in tables."""
    summary: str
    """What a block sees of those before it."""
    source: str
    """Paper, and what the defaults are taken from."""
    strategy: Callable[[], Strategy]
    """A strategy for one video."""

    @property
    def block_latents(self) -> int:
        """Latent frames of a steady block."""
        return len(self.strategy().emit(_STEADY))

    @property
    def steps(self) -> int:
        """Denoising passes per steady block, without guidance."""
        return self._passes(denoising=True)

    @property
    def extra_calls(self) -> int:
        """Model calls per steady block besides the denoising ones, without guidance."""
        return self._passes(denoising=False)

    @property
    def slots(self) -> int | None:
        """Latent frames that the memory has room for, over all steps; `None`: it grows."""
        return self.strategy().slots

    def _passes(self, *, denoising: bool) -> int:
        strategy = self.strategy()
        passes = [part for turn in strategy.turns(_STEADY) for part in strategy.levels(turn)]
        return sum((part.purpose == "denoise") == denoising for part in passes)


def _frame_wise() -> Strategy:
    return CausalForcing(CausalForcingConfig.frame_wise())


def _plus_plus() -> Strategy:
    return CausalForcing(CausalForcingConfig.plus_plus())


def _relative() -> Strategy:
    return LongLive(LongLiveConfig(relative_rope=True))


PUBLISHED = {
    rollout.name: rollout
    for rollout in (
        PublishedRollout(
            name="teacher-forcing",
            title="Teacher Forcing",
            summary="all finished blocks; 50 steps, for weights that have learnt from true ones",
            source="as in the Self Forcing repository",
            strategy=TeacherForcing,
        ),
        PublishedRollout(
            name="diffusion-forcing",
            title="Diffusion Forcing",
            summary="all finished blocks; 50 steps, for weights that have learnt from pasts of any level",
            source="Diffusion Forcing, 2024, as in the Self Forcing repository",
            strategy=DiffusionForcing,
        ),
        PublishedRollout(
            name="causvid",
            title="CausVid",
            summary="all finished blocks; 3 steps without a shift",
            source="CausVid, 2024",
            strategy=CausVid,
        ),
        PublishedRollout(
            name="self-forcing",
            title="Self Forcing",
            summary="all finished blocks; 4 steps, for weights that have learnt from their own",
            source="Self Forcing, 2025",
            strategy=SelfForcing,
        ),
        PublishedRollout(
            name="causal-forcing",
            title="Causal Forcing",
            summary="all finished blocks of 3 latent frames; 4 steps",
            source="Causal Forcing, 2026, block-wise",
            strategy=CausalForcing,
        ),
        PublishedRollout(
            name="causal-forcing-frame",
            title="Causal Forcing, frame-wise",
            summary="the picture and all finished frames, one by one; 4 steps",
            source="Causal Forcing, 2026, frame-wise",
            strategy=_frame_wise,
        ),
        PublishedRollout(
            name="causal-forcing-plus",
            title="Causal Forcing++",
            summary="as frame-wise; 4 steps for the first frame, 2 afterwards",
            source="Causal Forcing++, 2026",
            strategy=_plus_plus,
        ),
        PublishedRollout(
            name="longlive",
            title="LongLive",
            summary="the first 3 and the last 6 finished frames; past computed anew at a change of prompt",
            source="LongLive 1.0, 2025",
            strategy=LongLive,
        ),
        PublishedRollout(
            name="longlive-relative",
            title="LongLive, relative positions",
            summary="as longlive, with positions counted within the window",
            source="LongLive, variant for endless videos",
            strategy=_relative,
        ),
        PublishedRollout(
            name="rolling-forcing",
            title="Rolling Forcing",
            summary="a sink, 3 finished frames, and 4 blocks of the future that are noisier",
            source="Rolling Forcing, 2025",
            strategy=RollingForcing,
        ),
        PublishedRollout(
            name="avatar-forcing",
            title="AvatarForcing",
            summary="the picture, 2 finished frames, and 3 blocks of the future that are noisier",
            source="AvatarForcing, 2026, released model: B=4, L=4, N=1",
            strategy=AvatarForcing,
        ),
        PublishedRollout(
            name="knot-forcing",
            title="Knot Forcing",
            summary="the picture ahead of the video, 3 finished frames, and the next frame as a knot",
            source="Knot Forcing, 2025, algorithm 1",
            strategy=KnotForcing,
        ),
        PublishedRollout(
            name="live-avatar",
            title="Live-Avatar timestep forcing",
            summary="at each step, 9 frames of earlier blocks at that step, and the picture ahead",
            source="Live-Avatar, 2025",
            strategy=LiveAvatar,
        ),
        PublishedRollout(
            name="overlapping-windows",
            title="Overlapping windows, bidirectional",
            summary="a window of 21 frames at once, whose first 3 are those of the window before",
            source="InfiniteTalk, 2025, streaming mode",
            strategy=OverlappingWindows,
        ),
    )
}
"""All published strategies by name."""


def rollout_names() -> tuple[str, ...]:
    """Every rollout that a model card may name."""
    return (*ROLLOUTS, *PUBLISHED)


def published_rollout(
    name: str,
    dit: CausalDiT,
    options: GenerationOptions,
    *,
    steps: int | None = None,
    tracer: Tracer | None = None,
) -> Rollout:
    """A published strategy over a transformer.

    Args:
        name: one of `PUBLISHED`.
        dit: the transformer.
        options: how videos are made. Keys and values may be kept in 8 bits or in host memory; a guidance other than 1
            takes the place of the published one.
        steps: denoising passes per block that a card states; `None`: not stated.
        tracer: is told of every model call.

    Raises:
        UserError: an option, or a number of steps, that the strategy does not have.
    """
    from liveact_eval.liveact.kv_store import StoreOptions
    from liveact_eval.rollouts.forced import ForcedRollout

    check_published(name, options, steps)
    return ForcedRollout(
        dit,
        PUBLISHED[name].strategy(),
        store=StoreOptions(fp8=options.fp8_cache, host=options.offload_cache),
        guidance=None if options.audio_guidance == 1 else options.audio_guidance,
        tracer=tracer,
    )


def check_published(name: str, options: GenerationOptions, steps: int | None) -> None:
    """Refuse what a published strategy does not have, before anything is loaded.

    Raises:
        UserError: says which option, and what it must be.
    """
    published = PUBLISHED[name]
    if steps is not None and steps != published.steps:
        raise UserError(
            f"Rollout {name} makes {published.steps} denoising passes per block, and the card says `steps: {steps}`. "
            f"Write `steps: {published.steps}`"
        )
    usual = type(options)()
    for field, why in (
        ("memory", "it has a memory of its own"),
        ("cuda_graphs", "what it looks at lies in other places at every call"),
        ("compile", "what it looks at lies in other places at every call"),
    ):
        if getattr(options, field) != getattr(usual, field):
            raise UserError(
                f"Rollout {name} takes no {field} ({getattr(options, field)}): {why}. Leave {field} at "
                f"{getattr(usual, field)}"
            )
