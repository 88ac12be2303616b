"""Every objective in its smallest form, with a batch that it takes: for what must hold for all of them."""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import torch
from pydantic import TypeAdapter
from torch import Tensor, nn

from liveact_eval.liveact.config import LiveActConfig, VAEConfig, liveact_mini
from liveact_eval.training.distributed import World
from liveact_eval.training.kit import Kit
from liveact_eval.training.logs import TrainingLog
from liveact_eval.training.loop import Training
from liveact_eval.training.objectives.base import Batch, Objective
from liveact_eval.training.objectives.clip_network import ClipNetworkObjective
from liveact_eval.training.objectives.configs import (
    ClipNetworkChoice,
    DistillChoice,
    FrameNetworkChoice,
    MemoryChoice,
    NeighborChoice,
    ObjectiveConfig,
    SpeechChoice,
    StrategyChoice,
    SyncNetChoice,
    VAEChoice,
)
from liveact_eval.training.objectives.distill import DistillObjective
from liveact_eval.training.objectives.frame_network import FrameNetworkObjective
from liveact_eval.training.objectives.memory import MemoryObjective
from liveact_eval.training.objectives.neighbor import Conditioned, NeighborObjective, initialise
from liveact_eval.training.objectives.speech import SpeechObjective
from liveact_eval.training.objectives.strategies import strategy_objective
from liveact_eval.training.objectives.syncnet import SyncNetObjective
from liveact_eval.training.objectives.vae import VAEObjective
from liveact_eval.training.recipe import DataConfig, Recipe, load_recipe
from liveact_eval.training.talker_samples import TalkerSamples

_MINI = liveact_mini()
CONFIG: LiveActConfig = dataclasses.replace(
    _MINI,
    dit=dataclasses.replace(_MINI.dit, dim=16, num_heads=1, num_layers=1, ffn_dim=32),
    text=dataclasses.replace(_MINI.text, num_layers=1),
    image=dataclasses.replace(_MINI.image, num_layers=2),
    vae=VAEConfig(
        base_dim=8,
        dim_mult=(1, 1, 1),
        num_res_blocks=1,
        temporal_downsample=(True, True),
        patch_size=2,
        latents_mean=(0.0,) * 16,
        latents_std=(1.0,) * 16,
    ),
)
_TWO_TURNS = {"critic_steps": 1, "truth_weight": 0.1}
CHOICES: dict[str, dict[str, Any]] = {
    "vae": {"kind": "vae", "window": 5},
    "speech": {"kind": "speech", "shortest": 25},
    "neighbor": {"kind": "neighbor", "pure_noise": 0.0},
    "bidirectional": {"kind": "bidirectional", "pure_noise": 0.0},
    "diffusion": {"kind": "diffusion", "pure_noise": 0.0},
    "teacher": {"kind": "teacher", "pure_noise": 0.0},
    "ode": {"kind": "ode", "solver_steps": 4},
    "self": {"kind": "self", **_TWO_TURNS},
    "memory": {"kind": "memory", "pure_noise": 0.0},
    "distill": {"kind": "distill", **_TWO_TURNS},
    "forced": {"kind": "forced", "rollout": "knot-forcing"},
    "forced-window": {"kind": "forced", "rollout": "rolling-forcing"},
    "forced_distill": {
        "kind": "forced_distill",
        "rollout": "self-forcing",
        "learnt_latents": 8,
        **_TWO_TURNS,
    },
    "syncnet": {"kind": "syncnet", "rough_share": 1.0},
    "frame_network": {"kind": "frame_network"},
    "clip_network": {"kind": "clip_network"},
}
"""A choice of each kind, by the name of its case."""
_DRAWN: dict[str, dict[str, Any]] = {
    "vae": {"frames": 5, "size": 32},
    "speech": {"frames": 30, "size": 32, "pictures": False, "sound": True},
    "syncnet": {"frames": 36, "sound": True},
    "frame_network": {"frames": 2, "views": 2},
    "clip_network": {"frames": 16},
}
"""What is drawn for objectives that learn from pictures and sound."""


def kinds() -> set[str]:
    """All kinds of objective that a recipe can name."""

    def within(alternatives: Any) -> Iterator[str]:
        for one in get_args(alternatives):
            yield from within(one) if get_args(one) else [get_args(one.model_fields["kind"].annotation)[0]]

    return set(within(ObjectiveConfig))


