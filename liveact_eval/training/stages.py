"""From a recipe to a running stage: its objective, its samples, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from liveact_eval.files import write_text
from liveact_eval.liveact.config import LiveActConfig, named_config
from liveact_eval.liveact.pipeline import device_name
from liveact_eval.training.devices import CPU, computing_on
from liveact_eval.training.distributed import World, launched_world
from liveact_eval.training.encoded_samples import Bank, SampleEncoder, shuffled
from liveact_eval.training.kit import Kit
from liveact_eval.training.logs import TrainingLog
from liveact_eval.training.loop import Training, Watcher
from liveact_eval.training.making import make_objective
from liveact_eval.training.objectives.base import Batch
from liveact_eval.training.recipe import Recipe
from liveact_eval.training.recompute import recompute_blocks
from liveact_eval.training.talker_samples import batches


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a stage."""

    done: int
    """Updates so far."""
    finished: bool
    """Whether these are all."""
    files: Mapping[str, Path]
    """Weight files by role; none before the end, and in all processes but the first."""
    device: str
    """Where it was computed, a GPU by its own name."""
    validation: Mapping[str, float]
    """How good it is; empty before the end, and in all processes but the first."""


def train(
    recipe: Recipe,
    kit: Kit,
    watcher: Watcher,
    *,
    device: torch.device = CPU,
    seconds: float | None = None,
    encoded: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Train a stage to its end, or for so many seconds; started again, it goes on where it was.

    Args:
        recipe: what is trained.
        kit: where earlier stages left their weights and this one leaves its own.
        watcher: hears of every step.
        device: where this process computes; see `training_device`. The same folder may go on on another one.
        seconds: stop after the step that exceeds them.
        encoded: hears how many samples of how many are encoded, for stages that learn from encoded ones.

    Raises:
        UserError: an earlier stage has not been trained, or the folder holds another run; or the processes that
            torchrun started cannot share a batch.
    """
    with computing_on(device), launched_world(device) as world:
        outcome = _train(recipe, kit, watcher, seconds, encoded, world)
        world.wait()
    return outcome


def _train(
    recipe: Recipe,
    kit: Kit,
    watcher: Watcher,
    seconds: float | None,
    encoded: Callable[[int, int], None] | None,
    world: World,
) -> Outcome:
    world.check_batch(recipe.batch)
    # First weights come from the global generator; everything after that has generators of its own.
    torch.manual_seed(recipe.seed)
    config = named_config(recipe.config)
    objective = make_objective(recipe, config, kit)
    if recipe.checkpoint_activations:
        recompute_blocks(objective.players())
    folder = kit.run_folder(recipe)
    log, device = TrainingLog(folder) if world.first else None, device_name(world.device)
    source = _source(recipe, config, kit, encoded, world)
    training = Training(
        recipe, objective, folder, log, source, world, lambda: make_objective(recipe, config, kit)
    )
    if world.first:
        write_text(folder / "recipe.json", recipe.model_dump_json(indent=2) + "\n")
    if log is not None and training.done < recipe.steps:
        log.note(
            training.done, "start", {"device": device, "processes": world.ranks, "torch": torch.__version__}
        )
    finished = training.run(watcher, seconds=seconds)
    if not finished:
        return Outcome(done=training.done, finished=False, device=device, files={}, validation={})
    files: Mapping[str, Path] = {}
    validation = training.validate()
    with training.averaged() as averaged:
        if world.first:
            files = kit.keep(recipe, averaged.results(), validation)
    return Outcome(done=training.done, finished=True, device=device, files=files, validation=validation)


def _source(
    recipe: Recipe,
    config: LiveActConfig,
    kit: Kit,
    encoded: Callable[[int, int], None] | None,
    world: World,
) -> Callable[[range], Iterator[Batch]]:
    """What gives the batches of the steps of a range."""
    rank, ranks, pinned = world.rank, world.ranks, world.device.type == "cuda"
    if recipe.data.bank is None:
        return lambda steps: batches(
            recipe.data, batch=recipe.batch, steps=steps, rank=rank, ranks=ranks, pinned=pinned
        )
    count = recipe.data.bank
    bank = Bank.inside(kit.banks, recipe.data, count, kit.hashes("vae", "speech"))
    encoder = SampleEncoder(kit.vae(config, world.device), kit.speech(config, world.device))
    bank.fill(encoder.encode, lambda there: None if encoded is None else encoded(there, count), rank, ranks)
    world.wait()
    samples = bank.load()
    return lambda steps: shuffled(
        samples,
        batch=recipe.batch,
        steps=steps,
        seed=recipe.data.seed,
        rank=rank,
        ranks=ranks,
        pinned=pinned,
    )
