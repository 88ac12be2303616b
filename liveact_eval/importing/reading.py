"""Reading files that others made: bounded, and known again by their content."""

from __future__ import annotations

from pathlib import Path

from liveact_eval.clips.clip import printable
from liveact_eval.errors import UserError
from liveact_eval.files import sha256_of

LARGEST_BYTES = 256 * 2**20
"""Such files hold a few values per video; what is larger is something else."""


def read_text(path: Path) -> str:
    """A text file in UTF-8, with or without its mark.

    Raises:
        UserError: it is not there, no file, too large, or no such text.
    """
    try:
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: no file. Give files, not folders.")
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise UserError(
                f"{path}: {size / 2**20:.0f} MiB, expected {LARGEST_BYTES // 2**20} MiB at most. Check that it is the "
                "file of values."
            )
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}. Check the path.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a text in UTF-8 ({error}). Save it as UTF-8.") from error


def named_files(paths: list[Path]) -> list[dict[str, str]]:
    """Names and hashes of files for the provenance; where they lay on this machine is nobody's business."""
    return [{"name": printable(path.name), "sha256": sha256_of(path)} for path in paths]
