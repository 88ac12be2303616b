"""A process of another project's program that cannot outlive this one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

GUARD = Path(__file__).with_name("guard.py")
_LOOK_S = 0.5
_END_S = 10.0


class GuardedProcess:
    """A running program, its output in a log file. Close it, or use it as a context manager.

    It runs in a session of its own, and so does everything that it starts: `end` ends all of it, and so does the death
    of this process, by whatever signal.

    Args:
        words: program and arguments; no shell is asked.
        folder: working directory.
        variables: all environment variables.
        log: file that takes what it prints; appended to.
        piped: whether standard input and output are pipes to this process; else the input is empty and the output goes
            into the log too.
    """

    def __init__(
        self,
        words: Sequence[str],
        *,
        folder: Path,
        variables: Mapping[str, str],
        log: Path,
        piped: bool = False,
    ) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        held, self._life = os.pipe()
        try:
            with log.open("ab") as stream:
                self.popen: subprocess.Popen[bytes] = subprocess.Popen(
                    # -I -S: this interpreter starts at once, whatever the other's variables say.
                    [sys.executable, "-I", "-S", str(GUARD), str(held), *words],
                    stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
                    stdout=subprocess.PIPE if piped else stream,
                    stderr=stream,
                    cwd=folder,
                    env=dict(variables),
                    pass_fds=(held,),
                    start_new_session=True,
                )
        except BaseException:
            os.close(self._life)
            raise
        finally:
            os.close(held)

    def __enter__(self) -> GuardedProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """End it and all that it has started; nothing happens where it has ended."""
        if self._life >= 0:
            os.close(self._life)
            self._life = -1
        for pipe in (self.popen.stdin, self.popen.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            self.popen.wait(timeout=_END_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait()


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a process ended."""

    status: int
    """0: well; above 128: by the signal of that number less 128."""
    seconds: float
    """Wall time."""
    given_up: Literal["timed_out", "hung"] | None = None
    """Reason for which it was ended from here, if so."""

    @property
    def failed(self) -> bool:
        """Whether it did not end well by itself."""
        return self.given_up is not None or self.status != 0


def run_to_end(
    words: Sequence[str],
    *,
    folder: Path,
    variables: Mapping[str, str],
    log: Path,
    limit_s: float,
    silent_s: float | None = None,
) -> Ended:
    """Run a program to its end, or until it takes too long.

    Args:
        words: see `GuardedProcess`, as are `folder`, `variables` and `log`.
        folder: working directory.
        variables: all environment variables.
        log: file that takes what it prints.
        limit_s: seconds after which it is given up.
        silent_s: seconds without a word in the log after which it is given up; `None`: any.
    """
    started = time.monotonic()
    size, heard = -1, started
    with GuardedProcess(words, folder=folder, variables=variables, log=log) as process:
        while True:
            now = time.monotonic()
            if (grown := log.stat().st_size) != size:
                size, heard = grown, now
            left = limit_s - (now - started)
            quiet_left = left if silent_s is None else silent_s - (now - heard)
            if left <= 0 or quiet_left <= 0:
                process.end()
                reason: Literal["timed_out", "hung"] = "timed_out" if left <= 0 else "hung"
                return Ended(status=process.popen.returncode, seconds=now - started, given_up=reason)
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = process.popen.wait(timeout=min(_LOOK_S, left, quiet_left))
                return Ended(status=status, seconds=time.monotonic() - started)
