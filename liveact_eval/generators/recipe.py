"""From a card and a machine to the native generator: what is built, and building it once per process."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from liveact_eval.cards.model import ModelCard
from liveact_eval.errors import UserError, unknown_name
from liveact_eval.generators.rollout_choice import checked_options
from liveact_eval.liveact.config import ROLES, LiveActConfig, named_config
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.request import GenerationOptions
from liveact_eval.rollouts.named import ROLLOUTS
from liveact_eval.rollouts.options import RolloutOptions
from liveact_eval.rollouts.published import PUBLISHED, published_rollout, rollout_names
from liveact_eval.rollouts.shape import BlockSizes, LatentNeed, block_sizes, latent_need, one_memory
from liveact_eval.rollouts.strategy import Strategy

if TYPE_CHECKING:
    import torch

    from liveact_eval.liveact.dit import CausalDiT
    from liveact_eval.liveact.pipeline import LiveActPipeline
    from liveact_eval.liveact.rollout import Rollout

DTYPES = ("auto", "float32", "bfloat16", "float16")
"""Precisions by name; `auto` is bfloat16 on a GPU and float32 on the CPU."""
_WEIGHTS_SEED = 0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that a pipeline is built from. It travels to worker processes."""

    config: str
    """Name of the configuration."""
    steps: int
    """Denoising steps."""
    weights: tuple[tuple[str, Path], ...] | None
    """(role, file or folder); `None`: random weights from a fixed seed."""
    origin: str
    """Where the weights come from, for results."""
    rollout: str = "neighbor"
    """Name of the forcing strategy."""
    rollout_options: RolloutOptions = ()
    """Options of the forcing strategy that are not as published."""
    options: GenerationOptions = field(default_factory=GenerationOptions)
    """How videos are made."""
    device: str = "auto"
    """`auto`: the first GPU where PyTorch sees one, else the CPU."""
    text_device: str | None = None
    """Where prompts are encoded; `None`: on `device`."""
    dtype: str = "auto"
    """Precision of weights and memory."""

    @property
    def block_latents(self) -> BlockSizes:
        """Latent frames of the first block and of every later one."""
        return block_sizes(self.rollout, self.options.memory, self.rollout_options)

    @property
    def strategy(self) -> Strategy | None:
        """The strategy as published; `None` for LiveAct's own."""
        published = PUBLISHED.get(self.rollout)
        return None if published is None else published.strategy(self.rollout_options)

    @property
    def weights_bytes(self) -> int:
        """Size of the weight files together; a folder's counts with all that it holds."""
        files = [path for _, path in self.weights or ()]
        inside = [part for path in files for part in ([path] if path.is_file() else path.rglob("*"))]
        return sum(part.stat().st_size for part in inside if part.is_file())


def recipe_of(
    card: ModelCard,
    *,
    weights: Path | None = None,
    options: GenerationOptions | None = None,
    device: str = "auto",
    text_device: str | None = None,
    dtype: str = "auto",
) -> Recipe:
    """How the model of a native card is built, once its weights are there.

    Args:
        card: a card of kind native.
        weights: folder of the weight files; `None`: where `liveact-eval models fetch` puts them.
        options: how videos are made.
        device: `auto`, cpu, cuda or cuda:N.
        text_device: where prompts are encoded; `None`: on `device`.
        dtype: one of `DTYPES`.

    Raises:
        UserError: no native card, a model that this version does not have, or weights that are missing.
    """
    if card.native is not None and card.native.rollout not in rollout_names():
        raise unknown_rollout(card, card.native.rollout)
    config = native_config(card)
    if config is None or card.native is None:
        raise not_part_of_this_version(card)
    _check_memory(card.native.memory)
    if weights is None and card.native.folder is not None:
        weights = Path(card.native.folder)
    found: tuple[tuple[str, Path], ...] | None = None
    origin = f"random(seed {_WEIGHTS_SEED})"
    if config.random_weights and weights is not None:
        raise UserError(
            f"{card.name} has random weights: no files of {str(weights)!r} would be read. Leave --weights out"
        )
    if not config.random_weights and not card.weights:
        found, origin = _trained(card, weights)
    elif not config.random_weights:
        from liveact_eval.weights.store import role_paths

        found = tuple(role_paths(card, weights).items())
        origin = _hashes(card, weights)
    chosen = options or GenerationOptions(decode=card.native.decode, memory=card.native.memory)
    return Recipe(
        config=config.name,
        steps=card.native.steps,
        weights=found,
        origin=origin,
        rollout=card.native.rollout,
        rollout_options=checked_options(card, chosen),
        options=chosen,
        device=device,
        text_device=text_device,
        dtype=dtype,
    )


