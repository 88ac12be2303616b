"""One benchmark, whatever the model is: a native one, timed part by part, or a program, by what it prints."""

from __future__ import annotations

from liveact_eval.cards.load import load_model
from liveact_eval.efficiency.clips import planned_frames
from liveact_eval.efficiency.measure import Told
from liveact_eval.efficiency.programs.clips import planned_program_frames
from liveact_eval.efficiency.programs.request import ProgramPlan, plan_programs
from liveact_eval.efficiency.programs.session import measure_programs
from liveact_eval.efficiency.request import BenchPlan, BenchRequest, plan_bench
from liveact_eval.efficiency.schema import Efficiency
from liveact_eval.efficiency.session import measure_cases

AnyPlan = BenchPlan | ProgramPlan


def plan_benchmark(request: BenchRequest) -> AnyPlan:
    """Check a request for any card that can be timed.

    Raises:
        UserError: what does not fit, and what to do.
    """
    card = load_model(request.model)
    return plan_bench(request) if card.command is None else plan_programs(request, card)


def frames_of(plan: AnyPlan) -> int:
    """Frames that will be made, for the progress.

    Raises:
        UserError: the dataset has fewer clips than repeats.
    """
    return planned_program_frames(plan) if isinstance(plan, ProgramPlan) else planned_frames(plan)


def measure(plan: AnyPlan, told: Told) -> Efficiency:
    """Do what was planned.

    Args:
        plan: what to do.
        told: hears how many more frames are made.

    Raises:
        UserError: memory ran out, clips do not fit, or a program failed.
    """
    return measure_programs(plan, told) if isinstance(plan, ProgramPlan) else measure_cases(plan, told)
