"""One video asked for by hand: the request, and all that is checked before the networks are built."""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from numpy.typing import NDArray

from liveact_eval.cards.load import load_model
from liveact_eval.cards.protocol import exact_rate
from liveact_eval.errors import ClipError, UserError, unknown_name
from liveact_eval.generators.published import published_only
from liveact_eval.generators.recipe import Recipe, check_recipe, recipe_of
from liveact_eval.generators.rollout_choice import ROLLOUT_KEY, split_assignments, with_rollout
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.prompts import DEFAULT_PROMPT, Edit, PromptSchedule, parse_edit
from liveact_eval.liveact.request import (
    GenerationOptions,
    block_count,
    check_fps,
    check_size,
    check_sound,
    frame_count,
)

if TYPE_CHECKING:
    from liveact_eval.generators.driving import DrivingSound

TEXT_DEVICE = "text_device"
"""The one option of `--set` that is about the machine, not the video."""
LARGEST_SEED = 2**63 - 1
"""What a generator of random numbers takes."""


@dataclass(frozen=True, kw_only=True)
class VideoRequest:
    """What was asked for, as it was given."""

    model: str
    """Name or path of a card."""
    image: Path
    """Reference picture."""
    audio: Path
    """Driving sound, or a video whose sound drives."""
    out: Path
    """Video to write."""
    prompt: str = DEFAULT_PROMPT
    """What happens."""
    edits: tuple[str, ...] = ()
    """Other prompts for ranges of blocks, as in `8-12:waves a hand`."""
    size: str | None = None
    """Width and height in pixels, `WIDTHxHEIGHT`; `None`: the model's own."""
    fps: float | None = None
    """Frames per second; `None`: the model's own."""
    seconds: float | None = None
    """Length; `None`: that of the sound."""
    seed: int = 0
    """Seed of all noise."""
    device: str = "auto"
    """`auto`, cpu, cuda or cuda:N."""
    dtype: str = "auto"
    """Precision."""
    weights: Path | None = None
    """Folder of weight files; `None`: where they are fetched to."""
    options: tuple[str, ...] = ()
    """`key=value` of `GenerationOptions`, `text_device=cpu`, `rollout=NAME` or `rollout.OPTION=VALUE`."""


@dataclass(frozen=True, kw_only=True)
class VideoPlan:
    """A request that was checked and can be met."""

    recipe: Recipe
    image: NDArray[np.uint8]
    sound: DrivingSound
    edits: tuple[Edit, ...]
    prompt: str
    size: tuple[int, int]
    rate: Fraction
    frames: int
    seed: int
    out: Path


def plan_video(request: VideoRequest) -> VideoPlan:
    """Check a request; nothing heavy is loaded but, in the end, PyTorch.

    Raises:
        UserError: what does not fit, and what to do.
    """
    with told_plainly():
        card = load_model(request.model)
        if card.published is not None:
            raise published_only(card)
        if card.native is None:
            raise UserError(
                f"{card.name!r} is a card of kind {card.kind}; expected a native model, such as liveact or "
                f"liveact-tiny. Models of other kinds are run over a dataset: liveact-eval run --model {card.name}"
            )
        asked = split_assignments(request.options)
        card = with_rollout(card, asked.rollout, asked.options)
        native = card.native
        assert native is not None
        size = native.size if request.size is None else _size(request.size)
        rate = _rate(native.fps if request.fps is None else request.fps)
        check_size(size)
        check_fps(rate)
        _check_seed(request.seed)
        options, text_device = _options(asked.others, {"decode": native.decode, "memory": native.memory})
        edits = tuple(parse_edit(text) for text in request.edits)
        schedule = PromptSchedule(request.prompt, edits)
        _check_out(request.out)
        for name, source in (("--audio", request.audio), ("--image", request.image)):
            if source.exists() and request.out.exists() and source.samefile(request.out):
                raise UserError(
                    f"--out {str(request.out)!r} is the file given with {name}. Give another place."
                )
        recipe = recipe_of(
            card,
            weights=request.weights,
            options=options,
            device=request.device,
            text_device=text_device,
            dtype=request.dtype,
        )
        image = _image(request.image)
        sound = _sound(request, rate)
        check_sound(sound.seconds, rate, recipe.block_latents.first)
        frames = frame_count(sound.seconds, rate, options.length)
        blocks = block_count(frames, recipe.block_latents)
        schedule.check(blocks)
        check_recipe(recipe, size, blocks)
    return VideoPlan(
        recipe=recipe,
        image=image,
        sound=sound,
        edits=edits,
        prompt=request.prompt,
        size=size,
        rate=rate,
        frames=frames,
        seed=request.seed,
        out=request.out,
    )