def _trained(card: ModelCard, folder: Path | None) -> tuple[tuple[tuple[str, Path], ...], str]:
    """Weights that this project's own training made: one file per role, and where they come from.

    Args:
        card: of a model that names no files to fetch.
        folder: of the user's own training; `None`: the one that comes with the package.

    Raises:
        UserError: files are missing in it.
    """
    from liveact_eval.files import sha256_of
    from liveact_eval.networks.catalogue import REINSTALL, SHIPPED

    home = SHIPPED / card.name if folder is None else folder
    paths = {role: home / f"{role}.safetensors" for role in ROLES}
    lacking = [path.name for path in paths.values() if not path.is_file()]
    if lacking:
        mend = (
            f"{REINSTALL}, or train them and give their folder with --weights"
            if folder is None
            else "Its stages make them: liveact-eval train --list"
        )
        raise UserError(f"{card.title}: {', '.join(lacking)} missing in {str(home)!r}. {mend}.")
    return tuple(paths.items()), ", ".join(f"{role} {sha256_of(path)[:12]}" for role, path in paths.items())


def _check_memory(name: str) -> None:
    """Refuse a memory policy that does not exist; the usual one costs no import of PyTorch."""
    if name == GenerationOptions.memory:
        return
    from liveact_eval.liveact.policies import memory_policy

    try:
        memory_policy(name)
    except LiveActError as error:
        raise UserError(f"{error}. Correct `native.memory` of the card.") from error


def native_config(card: ModelCard) -> LiveActConfig | None:
    """The configuration of a native card; `None` where this version does not have it or its rollout."""
    if card.native is None or card.native.rollout not in rollout_names():
        return None
    try:
        return named_config(card.native.config)
    except LiveActError:
        return None


def not_part_of_this_version(card: ModelCard) -> UserError:
    """The error for a card whose generator is not there."""
    return UserError(
        f"The generator of {card.title} ({card.name}) is not part of this version of liveact-eval: only its "
        f"card is. Run a control instead (liveact-eval models list shows what runs), or make its videos "
        f"elsewhere and score them: liveact-eval score VIDEOS --reference DATASET --out DIR"
    )


def unknown_rollout(card: ModelCard, name: str) -> UserError:
    """The error for a card whose forcing strategy does not exist, naming the nearest one that does."""
    return unknown_name(
        "rollout",
        name,
        rollout_names(),
        hint=f"The card {card.name} names it under `native`, and it is not part of this version of liveact-eval: "
        "correct the card.",
    )


@dataclass(frozen=True)
class NamedStrategy:
    """Makes the rollout of one video.

    Args:
        steps: denoising steps.
        rollout: name of the forcing strategy, one of `rollout_names()`.
        rollout_options: of a published one.
    """

    steps: int
    rollout: str = "neighbor"
    rollout_options: RolloutOptions = ()

    def __call__(self, dit: CausalDiT, options: GenerationOptions) -> Rollout:
        """A rollout with an empty memory."""
        if self.rollout in PUBLISHED:
            return published_rollout(
                self.rollout, dit, options, steps=self.steps, rollout_options=self.rollout_options
            )
        from liveact_eval.liveact.sampler import Schedule
        from liveact_eval.rollouts.neighbor import NeighborOptions

        chosen = NeighborOptions(
            memory=options.memory,
            schedule=Schedule.in_steps(self.steps),
            audio_guidance=options.audio_guidance,
            fp8_cache=options.fp8_cache,
            offload_cache=options.offload_cache,
        )
        return ROLLOUTS[self.rollout].build(dit, chosen)


