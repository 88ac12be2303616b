"""Videos in the report's own folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from liveact_eval.clips.clip import safe_name


def place_video(video: Path, folder: Path, name: str) -> str:
    """Put a video into a folder; returns its file name there.

    A second name of the same file where the file system can, which takes no room, and a copy elsewhere. Both stay when
    the run is deleted.
    """
    file = safe_name(name) + video.suffix.lower()
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / file
    try:
        os.link(video.resolve(), target)
    except OSError:
        shutil.copyfile(video, target)
    return file
