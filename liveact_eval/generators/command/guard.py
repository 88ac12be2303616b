"""Runs a program in a session of its own, and ends it with all that it started as soon as who asked for it is gone.

Started as `python guard.py FD PROGRAM ARGUMENT...`: FD is the reading end of a pipe whose other end the caller
holds; it is never written to. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys

CANNOT_START = 127


def main(words: list[str]) -> int:
    """Run the program; its status, or 128 + n where signal n ended it."""
    held = int(words[0])
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    try:
        child = subprocess.Popen(words[1:], start_new_session=True)
    except OSError as error:
        sys.stderr.write(f"{words[1]!r} cannot be started: {error.strerror}\n")
        return CANNOT_START
    # Whoever reads what the program writes must see the end of it when the program ends, not later.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(nowhere, stream)
    try:
        while child.poll() is None:
            readable, _, _ = select.select([held, ended], [], [])
            if held in readable:
                break
            os.read(ended, 512)
    finally:
        end_group(child.pid)
    status = child.wait()
    return status if status >= 0 else 128 - status


def end_group(group: int) -> None:
    """End every process of a group; a program that has ended may have left some behind."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
