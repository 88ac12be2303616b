"""Reference images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liveact_eval.errors import ClipError
from liveact_eval.files import atomic_path


def load_image(path: Path) -> NDArray[np.uint8]:
    """An image as (H, W, 3) RGB uint8, its EXIF rotation applied.

    Raises:
        ClipError: `unreadable`.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"), dtype=np.uint8)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ClipError("unreadable", f"{path.name!r} is not an image that can be read: {error}") from error


def save_png(path: Path, rgb: NDArray[np.uint8]) -> None:
    """Write (H, W, 3) RGB uint8 as PNG, whole or not at all."""
    from PIL import Image

    with atomic_path(path) as temporary:
        Image.fromarray(rgb).save(temporary, format="PNG")
