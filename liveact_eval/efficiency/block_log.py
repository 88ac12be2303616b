"""Block lines in the log of a program that runs elsewhere: when each block of frames was there.

A pattern names what it finds: `(?P<seconds>...)` and `(?P<frames>...)`, for example

    block done at (?P<seconds>[0-9.]+) s, (?P<frames>[0-9]+) frames
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from liveact_eval.errors import UserError

_NAMES = ("seconds", "frames")


def block_lines(lines: Iterable[str], pattern: str) -> list[tuple[float, int]]:
    """(seconds, frames) of each line that the pattern finds, in order.

    Args:
        lines: of the log.
        pattern: a regular expression with the groups `seconds` and `frames`.

    Raises:
        UserError: the pattern is none, lacks a group, or finds what is no number; or time goes backwards.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UserError(f"Pattern {pattern!r} is no regular expression: {error}. Correct it.") from error
    lacking = [name for name in _NAMES if name not in compiled.groupindex]
    if lacking:
        raise UserError(
            f"Pattern {pattern!r} lacks the group {', '.join(lacking)}; expected (?P<seconds>...) and (?P<frames>...)"
        )
    found: list[tuple[float, int]] = []
    for line in lines:
        match = compiled.search(line)
        if match is None:
            continue
        try:
            seconds, frames = float(match["seconds"]), int(match["frames"])
        except (TypeError, ValueError) as error:
            raise UserError(f"Log line {line.strip()!r}: expected numbers for seconds and frames") from error
        if not math.isfinite(seconds) or frames < 1 or (found and seconds < found[-1][0]):
            raise UserError(
                f"Log line {line.strip()!r}: expected a time that is not before the last one, and 1 frame or more"
            )
        found.append((seconds, frames))
    return found
