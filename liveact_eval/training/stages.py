"""From a recipe to a running stage: its objective, its samples, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from liveact_eval.files import write_text
from liveact_eval.liveact.config import LiveActConfig, named_config
from liveact_eval.training.encoded_samples import Bank, SampleEncoder, shuffled
from liveact_eval.training.kit import Kit
from liveact_eval.training.logs import TrainingLog
from liveact_eval.training.loop import Training, Watcher
from liveact_eval.training.objectives.base import Batch, Objective
from liveact_eval.training.objectives.configs import NeighborChoice, SpeechChoice, VAEChoice
from liveact_eval.training.recipe import Recipe
from liveact_eval.training.talker_samples import batches


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a stage."""

    done: int
    """Updates so far."""
    finished: bool
    """Whether these are all."""
    files: Mapping[str, Path]
    """Weight files by role; none before the end."""
    validation: Mapping[str, float]
    """How good it is; empty before the end."""


def train(
    recipe: Recipe,
    kit: Kit,
    watcher: Watcher,
    *,
    seconds: float | None = None,
    encoded: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Train a stage to its end, or for so many seconds; started again, it goes on where it was.

    Args:
        recipe: what is trained.
        kit: where earlier stages left their weights and this one leaves its own.
        watcher: hears of every step.
        seconds: stop after the step that exceeds them.
        encoded: hears how many samples of how many are encoded, for stages that learn from encoded ones.

    Raises:
        UserError: an earlier stage has not been trained, or the folder holds another run.
    """
    # First weights come from the global generator; everything after that has generators of its own.
    torch.manual_seed(recipe.seed)
    config = named_config(recipe.config)
    objective = make_objective(recipe, config)
    folder = kit.run_folder(recipe)
    log = TrainingLog(folder)
    training = Training(recipe, objective, folder, log, _source(recipe, config, kit, encoded))
    write_text(folder / "recipe.json", recipe.model_dump_json(indent=2) + "\n")
    finished = training.run(watcher, seconds=seconds)
    if not finished:
        return Outcome(done=training.done, finished=False, files={}, validation={})
    validation = training.validate()
    with training.averaged():
        files = kit.keep(recipe, objective.results(), validation)
    return Outcome(done=training.done, finished=True, files=files, validation=validation)


def make_objective(recipe: Recipe, config: LiveActConfig) -> Objective:
    """The objective of a recipe, with first weights from torch's global generator."""
    choice = recipe.objective
    if isinstance(choice, VAEChoice):
        from liveact_eval.training.objectives.vae import VAEObjective

        return VAEObjective(config.vae, choice, recipe.data.size)
    if isinstance(choice, SpeechChoice):
        from liveact_eval.training.objectives.speech import SpeechObjective

        return SpeechObjective(config.speech, choice)
    from liveact_eval.training.objectives.neighbor import NeighborObjective

    assert isinstance(choice, NeighborChoice)
    return NeighborObjective(config, choice)


def _source(
    recipe: Recipe, config: LiveActConfig, kit: Kit, encoded: Callable[[int, int], None] | None
) -> Callable[[range], Iterator[Batch]]:
    """What gives the batches of the steps of a range."""
    if recipe.data.bank is None:
        return lambda steps: batches(recipe.data, batch=recipe.batch, steps=steps)
    count = recipe.data.bank
    bank = Bank(kit.run_folder(recipe) / "bank", recipe.data, count, kit.hashes("vae", "speech"))
    encoder = SampleEncoder(kit.vae(config), kit.speech(config))
    bank.fill(encoder.encode, lambda there: None if encoded is None else encoded(there, count))
    samples = bank.load()
    return lambda steps: shuffled(samples, batch=recipe.batch, steps=steps, seed=recipe.data.seed)
