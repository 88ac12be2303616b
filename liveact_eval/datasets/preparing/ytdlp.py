"""yt-dlp as a program of its own: one video, one process, no cookies, no configuration of the user's."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from liveact_eval.clips.clip import VIDEO_SUFFIXES
from liveact_eval.datasets.preparing.site_answers import SiteAnswer, classify
from liveact_eval.errors import BrokenEnvironmentError, UserError
from liveact_eval.files import full_disk

INSTALLS = {
    "yt-dlp": 'pip install "yt-dlp[default]"',
    "ffmpeg": "apt install ffmpeg (or: brew install ffmpeg)",
}
"""How each program is installed."""
FORMATS = "bv*[ext=mp4][height<=1080]+ba[ext=m4a]/bv*[height<=1080]+ba/b[height<=1080]/bv*+ba/b"
"""Best MP4 video up to 1080 lines with M4A sound; failing that, the best in any container."""
_LONGEST_S = 3600.0
"""One video may take this long; what it has by then is kept and continued."""
_VERSION_S = 30.0


@dataclass(frozen=True)
class Programs:
    """Where the programs are, and which versions."""

    ytdlp: str
    """Path."""
    ffmpeg: str
    """Path; yt-dlp uses it to put pictures and sound into one file."""
    versions: dict[str, str]
    """By name."""


def find_programs() -> Programs:
    """The programs that fetching needs.

    Raises:
        UserError: one is not installed; the message says how to install it.
    """
    paths = {name: shutil.which(name) for name in INSTALLS}
    lacking = [name for name, path in paths.items() if path is None]
    if lacking:
        ways = "; ".join(f"{name}: {INSTALLS[name]}" for name in lacking)
        raise UserError(
            f"Fetching videos needs {' and '.join(lacking)}, not found on this machine. Install with: {ways}. "
            "Or give videos that you have: --videos DIR"
        )
    versions = {name: version_of(version_command(name, str(path))) for name, path in paths.items()}
    return Programs(str(paths["yt-dlp"]), str(paths["ffmpeg"]), versions)


def version_command(name: str, path: str) -> list[str]:
    """The command line that says a program's version."""
    return [path, *(["-version"] if name == "ffmpeg" else ["--ignore-config", "--version"])]


def version_of(command: Sequence[str]) -> str:
    """The first line of what a program says about its version.

    Raises:
        UserError: it cannot be run.
    """
    try:
        ended = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_VERSION_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"{command[0]!r} cannot be run: {error}. Install it anew") from error
    lines = ended.stdout.splitlines()
    if ended.returncode != 0 or not lines:
        said = ended.stderr.strip()[:300] or "it said nothing"
        raise UserError(f"{command[0]!r} ended with exit code {ended.returncode}: {said}. Install it anew")
    return lines[0].strip()[:120]


def arguments(programs: Programs, url: str, folder: Path) -> list[str]:
    """The command line that fetches one video into a folder of its own, where it continues what is there."""
    # Percent signs begin a field of the template.
    template = str(folder / "video").replace("%", "%%") + ".%(ext)s"
    return [
        programs.ytdlp,
        "--ignore-config",
        "--no-cookies",
        "--no-cookies-from-browser",
        "--no-playlist",
        "--newline",
        "--no-mtime",
        "--continue",
        "--abort-on-error",
        "--socket-timeout",
        "30",
        "--retries",
        "3",
        "--fragment-retries",
        "3",
        "--sleep-requests",
        "1",
        "--ffmpeg-location",
        programs.ffmpeg,
        "--format",
        FORMATS,
        "--merge-output-format",
        "mp4/mkv",
        "--remux-video",
        "mp4>mp4/mkv",
        "--output",
        template,
        "--",
        url,
    ]


def download(programs: Programs, url: str, folder: Path, *, seconds: float = _LONGEST_S) -> Path | SiteAnswer:
    """Fetch one video; the finished file, or why there is none.

    Args:
        programs: from `find_programs`.
        url: address of the video; an id alone could be taken for an option.
        folder: folder of this video alone. Half a download stays in it, and the next call continues it.
        seconds: after so long it is ended.

    Raises:
        BrokenEnvironmentError: the disk is full, or the program is gone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        child = subprocess.Popen(
            arguments(programs, url, folder),
            stdin=subprocess.DEVNULL,
            # Its progress goes into a pipe: if this process is killed, its next line ends it.
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            # A group of its own: ffmpeg, which it starts, ends with it.
            start_new_session=True,
        )
    except OSError as error:
        raise BrokenEnvironmentError(
            f"{programs.ytdlp!r} cannot be started: {error.strerror}. Install with: {INSTALLS['yt-dlp']}"
        ) from error
    try:
        _, said = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        _end(child)
        return SiteAnswer("timeout", f"yt-dlp was ended after {seconds:.0f} s; what it has is kept")
    except BaseException:
        _end(child)
        raise
    if child.returncode != 0:
        answer = classify(child.returncode, said)
        if answer.reason == "disk_full":
            raise full_disk(folder / "video")
        return answer
    made = sorted(path for path in folder.glob("video.*") if path.suffix.lower() in VIDEO_SUFFIXES)
    if len(made) != 1:
        names = ", ".join(path.name for path in made) or "none"
        return SiteAnswer("no_file", f"yt-dlp ended well, expected one video from it, found: {names}")
    return made[0]


def _end(child: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        if os.name == "posix":
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    child.communicate()
