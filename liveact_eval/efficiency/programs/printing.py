"""Printed blocks as they are written to the result file, and whether there are enough of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from liveact_eval.cards.command import CommandSpec
from liveact_eval.efficiency.printed import PrintedVideo, printed_video
from liveact_eval.efficiency.programs.request import ProgramPlan
from liveact_eval.efficiency.records import block_records
from liveact_eval.efficiency.samples import Recording
from liveact_eval.efficiency.schema import BlockRecord, CaseRecord, LiveBlock, WarmUp
from liveact_eval.errors import UserError
from liveact_eval.generators.protocol import Generation

_STEADY = 2
"""Steady blocks that a video must have at least: fewer say nothing of stalls."""


def check_steady(cold: Generation, plan: ProgramPlan) -> None:
    """Stop after the cold video where those to come would be too short for a steady state.

    A program that prints no block lines goes on: what its videos take is measured from outside.

    Raises:
        UserError: it prints too few blocks; how long videos should be.
    """
    video = printed_video(cold.details)
    if not isinstance(video, PrintedVideo):
        return
    printed, needed = len(video.blocks), warm_up_of(plan.spec) + _STEADY
    if printed >= needed:
        return
    if plan.request.dataset is not None:
        advice = "Take a dataset with longer clips"
    else:
        # Up to half a second: nobody wants to type more.
        advice = f"Give --seconds {math.ceil(2 * plan.request.seconds * needed / printed) / 2:g} or more"
    raise UserError(
        f"{plan.card.title} printed {printed} blocks for its first video, and the first {needed - _STEADY} warm up by "
        f"its card; the steady state needs {needed}. {advice}."
    )


def warm_up_of(spec: CommandSpec) -> int:
    """Leading blocks of a video that a card leaves out."""
    if spec.worker is not None:
        return spec.worker.warm_up_blocks
    return sum(rule.skip for rule in spec.timing if rule.kind == "block")


def printed_records(
    cold: Generation, made: Sequence[Generation]
) -> tuple[list[BlockRecord], list[LiveBlock]]:
    """Every printed block of the cold video, as repeat 0, and of all repeats; and when those came that are played.

    Both are empty where some video has no block lines, or lines that do not say how many frames a block has.
    """
    recordings = _recordings([cold, *made])
    if not recordings:
        return [], []
    live = []
    for repeat, one in enumerate(made, 1):
        video = printed_video(one.details)
        assert isinstance(video, PrintedVideo)
        live += [
            LiveBlock(
                repeat=repeat,
                block=video.warm_up + place,
                frames=emission.frames,
                simulated_ms=1000 * emission.at_s,
                real_ms=None,
            )
            for place, emission in enumerate(video.timeline().emissions)
        ]
    return block_records(recordings[0], recordings[1:]), live


def has_playout(case: CaseRecord) -> bool:
    """Whether some repeat of a case printed enough to say what a viewer would have seen."""
    return any(figure.name == "stalls" and figure.n for figure in case.figures)


def printed_warm_up(cold: Generation) -> WarmUp:
    """What the cold video says of starting; it is in no figure."""
    load = cold.details.get("load_s")
    video = printed_video(cold.details)
    first = None
    if isinstance(video, PrintedVideo):
        first = video.blocks[0].seconds if video.first_frame_s is None else video.first_frame_s
    return WarmUp(
        build_s=float(load) if isinstance(load, int | float) else None,
        ttff_cold_ms=None if first is None else 1000 * first,
        graphs_compiled=None,
        graphs_compiled_later=None,
    )


def _recordings(made: Sequence[Generation]) -> list[Recording]:
    """Each video as what a measurement gives; empty where one of them lacks something for that."""
    found = []
    for one in made:
        video = printed_video(one.details)
        if not isinstance(video, PrintedVideo) or video.frames is None or not video.steady:
            return []
        found.append(
            Recording(
                fps=Fraction(video.fps).limit_denominator(10**6),
                open_s=0.0,
                blocks=video.samples(),
                settling=video.warm_up,
            )
        )
    return found