@functools.cache
def _kit() -> Kit:
    """Weights of all earlier stages; a transformer that says something, and whose ConvKV kernels differ."""
    torch.manual_seed(0)
    module = Conditioned(CONFIG)
    initialise(module.dit)
    nn.init.normal_(module.dit.head.head.weight, std=0.2)
    for name, parameter in module.dit.named_parameters():
        if "memory_proj" in name:
            nn.init.normal_(parameter, mean=0.2, std=0.3)
    kit = Kit(Path(tempfile.mkdtemp()))
    parts = {"dit": module.dit, "text": module.text, "image": module.image}
    whole = dict.fromkeys(("teacher", "bidirectional", "initial"), module)
    kit.keep(load_recipe("mini-neighbor"), {**parts, **whole}, {})
    return kit


def objective(case: str) -> Objective:
    """The objective of a case, on the CPU; each time with the same first weights."""
    choice: Any = TypeAdapter(ObjectiveConfig).validate_python(CHOICES[case])
    kit = _kit()
    torch.manual_seed(1)
    makers: dict[type, Callable[[], Objective]] = {
        VAEChoice: lambda: VAEObjective(CONFIG.vae, choice, 32, kit),
        SpeechChoice: lambda: SpeechObjective(CONFIG.speech, choice),
        NeighborChoice: lambda: NeighborObjective(CONFIG, choice),
        MemoryChoice: lambda: MemoryObjective(CONFIG, choice, kit),
        DistillChoice: lambda: DistillObjective(CONFIG, choice, kit),
        SyncNetChoice: lambda: SyncNetObjective(choice, 64),
        FrameNetworkChoice: lambda: FrameNetworkObjective(choice, 2),
        ClipNetworkChoice: lambda: ClipNetworkObjective(choice),
    }
    if isinstance(choice, StrategyChoice):
        return strategy_objective(choice, CONFIG, kit)
    return makers[type(choice)]()


@functools.cache
def batch(case: str) -> dict[str, Tensor]:
    """Two samples for it; encoded ones have no meaning."""
    if case in _DRAWN:
        samples = TalkerSamples(DataConfig.model_validate(_DRAWN[case]), 2)
        drawn = [samples[index] for index in range(2)]
        return {name: torch.stack([sample[name] for sample in drawn]) for name in drawn[0]}
    draws = torch.Generator().manual_seed(1)
    return {
        "latents": torch.randn(2, 16, 30, 4, 4, generator=draws),
        "condition": torch.randn(2, 20, 14, 4, 4, generator=draws),
        "features": torch.randn(2, 117, 3, 48, generator=draws),
        "image": torch.randint(256, (2, 3, 32, 32), generator=draws, dtype=torch.uint8),
        "mouth": torch.rand(2, 30, 4, 4, generator=draws),
        "prompt": torch.randint(65, 90, (2, 192), generator=draws, dtype=torch.uint8),
    }


def recipe(case: str, **changes: Any) -> Recipe:
    """A recipe of two moved steps, and more behind them that no test comes to."""
    base = {
        "name": case,
        "title": case,
        "summary": "For the test.",
        "objective": {"kind": "vae", "window": 1},
        "data": {"frames": 1},
        "optimiser": {"lr": 1e-3, "muon_lr": 0.01, "warmup_steps": 1},
        "batch": 2,
        "steps": 10,
        "ema": 0.5,
        "log_every": 1,
    }
    return Recipe.model_validate(base | changes)


class Deaf:
    """Hears of steps and says nothing."""

    def advance(self, step: int, text: str) -> None:
        pass


def training(
    case: str, folder: Path, device: torch.device, *, world: World | None = None, **changes: Any
) -> Training:
    """A case under way on a device, or as one of several processes; what lies in the folder is gone on from."""
    here = world or World(device=device)

    def source(steps: range) -> Iterator[Batch]:
        share = 2 // here.ranks
        own = {name: values[here.rank * share :][:share] for name, values in batch(case).items()}
        return (own for _ in steps)

    log = TrainingLog(folder) if here.first else None
    return Training(
        recipe(case, **changes), objective(case), folder, log, source, here, lambda: objective(case)
    )


def one_step(made: Training) -> None:
    """One update, and a checkpoint behind it."""
    made.run(Deaf(), seconds=0.0)
