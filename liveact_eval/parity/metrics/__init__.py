"""Replays vectors of the quality metrics, one module per family.

Every public module of this package has `replay(folder, salt) -> Iterator[FileResult]` and yields one result for each
file that it knows and that the folder holds.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

from liveact_eval.parity.run import read_json
from liveact_eval.parity.vectors import FileResult


def replay(folder: Path) -> Iterator[FileResult]:
    """Replay a folder of metric vectors, one result per file."""
    salt = str(read_json(folder, "vectors.json")["salt"])
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        if not module.startswith("_"):
            yield from importlib.import_module(f"{__name__}.{module}").replay(folder, salt)