@contextlib.contextmanager
def told_plainly() -> Iterator[None]:
    """What is wrong with the request, whoever found it, as the error that is shown without a traceback."""
    try:
        yield
    except LiveActError as error:
        raise UserError(str(error)) from error
    except ClipError as error:
        raise UserError(f"{error.message}.") from error


def _size(text: str) -> tuple[int, int]:
    width, cross, height = text.lower().partition("x")
    if not cross or not width.strip().isdecimal() or not height.strip().isdecimal():
        raise UserError(f"--size {text!r}: expected WIDTHxHEIGHT in pixels, as in 512x512")
    return int(width), int(height)


def _rate(fps: float) -> Fraction:
    if not math.isfinite(fps):
        raise UserError(f"--fps {fps:g}: expected a number of frames per second, as in 20")
    return exact_rate(fps)


def _check_seed(seed: int) -> None:
    if not 0 <= seed <= LARGEST_SEED:
        raise UserError(f"--seed {seed}: expected 0 to {LARGEST_SEED}")


def _options(assignments: Sequence[str], defaults: Mapping[str, Any]) -> tuple[GenerationOptions, str | None]:
    """`key=value` texts as options over the model's own, and the device of the text encoder."""
    known = {entry.name: entry for entry in fields(GenerationOptions)}
    found: dict[str, Any] = {}
    for text in assignments:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals:
            raise UserError(f"--set {text!r}: expected KEY=VALUE, as in --set memory=window")
        if key not in known and key != TEXT_DEVICE:
            raise unknown_name("option", key, [*known, TEXT_DEVICE, ROLLOUT_KEY])
        found[key] = _typed(text, value, known[key].default if key in known else "")
    text_device = found.pop(TEXT_DEVICE, None)
    return _build_options({**defaults, **found}), text_device


def _build_options(found: Mapping[str, Any]) -> GenerationOptions:
    return GenerationOptions(**(asdict(GenerationOptions()) | dict(found)))


def _typed(text: str, value: str, default: object) -> Any:
    """A value of the type that the option has."""
    try:
        parsed = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise UserError(f"--set {text!r}: the value is not valid YAML: {error}") from error
    if isinstance(default, float) and isinstance(parsed, int) and not isinstance(parsed, bool):
        parsed = float(parsed)
    if type(parsed) is not type(default):
        kind = {bool: "true or false", int: "a whole number", float: "a number", str: "a name"}[type(default)]
        raise UserError(f"--set {text!r}: expected {kind}, found {value!r}")
    return parsed


def _image(path: Path) -> NDArray[np.uint8]:
    from liveact_eval.clips.image import load_image

    if not path.is_file():
        raise UserError(f"There is no image at {str(path)!r}. Check the path given with --image.")
    return load_image(path)


def _sound(request: VideoRequest, rate: Fraction) -> DrivingSound:
    from liveact_eval.generators.driving import DrivingSound

    if request.seconds is not None and not 0 < request.seconds < math.inf:
        raise UserError(f"--seconds {request.seconds:g}: expected more than 0, and finite")
    wanted = None if request.seconds is None else Fraction(request.seconds).limit_denominator(10**6)
    sound = DrivingSound.open(request.audio, seconds=wanted)
    if wanted is not None and wanted - sound.seconds > 1 / rate:
        raise UserError(
            f"--seconds {request.seconds:g}: {request.audio.name!r} lasts {float(sound.seconds):.2f} s. "
            "Leave --seconds out, or give longer sound."
        )
    return sound


def _check_out(out: Path) -> None:
    """Refuse a path at which no video can be written."""
    if out.suffix.lower() != ".mp4":
        raise UserError(f"--out {str(out)!r}: expected a name that ends in .mp4")
    if out.is_dir():
        raise UserError(f"--out {str(out)!r} is a folder; expected the path of a video")
    parent = next((place for place in out.absolute().parents if place.exists()), Path("/"))
    try:
        # Permissions do not tell all: some file systems refuse whoever asks.
        with tempfile.TemporaryFile(dir=parent):
            pass
    except OSError as error:
        raise UserError(
            f"--out {str(out)!r}: {str(parent)!r} cannot be written to: {error.strerror}. Give another place."
        ) from error
