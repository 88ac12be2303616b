"""A loaded generator in a process of its own: started when it is needed, asked, ended, started anew."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from liveact_eval.errors import ClipError, UserError
from liveact_eval.generators.command.guarded import GuardedProcess
from liveact_eval.generators.command.logs import told
from liveact_eval.generators.worker.protocol import (
    LONGEST_LINE,
    Beat,
    Failed,
    GarbageError,
    Made,
    Message,
    Ready,
    decode,
    encode,
)

SCRIPT = Path(__file__).with_name("worker_script.py")
_READ = 1 << 16
_BEATS = 4
"""Signs of life per time after which their absence counts."""


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How a worker is started."""

    title: str
    """Name of the system, for messages."""
    words: Sequence[str]
    """Program and arguments."""
    variables: Mapping[str, str]
    """All environment variables."""
    folder: Path
    """Working directory; it is there."""
    log: Path
    """File that takes what it prints."""
    function: str
    """`module:function`."""
    options: Mapping[str, Any]
    """What that is called with."""
    paths: Sequence[str]
    """Folders that Python looks into first."""
    start_s: float
    """How long loading may take, in seconds."""
    heartbeat_s: float
    """Seconds without a sign of life after which it is ended."""
    restarts: int
    """How often in a row it is started anew after it has failed."""


@dataclass(frozen=True)
class Answer:
    """A video was made."""

    details: dict[str, str | int | float]
    """What the function said about it."""
    blocks: list[tuple[float, int | None]]
    """(seconds, frames) of each block, where it said so."""
    seconds: float
    """Wall time between the question and its answer; loading is not in it."""


class _GoneError(Exception):
    """The worker is of no use any more; (reason, message)."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Supervisor:
    """Keeps one worker. Close it, or use it as a context manager; it is closed with this process at the latest."""

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._process: GuardedProcess | None = None
        self._rest = b""
        self._jobs = 0
        self._failures = 0
        self.starts = 0
        """How often it was started."""
        self.load_s = 0.0
        """How long loading took, in seconds."""
        self._end: Callable[[], object] | None = None

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker; the next job starts a new one."""
        self._process, self._rest = None, b""
        if self._end is not None:
            self._end()
            self._end = None

    def make(self, job: Mapping[str, Any], limit_s: float) -> Answer:
        """Have a video made.

        Args:
            job: what the function is called with.
            limit_s: seconds after which it is given up.

        Raises:
            ClipError: the function raised (`not_generated`, `out_of_memory`), or the worker `crashed`, `hung`,
                `timed_out`, or answered `garbage`; after too many of the latter in a row `worker_down`.
            UserError: it cannot be loaded: that would be the same with every clip.
        """
        if self._failures > self._launch.restarts:
            raise ClipError(
                "worker_down",
                f"{self._launch.title} failed {self._failures} times in a row and is not started again.{self._said}",
            )
        try:
            process = self._running()
            self._jobs += 1
            asked = time.monotonic()
            self._send(process, {"id": self._jobs, "job": dict(job)})
            answer = self._wait_for(process, limit_s)
        except _GoneError as error:
            self.close()
            self._failures += 1
            raise ClipError(error.reason, f"{self._launch.title} {error}.{self._said}") from error
        self._failures = 0
        seconds = time.monotonic() - asked
        if isinstance(answer, Failed):
            raise ClipError(answer.reason, f"{self._launch.title}: {answer.message}.{self._said}")
        return Answer(answer.details, answer.blocks, seconds)

    @property
    def _said(self) -> str:
        return told(self._launch.log)

    def _running(self) -> GuardedProcess:
        if self._process is not None and self._process.popen.poll() is None:
            return self._process
        self.close()
        launch = self._launch
        process = GuardedProcess(
            launch.words, folder=launch.folder, variables=launch.variables, log=launch.log, piped=True
        )
        self._end = weakref.finalize(self, process.end)
        self.starts += 1
        self._send(
            process,
            {
                "load": {
                    "function": launch.function,
                    "options": dict(launch.options),
                    "paths": list(launch.paths),
                    "beat_s": launch.heartbeat_s / _BEATS,
                }
            },
        )
        self._await_ready(process)
        self._process = process
        return process

    def _await_ready(self, process: GuardedProcess) -> None:
        end = time.monotonic() + self._launch.start_s
        while True:
            message = self._next(process, end, "loading")
            if isinstance(message, Ready):
                self.load_s = message.seconds
                return
            if isinstance(message, Failed) and message.job is None:
                self.close()
                raise UserError(
                    f"{self._launch.title} cannot be loaded: {message.message}\nIt would be the same with every clip, "
                    f"so nothing more was tried. All that it printed is in {self._launch.log}"
                )
            if not isinstance(message, Beat):
                raise _GoneError("garbage", f"said {message} before it was loaded")

    def _wait_for(self, process: GuardedProcess, limit_s: float) -> Made | Failed:
        end = time.monotonic() + limit_s
        while True:
            message = self._next(process, end, "a clip")
            if isinstance(message, (Made, Failed)) and message.job == self._jobs:
                return message
            if not isinstance(message, Beat):
                raise _GoneError("garbage", f"said {message}, expected an answer to job {self._jobs}")

    def _next(self, process: GuardedProcess, end: float, what: str) -> Message:
        """The next message, however long it takes within the limits."""
        pipe = _pipe(process.popen.stdout)
        silent = time.monotonic() + self._launch.heartbeat_s
        while b"\n" not in self._rest:
            now = time.monotonic()
            if now >= end:
                raise _GoneError(
                    "timed_out", f"took too long for {what}, and was ended: raise `limits` in the card"
                )
            if now >= silent:
                raise _GoneError(
                    "hung", f"gave no sign of life for {self._launch.heartbeat_s:g} s, and was ended"
                )
            if not select.select([pipe], [], [], min(end, silent) - now)[0]:
                continue
            part = os.read(pipe.fileno(), _READ)
            if not part:
                raise _GoneError(
                    "crashed", f"ended with status {process.popen.wait()} in the middle of {what}"
                )
            self._rest += part
            if len(self._rest) > LONGEST_LINE:
                raise _GoneError("garbage", f"answered a line of more than {LONGEST_LINE} bytes")
        line, _, self._rest = self._rest.partition(b"\n")
        try:
            return decode(line)
        except GarbageError as error:
            raise _GoneError("garbage", f"answered {error}, expected one of the protocol's lines") from error

    def _send(self, process: GuardedProcess, message: dict[str, Any]) -> None:
        """Give it a line; beside the reading, since a worker that does not read must not stop us."""
        pipe = _pipe(process.popen.stdin)
        threading.Thread(target=_write, args=(pipe, encode(message)), daemon=True).start()


def _write(pipe: IO[bytes], line: bytes) -> None:
    # Where it has ended, whoever waits for its answer will know.
    with contextlib.suppress(OSError, ValueError):
        pipe.write(line)
        pipe.flush()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("the process was started without pipes")
    return pipe
