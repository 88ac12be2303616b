"""Can clips be written where they should go? Asked before anything is fetched; nothing is written to find out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from liveact_eval.datasets.published.layout import DATA_VARIABLE
from liveact_eval.files import check_writable


def check_places(places: Iterable[Path]) -> None:
    """Refuse folders that cannot be written into; of one that is not there yet, the nearest folder above it counts.

    Raises:
        UserError: what should be a folder is a file.
        BrokenEnvironmentError: files cannot be made there.
    """
    for place in places:
        check_writable(
            place,
            name="The folder for prepared clips",
            advice=f"Give another one with --root or {DATA_VARIABLE}",
        )
