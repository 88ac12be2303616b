"""Objectives of the forcing strategies that Neighbor Forcing is compared with."""

from __future__ import annotations

from liveact_eval.liveact.config import LiveActConfig
from liveact_eval.training.judging import DISTILLED_STEPS, FLOW_STEPS, Judge, mouth_judge
from liveact_eval.training.kit import Kit
from liveact_eval.training.objectives.base import Objective
from liveact_eval.training.objectives.bidirectional import BidirectionalObjective
from liveact_eval.training.objectives.configs import (
    CLIP_BLOCKS,
    BidirectionalChoice,
    DiffusionChoice,
    ForcedChoice,
    ForcedDistillChoice,
    OdeChoice,
    SelfChoice,
    StrategyChoice,
    TeacherChoice,
)
from liveact_eval.training.objectives.diffusion import DiffusionObjective
from liveact_eval.training.objectives.forced import ForcedObjective
from liveact_eval.training.objectives.forced_distill import ForcedDistillObjective
from liveact_eval.training.objectives.ode import OdeObjective
from liveact_eval.training.objectives.self_forcing import SelfForcingObjective
from liveact_eval.training.objectives.teacher import TeacherObjective

_ROLLOUTS = {
    "bidirectional": ("neighbor", FLOW_STEPS),
    "diffusion": ("diffusion", FLOW_STEPS),
    "teacher": ("teacher", FLOW_STEPS),
    "ode": ("self", DISTILLED_STEPS),
    "self": ("self", DISTILLED_STEPS),
}
"""Rollout and model calls per block by which each is judged. Without autoregression there is no rollout of its own."""


def strategy_judge(choice: StrategyChoice, config: LiveActConfig, kit: Kit, size: int) -> Judge:
    """Judges by clips of as many latent frames as were learnt: two blocks of LiveAct, or four.

    Args:
        choice: the strategy.
        config: sizes.
        kit: has what `mouth_judge` needs.
        size: height and width in pixels.

    Raises:
        UserError: an earlier stage has not been trained.
    """
    if isinstance(choice, ForcedChoice | ForcedDistillChoice):
        # A published strategy makes as many calls as it does.
        rollout, steps = choice.rollout, 1
    else:
        rollout, steps = _ROLLOUTS[choice.kind]
    blocks = CLIP_BLOCKS if isinstance(choice, ForcedDistillChoice) else 2
    return mouth_judge(config, kit, rollout=rollout, memory="full", steps=steps, blocks=blocks, size=size)


def strategy_objective(
    choice: StrategyChoice, config: LiveActConfig, kit: Kit, judge: Judge | None = None
) -> Objective:
    """The objective of a strategy, with first weights of earlier stages, or from torch's global generator.

    Raises:
        UserError: an earlier stage has not been trained.
    """
    if isinstance(choice, BidirectionalChoice):
        return BidirectionalObjective(config, choice, judge)
    if isinstance(choice, DiffusionChoice):
        return DiffusionObjective(config, choice, judge)
    if isinstance(choice, TeacherChoice):
        return TeacherObjective(config, choice, judge)
    if isinstance(choice, OdeChoice):
        return OdeObjective(config, choice, kit, judge)
    if isinstance(choice, ForcedChoice):
        return ForcedObjective(config, choice, judge)
    return _matching(choice, config, kit, judge)


def _matching(
    choice: SelfChoice | ForcedDistillChoice, config: LiveActConfig, kit: Kit, judge: Judge | None
) -> Objective:
    """Those with a critic."""
    if isinstance(choice, ForcedDistillChoice):
        return ForcedDistillObjective(config, choice, kit, judge)
    return SelfForcingObjective(config, choice, kit, judge)
