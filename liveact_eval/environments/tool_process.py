"""A tool in a process of its own environment, asked line by line: JSON in, JSON out, with a time limit."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from liveact_eval.generators.command.logs import last_lines

_READ = 1 << 16
_MOST = 1 << 20
"""Longest answer in bytes."""
_END_S = 5.0
_TOLD = 600
"""Characters of what a tool said last that a failure shows."""


class ToolError(Exception):
    """The tool does not answer; the message says why."""


class ToolProcess:
    """A worker that has loaded its tool. Use as a context manager.

    Args:
        command: the interpreter and the worker, with its arguments.
        variables: all environment variables.
        log: takes what the tool says.
        seconds: how long it may take to load, and for one answer.

    Raises:
        ToolError: it cannot be started, ends, or takes too long before it is ready.
    """

    def __init__(
        self, command: Sequence[str | Path], *, variables: Mapping[str, str], log: Path, seconds: float
    ) -> None:
        self._log, self._seconds, self._rest = log, seconds, b""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as errors:
            try:
                self._process = subprocess.Popen(
                    [str(word) for word in command],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    env=dict(variables),
                    start_new_session=True,
                )
            except OSError as error:
                raise ToolError(f"{str(command[0])!r} cannot be started: {error.strerror}") from error
        try:
            self.ready = self._read()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> ToolProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """One question and its answer.

        Raises:
            ToolError: the process has ended, or took too long; it is of no more use.
        """
        if self._process.stdin is None:
            raise ToolError("the tool has no input")
        try:
            self._process.stdin.write(json.dumps(dict(question)).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise ToolError(self._ended()) from error
        return self._read()

    def close(self) -> None:
        """End the process, and those that it has started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _read(self) -> dict[str, Any]:
        if self._process.stdout is None:
            raise ToolError("the tool has no output")
        end = time.monotonic() + self._seconds
        while b"\n" not in self._rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                raise ToolError(
                    f"the tool gave no answer within {self._seconds:g} s; set networks.answer_seconds for more"
                )
            part = os.read(self._process.stdout.fileno(), _READ)
            if not part:
                raise ToolError(self._ended())
            self._rest += part
            if len(self._rest) > _MOST:
                raise ToolError(f"the tool wrote {len(self._rest)} bytes without the end of a line")
        line, _, self._rest = self._rest.partition(b"\n")
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ToolError(f"the tool wrote {line[:80]!r}, expected a line of JSON") from error
        if not isinstance(answer, dict):
            raise ToolError(f"the tool wrote {line[:80]!r}, expected an object of JSON")
        return answer

    def _ended(self) -> str:
        # It listens no more, or says nothing more; what is left of it would be waited for without end.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_END_S)
        self.close()
        said = " ".join(last_lines(self._log))[-_TOLD:]
        return f"the tool ended with status {self._process.returncode}: {said}"
