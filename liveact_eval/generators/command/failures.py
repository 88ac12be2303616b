"""From a program's end and its log to the reason why a clip failed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from liveact_eval.cards.command_rules import FailureLine
from liveact_eval.errors import BrokenEnvironmentError, ClipError, UserError
from liveact_eval.generators.command.guard import CANNOT_START
from liveact_eval.generators.command.guarded import Ended
from liveact_eval.generators.command.logs import log_lines, told

_USUAL = (
    FailureLine(
        pattern=r"CUDA out of memory|CUDA error: out of memory|OutOfMemoryError", reason="out_of_memory"
    ),
    FailureLine(
        pattern=r"^(\[rank\d+\]: )?(ModuleNotFoundError|ImportError): ", reason="not_installed", stops=True
    ),
    FailureLine(pattern=r"^\S+\.py: error: ", reason="wrong_call", stops=True),
)
"""What programs in Python say when they fail."""
_FULL = re.compile(r"No space left on device|Disk quota exceeded")


def check_log(lines: Sequence[FailureLine], log: Path, *, title: str) -> None:
    """Refuse what the card calls a failure, even though the program ended well.

    Raises:
        ClipError: with the reason of the first line that matches.
        UserError: it would be the same with every clip.
    """
    found = _first(lines, log)
    if found is not None:
        raise _error(*found, log, title)


def failure_of(ended: Ended, lines: Sequence[FailureLine], log: Path, *, title: str) -> ClipError:
    """Why a program that did not end well failed.

    Raises:
        UserError: it would be the same with every clip.
        BrokenEnvironmentError: the disk is full.
    """
    if ended.given_up is not None:
        why = "it took too long" if ended.given_up == "timed_out" else "its log stood still"
        return ClipError(
            ended.given_up,
            f"{title} was ended after {ended.seconds:.1f} s: {why}. Raise `limits` in the card if that is wrong."
            f"{told(log)}",
        )
    if ended.status == CANNOT_START:
        raise UserError(f"{title} cannot be started.{told(log)}")
    if any(_FULL.search(line) for line in log_lines(log)):
        raise BrokenEnvironmentError(
            f"The disk is full, says {title}.{told(log)}\nFree some, then run the same command again: it continues."
        )
    found = _first((*lines, *_USUAL), log)
    if found is not None:
        error = _error(*found, log, title)
        if isinstance(error, UserError):
            raise error
        return error
    if ended.status > 128:
        return ClipError(
            "killed",
            f"{title} was killed by signal {ended.status - 128} (9 is often sent for want of memory).{told(log)}",
        )
    return ClipError("command_failed", f"{title} ended with status {ended.status}.{told(log)}")


def _first(lines: Sequence[FailureLine], log: Path) -> tuple[FailureLine, str] | None:
    patterns = [(line, re.compile(line.pattern)) for line in lines]
    for text in log_lines(log):
        for line, pattern in patterns:
            if pattern.search(text):
                return line, text
    return None


def _error(line: FailureLine, text: str, log: Path, title: str) -> ClipError | UserError:
    if line.stops:
        return UserError(
            f"{title} cannot make any clip ({line.reason}): {text[:300]}\nIt would be the same with every clip, so "
            f"nothing more was tried. All that it printed is in {log}"
        )
    return ClipError(line.reason, f"{title} said: {text[:300]}.{told(log)}")
