"""The reference picture: fitted to the size of the video, and as the condition beside the noisy latents."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.vae import TEMPORAL_STRIDE, WanVAE

CONDITION_LATENTS = 6 + 8
"""Latent frames of the condition: those of the first block, then those that every later block sees."""


def prepare_reference(rgb: NDArray[Any], size: tuple[int, int], *, multiple: int = 16) -> Tensor:
    """Scale a picture until it covers the size, and cut out its centre.

    Args:
        rgb: [height, width, 3] uint8.
        size: width and height of the video in pixels.
        multiple: what both must be multiples of: 8 pixels per latent times 2 latents per patch.

    Returns:
        [3, H, W] float32 in [-1, 1], overshoot of the bicubic filter cut to that range.

    Raises:
        LiveActError: no uint8 picture, or a size that does not fit the model.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
        raise LiveActError(
            f"Reference picture of type {rgb.dtype} and shape {list(rgb.shape)}; expected uint8 [height, width, 3]"
        )
    width, height = size
    if width < multiple or height < multiple or width % multiple or height % multiple:
        raise LiveActError(
            f"Video size {width}x{height}: both sides must be multiples of {multiple}; the nearest is "
            f"{_nearest(width, multiple)}x{_nearest(height, multiple)}"
        )
    scale = max(width / rgb.shape[1], height / rgb.shape[0])
    scaled = (max(round(rgb.shape[1] * scale), width), max(round(rgb.shape[0] * scale), height))
    picture = Image.fromarray(rgb).resize(scaled, Image.Resampling.BICUBIC)
    left, top = (scaled[0] - width) // 2, (scaled[1] - height) // 2
    cut = np.asarray(picture)[top : top + height, left : left + width]
    return torch.from_numpy(cut.copy()).permute(2, 0, 1).float().div(255.0).mul(2.0).sub(1.0)


def condition_mask(latents: int, height: int, width: int) -> Tensor:
    """1 where the condition is the picture, 0 where it is grey: [1, 4, latents, height, width].

    One channel per video frame of a latent; all four say the same.
    """
    mask = torch.zeros(1, TEMPORAL_STRIDE, latents, height, width)
    mask[:, :, 0] = 1.0
    return mask


def encode_condition(vae: WanVAE, image: Tensor, *, latents: int = CONDITION_LATENTS) -> Tensor:
    """The condition `y`: mask and latents of a video that begins with the picture and goes on in mid-grey.

    Grey is 0 in [-1, 1]. All frames are encoded in one pass: the latents of the grey ones are not
    constant, since the encoder remembers the picture.

    Args:
        vae: encodes.
        image: [3, H, W] in [-1, 1], as `prepare_reference` makes it.
        latents: latent frames, at least 1.

    Returns:
        [1, 20, latents, H / 8, W / 8] on the VAE's device and in its type: 4 channels mask, 16 latent.

    Raises:
        LiveActError: another shape.
    """
    if image.ndim != 3 or image.shape[0] != 3 or latents < 1:
        raise LiveActError(
            f"Condition of a picture of shape {list(image.shape)} over {latents} latents; expected "
            "[3, H, W] and at least 1"
        )
    return encode_conditions(vae, image[None], latents=latents)


def encode_conditions(vae: WanVAE, images: Tensor, *, latents: int = CONDITION_LATENTS) -> Tensor:
    """The same for several pictures [B, 3, H, W] at once: [B, 20, latents, H / 8, W / 8]."""
    frames = (latents - 1) * TEMPORAL_STRIDE + 1
    video = torch.zeros(len(images), 3, frames, *images.shape[2:], device=vae.device, dtype=vae.dtype)
    video[:, :, 0] = images.to(video)
    encoded = vae.encode(video)
    mask = condition_mask(latents, encoded.shape[3], encoded.shape[4])
    return torch.cat((mask.to(encoded).expand(len(images), -1, -1, -1, -1), encoded), dim=1)


def _nearest(side: int, multiple: int) -> int:
    return max(round(side / multiple), 1) * multiple
