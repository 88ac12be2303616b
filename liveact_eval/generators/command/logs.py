"""Reading a program's log: line by line in bounded memory, and its last lines for people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_BLOCK = 1 << 16
_LONGEST = 4096
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


def log_lines(path: Path) -> Iterator[str]:
    """All lines that say something, without control sequences; a progress bar's every state is a line.

    Of a line of more than 4096 bytes only pieces of that length are seen.
    """
    rest = b""
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            *lines, rest = re.split(rb"[\r\n]", rest + block)
            for line in lines:
                yield from _clean(line)
            if len(rest) > _LONGEST:
                yield from _clean(rest)
                rest = b""
    yield from _clean(rest)


def last_lines(path: Path, count: int = 8, width: int = 300) -> list[str]:
    """The last lines of a log, each cut to a width; only its end is read."""
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            stream.seek(max(0, size - _BLOCK))
            end = stream.read(_BLOCK)
    except OSError:
        return []
    found = [text for line in re.split(rb"[\r\n]", end) for text in _clean(line)]
    return [line[:width] for line in found[-count:]]


def told(path: Path) -> str:
    """The last lines of a log as the end of a message."""
    lines = last_lines(path)
    if not lines:
        return f" It printed nothing ({path})."
    return f" Its last words (all in {path}):" + "".join(f"\n  {line}" for line in lines)


def _clean(line: bytes) -> Iterator[str]:
    text = _CONTROL.sub("", line[:_LONGEST].decode("utf-8", "replace")).strip()
    if text:
        yield text
