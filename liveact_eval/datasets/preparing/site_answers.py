"""What the video site says through yt-dlp, sorted into: gone for good, worth another try, slow down.

The messages are those of yt-dlp's extractors, which hand on the site's own words; they change, so what nobody knows is
worth another try, and the message is kept whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

RATE_LIMITED = "rate_limited"
"""Reason code: the site asks for patience."""
DEAD_REASONS = frozenset(
    {"private", "removed", "unavailable", "region", "age", "members", "copyright", "missing"}
)
"""Reason codes of videos that another try will not bring."""
_LONGEST_MESSAGE = 600

# First match wins: what asks for patience comes first, since the site says "unavailable" in that case too.
_PATTERNS: tuple[tuple[str, str], ...] = (
    (RATE_LIMITED, r"HTTP Error 429|Too Many Requests|rate.?limited|confirm you.{1,3}re not a bot"),
    (RATE_LIMITED, r"content isn.{1,3}t available,? try again later"),
    ("private", r"private video|video is private"),
    (
        "members",
        r"members.only|join this channel|available to this channel's members|requires payment|Premium members",
    ),
    ("age", r"confirm your age|age.restricted|inappropriate for some users"),
    ("region", r"not (made this video )?available in your country|geo.?restrict|blocked it in your country"),
    ("copyright", r"copyright (claim|grounds|infringement)|blocked it on copyright"),
    (
        "removed",
        r"has been removed|been terminated|account.{0,40}(closed|terminated)|violating YouTube|HTTP Error 410",
    ),
    ("unavailable", r"video unavailable|video is (not|no longer) available|HTTP Error 404|does not exist"),
    ("disk_full", r"No space left on device|Disk quota exceeded"),
    ("no_format", r"Requested format is not available|No video formats found"),
    ("refused", r"HTTP Error 40[13]"),
    (
        "network",
        r"timed out|Connection (reset|refused|aborted)|Temporary failure|Name or service not known"
        r"|Unable to (connect|resolve)|HTTP Error 5\d\d|IncompleteRead|bytes read|Network is unreachable|SSL",
    ),
    ("merge_failed", r"ffmpeg|Postprocessing|Conversion failed"),
)
_BROKEN_USAGE, _UPDATE_FIRST, _STOPPED = 2, 100, 101


@dataclass(frozen=True)
class SiteAnswer:
    """Why a video did not come."""

    reason: str
    """Short code."""
    message: str
    """What the program said."""

    @property
    def dead(self) -> bool:
        """Whether another try will not bring it."""
        return self.reason in DEAD_REASONS


def classify(exit_code: int, said: str) -> SiteAnswer:
    """The answer behind yt-dlp's exit code and messages.

    Args:
        exit_code: of the program; negative if a signal ended it.
        said: what it wrote to stderr.
    """
    errors = [line.strip() for line in said.splitlines() if line.lstrip().startswith("ERROR")]
    lines = errors or [line.strip() for line in said.splitlines() if line.strip()][-3:]
    message = (
        " ".join(lines)[:_LONGEST_MESSAGE] or f"yt-dlp ended with exit code {exit_code} and said nothing"
    )
    if exit_code < 0:
        return SiteAnswer("killed", f"yt-dlp was ended by signal {-exit_code}. {message}")
    if exit_code == _BROKEN_USAGE:
        return SiteAnswer("usage", f"this yt-dlp does not know an option: update it. {message}")
    if exit_code == _UPDATE_FIRST:
        return SiteAnswer("updating", f"yt-dlp wants to be started again after an update. {message}")
    if exit_code == _STOPPED:
        return SiteAnswer("stopped", f"yt-dlp was told to stop by its own options. {message}")
    for reason, pattern in _PATTERNS:
        if re.search(pattern, message, re.IGNORECASE):
            return SiteAnswer(reason, message)
    return SiteAnswer("failed", message)
