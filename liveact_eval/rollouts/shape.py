"""How large blocks and memory of a rollout are, in latent frames, without a transformer.

Planning needs it before weights are loaded: how many blocks a video has, when a benchmark is steady, and whether keys
and values fit into the device. Strategies as published are asked what they do, block by block; LiveAct's own follow
from the memory policy.
"""

from __future__ import annotations

from typing import NamedTuple

from liveact_eval.rollouts.options import RolloutOptions
from liveact_eval.rollouts.published import PUBLISHED
from liveact_eval.rollouts.strategy import Strategy

MIDDLE_FRAME = 10
"""Of the 21 latent frames that published models with a growing memory were trained on: a block here costs the mean."""
_FIRST_STEADY = 2
"""The first block, of another size, and the second, behind which the memory of Neighbor Forcing is full."""
_LATEST = 40
"""Blocks that are looked at to find out when nothing changes any more."""


class BlockSizes(NamedTuple):
    """Latent frames that leave."""

    first: int
    """As the first block."""
    later: int
    """As every later one."""


class LatentNeed(NamedTuple):
    """What memory a strategy needs, in latent frames."""

    held: int
    """Keys and values, over all steps and both branches of guidance."""
    own: int
    """Of the largest model call."""
    seen: int
    """That a model call looks at, own ones included."""


def block_sizes(rollout: str, memory: str, options: RolloutOptions = ()) -> BlockSizes:
    """Latent frames of the blocks of a rollout.

    Args:
        rollout: one of `rollout_names()`.
        memory: memory policy, which decides for LiveAct's own strategies.
        options: of a published strategy.

    Raises:
        LiveActError: no policy has that name.
        UserError: the strategy has no such option.
    """
    if rollout in PUBLISHED:
        strategy = PUBLISHED[rollout].strategy(options)
        return BlockSizes(len(strategy.emit(0)), len(strategy.emit(1)))
    from liveact_eval.liveact.policies import memory_policy

    policy = memory_policy(memory)
    return BlockSizes(policy.first, policy.current)


def settling_of(strategy: Strategy | None) -> int:
    """Leading blocks that do other work than the later ones; a memory that grows never settles and counts as two.

    Where work repeats with a period, later blocks do that of the period before.

    Args:
        strategy: as published; `None`: one of LiveAct's own.
    """
    if strategy is None or strategy.slots is None:
        return _FIRST_STEADY
    costs = [_work(strategy, block) for block in range(_LATEST)]
    # References are computed anew once in a while; what all other calls look at tells when the memory is full.
    period = strategy.period
    changes = [block for block in range(_LATEST - period) if costs[block] != costs[block + period]]
    return max(1, changes[-1] + 1 if changes else 1)


def steady_block(strategy: Strategy | None) -> int:
    """A block that stands for all: behind the settling ones, of middle cost among those of a period, or that of the
    middle frame where the memory grows.
    """
    if strategy is None:
        return settling_of(strategy)
    if strategy.slots is not None:
        first = settling_of(strategy)
        costs = {
            block: sum(seen for _, seen in _work(strategy, block))
            for block in range(first, first + strategy.period)
        }
        return sorted(costs, key=lambda block: costs[block])[(strategy.period - 1) // 2]
    return next(block for block in range(MIDDLE_FRAME + 1) if MIDDLE_FRAME in strategy.emit(block))


def latent_need(strategy: Strategy, *, latents: int, guidance: float) -> LatentNeed:
    """What memory a video needs.

    Args:
        strategy: as published.
        latents: latent frames of the video.
        guidance: 1 where the strategy's own holds; any other takes its place.
    """
    branches = 1 if (strategy.guidance if guidance == 1 else guidance) == 1 else 2
    blocks = 1
    while strategy.emit(blocks - 1).stop < latents:
        blocks += 1
    # A memory that is bounded is full by then, and one that grows is largest at the end.
    first = blocks - 1 if strategy.slots is None else 0
    last = blocks if strategy.slots is None else min(blocks, _LATEST)
    calls = [call for block in range(first, last) for call in _calls(strategy, block)]
    held = latents if strategy.slots is None else strategy.slots
    return LatentNeed(branches * held, max(own for own, _ in calls), max(seen for _, seen in calls))


def one_memory(memory: str, blocks: int, *, guidance: float) -> LatentNeed:
    """What LiveAct's blocks need behind a clean past, which one memory holds for all steps.

    Args:
        memory: memory policy.
        blocks: of the video, for the policy that keeps everything.
        guidance: towards the speech; 1 is off.

    Raises:
        LiveActError: no policy has that name.
    """
    from liveact_eval.liveact.policies import memory_policy

    policy = memory_policy(memory)
    seen = policy.first + policy.current * (1 if policy.layout is not None else max(1, blocks - 1))
    return LatentNeed(seen * (1 if guidance == 1 else 2), policy.current, seen)


def _work(strategy: Strategy, block: int) -> list[tuple[int, int]]:
    return _calls(strategy, block, ("denoise", "cache"))


def _calls(strategy: Strategy, block: int, purposes: tuple[str, ...] = ()) -> list[tuple[int, int]]:
    """(own, seen) latent frames of the passes of a block that are made for one of these purposes; none: of all."""
    found = []
    for turn in strategy.turns(block):
        for step, part in enumerate(strategy.levels(turn)):
            if purposes and part.purpose not in purposes:
                continue
            look = strategy.context(turn, step)
            found.append((len(part.frames), len(part.frames) + len(look.seen)))
    return found
