"""Small pictures of videos, for lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

THUMBNAIL_HEIGHT = 144
"""Height in pixels; a smaller video keeps its own."""


def write_thumbnail(video: Path, path: Path) -> bool:
    """Write the first frame of a video as a small JPEG; returns whether there was one to write."""
    import av
    from PIL import Image

    try:
        with av.open(f"file:{video}") as container:
            frame: Any = next(container.decode(video=0))
            picture: Image.Image = frame.to_image()
    except (av.error.FFmpegError, OSError, StopIteration, IndexError):
        # A run says what it cannot read; here there is just no picture of it.
        return False
    height = min(THUMBNAIL_HEIGHT, picture.height)
    width = max(1, round(picture.width * height / picture.height))
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.resize((width, height)).save(path, "JPEG", quality=82)
    return True
