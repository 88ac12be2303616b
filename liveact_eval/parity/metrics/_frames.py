"""Pictures that several files of vectors were made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional as F

from liveact_eval.errors import UserError

FILE = "resize_in_frame.png"
"""The picture; the others are made of it."""


def _enlarged(picture: Tensor) -> Tensor:
    """By one and a half, cut to 600 rows."""
    planes = picture.permute(0, 3, 1, 2).float()
    larger = F.interpolate(planes, scale_factor=1.5, mode="bilinear", align_corners=False)
    return larger[:, :, :600].permute(0, 2, 3, 1)


FRAMES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "sq": lambda picture: picture,
    "wide": lambda picture: picture[:, 100:340, 20:440],
    "up": _enlarged,
}
"""By the name that vectors give them: from (1, H, W, 3) to (1, h, w, 3), in levels 0..255."""


def frames(folder: Path) -> dict[str, Tensor]:
    """All of them, (1, h, w, 3).

    Raises:
        UserError: the picture is missing or damaged.
    """
    picture = torch.from_numpy(read_picture(folder, FILE))[None]
    return {name: make(picture) for name, make in FRAMES.items()}


def read_picture(folder: Path, name: str) -> np.ndarray:
    """A picture as (H, W, 3) RGB bytes.

    Raises:
        UserError: it is missing or damaged.
    """
    try:
        with Image.open(folder / name) as picture:
            return np.array(picture.convert("RGB"))
    except FileNotFoundError:
        raise UserError(f"The vectors lack {name}; expected in {folder}. Copy the whole folder.") from None
    except (UnidentifiedImageError, OSError) as error:
        raise UserError(f"Cannot read {folder / name}: {error}. Copy it again.") from error
