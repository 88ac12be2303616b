"""What is kept beside a weight file: what its hash was when it was checked, and what is fetched of it so far."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from liveact_eval.files import write_text

_BLOCK = 1 << 20


class Record(BaseModel):
    """A hash that was measured and found right."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    sha256: str
    """Of the whole file."""
    bytes: int
    """Its size then."""
    mtime_ns: int
    """Its date then: a file that was changed since is checked again."""
    commit: str | None = None
    """Commit of the repository that it was fetched from."""


class Sums:
    """SHA-256 and the git hash of one content, taken in one pass.

    The hub states a SHA-256 for large files, and the git hash (SHA-1 over a header and the content) for small ones.
    """

    def __init__(self, size: int) -> None:
        self._sha256 = hashlib.sha256()
        self._git = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)

    def update(self, block: bytes) -> None:
        """Add the next bytes."""
        self._sha256.update(block)
        self._git.update(block)

    def digests(self) -> tuple[str, str]:
        """SHA-256 and git hash, hex."""
        return self._sha256.hexdigest(), self._git.hexdigest()


def measure(path: Path, told: Callable[[int], None]) -> tuple[str, str]:
    """SHA-256 and git hash of a file; `told` hears of every block's size."""
    sums = Sums(path.stat().st_size)
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            sums.update(block)
            told(len(block))
    return sums.digests()


def write_record(path: Path, sha256: str, commit: str | None) -> None:
    """Note that a file was found right."""
    state = path.stat()
    record = Record(sha256=sha256, bytes=state.st_size, mtime_ns=state.st_mtime_ns, commit=commit)
    # A folder that is only to be read is fine: its files are then hashed again next time.
    with contextlib.suppress(OSError):
        write_text(_record_path(path), record.model_dump_json())


def stored_record(path: Path) -> Record | None:
    """The note beside a file, if there is one; the file may have been changed since."""
    try:
        return Record.model_validate_json(_record_path(path).read_bytes())
    except (OSError, ValidationError):
        return None


def read_record(path: Path) -> Record | None:
    """The note beside a file, if there is one and the file is as it was then."""
    record = stored_record(path)
    if record is None:
        return None
    state = path.stat()
    return record if (state.st_size, state.st_mtime_ns) == (record.bytes, record.mtime_ns) else None


def is_checked(path: Path, sha256: str | None) -> bool:
    """Whether a file was found right, against that hash where one is given, and is as it was then."""
    record = read_record(path)
    return record is not None and same_hash(record.sha256, sha256)


def same_hash(measured: str, expected: str | None) -> bool:
    """Whether a measured hash is the expected one, of which the first digits may be all that is known."""
    return expected is None or measured.startswith(expected)


def part_path(path: Path, identity: str) -> Path:
    """Where the fetched part of a file lies; the content's identity is in its name, so parts never mix."""
    return path.with_name(f".{path.name}.{identity[:16]}.part")


def parts_of(path: Path) -> list[Path]:
    """All parts of a file, of whatever content."""
    try:
        entries = list(path.parent.iterdir())
    except OSError:
        return []
    return [e for e in entries if e.name.startswith(f".{path.name}.") and e.name.endswith(".part")]


def part_bytes(path: Path) -> int | None:
    """How much of a missing file is fetched already; `None` if nothing."""
    sizes = [part.stat().st_size for part in parts_of(path)]
    return max(sizes, default=None)


def _record_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.checked.json")
