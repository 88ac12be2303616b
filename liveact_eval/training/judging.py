"""Who judges a transformer in training: made from its recipe and from what earlier stages have left in the kit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from liveact_eval.liveact.config import LiveActConfig
from liveact_eval.liveact.policies import memory_policy
from liveact_eval.liveact.request import GenerationOptions
from liveact_eval.liveact.sampler import Schedule
from liveact_eval.networks.mini_frame import load_mini_frame
from liveact_eval.rollouts.named import ROLLOUTS
from liveact_eval.rollouts.neighbor import NeighborOptions
from liveact_eval.rollouts.published import PUBLISHED, published_rollout
from liveact_eval.training.generated_mouths import GeneratedMouths
from liveact_eval.training.kit import Kit

if TYPE_CHECKING:
    from liveact_eval.liveact.dit import CausalDiT
    from liveact_eval.liveact.rollout import Rollout
    from liveact_eval.training.objectives.neighbor import Conditioned

Judge = Callable[["Conditioned"], Mapping[str, float]]
"""Says how good a transformer is."""

DISTILLED_STEPS = 3
"""Model calls per block of a distilled model."""
FLOW_STEPS = 8
"""Model calls per block of one that is not: it needs smaller steps."""


def schedule_of(steps: int) -> Schedule:
    """That of a distilled model for its three steps; more steps come closer to no noise, as they must without it."""
    return Schedule.in_steps(steps) if steps == DISTILLED_STEPS else Schedule.shifted(steps, grid=steps)


def mouth_judge(
    config: LiveActConfig,
    kit: Kit,
    *,
    rollout: str,
    memory: str,
    steps: int,
    blocks: int,
    size: int,
) -> Judge:
    """Judges by the mouths of generated clips; see `GeneratedMouths`.

    Args:
        config: sizes.
        kit: has VAE, speech encoder, and the frame network that reads mouths.
        rollout: name of the forcing strategy that makes the clips.
        memory: name of its memory policy; a published strategy has a memory of its own.
        steps: model calls per block; a published strategy makes its own.
        blocks: length of a clip, in blocks of that policy.
        size: height and width in pixels.

    Raises:
        UserError: an earlier stage has not been trained.
    """
    policy, stride = memory_policy(memory), config.dit.temporal_stride
    latents = policy.first + policy.current * (blocks - 1)

    def strategy(dit: CausalDiT, options: GenerationOptions) -> Rollout:
        if rollout in PUBLISHED:
            # Steps and memory are its own.
            return published_rollout(rollout, dit, replace(options, memory=GenerationOptions.memory))
        return ROLLOUTS[rollout].build(
            dit, NeighborOptions(memory=options.memory, schedule=schedule_of(steps))
        )

    return GeneratedMouths(
        config,
        kit.vae(config),
        kit.speech(config),
        load_mini_frame(kit.file("frame")),
        rollouts=strategy,
        # Carried decoding costs the least, and has no seam that a reading could trip over.
        options=GenerationOptions(memory=memory, decode="carried"),
        frames=1 + stride * (latents - 1),
        size=size,
    )
