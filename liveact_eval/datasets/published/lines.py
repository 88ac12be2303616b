"""Reading the authors' text files as they are: any line ending, a byte-order mark, no final newline."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from liveact_eval.errors import UserError

_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")


@dataclass(frozen=True)
class Line:
    """One line that is not blank."""

    path: Path
    number: int
    """Counted from 1."""
    text: str

    def error(self, found: str, expected: str) -> UserError:
        """What is wrong with this line."""
        return UserError(
            f"{self.path}, line {self.number}: {found}; expected {expected}. The file is not the published one: "
            "fetch it again, or correct the copy given with --annotations."
        )


def read_text(path: Path) -> str:
    """A file as text, without a byte-order mark.

    Raises:
        UserError: it cannot be read or is no UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read: {error.strerror}. Expected the published list under this name; "
            "give a folder that holds it with --annotations."
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is no UTF-8. Expected the published list.") from error


def read_lines(path: Path) -> Iterator[Line]:
    """Lines that hold something, without spaces around them."""
    for number, text in enumerate(read_text(path).splitlines(), 1):
        if text.strip():
            yield Line(path, number, text.strip())


def video_id(url: str, line: Line) -> str:
    """The id of a video, from the `v` parameter wherever it stands in the address.

    Raises:
        UserError: the address has no such parameter, or it is no video id.
    """
    try:
        found = parse_qs(urlsplit(url).query).get("v", [""])[0]
    except ValueError:
        # Brackets where a host should be.
        found = ""
    if not _VIDEO_ID.fullmatch(found):
        raise line.error(f"{url!r} names no video", "an address with v= and eleven letters, digits, - or _")
    return found


def watch_url(identity: str) -> str:
    """Address of a video, without any other parameter."""
    return f"https://www.youtube.com/watch?v={identity}"
