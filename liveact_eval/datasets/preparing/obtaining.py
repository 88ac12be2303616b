"""One video, by whichever way: found, fetched, or known to be gone. Patient with the site, and resumable."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from filelock import FileLock

from liveact_eval.clips.clip import VIDEO_SUFFIXES, safe_name
from liveact_eval.datasets.preparing.local_videos import LocalVideos
from liveact_eval.datasets.preparing.mirror import mirror_download
from liveact_eval.datasets.preparing.probing import Probe, probe
from liveact_eval.datasets.preparing.rows import Way
from liveact_eval.datasets.preparing.site_answers import RATE_LIMITED, SiteAnswer
from liveact_eval.datasets.preparing.ytdlp import Programs, download
from liveact_eval.datasets.published.source_clip import SourceClip
from liveact_eval.errors import ClipError
from liveact_eval.files import sha256_of

_ROUNDING_S = Fraction(1, 10)
"""Containers round the length of a stream; what really lacks is found when the clip is cut."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How the video site is treated."""

    tries: int = 4
    """Tries of one video for reasons that may pass."""
    first_wait_s: float = 15.0
    """Wait after the first failure; doubled each time."""
    longest_wait_s: float = 600.0
    """No wait is longer."""
    rate_limit_factor: float = 4.0
    """Waits are longer by this where the site asks for patience."""
    pause_s: float = 3.0
    """Mean pause before every video."""

    def waits(self, answer: SiteAnswer, draw: random.Random) -> Iterator[float]:
        """Seconds before each further try; between half and all of the doubled wait, so that users do not meet."""
        factor = self.rate_limit_factor if answer.reason == RATE_LIMITED else 1.0
        for number in range(self.tries - 1):
            longest = min(self.first_wait_s * factor * 2**number, self.longest_wait_s)
            yield longest * draw.uniform(0.5, 1.0)


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where videos come from. It travels to worker processes."""

    way: Way
    """Which of the three."""
    local: LocalVideos | None = None
    """For `folder`."""
    prefix: str | None = None
    """For `mirror`."""
    programs: Programs | None = None
    """For `yt-dlp`."""
    patience: Patience = Patience()
    """For what goes over a network."""

    @property
    def tools(self) -> dict[str, str]:
        """Versions of the programs that are used."""
        return dict(self.programs.versions) if self.programs is not None else {}


@dataclass(frozen=True, kw_only=True)
class Obtained:
    """A video that is there."""

    path: Path
    sha256: str
    probe: Probe


def obtain(source: Source, clips: tuple[SourceClip, ...], needed_s: Fraction, store: Path) -> Obtained:
    """Have the video of some clips.

    Args:
        source: where from.
        clips: all of one video.
        needed_s: where the last of them ends, in seconds of the video.
        store: folder of fetched videos.

    Raises:
        ClipError: the video is not there; `reason` tells gone for good from worth another try.
        BrokenEnvironmentError: the disk is full.
    """
    clip = clips[0]
    if source.local is not None:
        return _described(source.local.find(clip))
    name = safe_name(clip.video_id)
    store.mkdir(parents=True, exist_ok=True)
    # Two datasets may need the same video at the same time.
    with FileLock(store / f".{name}.lock"):
        return _kept(store, name, needed_s) or _fetched(source, clip, store, name)


def raw_video(store: Path, video_id: str) -> Path | None:
    """The fetched file of a video, if it is there."""
    return next(iter(_files(store, safe_name(video_id))), None)


def _fetched(source: Source, clip: SourceClip, store: Path, name: str) -> Obtained:
    folder = store / f".{name}.fetching"
    made = _patiently(source, clip, folder)
    try:
        found = probe(made)
    except ClipError as error:
        # Half a file that its tool took for a whole one: fetched again from the start next time.
        shutil.rmtree(folder)
        raise ClipError("broken_download", f"what was fetched cannot be read: {error.message}") from error
    target = store / f"{name}{made.suffix}"
    for other in _files(store, name):
        other.unlink()
    made.replace(target)
    shutil.rmtree(folder)
    return Obtained(path=target, sha256=sha256_of(target), probe=found)


def _kept(store: Path, name: str, needed_s: Fraction) -> Obtained | None:
    """What was fetched before, if it is long enough to be whole."""
    for path in _files(store, name):
        try:
            found = probe(path)
        except ClipError:
            continue
        if found.seconds + _ROUNDING_S >= needed_s:
            return Obtained(path=path, sha256=sha256_of(path), probe=found)
    return None


def _files(store: Path, name: str) -> list[Path]:
    candidates = (store / f"{name}{suffix}" for suffix in sorted(VIDEO_SUFFIXES))
    return [path for path in candidates if path.is_file()]


def _patiently(source: Source, clip: SourceClip, folder: Path) -> Path:
    """Ask until the video comes, is known to be gone, or has cost enough tries."""
    # Not a result: only keeps many users from asking at the same moment.
    draw = random.Random()  # noqa: S311
    time.sleep(source.patience.pause_s * draw.uniform(0.5, 1.5))
    answer = _ask(source, clip, folder)
    if isinstance(answer, Path):
        return answer
    waits = source.patience.waits(answer, draw)
    while not answer.dead and (wait := next(waits, None)) is not None:
        time.sleep(wait)
        answer = _ask(source, clip, folder)
        if isinstance(answer, Path):
            return answer
    raise ClipError(answer.reason, answer.message)


def _ask(source: Source, clip: SourceClip, folder: Path) -> Path | SiteAnswer:
    folder.mkdir(parents=True, exist_ok=True)
    if source.prefix is not None:
        return mirror_download(source.prefix, clip, folder)
    if source.programs is None:
        raise ValueError("a source needs a folder, a mirror or the programs")
    return download(source.programs, clip.url, folder)


def _described(path: Path) -> Obtained:
    found = probe(path)
    try:
        return Obtained(path=path, sha256=sha256_of(path), probe=found)
    except OSError as error:
        raise ClipError("unreadable", f"{path.name!r} cannot be read: {error.strerror}") from error
