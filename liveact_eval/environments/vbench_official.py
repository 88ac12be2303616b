"""VBench as published: its environments, the weights that it will use, and what its recipes say."""

from __future__ import annotations

from collections.abc import Mapping
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
HUMAN_ENVIRONMENT = "vbench2"
HUMAN_DIMENSIONS = ("human_anatomy", "human_clothes", "human_identity")
"""The human dimensions of VBench-2.0, by name only."""
_WORKERS = Path(__file__).with_name("workers")
WORKERS = {ENVIRONMENT: _WORKERS / "vbench_worker.py", HUMAN_ENVIRONMENT: _WORKERS / "vbench2_worker.py"}
"""What runs in each environment."""
_SEEDED = "seeded"
_DIGITS = 8


@dataclass(frozen=True)
class Tool:
    """A built environment, with the weights that it will use."""

    built: BuiltEnvironment
    home: Path
    variables: dict[str, str]
    seeded: bool

    @property
    def worker(self) -> Path:
        """The program that runs in it."""
        return WORKERS[self.built.name]

    def lacking(self, dimension: str) -> GivenValue | None:
        """Why a dimension cannot be run, with what mends it."""
        files = missing(load_environment(self.built.name).environment.files, self.home, dimension)
        if not files:
            return None
        listing = "; ".join(f"{item.file} ({place_of(item)})" for item in files)
        place = f"what is missing in its home, which `liveact-eval env show {self.built.name}` names"
        return GivenValue(None, reason="no_weights", detail=f"{place}: {listing}")

    def recipe(self, dimension: str) -> str:
        """Name of the tool and its version, hash of all that is installed, and the weights of each network."""
        own = f"{self._version()}-{dimension}@1+lock:{lock_hash(self.built.record)[:_DIGITS]}"
        return "+".join([own, *self._weights(dimension)])

    def _version(self) -> str:
        record = self.built.record
        if self.built.name == HUMAN_ENVIRONMENT:
            # It is run from its repository.
            return f"vbench2-official-{(record.commit or 'unknown')[:_DIGITS]}"
        version = next((p.version for p in record.packages if p.name.lower() == "vbench"), "unknown")
        return f"vbench-official-{version}"

    def _weights(self, dimension: str) -> list[str]:
        """`musiq:358bb6af`, as recipes of the metrics here say it: `none` where a file is missing."""
        found: dict[str, str] = {}
        for item in load_environment(self.built.name).environment.files:
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
    """The dimensions that were asked for; the seven of VBench where metrics were not named.

    Raises:
        UserError: a metric that neither VBench nor VBench-2.0 has here.
    """
    if metrics in {("all-offline",), ("all",)}:
        return DIMENSIONS
    known = (*DIMENSIONS, *HUMAN_DIMENSIONS)
    unknown = [name for name in metrics if name not in known]
    if unknown:
        raise UserError(
            f"The backend vbench-official has no {', '.join(unknown)}. Expected some of: {', '.join(known)}. "
            "Leave --backend out for other metrics."
        )
    return tuple(dict.fromkeys(metrics))


def open_tools(
    dimensions: tuple[str, ...], *, seeded: bool, device: str, write: bool = True
) -> Mapping[str, Tool]:
    """The environments of these dimensions, ready to be run: the tool of each dimension.

    Args:
        dimensions: what will be run.
        seeded: weights from a rule in place of published ones.
        device: where they will run.
        write: whether weights from a rule are written, up to 3 GB; a plan needs none.

    Raises:
        UserError: an environment is not built (the message has the command), or dimensions of VBench-2.0 are to run
            with weights from a rule or without CUDA.
    """
    human = tuple(name for name in dimensions if name in HUMAN_DIMENSIONS)
    plain = tuple(name for name in dimensions if name not in human)
    if human and seeded:
        raise UserError(
            f"networks.mode is seeded, and there is no rule for weights of VBench-2.0 ({', '.join(human)}). Leave "
            "--set networks.mode=seeded out, or those metrics."
        )
    if human and not device.startswith("cuda"):
        raise UserError(
            f"networks.device is {device}, and VBench-2.0 as published runs on CUDA only ({', '.join(human)}). Give "
            "--set networks.device=cuda, or leave those metrics out."
        )
    tools = dict.fromkeys(plain, _open(ENVIRONMENT, seeded, plain, write)) if plain else {}
    return tools | (dict.fromkeys(human, _open(HUMAN_ENVIRONMENT, False, human, write)) if human else {})


def _open(name: str, seeded: bool, dimensions: tuple[str, ...], write: bool) -> Tool:
    built = environment(name)
    card = load_environment(name)
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
