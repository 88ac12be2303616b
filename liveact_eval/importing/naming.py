"""Names of imported models: short, unique, safe."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from liveact_eval.clips.clip import safe_name
from liveact_eval.errors import UserError
from liveact_eval.results.schema import ModelRecord


def slug(text: str) -> str:
    """A name for the command line out of a title."""
    return re.sub(r"[^a-z0-9_.-]+", "-", safe_name(text).lower()).strip("-.") or "imported"


def unique_names(files: list[Path], name: str | None, suffix: str = "") -> dict[Path, str]:
    """A name for each file.

    Args:
        files: what is imported.
        name: the name that was asked for; for one file only.
        suffix: end of a file's name that says nothing.

    Raises:
        UserError: one name for several files, or two files of one name.
    """
    if name is not None and len(files) > 1:
        raise UserError(f"--name {name!r} names one model, and {len(files)} files are given. Leave it out.")
    names = {path: slug(name or path.stem.removesuffix(suffix)) for path in files}
    twice = [found for found, count in Counter(names[path] for path in files).items() if count > 1]
    if twice:
        raise UserError(
            f"Two files would be the model {twice[0]!r}. Rename one of them, or import them apart."
        )
    return names


def model_of(name: str, title: str, kind: str) -> ModelRecord:
    """An imported model."""
    return ModelRecord(name=name, title=title, kind=kind, generation_seconds=0.0)
