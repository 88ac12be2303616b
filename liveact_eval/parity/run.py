"""Replaying a whole folder of reference vectors, whatever kind it is of."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from liveact_eval.errors import UserError, unknown_name
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.parity.vectors import FileResult

FORMAT = 1
"""Version of the layout of vector folders that this code reads."""

KINDS = {
    "encoders": "liveact_eval.parity.encoders",
    "liveact": "liveact_eval.parity.liveact",
    "metrics": "liveact_eval.parity.metrics",
}
"""Module of each kind; it has `replay(folder) -> Iterator[FileResult]`. Imported when it is needed."""

_INDEX = "vectors.json"
_TEXTS = frozenset({"", ".md", ".rst", ".txt"})
"""Endings of files that are for people; everything else is taken for vectors."""


def replay_folder(folder: Path, *, tolerance: float | None = None) -> Iterator[FileResult]:
    """Replay every vector file of a folder, one result per file as soon as it is known.

    A vector file that no replayer knows gives a result that has failed.

    Args:
        folder: holds `vectors.json`, which names the kind, and the files of that kind.
        tolerance: largest absolute difference for all tensors, in place of each tensor's own.

    Raises:
        UserError: no such folder, no `vectors.json`, or a kind or format that is not known.
    """
    replay = _replayer(folder_kind(folder))
    seen = set()
    for result in replay(folder):
        seen.add(result.file)
        yield result if tolerance is None else result.judged(tolerance)
    for file in vector_files(folder):
        if file not in seen:
            yield FileResult(file, problem="not replayed: no replayer of this kind knows the file")


def folder_kind(folder: Path) -> str:
    """The kind of vectors that the folder says it holds.

    Raises:
        UserError: no such folder, no `vectors.json`, or a kind or format that is not known.
    """
    if not folder.is_dir():
        raise UserError(f"No folder {folder}. Give a folder of reference vectors, with a {_INDEX} in it.")
    known = f"Known kinds: {', '.join(sorted(KINDS))}."
    if not (folder / _INDEX).is_file():
        raise UserError(f'{folder} holds no {_INDEX}, which names the kind of the vectors, as in {{"kind": '
                        f'"encoders", "format": {FORMAT}}}. {known}')  # fmt: skip
    index = read_json(folder, _INDEX)
    if not isinstance(index, dict) or not isinstance(index.get("kind"), str):
        raise UserError(f'{folder / _INDEX} names no kind of vectors. Expected {{"kind": "encoders", '
                        f'"format": {FORMAT}}}. {known}')  # fmt: skip
    if index["kind"] not in KINDS:
        raise unknown_name("kind of vectors", index["kind"], KINDS)
    if index.get("format") != FORMAT:
        raise UserError(
            f"{folder / _INDEX}: format {index.get('format')!r}; this version reads format {FORMAT}. "
            "Update liveact-eval, or take vectors of that format."
        )
    return str(index["kind"])


def vector_files(folder: Path) -> list[str]:
    """Files below the folder that are neither configuration, nor text for people, nor hidden."""
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        is_config = path.name in (_INDEX, "config.json") or path.name.endswith("_config.json")
        hidden = any(part.startswith(".") for part in name.parts)
        if path.is_file() and path.suffix not in _TEXTS and not is_config and not hidden:
            found.append(name.as_posix())
    return found


def attempt(file: str, replay: Callable[[], FileResult]) -> FileResult:
    """Replay one file; where that is not possible, the result says why, and the other files go on."""
    try:
        return replay()
    except (UserError, LiveActError) as error:
        return FileResult(file, problem=str(error))
    except (RuntimeError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        # Inputs of shapes that do not fit each other fail inside the libraries, in any of these ways.
        return FileResult(file, problem=f"{type(error).__name__}: {error}")


def read_json(folder: Path, name: str) -> Any:
    """Content of a JSON file of the folder.

    Raises:
        UserError: the file is missing or no JSON.
    """
    try:
        return json.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"The vectors lack {name}; expected in {folder}. Copy the whole folder.") from None
    except (OSError, ValueError) as error:
        raise UserError(
            f"Cannot read {folder / name}: {error}. The file is damaged: copy it again."
        ) from error


def _replayer(kind: str) -> Callable[[Path], Iterator[FileResult]]:
    replay: Callable[[Path], Iterator[FileResult]] = importlib.import_module(KINDS[kind]).replay
    return replay
