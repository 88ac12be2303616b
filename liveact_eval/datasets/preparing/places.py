"""Can clips be written where they should go? Asked before anything is fetched; nothing is written to find out."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from liveact_eval.datasets.published.layout import DATA_VARIABLE
from liveact_eval.errors import BrokenEnvironmentError, UserError

_ADVICE = f"Give another folder with --root or {DATA_VARIABLE}"


def check_places(places: Iterable[Path]) -> None:
    """Refuse folders that cannot be written into; of one that is not there yet, the nearest folder above it counts.

    Raises:
        UserError: what should be a folder is a file.
        BrokenEnvironmentError: files cannot be made there.
    """
    for place in places:
        _check(place)


def _check(place: Path) -> None:
    try:
        here = next(path for path in (place, *place.absolute().parents) if path.exists())
    except OSError as error:
        raise BrokenEnvironmentError(
            f"Nothing can be written into {str(place)!r}: {error.strerror}. {_ADVICE}, or mend its permissions"
        ) from error
    if not here.is_dir():
        raise UserError(f"{str(here)!r} is a file, expected a folder for prepared clips. {_ADVICE}")
    # Also false on a file system that is mounted read-only.
    if not os.access(here, os.W_OK | os.X_OK):
        raise BrokenEnvironmentError(
            f"Nothing can be written into {str(place)!r}: {str(here)!r} takes no files from this user. {_ADVICE}, or "
            "mend its permissions"
        )
