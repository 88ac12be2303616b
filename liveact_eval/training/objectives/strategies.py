"""Objectives of the forcing strategies that Neighbor Forcing is compared with."""

from __future__ import annotations

from liveact_eval.liveact.config import LiveActConfig
from liveact_eval.training.judging import DISTILLED_STEPS, FLOW_STEPS, Judge, mouth_judge
from liveact_eval.training.kit import Kit
from liveact_eval.training.objectives.base import Objective
from liveact_eval.training.objectives.bidirectional import BidirectionalObjective
from liveact_eval.training.objectives.configs import (
    BidirectionalChoice,
    DiffusionChoice,
    ForcedChoice,
    OdeChoice,
    StrategyChoice,
    TeacherChoice,
)
from liveact_eval.training.objectives.diffusion import DiffusionObjective
from liveact_eval.training.objectives.forced import ForcedObjective
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
    """Judges by clips of two blocks, as many as were learnt.

    Args:
        choice: the strategy.
        config: sizes.
        kit: has what `mouth_judge` needs.
        size: height and width in pixels.

    Raises:
        UserError: an earlier stage has not been trained.
    """
    # A published strategy makes as many calls as it does.
    rollout, steps = (choice.rollout, 1) if isinstance(choice, ForcedChoice) else _ROLLOUTS[choice.kind]
    return mouth_judge(config, kit, rollout=rollout, memory="full", steps=steps, blocks=2, size=size)


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
    return SelfForcingObjective(config, choice, kit, judge)
