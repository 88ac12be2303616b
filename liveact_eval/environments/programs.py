"""Running the programs of a build: everything into a log, each line shown, nothing left running."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from liveact_eval.generators.command.guarded import GuardedProcess

Tell = Callable[[str], None]
_SECRET = re.compile(r"://[^/@\s]+@")
"""Name and password in an address."""
_TOLD = 12
"""Lines of a program's output that a failure shows."""
_WIDTH = 300
"""Characters of a line that a failure shows."""
_READ = 1 << 16
_LOOK_S = 0.2


class ProgramError(Exception):
    """A program ended badly; the message holds its last lines."""


def run_program(
    words: Sequence[str | Path],
    *,
    log: Path,
    tell: Tell,
    variables: Mapping[str, str],
    folder: Path,
) -> None:
    """Run a program to its end. It writes into the log itself, so that no full pipe can stop it, and what it has
    started ends with it or with this process.

    Args:
        words: the program and its arguments; no shell is asked.
        log: takes the command and everything that it says, after what is there.
        tell: is given each line as it comes.
        variables: all environment variables.
        folder: working directory.

    Raises:
        ProgramError: it cannot be started, or ends with another status than 0.
    """
    command = [str(word) for word in words]
    shown = _hidden(" ".join(command))
    with log.open("a", encoding="utf-8", errors="backslashreplace") as stream:
        stream.write(f"$ {shown}\n")
    lines = _Lines(log, log.stat().st_size)
    last: deque[str] = deque(maxlen=_TOLD)

    def say(final: bool) -> None:
        for line in lines.new(final=final):
            last.append(line)
            tell(line)

    with GuardedProcess(command, folder=folder, variables=variables, log=log) as process:
        status: int | None = None
        while status is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = process.popen.wait(timeout=_LOOK_S)
            say(final=status is not None)
    if status:
        said = "".join(f"\n  {line[:_WIDTH]}" for line in last)
        raise ProgramError(f"{shown[:200]!r} ended with status {status}:{said}")


class _Lines:
    """Lines that come into a file while it is written."""

    def __init__(self, path: Path, start: int) -> None:
        self._path, self._at, self._rest = path, start, b""

    def new(self, *, final: bool) -> Iterator[str]:
        """Those that came since the last call and say something.

        Args:
            final: whether nothing more will come, so that what has no end is a line too.
        """
        with self._path.open("rb") as stream:
            stream.seek(self._at)
            while block := stream.read(_READ):
                self._at += len(block)
                *whole, self._rest = re.split(rb"[\r\n]", self._rest + block)
                # Of a line without an end only the last part can matter.
                self._rest = self._rest[-_READ:]
                yield from filter(None, map(_text, whole))
        if final and (text := _text(self._rest)):
            yield text


def _text(line: bytes) -> str:
    return _hidden(line.decode("utf-8", "replace").strip())


def _hidden(text: str) -> str:
    return _SECRET.sub("://****@", text)
