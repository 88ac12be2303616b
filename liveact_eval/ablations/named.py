"""All ablations by name."""

from __future__ import annotations

from liveact_eval.ablations.avatar_grid import AvatarGridStudy
from liveact_eval.ablations.avatar_modules import AvatarModuleStudy
from liveact_eval.ablations.blocks import BlockStudy
from liveact_eval.ablations.editing import EditingStudy
from liveact_eval.ablations.forcing import ForcingStudy
from liveact_eval.ablations.knot import KnotStudy
from liveact_eval.ablations.memory import MemoryStudy
from liveact_eval.ablations.propositions import PropositionStudy
from liveact_eval.ablations.steps import StepStudy
from liveact_eval.ablations.strategies import StrategyStudy
from liveact_eval.ablations.study import Study
from liveact_eval.errors import unknown_name


def studies() -> dict[str, Study]:
    """Every ablation, in alphabetical order."""
    kinds = (
        AvatarGridStudy,
        AvatarModuleStudy,
        BlockStudy,
        EditingStudy,
        ForcingStudy,
        KnotStudy,
        MemoryStudy,
        PropositionStudy,
        StepStudy,
        StrategyStudy,
    )
    return {kind.name: kind() for kind in kinds}


def study_named(name: str) -> Study:
    """The ablation of that name.

    Raises:
        UserError: there is none; the nearest is named.
    """
    known = studies()
    if name not in known:
        raise unknown_name("ablation", name, known, hint="List them with: liveact-eval ablate --list")
    return known[name]
