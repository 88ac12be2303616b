"""What a benchmark is asked to do, and all that is checked before the networks are built."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from liveact_eval.cards.load import load_model
from liveact_eval.cards.model import ModelCard
from liveact_eval.datasets.open import ProtocolChanges, open_dataset
from liveact_eval.efficiency.native import settling_blocks
from liveact_eval.errors import UserError, unknown_name
from liveact_eval.files import check_writable
from liveact_eval.generators.plan_video import told_plainly
from liveact_eval.generators.recipe import Recipe, check_recipe, native_config, recipe_of
from liveact_eval.generators.rollout_choice import (
    ROLLOUT_KEY,
    checked_options,
    split_assignments,
    with_rollout,
)
from liveact_eval.liveact.launch import launched_ranks
from liveact_eval.liveact.request import TEMPORAL_STRIDE, GenerationOptions, check_size

LEAST_REPEATS = 2
"""A spread needs two."""
ADVISED_REPEATS = 5
ON_CPU = (64, 64)
"""Size on a CPU where none is asked for: the VAE of any model is as large as that of the 18.9 B one."""
COLD_BLOCKS = 3
"""Blocks of the cold video: one of each kind that there is."""
_STEADY = 2
"""Steady blocks that a video must have at least."""
_BLOCKS = re.compile(r"(\d{1,2})[+-](\d{1,2})")
_USUAL_BLOCKS = (6, 8)


@dataclass(frozen=True, kw_only=True)
class BenchRequest:
    """What was asked for, as it was given."""

    model: str
    """Name or path of a card."""
    out: Path
    """Result folder."""
    sizes: tuple[str, ...] = ()
    """`WIDTHxHEIGHT`; none: the model's own, on a CPU `ON_CPU`."""
    blocks: tuple[str, ...] = ()
    """Latent frames of the first and the later blocks, `6+8`; none: the model's own."""
    device: str = "auto"
    dtype: str = "auto"
    seconds: float = 10.0
    """Length of each video."""
    repeats: int = ADVISED_REPEATS
    live: bool = False
    """Make each video once more in real time, with sound at the speed of speech."""
    target_fps: float | None = None
    """`None`: the rate at which the model's videos are played."""
    dataset: str | None = None
    """Dataset whose clips are made and scored."""
    metrics: tuple[str, ...] = ()
    """Metrics of the score; none: all that need no download."""
    weights: Path | None = None
    random_weights: bool = False
    """Draw weights from a seed: shapes and times are those of real ones, pictures are noise."""
    options: tuple[str, ...] = ()
    """`key=value` of `GenerationOptions`, `rollout=NAME` or `rollout.OPTION=VALUE`."""
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Case:
    """One size and block length."""

    name: str
    size: tuple[int, int]
    latents: tuple[int, int]
    """Latent frames of the first and of every later block."""
    recipe: Recipe
    frames: int
    """Frames of each video; it ends with a whole block. Clips of a dataset have their own."""


@dataclass(frozen=True, kw_only=True)
class BenchPlan:
    """A request that was checked and can be met."""

    request: BenchRequest
    card: ModelCard
    cases: tuple[Case, ...]
    fps: float
    target_fps: float


