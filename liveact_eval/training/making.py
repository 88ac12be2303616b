"""From a recipe to its objective. Each kind imports what it needs when it is asked for, and nothing before."""

from __future__ import annotations

from liveact_eval.liveact.config import LiveActConfig
from liveact_eval.training.judging import DISTILLED_STEPS, FLOW_STEPS, Judge, mouth_judge
from liveact_eval.training.kit import Kit
from liveact_eval.training.objectives.base import Objective
from liveact_eval.training.objectives.configs import (
    CLIP_BLOCKS,
    ClipNetworkChoice,
    DistillChoice,
    FrameNetworkChoice,
    MemoryChoice,
    NeighborChoice,
    SpeechChoice,
    StrategyChoice,
    SyncNetChoice,
    VAEChoice,
)
from liveact_eval.training.recipe import Recipe


def make_objective(recipe: Recipe, config: LiveActConfig, kit: Kit) -> Objective:
    """The objective of a recipe, with first weights of earlier stages, or from torch's global generator.

    Raises:
        UserError: an earlier stage has not been trained.
    """
    choice = recipe.objective
    if isinstance(choice, SyncNetChoice | FrameNetworkChoice | ClipNetworkChoice):
        return _metric_network(choice, recipe)
    if isinstance(choice, VAEChoice | SpeechChoice):
        return _encoder(choice, recipe, config, kit)
    if isinstance(choice, StrategyChoice):
        from liveact_eval.training.objectives.strategies import strategy_judge, strategy_objective

        judge = strategy_judge(choice, config, kit, recipe.data.size)
        return strategy_objective(choice, config, kit, judge)
    return _neighbor_forcing(choice, recipe, config, kit)


def _metric_network(
    choice: SyncNetChoice | FrameNetworkChoice | ClipNetworkChoice, recipe: Recipe
) -> Objective:
    """Networks of the mini metrics."""
    if isinstance(choice, SyncNetChoice):
        from liveact_eval.training.objectives.syncnet import SyncNetObjective

        return SyncNetObjective(choice, recipe.data.size)
    if isinstance(choice, FrameNetworkChoice):
        from liveact_eval.training.objectives.frame_network import FrameNetworkObjective

        return FrameNetworkObjective(choice, recipe.data.views)
    from liveact_eval.training.objectives.clip_network import ClipNetworkObjective

    return ClipNetworkObjective(choice)


def _encoder(choice: VAEChoice | SpeechChoice, recipe: Recipe, config: LiveActConfig, kit: Kit) -> Objective:
    """What stands before and behind the transformer."""
    if isinstance(choice, VAEChoice):
        from liveact_eval.training.objectives.vae import VAEObjective

        return VAEObjective(config.vae, choice, recipe.data.size, kit)
    from liveact_eval.training.objectives.speech import SpeechObjective

    return SpeechObjective(config.speech, choice)


def _neighbor_forcing(
    choice: NeighborChoice | MemoryChoice | DistillChoice, recipe: Recipe, config: LiveActConfig, kit: Kit
) -> Objective:
    """The stages of LiveAct's own transformer."""
    if isinstance(choice, MemoryChoice):
        from liveact_eval.training.objectives.memory import MemoryObjective

        judge = _judge(recipe, config, kit, choice.memory, steps=FLOW_STEPS, blocks=CLIP_BLOCKS)
        return MemoryObjective(config, choice, kit, judge)
    if isinstance(choice, DistillChoice):
        from liveact_eval.training.objectives.distill import DistillObjective

        judge = _judge(recipe, config, kit, choice.memory, steps=DISTILLED_STEPS, blocks=CLIP_BLOCKS)
        return DistillObjective(config, choice, kit, judge)
    from liveact_eval.training.objectives.neighbor import NeighborObjective

    # Two blocks: nothing is folded yet, whatever the policy.
    judge = _judge(recipe, config, kit, "full", steps=FLOW_STEPS, blocks=2)
    return NeighborObjective(config, choice, judge)


def _judge(recipe: Recipe, config: LiveActConfig, kit: Kit, memory: str, *, steps: int, blocks: int) -> Judge:
    """Clips of so many blocks by Neighbor Forcing."""
    size = recipe.data.size
    return mouth_judge(config, kit, rollout="neighbor", memory=memory, steps=steps, blocks=blocks, size=size)
