"""One spelling of names with accents: macOS writes a letter and its accent as two characters, others as one."""

from __future__ import annotations

import unicodedata
from pathlib import Path


def one_spelling(name: str) -> str:
    """The name in normal form C, so that equal names are equal wherever they were written."""
    return unicodedata.normalize("NFC", name)


def as_on_disk(path: Path) -> Path:
    """The path in the spelling under which there is a file; as it was given where there is none."""
    for form in (str(path), *(unicodedata.normalize(form, str(path)) for form in ("NFC", "NFD"))):
        try:
            if Path(form).is_file():
                return Path(form)
        except (OSError, ValueError):
            return path
    return path
