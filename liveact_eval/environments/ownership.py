"""Whose folder it is: only what is known to be an environment's is ever deleted, and by one process at a time."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from liveact_eval.errors import BrokenEnvironmentError, UserError

HOME = "home"
LOG = "build.log"
RECORD = "environment.json"
_BUILD = re.compile(r"\d{8}-\d{6}-\d+")
"""Time and process of a build."""
_NAMED = 4


def is_build(path: Path) -> bool:
    """Whether a folder inside an environment's holds a build, by its name."""
    return _BUILD.fullmatch(path.name) is not None and path.is_dir() and not path.is_symlink()


def refuse_foreign(folder: Path) -> None:
    """Leave a folder alone that something else has made: building and removing delete what is in theirs.

    Raises:
        UserError: it has content, and none of it says that it is an environment's; or it is a link.
    """
    if folder.is_symlink():
        raise UserError(
            f"{str(folder)!r} is a link, expected a folder. Give the place that it leads to by --root."
        )
    if not folder.is_dir() or (folder / RECORD).is_file():
        return
    known = {HOME, LOG}
    others = sorted(
        path.name
        for path in folder.iterdir()
        if path.name not in known
        and not path.name.startswith(f".{Path(RECORD).stem}.")
        and not is_build(path)
    )
    if others:
        listing = ", ".join(map(repr, others[:_NAMED])) + (", ..." if len(others) > _NAMED else "")
        raise UserError(
            f"{str(folder)!r} is no environment: it holds {listing}, which no build has made. Nothing was touched. "
            "Give another place with --root."
        )


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold an environment's folder, which is made where it is not there; nobody else builds or removes it meanwhile.

    Raises:
        UserError: another process holds it, or it is no environment's.
        BrokenEnvironmentError: the place cannot be written.
    """
    with contextlib.ExitStack() as held:
        try:
            refuse_foreign(folder)
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(FileLock(folder.parent / f".{folder.name}.lock", timeout=0))
        except Timeout as error:
            raise UserError(
                f"{str(folder)!r} is being built or removed by another process. Wait for it, or give another place "
                "with --root."
            ) from error
        except OSError as error:
            raise BrokenEnvironmentError(
                f"{str(folder)!r} cannot be written: {error.strerror}. Give another place with --root."
            ) from error
        yield
