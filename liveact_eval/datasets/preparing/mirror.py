"""A private mirror: videos at `<prefix>/<video id>.mp4` or `<prefix>/<name in the dataset>.mp4`, over plain HTTP(S)."""

from __future__ import annotations

import urllib.error
from pathlib import Path
from urllib.parse import quote, urlsplit

from liveact_eval.datasets.preparing.site_answers import RATE_LIMITED, SiteAnswer
from liveact_eval.datasets.published.source_clip import SourceClip
from liveact_eval.errors import UserError
from liveact_eval.weights.transfer import Job, transfer
from liveact_eval.weights.web import Web

_SUFFIXES = (".mp4", ".mkv", ".webm")
_GONE = {404, 410}


def check_prefix(prefix: str) -> str:
    """A prefix without its last slash.

    Raises:
        UserError: it is no http or https address.
    """
    try:
        parts = urlsplit(prefix)
    except ValueError:
        # Brackets where a host should be.
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise UserError(
            f"{prefix!r} is no address to put file names behind. Expected something like "
            "--source https://files.example/hdtf"
        )
    return prefix.rstrip("/")


def mirror_download(prefix: str, clip: SourceClip, folder: Path) -> Path | SiteAnswer:
    """Fetch the video of a clip, continuing what is there; the finished file, or why there is none.

    Args:
        prefix: from `check_prefix`.
        clip: one of the video's clips.
        folder: folder of this video alone.

    Raises:
        BrokenEnvironmentError: the disk is full.
    """
    names = [
        f"{name}{suffix}" for suffix in _SUFFIXES for name in dict.fromkeys([clip.video_id, clip.video_name])
    ]
    for name in names:
        path = folder / f"video{Path(name).suffix}"
        try:
            web = Web(f"{prefix}/{quote(name)}")
            described, version = web.describe(name)
            transfer(
                web,
                Job(web.endpoint, version, described, None, path),
                advanced=lambda _: None,
                waiting=lambda: None,
            )
        except UserError as error:
            code = error.__cause__.code if isinstance(error.__cause__, urllib.error.HTTPError) else None
            if code in _GONE:
                continue
            return SiteAnswer(_reason(code), str(error))
        return path
    return SiteAnswer("missing", f"{prefix} has none of {', '.join(names)}")


def _reason(code: int | None) -> str:
    if code is None:
        return "network"
    return {429: RATE_LIMITED, 401: "refused", 403: "refused"}.get(code, "network")
