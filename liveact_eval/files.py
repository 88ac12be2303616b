"""Files that are either whole or not there, and a full disk said plainly."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from liveact_eval.errors import BrokenEnvironmentError, UserError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def is_full(error: BaseException) -> bool:
    """Whether an exception (or what caused it) means that the disk, quota or size limit is reached."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in _FULL:
            return True
        if isinstance(seen, sqlite3.OperationalError) and "full" in str(seen):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def full_disk(path: Path) -> BrokenEnvironmentError:
    """The error for a full disk; all finished work is in the journal already."""
    return BrokenEnvironmentError(
        f"The disk is full: {str(path.parent)!r} took no more data. Everything finished is kept. "
        "Free some space, then run the same command again: it continues."
    )


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` with the same suffix; renamed to it on success, removed on failure.

    Raises:
        BrokenEnvironmentError: the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield temporary
        # On the disk before it has its name: a crash of the machine must not leave an empty file.
        descriptor = os.open(temporary, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        if is_full(error):
            raise full_disk(path) from error
        raise


def remove_abandoned(path: Path) -> int:
    """Delete what killed processes of this machine have begun for `path`; returns how many files there were."""
    if os.name != "posix":
        # Elsewhere one cannot ask for a process without touching it.
        return 0
    own = re.compile(re.escape(f".{path.stem}.") + r"(\d+)\.part" + re.escape(path.suffix))
    found = [(entry, own.fullmatch(entry.name)) for entry in path.parent.glob(".*.part*")]
    abandoned = [entry for entry, match in found if match and not _owns(int(match[1]))]
    for entry in abandoned:
        entry.unlink(missing_ok=True)
    return len(abandoned)


def is_running(process: int) -> bool:
    """Whether a process of this number runs on this machine."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _owns(process: int) -> bool:
    # Whoever had this process's number before is gone.
    return process != os.getpid() and is_running(process)


def check_writable(place: Path, *, name: str, advice: str) -> None:
    """Refuse a folder that will take no files; of one that is not there yet, the nearest folder above it counts.

    Nothing is written to find out.

    Args:
        place: the folder.
        name: how the message calls it, such as `--out`.
        advice: what to do instead, without a full stop.

    Raises:
        UserError: what should be a folder is a file.
        BrokenEnvironmentError: files cannot be made there.
    """
    try:
        here = next(path for path in (place, *place.absolute().parents) if path.exists())
    except OSError as error:
        raise BrokenEnvironmentError(
            f"{name} {str(place)!r} cannot be reached: {error.strerror}. {advice}, or mend its permissions"
        ) from error
    if not here.is_dir():
        raise UserError(f"{name} {str(place)!r}: {str(here)!r} is a file, expected a folder. {advice}")
    # Also false on a file system that is mounted read-only.
    if not os.access(here, os.W_OK | os.X_OK):
        raise BrokenEnvironmentError(
            f"{name} {str(place)!r}: {str(here)!r} takes no files from this user. {advice}, or mend its permissions"
        )


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all; what no text can hold of a path becomes an escape."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def sha256_of(path: Path) -> str:
    """SHA-256 (hex) of a file's content, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
