"""Opening a media file for reading: any name, any metadata, any supported version of PyAV."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.container import InputContainer

_LENIENT_SINCE = 19
"""From this major version on PyAV itself replaces metadata that is not UTF-8, and has no option for it."""


def open_input(path: Path) -> InputContainer:
    """Open a media file; raises what PyAV raises.

    `file:` keeps a name with a colon or a leading dash from being read as a protocol or an option.
    """
    import av

    if int(av.__version__.split(".")[0]) >= _LENIENT_SINCE:
        return av.open(f"file:{path}")
    return av.open(f"file:{path}", metadata_errors="replace")


def reason_of(error: BaseException) -> str:
    """What FFmpeg says, without its error number and the path that the caller names anyway."""
    return str(getattr(error, "strerror", None) or error)
