"""The three roots of failure: the user can mend it, one clip failed, or it is a bug (any other exception)."""

from __future__ import annotations

import difflib
import enum
from collections.abc import Iterable


class ExitCode(enum.IntEnum):
    """Exit codes of every command; documented in docs/results.md."""

    OK = 0
    """Everything asked for was done."""
    GATE = 1
    """A regression gate failed."""
    USAGE = 2
    """Wrong usage or a missing prerequisite; the message names the command that mends it."""
    PARTIAL = 3
    """Finished, but some clips failed; the table says which and why."""
    ENVIRONMENT = 4
    """The machine or the installation is broken (disk full, package missing)."""


class LiveactEvalError(Exception):
    """Base of the errors that are shown without a traceback."""

    exit_code: ExitCode = ExitCode.USAGE


class UserError(LiveactEvalError):
    """Wrong usage or missing prerequisite. The message says what, value seen, value expected, what to do."""


class NewerFileError(UserError):
    """A file was written by a newer version: it is left as it is."""


class BrokenEnvironmentError(LiveactEvalError):
    """Disk full, package missing, folder not writable: nothing in the request is wrong, the machine is."""

    exit_code = ExitCode.ENVIRONMENT


class ClipError(Exception):
    """One clip failed in one stage. It is recorded under `reason`, and the run goes on.

    `reason` is a short code (`unreadable`, `no_frames`, ...) that is counted beside each mean;
    `message` is for people.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message

    def __reduce__(self) -> tuple[type[ClipError], tuple[str, str]]:
        """Two arguments, so that the error survives the way back from a worker process."""
        return (ClipError, (self.reason, self.message))


def unknown_name(kind: str, name: str, known: Iterable[str], *, hint: str = "") -> UserError:
    """A `UserError` for a name that does not exist, naming the nearest one that does."""
    names = sorted(known)
    lowered = {known_name.lower(): known_name for known_name in names}
    near = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.5)
    guess = f" Did you mean {lowered[near[0]]!r}?" if near else ""
    listing = f" Known: {', '.join(names)}." if names and len(names) <= 30 else ""
    return UserError(f"Unknown {kind} {name!r}.{guess}{listing}{' ' + hint if hint else ''}")
