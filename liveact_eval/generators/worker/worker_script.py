"""Runs inside another project's environment: loads a function once, and calls it for one clip after the other.

Standard library only, and any Python from 3.8 on. `protocol.py` beside it says which lines are exchanged. What the
function prints, by whatever means, goes to standard error: standard output is kept for answers.
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

_TOLD = 2000


class Channel:
    """Answers, one line each, from several threads."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def say(self, message: dict[str, Any]) -> None:
        """Write a message; who does not listen any more has ended."""
        line = json.dumps(message, ensure_ascii=True, allow_nan=False).encode() + b"\n"
        with self._lock:
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except OSError:
                os._exit(0)


def main() -> None:
    """Load, then answer until the input ends."""
    asked, answers = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.dup2(2, 1)
    channel = Channel(answers)
    jobs: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(asked, jobs), daemon=True).start()
    load = jobs.get()["load"]
    threading.Thread(target=_beat, args=(channel, float(load["beat_s"])), daemon=True).start()
    make = _load(channel, load)
    while make is not None:
        job = jobs.get()
        channel.say({"id": job["id"], **_answer(make, job["job"])})


def _listen(descriptor: int, jobs: queue.Queue[dict[str, Any]]) -> None:
    with os.fdopen(descriptor, "rb") as lines:
        for line in lines:
            jobs.put(json.loads(line))
    # In the middle of a clip too: nobody waits for it any more.
    os._exit(0)


def _beat(channel: Channel, every_s: float) -> None:
    started = time.monotonic()
    while True:
        channel.say({"beat": time.monotonic() - started})
        time.sleep(every_s)


def _load(channel: Channel, load: dict[str, Any]) -> Callable[[dict[str, Any]], Any] | None:
    """The function that makes videos; says whether there is one."""
    started = time.monotonic()
    # The folder of this script holds nothing for others.
    sys.path[0:1] = load["paths"]
    module, _, name = load["function"].partition(":")
    try:
        make = getattr(importlib.import_module(module), name)(load["options"])
        if not callable(make):
            raise TypeError(f"{load['function']} gave {type(make).__name__}, expected a function of one job")
    except BaseException as error:  # noqa: BLE001
        channel.say({"failed": _told(error, "not_loaded")})
        return None
    channel.say({"ready": time.monotonic() - started})
    found: Callable[[dict[str, Any]], Any] = make
    return found


def _answer(make: Callable[[dict[str, Any]], Any], job: dict[str, Any]) -> dict[str, Any]:
    try:
        made = make(job)
        if made is not None and not isinstance(made, dict):
            raise TypeError(f"the function gave {type(made).__name__}, expected a dict of details or None")
        json.dumps(made, allow_nan=False)
    except BaseException as error:  # noqa: BLE001
        return {"failed": _told(error, "not_generated")}
    return {"made": made or {}}


def _told(error: BaseException, reason: str) -> dict[str, str]:
    traceback.print_exception(type(error), error, error.__traceback__)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        reason = "out_of_memory"
    return {"reason": reason, "message": f"{type(error).__name__}: {error}"[:_TOLD]}


if __name__ == "__main__":
    main()