def plan_bench(request: BenchRequest) -> BenchPlan:
    """Check a request.

    Raises:
        UserError: what does not fit, and what to do.
    """
    with told_plainly():
        asked = split_assignments(request.options)
        card = with_rollout(native_card(request.model), asked.rollout, asked.options)
    assert card.native is not None
    check_numbers(request)
    check_writable(request.out, name="--out", advice="Take another folder")
    fps = _playback_fps(request, card)
    target = fps if request.target_fps is None else request.target_fps
    with told_plainly():
        options = _options(asked.others, card)
        recipe = _recipe(card, request, options)
        cases = [
            _case(recipe, size, blocks, request.seconds * fps)
            for size in _sizes(request, recipe, card)
            for blocks in _blocks(request)
        ]
        for case in cases:
            check_size(case.size)
            check_recipe(case.recipe, case.size, _count(case))
    for case in cases:
        needed_blocks = settling_blocks(case.recipe) + _STEADY
        if request.dataset is None and _count(case) < needed_blocks:
            # A round-up to half a second: nobody wants to type more.
            least = case.latents[0] + case.latents[1] * (needed_blocks - 1)
            needed = math.ceil(2 * (least * TEMPORAL_STRIDE) / fps) / 2
            raise UserError(
                f"--seconds {request.seconds:g} is {_count(case)} blocks of {case.name} at {fps:g} frames per second; "
                f"the steady state needs {needed_blocks}. Give --seconds {needed:g} or more."
            )
    if request.dataset is not None and len(cases) > 1:
        raise UserError(
            f"--dataset scores the videos of one case, and there are {len(cases)}. Give one --size and one --blocks."
        )
    names = [case.name for case in cases]
    if len(set(names)) < len(names):
        raise UserError(f"Two cases are the same: {', '.join(names)}. Give each size and block length once.")
    return BenchPlan(request=request, card=card, cases=tuple(cases), fps=fps, target_fps=target)


def native_card(name: str) -> ModelCard:
    """The card of a model that runs inside this package.

    Raises:
        UserError: there is no such card, or it is of another kind.
    """
    card = load_model(name)
    if card.command is not None:
        raise UserError(
            f"{card.name!r} is a program of its own: its networks are not in this package. Its operations by formula: "
            f"liveact-eval models show {card.name}; its speed: liveact-eval bench --model {name}, without --device."
        )
    if card.native is None:
        raise UserError(
            f"{card.name!r} is a card of kind {card.kind}: there is no generator in this package to time. Take a "
            "native model, such as liveact, liveact-mini or liveact-tiny."
        )
    return card


def parse_size(text: str) -> tuple[int, int]:
    """Width and height in pixels of `512x512`.

    Raises:
        UserError: it is something else.
    """
    width, _, height = text.lower().partition("x")
    if not (width.strip().isdecimal() and height.strip().isdecimal()):
        raise UserError(f"--size {text!r}: expected WIDTHxHEIGHT in pixels, as in 512x512")
    return int(width), int(height)


def parse_blocks(text: str) -> tuple[int, int]:
    """Latent frames of the first and of every later block, of `6+8`.

    Raises:
        UserError: it is something else.
    """
    found = _BLOCKS.fullmatch(text.strip())
    if found is None:
        raise UserError(
            f"--blocks {text!r}: expected latent frames of the first and of later blocks, as in 6+8"
        )
    return int(found[1]), int(found[2])


def _playback_fps(request: BenchRequest, card: ModelCard) -> float:
    """The rate of the dataset's protocol where it has one, else the model's own."""
    assert card.native is not None
    if request.dataset is None:
        return card.native.fps
    return open_dataset(request.dataset, ProtocolChanges()).protocol.fps or card.native.fps


def check_numbers(request: BenchRequest) -> None:
    """Refuse numbers that no benchmark can have.

    Raises:
        UserError: what is wrong, and what is expected.
    """
    if request.repeats < LEAST_REPEATS:
        raise UserError(
            f"--repeats {request.repeats}: a spread needs {LEAST_REPEATS}; {ADVISED_REPEATS} are usual"
        )
    for name, value in (("--seconds", request.seconds), ("--target-fps", request.target_fps)):
        if value is not None and not 0 < value < math.inf:
            raise UserError(f"{name} {value:g}: expected more than 0, and finite")
    if request.metrics and request.dataset is None:
        raise UserError(
            f"--metrics {','.join(request.metrics)} scores the clips of a dataset, and none is given. Give --dataset."
        )
    if launched_ranks() > 1:
        raise UserError(
            f"{launched_ranks()} ranks were started; expected 1: this benchmark times one device. Run it without "
            "torchrun."
        )


