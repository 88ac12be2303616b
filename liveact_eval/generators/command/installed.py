"""Where a system lies on this machine: its interpreter, its repository, its weights."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from liveact_eval.cards.command import CommandSpec
from liveact_eval.cards.command_rules import WeightFolder
from liveact_eval.cards.placeholders import names_in
from liveact_eval.environments.store import environment
from liveact_eval.environments.variables import clean_variables
from liveact_eval.files import sha256_of
from liveact_eval.weights.store import weights_root


@dataclass(frozen=True, kw_only=True)
class Installed:
    """What a system is run with."""

    python: Path
    """Its interpreter."""
    repository: Path | None
    """The authors' repository."""
    variables: dict[str, str]
    """Environment variables of its processes, before those of the card."""


def find_installed(spec: CommandSpec) -> Installed:
    """Interpreter and repository of a system.

    Raises:
        UserError: its environment is not built; the message has the command.
    """
    python = None if spec.python is None else Path(shutil.which(spec.python) or spec.python)
    repository = None if spec.repository is None else Path(spec.repository)
    if spec.environment is None:
        if python is None:
            return Installed(python=Path(sys.executable), repository=repository, variables=dict(os.environ))
        return Installed(python=python, repository=repository, variables=clean_variables(python))
    built = environment(spec.environment)
    return Installed(
        python=python or built.python,
        repository=repository or built.repository,
        variables=built.process_variables,
    )


def script_of(spec: CommandSpec) -> str | None:
    """The script that a card starts, or the module that it loads, from the repository's folder; `None`: not known."""
    if spec.worker is not None:
        return spec.worker.function.partition(":")[0].replace(".", "/") + ".py"
    script = next((word.removeprefix("{repo}/") for word in spec.arguments if word.endswith(".py")), None)
    return None if script is None or names_in(script) else script


def script_hash(spec: CommandSpec) -> str | None:
    """SHA-256 of the script in a repository of the user's own, which changes while it is written; else `None`."""
    script = script_of(spec)
    if spec.repository is None or script is None:
        return None
    path = Path(spec.repository) / script
    return sha256_of(path) if path.is_file() else None


def weight_folder(weights: WeightFolder) -> Path:
    """Folder of weights: the first of the usual places that holds its files, else the one where they are to be put."""
    places = _places(weights)
    return next((place for place in places if not missing_weights(weights, place)), places[0])


def missing_weights(weights: WeightFolder, place: Path) -> list[str]:
    """Files of a folder of weights that are not at a place."""
    return [file for file in weights.files if not any(path.is_file() for path in place.glob(file))]


def _places(weights: WeightFolder) -> list[Path]:
    root = weights_root().absolute()
    if weights.folder is not None:
        return [root / Path(weights.folder).expanduser()]
    owner, _, name = (weights.hub or "").partition("/")
    revised = [] if weights.revision is None else [root / owner / name / weights.revision]
    return [root / owner / name, *revised, root / name]
