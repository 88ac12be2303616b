"""What a benchmark of a program is asked to do, and all that is checked before the program starts."""

from __future__ import annotations

from dataclasses import dataclass

from liveact_eval.cards.command import CommandSpec
from liveact_eval.cards.model import ModelCard
from liveact_eval.cards.protocol import Encoding
from liveact_eval.datasets.open import ProtocolChanges, open_dataset
from liveact_eval.efficiency.request import BenchRequest, check_numbers, parse_size
from liveact_eval.errors import UserError
from liveact_eval.files import check_writable
from liveact_eval.generators.build import build_command, lacking_of
from liveact_eval.generators.command.prerequisites import refuse_lacking
from liveact_eval.generators.protocol import Generator

USUAL_SIZE = (512, 512)
"""Where neither the request, nor the dataset, nor the card says one."""


@dataclass(frozen=True, kw_only=True)
class ProgramCase:
    """One size."""

    name: str
    size: tuple[int, int]
    """Of the clips; what the program makes for them is its own rule."""
    frames: int
    """Frames of each video at the program's rate. Clips of a dataset have their own."""


@dataclass(frozen=True, kw_only=True)
class ProgramPlan:
    """A request that was checked and can be met."""

    request: BenchRequest
    card: ModelCard
    spec: CommandSpec
    generator: Generator
    cases: tuple[ProgramCase, ...]
    fps: float
    """Frames per second of the program's videos."""
    target_fps: float


def plan_programs(request: BenchRequest, card: ModelCard) -> ProgramPlan:
    """Check a request for a card of kind command; the program is not started.

    Raises:
        UserError: an option that only models of this package have, something that this machine lacks, or what does not
            fit.
    """
    spec = card.command
    if spec is None:
        raise ValueError(f"{card.name!r} is a card of kind {card.kind}, expected command")
    _refuse_options(request, card.name)
    check_numbers(request)
    check_writable(request.out, name="--out", advice="Take another folder")
    encoding = Encoding()
    if request.dataset is not None:
        encoding = open_dataset(request.dataset, ProtocolChanges()).protocol.encoding
    generator = build_command(card.name, card.title, spec, encoding)
    refuse_lacking([(card.title, lack) for lack in lacking_of(generator)])
    fps = spec.length.fps
    cases = [
        ProgramCase(name=f"{size[0]}x{size[1]}", size=size, frames=max(1, round(request.seconds * fps)))
        for size in _sizes(request, spec)
    ]
    names = [case.name for case in cases]
    if len(set(names)) < len(names):
        raise UserError(f"Two cases are the same: {', '.join(names)}. Give each size once.")
    return ProgramPlan(
        request=request,
        card=card,
        spec=spec,
        generator=generator,
        cases=tuple(cases),
        fps=fps,
        target_fps=request.target_fps or fps,
    )


def _refuse_options(request: BenchRequest, name: str) -> None:
    if request.live:
        raise UserError(
            f"--live feeds sound at the speed of speech, and {name!r} is a program that is given all of it at its "
            "start. Leave --live out: what a viewer would have seen is modelled from the times that the program prints."
        )
    given = {
        "--blocks": request.blocks,
        "--device": request.device != "auto",
        "--dtype": request.dtype != "auto",
        "--weights": request.weights,
        "--random-weights": request.random_weights,
        "--set": request.options,
    }
    found = [option for option, value in given.items() if value]
    if found:
        raise UserError(
            f"{', '.join(found)}: options of models of this package, and {name!r} is a program with arguments of its "
            "own. Write them into `command` of a copy of its card (docs/add-a-model.md), and give that with --model; "
            "CUDA_VISIBLE_DEVICES chooses GPUs."
        )


def _sizes(request: BenchRequest, spec: CommandSpec) -> list[tuple[int, int]]:
    if request.dataset is not None:
        size = open_dataset(request.dataset, ProtocolChanges()).protocol.size
        if request.sizes:
            raise UserError(
                f"--size {', '.join(request.sizes)}: clips of --dataset have their own size. Leave one of the two out."
            )
        if size is None:
            raise UserError(
                f"--dataset {request.dataset}: its protocol names no size, and figures of several sizes are not one "
                "case. Take a dataset with `protocol.size`."
            )
        return [size]
    if request.sizes:
        return [parse_size(text) for text in request.sizes]
    return [spec.picture.sizes[0] if spec.picture.sizes else USUAL_SIZE]
