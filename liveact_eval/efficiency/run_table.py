"""The efficiency table of `liveact-eval run`: what the videos that this command made have cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from liveact_eval.efficiency.run_costs import COSTS, RunCosts, any_made, cost_of
from liveact_eval.efficiency.run_page import costs_csv, markdown
from liveact_eval.files import write_text
from liveact_eval.results.folder import Layout
from liveact_eval.results.journal import Unit

if TYPE_CHECKING:
    from liveact_eval.execution.plan import Plan


def run_costs(plan: Plan, before: Mapping[str, Unit], units: Mapping[str, Unit]) -> RunCosts:
    """What each model of a plan has cost.

    Args:
        plan: of the run.
        before: units of the journal before this command did anything, by key.
        units: all of them now.
    """
    fresh = [unit for key, unit in units.items() if before.get(key) is not unit]
    made = [unit for unit in fresh if unit.stage == "generate" and not unit.failed]
    costs = [
        cost_of(
            entrant.name,
            entrant.title,
            entrant.kind,
            [unit.payload for unit in made if unit.model == entrant.name],
        )
        for entrant in plan.entrants
    ]
    return RunCosts(workers=plan.workers, costs=costs)


def write_run_costs(costs: RunCosts, layout: Layout) -> None:
    """Write `efficiency.md`, `efficiency.csv` and `efficiency.json` beside the tables.

    A command that made no video leaves those of an earlier one: it has measured nothing.
    """
    if any_made(costs.costs):
        write_text(layout.tables / "efficiency.md", markdown(costs))
        write_text(layout.tables / "efficiency.csv", costs_csv(costs))
        write_text(layout.tables / COSTS, costs.model_dump_json(indent=1) + "\n")
