"""Environment variables of processes that run in another environment than the caller's."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_DROPPED = {"VIRTUAL_ENV", "CONDA_PREFIX", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_PYTHON"}
_KEPT = {"PYTHONHASHSEED", "PYTHONIOENCODING", "PYTHONUTF8", "PYTHONDONTWRITEBYTECODE"}
"""Variables of Python that say nothing about packages; PYTHONOPTIMIZE, for one, would drop a program's own checks."""
_GIT_PLACES = {
    "DIR",
    "WORK_TREE",
    "INDEX_FILE",
    "COMMON_DIR",
    "OBJECT_DIRECTORY",
    "ALTERNATE_OBJECT_DIRECTORIES",
    "NAMESPACE",
    "PREFIX",
}
"""GIT_DIR and its like, which git sets for hooks: with them a checkout would change the caller's repository."""


def clean_variables(python: Path) -> dict[str, str]:
    """The caller's variables without those that would lead another interpreter to the caller's packages, pip to
    another place, or git to the caller's repository; and a path without the programs of the caller's environment."""
    kept = {name: value for name, value in os.environ.items() if not _leads_astray(name)}
    own = {str(folder / "bin") for folder in _own_environments()}
    path = [part for part in os.environ.get("PATH", os.defpath).split(os.pathsep) if part not in own]
    return kept | {
        "PATH": os.pathsep.join([str(python.parent), *path]),
        "PYTHONNOUSERSITE": "1",
        "PYTHONUNBUFFERED": "1",
        "VIRTUAL_ENV": str(python.parent.parent),
    }


def _leads_astray(name: str) -> bool:
    return (
        name in _DROPPED
        or (name.startswith("PYTHON") and name not in _KEPT)
        or (name.startswith("GIT_") and name.removeprefix("GIT_") in _GIT_PLACES)
    )


def _own_environments() -> list[Path]:
    """Virtual environments of the caller; a program of theirs would run in the wrong interpreter."""
    named = os.environ.get("VIRTUAL_ENV")
    running = [Path(sys.prefix)] if sys.prefix != sys.base_prefix else []
    return [*running, *([Path(named)] if named else [])]
