"""VBench as published: its environment, the weights that it will use, and what its recipes say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from liveact_eval.environments.cards import load_environment
from liveact_eval.environments.store import BuiltEnvironment, environment, filled, lock_hash
from liveact_eval.environments.tool_files import link_fetched, measured_hash, missing, place_of
from liveact_eval.errors import UserError
from liveact_eval.importing.given import GivenValue

ENVIRONMENT = "vbench"
DIMENSIONS = (
    "subject_consistency",
    "background_consistency",
    "temporal_flickering",
    "motion_smoothness",
    "dynamic_degree",
    "aesthetic_quality",
    "imaging_quality",
)
"""The dimensions that need no prompt; the metrics here have the same names."""
_SEEDED = "seeded"
_DIGITS = 8


@dataclass(frozen=True)
class Tool:
    """The built environment, with the weights that it will use."""

    built: BuiltEnvironment
    home: Path
    variables: dict[str, str]
    seeded: bool

    def lacking(self, dimension: str) -> GivenValue | None:
        """Why a dimension cannot be run, with what mends it."""
        files = missing(load_environment(ENVIRONMENT).environment.files, self.home, dimension)
        if not files:
            return None
        listing = "; ".join(f"{item.file} ({place_of(item)})" for item in files)
        place = "what is missing in its home, which `liveact-eval env show vbench` names"
        return GivenValue(None, reason="no_weights", detail=f"{place}: {listing}")

    def recipe(self, dimension: str) -> str:
        """Name of the tool and its version, hash of all that is installed, and the weights of each network."""
        version = next(
            (p.version for p in self.built.record.packages if p.name.lower() == "vbench"), "unknown"
        )
        own = f"vbench-official-{version}-{dimension}@1+lock:{lock_hash(self.built.record)[:_DIGITS]}"
        return "+".join([own, *self._weights(dimension)])

    def _weights(self, dimension: str) -> list[str]:
        """`musiq:358bb6af`, as recipes of the metrics here say it: `none` where a file is missing."""
        found: dict[str, str] = {}
        for item in load_environment(ENVIRONMENT).environment.files:
            path = self.home / item.file
            if dimension not in item.used_by or item.network is None:
                continue
            if self.seeded:
                found[item.network] = "seeded"
            elif not path.is_file():
                found[item.network] = "none"
            else:
                found.setdefault(item.network, measured_hash(path)[:_DIGITS])
        return [f"{network}:{state}" for network, state in found.items()]


def chosen_dimensions(metrics: tuple[str, ...]) -> tuple[str, ...]:
    """The dimensions that were asked for; all of them where metrics were not named.

    Raises:
        UserError: a metric that VBench does not have.
    """
    if metrics in {("all-offline",), ("all",)}:
        return DIMENSIONS
    unknown = [name for name in metrics if name not in DIMENSIONS]
    if unknown:
        raise UserError(
            f"The backend vbench-official has no {', '.join(unknown)}. Expected some of: {', '.join(DIMENSIONS)}. "
            "Leave --backend out for other metrics."
        )
    return tuple(dict.fromkeys(metrics))


def open_tool(seeded: bool, dimensions: tuple[str, ...], *, write: bool = True) -> Tool:
    """The environment of VBench, ready to be run.

    Args:
        seeded: weights from a rule in place of published ones.
        dimensions: what will be run.
        write: whether weights from a rule are written, up to 3 GB; a plan needs none.

    Raises:
        UserError: it is not built; the message has the command.
    """
    built = environment(ENVIRONMENT)
    card = load_environment(ENVIRONMENT)
    home = built.home / _SEEDED if seeded else built.home
    if seeded and write:
        from liveact_eval.environments.seeded_files import write_seeded

        wanted = [f.file for f in card.environment.files if set(f.used_by) & set(dimensions)]
        write_seeded(home, wanted)
        # Code, not weights: it is the same for both.
        for item in card.environment.files:
            code = built.home / item.file
            if item.network is None and code.exists() and not (home / item.file).exists():
                (home / item.file).parent.mkdir(parents=True, exist_ok=True)
                (home / item.file).symlink_to(code)
    elif not seeded:
        link_fetched(card.environment.files, home)
    own = filled(card.environment.variables, python=built.python, repository=built.repository, home=home)
    return Tool(built, home, built.process_variables | own, seeded)