def _sizes(request: BenchRequest, recipe: Recipe, card: ModelCard) -> list[tuple[int, int]]:
    if request.sizes:
        return [parse_size(text) for text in request.sizes]
    if request.dataset is not None:
        size = open_dataset(request.dataset, ProtocolChanges()).protocol.size
        if size is not None:
            return [size]
    from liveact_eval.generators.recipe import place

    assert card.native is not None
    return [ON_CPU if place(recipe)[0].type == "cpu" else card.native.size]


def _blocks(request: BenchRequest) -> list[tuple[int, int] | None]:
    return [parse_blocks(text) for text in request.blocks] if request.blocks else [None]


def _recipe(card: ModelCard, request: BenchRequest, options: GenerationOptions) -> Recipe:
    if not request.random_weights:
        return recipe_of(
            card, weights=request.weights, options=options, device=request.device, dtype=request.dtype
        )
    if request.weights is not None:
        raise UserError("--random-weights draws them from a seed: leave --weights out")
    config = native_config(card)
    if config is None or card.native is None:
        raise UserError(f"{card.name}: its networks are not part of this version, so none can be drawn.")
    return Recipe(
        config=config.name,
        steps=card.native.steps,
        weights=None,
        origin="random(seed 0)",
        rollout=card.native.rollout,
        rollout_options=checked_options(card, options),
        options=options,
        device=request.device,
        dtype=request.dtype,
    )


def _options(texts: Sequence[str], card: ModelCard) -> GenerationOptions:
    """Options over the model's own; sound is encoded as it comes, since whole files do not stream."""
    assert card.native is not None
    known = {entry.name for entry in fields(GenerationOptions)}
    found: dict[str, Any] = asdict(GenerationOptions()) | {
        "decode": card.native.decode,
        "memory": card.native.memory,
        "speech": "windowed",
    }
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            raise UserError(f"--set {text!r}: expected KEY=VALUE, as in --set fp8_cache=true")
        if key not in known:
            raise unknown_name("option", key, sorted({*known, ROLLOUT_KEY}))
        try:
            parsed = yaml.safe_load(value)
            # `off` is a word here, and a truth value in YAML.
            found[key] = value if isinstance(parsed, bool) and isinstance(found[key], str) else parsed
        except yaml.YAMLError as error:
            raise UserError(f"--set {text!r}: the value is not valid YAML: {error}") from error
    try:
        return TypeAdapter(GenerationOptions).validate_python(found)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise UserError(f"--set: {wrong}") from error


def _case(recipe: Recipe, size: tuple[int, int], blocks: tuple[int, int] | None, frames: float) -> Case:
    name = f"{size[0]}x{size[1]}"
    if blocks is not None:
        if recipe.strategy is not None:
            raise UserError(
                f"--blocks: the blocks of rollout {recipe.rollout} are its own. Leave --blocks out, or give "
                "--set rollout.block=N where it has that option"
            )
        name += f", blocks {blocks[0]}+{blocks[1]}"
        memory = "convkv" if blocks == _USUAL_BLOCKS else f"convkv-{blocks[0]}-{blocks[1]}"
        recipe = replace(recipe, options=replace(recipe.options, memory=memory))
    sizes = recipe.block_latents
    first, later = first_frames(sizes.first), sizes.later * TEMPORAL_STRIDE
    more = max(0, math.ceil((frames - first) / later - 1e-9))
    return Case(
        name=name,
        size=size,
        latents=(sizes.first, sizes.later),
        recipe=recipe,
        frames=first + later * more,
    )


def first_frames(latents: int) -> int:
    """Frames of a first block: its first latent shows one."""
    return latents * TEMPORAL_STRIDE - (TEMPORAL_STRIDE - 1)


def _count(case: Case) -> int:
    """Blocks of a case's video."""
    return 1 + (case.frames - first_frames(case.latents[0])) // (case.latents[1] * TEMPORAL_STRIDE)