def check_recipe(recipe: Recipe, size: tuple[int, int], blocks: int) -> None:
    """Refuse what cannot run here, before anything is loaded.

    Args:
        recipe: what would run.
        size: width and height of the video.
        blocks: its blocks.

    Raises:
        LiveActError: the device is not there, an option does not exist, or memory is short.
    """
    from liveact_eval.liveact.fitting import check_fits, need_of, speed_of
    from liveact_eval.liveact.launch import launched_ranks

    device, text_device, dtype = place(recipe)
    config = named_config(recipe.config)
    speed_of(recipe.options, dtype).check_device(device, config.dit.head_dim)
    need = need_of(
        config,
        recipe.options,
        size=size,
        dtype=dtype,
        steps=recipe.steps,
        blocks=blocks,
        ranks=launched_ranks(),
        text_elsewhere=text_device is not None and text_device != device,
        rollout=rollout_need(recipe, blocks),
    )
    check_fits(need, device)


def rollout_need(recipe: Recipe, blocks: int) -> LatentNeed | None:
    """What the rollout needs for a video of so many blocks; `None` for Neighbor Forcing with its memory per step."""
    if recipe.rollout == Recipe.rollout:
        return None
    strategy, sizes, guidance = recipe.strategy, recipe.block_latents, recipe.options.audio_guidance
    if strategy is None:
        return one_memory(recipe.options.memory, blocks, guidance=guidance)
    return latent_need(strategy, latents=sizes.first + sizes.later * (blocks - 1), guidance=guidance)


@functools.lru_cache(maxsize=1)
def build_pipeline(recipe: Recipe) -> LiveActPipeline:
    """The pipeline of a recipe. The last one is kept, so that a worker process loads its weights once.

    Raises:
        LiveActError: as `check_recipe`, or a weight file does not fit.
    """
    from liveact_eval.liveact.pipeline import LiveActPipeline

    device, text_device, dtype = place(recipe)
    config = named_config(recipe.config)
    rollouts = NamedStrategy(recipe.steps, recipe.rollout, recipe.rollout_options)
    if recipe.weights is None:
        return LiveActPipeline.from_random(
            config, rollouts, seed=_WEIGHTS_SEED, device=device, dtype=dtype, options=recipe.options
        )
    return LiveActPipeline.from_weights(
        config,
        dict(recipe.weights),
        rollouts,
        device=device,
        dtype=dtype,
        text_device=text_device,
        options=recipe.options,
        origin=recipe.origin,
    )


def place(recipe: Recipe) -> tuple[torch.device, torch.device | None, torch.dtype]:
    """Device, device of the text encoder and precision on this machine.

    Raises:
        LiveActError: a device or precision that does not exist here.
    """
    import torch

    from liveact_eval.liveact.launch import launched_device
    from liveact_eval.liveact.pipeline import open_device

    name = recipe.device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":
        name = launched_device()
    device = open_device(name)
    text_device = None if recipe.text_device is None else open_device(recipe.text_device)
    by_name = {
        "auto": torch.bfloat16 if device.type == "cuda" else torch.float32,
        "float32": torch.float32,
        "bfloat16": torch.bfloat16,
        "float16": torch.float16,
    }
    if recipe.dtype not in by_name:
        raise LiveActError(f"Precision {recipe.dtype!r} is not known; expected {', '.join(DTYPES)}")
    return device, text_device, by_name[recipe.dtype]


def _hashes(card: ModelCard, root: Path | None) -> str:
    """Weight files by role, as the first characters of the SHA-256 over their hashes, where those were checked."""
    from liveact_eval.weights.records import read_record
    from liveact_eval.weights.store import inventory

    by_role: dict[str, list[str]] = {}
    for file in inventory(card, root):
        if file.state != "missing":
            record = read_record(file.path)
            by_role.setdefault(file.entry.role, []).append("" if record is None else record.sha256)
    parts = []
    for role, hashes in by_role.items():
        digest = hashlib.sha256(" ".join(sorted(hashes)).encode()).hexdigest()[:12]
        parts.append(f"{role} {digest if all(hashes) else 'not checked'}")
    return ", ".join(parts)
