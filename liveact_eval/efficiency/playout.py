"""What a viewer would have seen: a player with a buffer, which stands still where frames come too late."""

from __future__ import annotations

from dataclasses import dataclass

from liveact_eval.efficiency.simulator import Timeline

_ROUNDING_S = 1e-9


@dataclass(frozen=True, kw_only=True)
class Playback:
    """A video as it was seen."""

    start_delay_s: float
    """Seconds that the player waited after the first frame had come."""
    shown_s: tuple[float, ...]
    """When each frame was shown, in seconds since the first sample was spoken."""
    stalls: int
    """Times that the picture stood still for want of the next frame."""
    stalled_s: float
    """Seconds of that."""
    lip_delay_s: tuple[float, ...]
    """By how much each frame was shown after its sound was spoken: how far lips trail a voice that is heard at once."""


def play(timeline: Timeline, start_delay_s: float = 0.0) -> Playback:
    """Show a timeline at its rate. A late frame moves all later ones; none is skipped.

    Args:
        timeline: when frames came.
        start_delay_s: how long the first frame is held back, so that the buffer fills.

    Raises:
        ValueError: nothing came, or the delay is negative.
    """
    times = timeline.frame_times()
    if not times or start_delay_s < 0:
        raise ValueError(
            f"{len(times)} frames, start delay {start_delay_s:g}: expected frames, and 0 or more"
        )
    shown: list[float] = []
    stalls, stalled = 0, 0.0
    began = times[0] + start_delay_s
    for index, came in enumerate(times):
        # Not added up frame by frame: over hours the roundings would look like stalls.
        due = began + stalled + index / timeline.fps
        wait = came - due
        if wait > _ROUNDING_S:
            stalls, stalled, due = stalls + 1, stalled + wait, came
        shown.append(due)
    return Playback(
        start_delay_s=start_delay_s,
        shown_s=tuple(shown),
        stalls=stalls,
        stalled_s=stalled,
        lip_delay_s=tuple(at - index / timeline.fps for index, at in enumerate(shown)),
    )


def smoothest_delay_s(timeline: Timeline) -> float:
    """The smallest start delay with which nothing stalls, in seconds."""
    times = timeline.frame_times()
    late = (came - times[0] - index / timeline.fps for index, came in enumerate(times))
    return max(late, default=0.0)
