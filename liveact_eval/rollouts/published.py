"""Forcing strategies as their papers publish them, by name. Importing this module loads no network code.

The four of `liveact_eval.rollouts.named` keep LiveAct's blocks, levels and memory, so that nothing but the past differs
between them; those here bring blocks, levels, cache and positions of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from liveact_eval.errors import UserError
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.rollouts.avatar_forcing import AvatarForcing, AvatarForcingConfig
from liveact_eval.rollouts.causal_forcing import CausalForcing, CausalForcingConfig, CausVid, CausVidConfig
from liveact_eval.rollouts.chained import ChainedCausVid, ChainedConfig
from liveact_eval.rollouts.knot import KnotConfig, KnotForcing
from liveact_eval.rollouts.live_avatar import LiveAvatar, LiveAvatarConfig
from liveact_eval.rollouts.longlive import LongLive, LongLiveConfig
from liveact_eval.rollouts.many_steps import DiffusionForcing, ManyStepsConfig, TeacherForcing
from liveact_eval.rollouts.named import ROLLOUTS
from liveact_eval.rollouts.options import RolloutOptions, configured, in_words
from liveact_eval.rollouts.overlapping import OverlappingConfig, OverlappingWindows
from liveact_eval.rollouts.rolling import RollingForcing, RollingForcingConfig
from liveact_eval.rollouts.self_forcing import SelfForcing, SelfForcingConfig
from liveact_eval.rollouts.strategy import STEADY, Strategy, count_passes

if TYPE_CHECKING:
    from liveact_eval.liveact.dit import CausalDiT
    from liveact_eval.liveact.request import GenerationOptions
    from liveact_eval.liveact.rollout import Rollout
    from liveact_eval.rollouts.trace import Tracer


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
    kind: Callable[[Any], Strategy]
    """Makes a strategy of its configuration."""
    config: Any
    """Its configuration, a dataclass, as published."""

    def strategy(self, options: RolloutOptions = ()) -> Strategy:
        """A strategy for one video.

        Args:
            options: fields of the configuration that are to be other than published.

        Raises:
            UserError: an option that there is not, or a value that it cannot take.
        """
        config = configured(self.name, self.config, options)
        try:
            strategy = self.kind(config)
            if options:
                _check_passes(strategy)
        except LiveActError as error:
            raise UserError(f"Options of rollout {self.name}: {error}") from error
        return strategy

    @property
    def block_latents(self) -> int:
        """Latent frames of a steady block."""
        return len(self.strategy().emit(STEADY))

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
        return count_passes(self.strategy(), denoising=denoising)


def _check_passes(strategy: Strategy) -> None:
    """Refuse sizes and levels with which no video can be made.

    Raises:
        LiveActError: blocks without frames, or levels that do not fall.
    """
    for block in (0, STEADY):
        if not strategy.emit(block):
            raise LiveActError("a block has no latent frame; expected 1 or more")
        passes = [part for turn in strategy.turns(block) for part in strategy.levels(turn)]
        denoising = [part for part in passes if part.following is not None]
        if not denoising:
            raise LiveActError("a block has no denoising step; expected 1 or more")
        for part in denoising:
            for level, after in zip(part.timesteps, part.following or (), strict=True):
                if not 0 <= after < level <= 1000:
                    raise LiveActError(
                        f"levels go from {level:g} to {after:g}; expected them to fall, from 1000 at most to above 0"
                    )


PUBLISHED = {
    rollout.name: rollout
    for rollout in (
        PublishedRollout(
            name="teacher-forcing",
            title="Teacher Forcing",
            summary="all finished blocks; 50 steps, for weights that have learnt from true ones",
            source="as in the Self Forcing repository",
            kind=TeacherForcing,
            config=ManyStepsConfig(),
        ),
        PublishedRollout(
            name="diffusion-forcing",
            title="Diffusion Forcing",
            summary="all finished blocks; 50 steps, for weights that have learnt from pasts of any level",
            source="Diffusion Forcing, 2024, as in the Self Forcing repository",
            kind=DiffusionForcing,
            config=ManyStepsConfig(),
        ),
        PublishedRollout(
            name="causvid",
            title="CausVid",
            summary="all finished blocks; 3 steps without a shift",
            source="CausVid, 2024",
            kind=CausVid,
            config=CausVidConfig(),
        ),
        PublishedRollout(
            name="causvid-chained",
            title="CausVid, chained clips",
            summary="all finished frames of a clip of 21, whose first 3 are the last of the clip before; 3 steps",
            source="CausVid, 2024, long videos",
            kind=ChainedCausVid,
            config=ChainedConfig(),
        ),
        PublishedRollout(
            name="self-forcing",
            title="Self Forcing",
            summary="all finished blocks; 4 steps, for weights that have learnt from their own",
            source="Self Forcing, 2025",
            kind=SelfForcing,
            config=SelfForcingConfig(),
        ),
        PublishedRollout(
            name="causal-forcing",
            title="Causal Forcing",
            summary="all finished blocks of 3 latent frames; 4 steps",
            source="Causal Forcing, 2026, block-wise",
            kind=CausalForcing,
            config=CausalForcingConfig(),
        ),
        PublishedRollout(
            name="causal-forcing-frame",
            title="Causal Forcing, frame-wise",
            summary="the picture and all finished frames, one by one; 4 steps",
            source="Causal Forcing, 2026, frame-wise",
            kind=CausalForcing,
            config=CausalForcingConfig.frame_wise(),
        ),
        PublishedRollout(
            name="causal-forcing-plus",
            title="Causal Forcing++",
            summary="as frame-wise; 4 steps for the first frame, 2 afterwards",
            source="Causal Forcing++, 2026",
            kind=CausalForcing,
            config=CausalForcingConfig.plus_plus(),
        ),
        PublishedRollout(
            name="longlive",
            title="LongLive",
            summary="the first 3 and the last 6 finished frames; past computed anew at a change of prompt",
            source="LongLive 1.0, 2025",
            kind=LongLive,
            config=LongLiveConfig(),
        ),
        PublishedRollout(
            name="longlive-relative",
            title="LongLive, relative positions",
            summary="as longlive, with positions counted within the window",
            source="LongLive, variant for endless videos",
            kind=LongLive,
            config=LongLiveConfig(relative_rope=True),
        ),
        PublishedRollout(
            name="rolling-forcing",
            title="Rolling Forcing",
            summary="a sink, 3 finished frames, and 4 blocks of the future that are noisier",
            source="Rolling Forcing, 2025",
            kind=RollingForcing,
            config=RollingForcingConfig(),
        ),
        PublishedRollout(
            name="avatar-forcing",
            title="AvatarForcing",
            summary="the picture, 2 finished frames, and 3 blocks of the future that are noisier",
            source="AvatarForcing, 2026, released model: B=4, L=4, N=1",
            kind=AvatarForcing,
            config=AvatarForcingConfig(),
        ),
        PublishedRollout(
            name="knot-forcing",
            title="Knot Forcing",
            summary="the picture ahead of the video, 3 finished frames, and the next frame as a knot",
            source="Knot Forcing, 2025, algorithm 1",
            kind=KnotForcing,
            config=KnotConfig(),
        ),
        PublishedRollout(
            name="live-avatar",
            title="Live-Avatar timestep forcing",
            summary="at each step, 9 frames of earlier blocks at that step, and the picture ahead",
            source="Live-Avatar, 2025",
            kind=LiveAvatar,
            config=LiveAvatarConfig(),
        ),
        PublishedRollout(
            name="overlapping-windows",
            title="Overlapping windows, bidirectional",
            summary="a window of 21 frames at once, whose first 3 are those of the window before",
            source="InfiniteTalk, 2025, streaming mode",
            kind=OverlappingWindows,
            config=OverlappingConfig(),
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
    rollout_options: RolloutOptions = (),
    tracer: Tracer | None = None,
) -> Rollout:
    """A published strategy over a transformer.

    Args:
        name: one of `PUBLISHED`.
        dit: the transformer.
        options: how videos are made. Keys and values may be kept in 8 bits or in host memory; a guidance other than 1
            takes the place of the published one.
        steps: denoising passes per block that a card states; `None`: not stated.
        rollout_options: fields of the strategy's configuration that are other than published.
        tracer: is told of every model call.

    Raises:
        UserError: an option, or a number of steps, that the strategy does not have.
    """
    from liveact_eval.liveact.kv_store import StoreOptions
    from liveact_eval.rollouts.forced import ForcedRollout

    check_published(name, options, steps, rollout_options)
    return ForcedRollout(
        dit,
        PUBLISHED[name].strategy(rollout_options),
        name=name,
        chosen=in_words(rollout_options),
        store=StoreOptions(fp8=options.fp8_cache, host=options.offload_cache),
        guidance=None if options.audio_guidance == 1 else options.audio_guidance,
        tracer=tracer,
    )


def check_published(
    name: str, options: GenerationOptions, steps: int | None, rollout_options: RolloutOptions = ()
) -> None:
    """Refuse what a published strategy does not have, before anything is loaded.

    Raises:
        UserError: says which option, and what it must be.
    """
    made = count_passes(PUBLISHED[name].strategy(rollout_options), denoising=True)
    if steps is not None and steps != made:
        raise UserError(
            f"Rollout {name} makes {made} denoising passes per block, and the card says `steps: {steps}`. "
            f"Write `steps: {made}`"
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
