"""A model that answers questions about a video, in a process and an environment of its own.

The process is started once, by the command that the user gives, and asked over its standard input; it writes only
answers to its standard output. A question is one line of JSON, then the frames as plain bytes:

    {"frames": [64, 384, 384, 3], "questions": ["...", "..."]}\\n<uint8 RGB, 64 * 384 * 384 * 3 bytes>

and its answer is one line: {"answers": ["Yes", "No"]}, or {"error": "why not"}. It ends when its input does.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from typing import IO

import numpy as np
from numpy.typing import NDArray

_TOLD = 200
_READ = 1 << 16


class AnswerError(Exception):
    """The model gave no answer; the message says why."""


class Answerer:
    """The process behind the questions; it is started by the first of them, and anew after it has failed.

    Args:
        command: the program and its arguments.
        seconds: how long it may take for a video, and to start, together.
    """

    def __init__(self, command: Sequence[str], seconds: float) -> None:
        self._command, self._seconds = tuple(command), seconds
        self._process: subprocess.Popen[bytes] | None = None

    def answers(self, frames: NDArray[np.uint8], questions: Sequence[str]) -> list[str]:
        """One answer per question about frames (N, H, W, 3) RGB.

        Raises:
            AnswerError: the process cannot be started, ends, takes too long, refuses, or answers something else.
        """
        ask = json.dumps({"frames": list(frames.shape), "questions": list(questions)}).encode() + b"\n"
        process = self._running()
        if process.stdin is None or process.stdout is None:
            raise AnswerError(f"{self._name} has no pipes")
        writer = threading.Thread(target=_write, args=(process.stdin, ask, frames.tobytes()), daemon=True)
        writer.start()
        try:
            answer = self._line(process.stdout)
        except AnswerError:
            self.close()
            raise
        return self._read(answer, len(questions))

    def close(self) -> None:
        """End the process, and those that it has started."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    @property
    def _name(self) -> str:
        return f"the answering program {self._command[0]!r}"

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            try:
                self._process = subprocess.Popen(
                    self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
                )
            except OSError as error:
                raise AnswerError(
                    f"{self._name} cannot be started: {error}. Mend networks.answerer"
                ) from error
        return self._process

    def _line(self, pipe: IO[bytes]) -> bytes:
        """The next line of the process; whatever comes with it would belong to no question."""
        end, got = time.monotonic() + self._seconds, b""
        while b"\n" not in got:
            left = end - time.monotonic()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                raise AnswerError(
                    f"{self._name} gave no answer within {self._seconds:g} s. Set networks.answer_seconds for more"
                )
            part = os.read(pipe.fileno(), _READ)
            if not part:
                status = self._process.wait() if self._process is not None else None
                raise AnswerError(f"{self._name} ended with status {status} before it answered")
            got += part
        return got

    def _read(self, line: bytes, count: int) -> list[str]:
        said = repr(line[:_TOLD].decode(errors="replace"))
        try:
            content = json.loads(line)
        except ValueError as error:
            self.close()
            raise AnswerError(f"{self._name} wrote {said}, expected one line of JSON") from error
        if isinstance(content, dict) and isinstance(content.get("error"), str):
            raise AnswerError(f"{self._name} refused: {content['error'][:_TOLD]}")
        answers = content.get("answers") if isinstance(content, dict) else None
        if not isinstance(answers, list) or [type(answer) for answer in answers] != count * [str]:
            raise AnswerError(f"{self._name} wrote {said}, expected {count} answers")
        return answers


def _write(pipe: IO[bytes], *parts: bytes) -> None:
    """Give a process its question. Where it has ended, whoever waits for its answer will know."""
    with contextlib.suppress(OSError, ValueError):
        for part in parts:
            pipe.write(part)
        pipe.flush()
