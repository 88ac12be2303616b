"""Folders of videos that several systems made of the same clips, as the rows of one run."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

from liveact_eval.datasets.base import Fingerprint
from liveact_eval.errors import UserError
from liveact_eval.execution.config import RunConfig, ScoreSource
from liveact_eval.execution.plan import Plan, make_plan
from liveact_eval.execution.session import Planner


def planner_of(folders: list[Path]) -> Planner:
    """What plans a run over several folders of videos; each is a row, named after the folder.

    Args:
        folders: folders of videos, or single videos.
    """

    def plan(config: RunConfig, fingerprint: Fingerprint) -> Plan:
        return _joined([make_plan(_with(config, folder), fingerprint) for folder in folders])

    return plan


def _with(config: RunConfig, folder: Path) -> RunConfig:
    if config.score is None:
        raise ValueError("not a score configuration")
    source = ScoreSource(videos=folder, reference=config.score.reference)
    return config.model_copy(update={"score": source})


def _joined(plans: list[Plan]) -> Plan:
    """One plan with the rows of all; the real clips come once."""
    first = plans[0]
    entrants = [*first.entrants, *(plan.entrants[-1] for plan in plans[1:])]
    twice = [name for name, count in Counter(entrant.name for entrant in entrants).items() if count > 1]
    if twice:
        raise UserError(
            f"Two folders would be the row {twice[0]!r}, which is their last name. Rename one of them, or score them "
            "apart and put the runs into one table with: liveact-eval compare"
        )
    return dataclasses.replace(
        first,
        entrants=entrants,
        source="; ".join(dict.fromkeys(plan.source for plan in plans)),
        estimated_bytes=sum(plan.estimated_bytes for plan in plans),
        warnings=tuple(dict.fromkeys(warning for plan in plans for warning in plan.warnings)),
    )
