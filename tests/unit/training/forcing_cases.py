"""What the tests of forcing strategies share: a small transformer that says something, and a batch."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn

from liveact_eval.liveact.config import LiveActConfig, liveact_mini
from liveact_eval.training.objectives.bidirectional import BidirectionalObjective
from liveact_eval.training.objectives.blocks import Level
from liveact_eval.training.objectives.configs import (
    BidirectionalChoice,
    DiffusionChoice,
    TeacherChoice,
)
from liveact_eval.training.objectives.diffusion import DiffusionObjective
from liveact_eval.training.objectives.flow import FlowObjective
from liveact_eval.training.objectives.neighbor import Conditioned, initialise
from liveact_eval.training.objectives.teacher import TeacherObjective

_MINI = liveact_mini()
CONFIG: LiveActConfig = dataclasses.replace(
    _MINI, dit=dataclasses.replace(_MINI.dit, dim=32, num_heads=2, num_layers=2, ffn_dim=64)
)
LEVELS = (Level(0.9, silent=False), Level(0.3, silent=False))
FLOW = ("bidirectional", "diffusion", "teacher")


def enliven(module: Conditioned) -> None:
    """Let a transformer say something: its last layer begins with zeros."""
    initialise(module.dit)
    nn.init.normal_(module.dit.head.head.weight, std=0.2)


def small_module() -> Conditioned:
    torch.manual_seed(0)
    module = Conditioned(CONFIG)
    enliven(module)
    return module


def flow_objective(kind: str, pure_noise: float = 0.0) -> FlowObjective:
    torch.manual_seed(0)
    objective: FlowObjective
    if kind == "bidirectional":
        choice = BidirectionalChoice(kind="bidirectional", pure_noise=pure_noise)
        objective = BidirectionalObjective(CONFIG, choice)
    elif kind == "diffusion":
        objective = DiffusionObjective(CONFIG, DiffusionChoice(kind="diffusion", pure_noise=pure_noise))
    else:
        objective = TeacherObjective(CONFIG, TeacherChoice(kind="teacher", pure_noise=pure_noise))
    enliven(objective.module)
    return objective


def drawn_batch(size: int = 2) -> dict[str, Tensor]:
    draws = torch.Generator().manual_seed(1)
    return {
        "latents": torch.randn(size, 16, 14, 4, 4, generator=draws),
        "condition": torch.randn(size, 20, 14, 4, 4, generator=draws),
        "features": torch.randn(size, 53, 3, 48, generator=draws),
        "image": torch.randint(256, (size, 3, 32, 32), generator=draws, dtype=torch.uint8),
        "mouth": torch.rand(size, 14, 4, 4, generator=draws),
        "prompt": torch.randint(65, 90, (size, 192), generator=draws, dtype=torch.uint8),
    }


def noisy_latents(batch: dict[str, Tensor]) -> Tensor:
    return torch.randn(batch["latents"].shape, generator=torch.Generator().manual_seed(2))
