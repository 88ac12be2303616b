"""The manifest of a prepared dataset: one JSON line per clip, appended as clips are finished.

Of several lines of one clip the last one counts. A process that is killed leaves at most half a line at the end, which
is left out; whoever writes next puts the file in order first. Only one process writes: it holds a lock.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from pydantic import ValidationError

from liveact_eval.datasets.preparing.rows import ROW_VERSION, ClipRow
from liveact_eval.errors import BrokenEnvironmentError, NewerFileError, UserError
from liveact_eval.files import atomic_path, full_disk, is_full

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True)
class Line:
    """One line of a manifest: a row, or what is wrong with it."""

    number: int
    """From 1 on."""
    row: ClipRow | None
    """`None` if it cannot be read."""
    problem: str | None
    """`None` if nothing is wrong with it."""


def read_lines(path: Path) -> list[Line]:
    """All lines of a manifest. Half a line at the end, as a killed process leaves it, is none.

    Raises:
        UserError: the file cannot be read.
        NewerFileError: it was written by a newer version.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{str(path)!r} cannot be read: {error.strerror}. Check the path") from error
    whole = content[: content.rfind(b"\n") + 1]
    return [_parse(path, number, line) for number, line in enumerate(whole.split(b"\n")[:-1], start=1)]


def read_manifest(path: Path, again: str) -> dict[str, ClipRow]:
    """The rows of a manifest by clip id, in the order of the file.

    Args:
        path: the file.
        again: the command that prepares the dataset, for the message.

    Raises:
        UserError: a line cannot be read, or was edited; the message names it.
        NewerFileError: it was written by a newer version.
    """
    lines = read_lines(path)
    for line in lines:
        if line.problem is not None:
            raise UserError(
                f"{str(path)!r}, line {line.number}: {line.problem}. Such clips are made again by: {again}"
            )
    return {line.row.clip_id: line.row for line in lines if line.row is not None}


class Manifest:
    """The writer of a manifest. Use as a context manager: a second one at the same time is refused."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FileLock(path.with_name(".manifest.lock"))
        self._rows: dict[str, ClipRow] = {}
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise UserError(
                f"{str(self.path.parent)!r} is being prepared by another process. Wait for it, or give another "
                "folder with --root"
            ) from error
        except PermissionError as error:
            raise self._closed(error) from error
        try:
            if self.path.exists():
                # Lines that are damaged or edited are dropped here: their clips are made again.
                lines = read_lines(self.path)
                self._rows = {line.row.clip_id: line.row for line in lines if line.row and not line.problem}
                self.tidy(self._rows)
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        except PermissionError as error:
            self._lock.release()
            raise self._closed(error) from error
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        self._lock.release()

    def _closed(self, error: PermissionError) -> BrokenEnvironmentError:
        return BrokenEnvironmentError(
            f"{str(error.filename or self.path)!r} cannot be written: {error.strerror}. Mend its permissions, or give "
            "another folder with --root"
        )

    def __contains__(self, clip: str) -> bool:
        return clip in self._rows

    def get(self, clip: str) -> ClipRow | None:
        """The row of a clip, if there is one."""
        return self._rows.get(clip)

    def put(self, row: ClipRow) -> None:
        """Add a row, or replace that of the same clip; it is on the disk when this returns.

        Raises:
            BrokenEnvironmentError: the disk is full.
        """
        if self._descriptor is None:
            raise ValueError("the manifest is not open for writing")
        sealed = row.sealed()
        line = memoryview(_line(sealed))
        try:
            while line:
                line = line[os.write(self._descriptor, line) :]
            os.fsync(self._descriptor)
        except OSError as error:
            if is_full(error):
                raise full_disk(self.path) from error
            raise
        self._rows[row.clip_id] = sealed

    def tidy(self, order: Iterable[str]) -> None:
        """Write the file anew: one line per clip, those of `order` first and in that order, the rest by name."""
        wanted = [clip for clip in dict.fromkeys(order) if clip in self._rows]
        rest = sorted(set(self._rows) - set(wanted))
        content = b"".join(_line(self._rows[clip]) for clip in [*wanted, *rest])
        if self.path.exists() and self.path.read_bytes() == content:
            return
        with atomic_path(self.path) as temporary:
            temporary.write_bytes(content)
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND)


def _line(row: ClipRow) -> bytes:
    return json.dumps(row.model_dump(mode="json"), ensure_ascii=True).encode() + b"\n"


def _parse(path: Path, number: int, line: bytes) -> Line:
    try:
        content = json.loads(line)
        version = content["row_version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return Line(number, None, "it is no row of a manifest")
    if isinstance(version, int) and version > ROW_VERSION:
        raise NewerFileError(
            f"{str(path)!r} was written by a newer version of liveact-eval (row version {version}; this version "
            f"understands at most {ROW_VERSION}). Upgrade with: pip install -U liveact-eval"
        )
    try:
        row = ClipRow.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        return Line(number, None, f"field `{field}`: {first['msg']}")
    if not row.is_sealed:
        return Line(number, row, f"the row of {row.clip_id!r} was edited by hand: its seal does not fit")
    return Line(number, row, None)
