"""Running the programs of a build: everything into a log, the last line shown, nothing left running."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

Tell = Callable[[str], None]
_SECRET = re.compile(r"://[^/@\s]+@")
"""Name and password in an address."""
_TOLD = 12
"""Lines of a program's output that a failure shows."""


class ProgramError(Exception):
    """A program ended badly; the message holds its last lines."""


def run_program(
    words: Sequence[str | Path],
    *,
    log: IO[str],
    tell: Tell,
    variables: Mapping[str, str],
    folder: Path,
) -> None:
    """Run a program to its end.

    Args:
        words: the program and its arguments; no shell is asked.
        log: takes the command and everything that it says.
        tell: is given each line as it comes.
        variables: all environment variables.
        folder: working directory.

    Raises:
        ProgramError: it cannot be started, or ends with another status than 0.
    """
    command = [str(word) for word in words]
    shown = _SECRET.sub("://****@", " ".join(command))
    log.write(f"$ {shown}\n")
    log.flush()
    last: deque[str] = deque(maxlen=_TOLD)
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=dict(variables),
            cwd=folder,
            start_new_session=True,
        )
    except OSError as error:
        raise ProgramError(f"{command[0]!r} cannot be started: {error.strerror}") from error
    try:
        for line in process.stdout or ():
            log.write(line)
            log.flush()
            if line.strip():
                last.append(line.strip())
                tell(line.strip())
        status = process.wait()
    finally:
        end_group(process)
    if status:
        said = "".join(f"\n  {line[:300]}" for line in last)
        raise ProgramError(f"{shown[:200]!r} ended with status {status}:{said}")


def end_group(process: subprocess.Popen[str]) -> None:
    """End a process that was started in a session of its own, with all that it started."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
