"""What a loaded generator and its supervisor say to each other: one line of JSON each.

To the worker, first `{"load": {"function": "module:function", "options": {...}, "paths": [...], "beat_s": 5}}`, then
for each clip `{"id": 1, "job": {...}}`. From the worker `{"beat": 12.5}` at least every `beat_s` seconds,
`{"ready": 3.2}` once, with the seconds that loading took, and for each clip `{"id": 1, "made": {...}}` with details, or
`{"id": 1, "failed": {"reason": "...", "message": "..."}}`. A `failed` without an id is about loading. The worker ends
when its input does.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, TypeGuard

LONGEST_LINE = 1 << 20
"""Bytes; a longer line is garbage."""
_LONGEST_S = 1e9


class GarbageError(Exception):
    """The worker said something that is none of the above."""


@dataclass(frozen=True)
class Beat:
    """A sign of life."""


@dataclass(frozen=True)
class Ready:
    """It is loaded."""

    seconds: float


@dataclass(frozen=True)
class Made:
    """A video is there."""

    job: int
    details: dict[str, str | int | float]
    blocks: list[tuple[float, int | None]]
    """(seconds, frames) of each block, where it says so."""


@dataclass(frozen=True)
class Failed:
    """A clip, or loading, failed inside the worker; it goes on."""

    job: int | None
    reason: str
    message: str


Message = Beat | Ready | Made | Failed


def encode(message: dict[str, Any]) -> bytes:
    """A message to the worker."""
    return json.dumps(message, ensure_ascii=True).encode() + b"\n"


def decode(line: bytes) -> Message:
    """A message from the worker.

    Raises:
        GarbageError: it is none.
    """
    try:
        content = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise GarbageError(_seen(line)) from error
    message = _read(content) if isinstance(content, dict) else None
    if message is None:
        raise GarbageError(_seen(line))
    return message


def _read(content: dict[str, Any]) -> Message | None:
    if set(content) == {"beat"}:
        return Beat()
    if set(content) == {"ready"} and _is_seconds(content["ready"]):
        return Ready(float(content["ready"]))
    job, failed, made = content.get("id"), content.get("failed"), content.get("made")
    if (
        isinstance(failed, dict)
        and isinstance(failed.get("message"), str)
        and isinstance(failed.get("reason"), str)
    ):
        return Failed(job if _is_whole(job) else None, failed["reason"], failed["message"])
    if _is_whole(job) and isinstance(made, dict):
        return _made(job, made)
    return None


def _made(job: int, made: dict[str, Any]) -> Made | None:
    blocks = made.pop("blocks", [])
    if not isinstance(blocks, list) or not all(_is_block(block) for block in blocks):
        return None
    if not all(_is_plain(value) for value in made.values()):
        return None
    return Made(job, made, [(float(seconds), frames) for seconds, frames in blocks])


def _is_plain(value: object) -> bool:
    return isinstance(value, (str, int)) or (isinstance(value, float) and math.isfinite(value))


def _is_block(block: object) -> bool:
    return (
        isinstance(block, list)
        and len(block) == 2
        and _is_seconds(block[0])
        and (block[1] is None or (_is_whole(block[1]) and block[1] >= 0))
    )


def _is_whole(value: object) -> TypeGuard[int]:
    """A whole number; a truth value is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def _is_seconds(value: object) -> bool:
    """A time; JSON as Python reads it has NaN and infinity too, and whole numbers of any size."""
    return (_is_whole(value) or isinstance(value, float)) and 0 <= value < _LONGEST_S


def _seen(line: bytes) -> str:
    return repr(line[:200].decode("utf-8", "replace"))
