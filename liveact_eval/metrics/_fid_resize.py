"""From pictures of any size to the 299 x 299 levels of FID Inception, by named recipes; all stretch to a square.

`clean` (Parmar et al., CVPR 2022): each channel as 32-bit float through Pillow's antialiased bicubic, not rounded, then
clipped to 0..255. `legacy_pytorch`: bilinear without antialiasing, as pytorch-fid does inside its network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from liveact_eval.errors import unknown_name

if TYPE_CHECKING:
    import torch

Resize = Literal["clean", "legacy_pytorch"]
RESIZES: tuple[Resize, ...] = ("clean", "legacy_pytorch")
SIDE = 299
"""Height and width after resizing, in pixels."""
_SUPPORT = 2
"""Half width of the bicubic kernel, in pixels of the smaller scale."""
_A = -0.5
"""Free parameter of the bicubic kernel, as in Pillow."""


def to_inception_levels(frames: torch.Tensor, recipe: Resize) -> torch.Tensor:
    """Pictures as FID Inception takes them.

    Args:
        frames: (N, H, W, 3) RGB levels 0..255, uint8 or float.
        recipe: name of the resize.

    Returns:
        (N, 3, 299, 299) float32 levels 0..255.

    Raises:
        UserError: unknown recipe.
    """
    import torch

    if recipe == "clean":
        return resize_clean(frames)
    if recipe != "legacy_pytorch":
        raise unknown_name("resize of FID", recipe, RESIZES)
    planes = frames.permute(0, 3, 1, 2).float()
    return torch.nn.functional.interpolate(planes, (SIDE, SIDE), mode="bilinear", align_corners=False)


def resize_clean(frames: torch.Tensor) -> torch.Tensor:
    """`clean`; see `to_inception_levels`. Pillow itself on a CPU, matrices on other devices."""
    return _by_pillow(frames) if frames.device.type == "cpu" else by_matrices(frames)


def by_matrices(frames: torch.Tensor) -> torch.Tensor:
    """`clean` as two products with matrices, columns first, as Pillow does.

    Within 1e-4 levels of Pillow. PyTorch's own antialiased bicubic is not used: it is off by up to 8e-3 levels.
    """
    import torch

    _, height, width, _ = frames.shape
    across = bicubic_matrix(width, SIDE).to(frames.device)
    down = bicubic_matrix(height, SIDE).to(frames.device)
    # One picture at a time, so that no batch of full-size floats is held.
    planes = [torch.matmul(down, torch.matmul(frame.permute(2, 0, 1).float(), across.T)) for frame in frames]
    return torch.stack(planes).clamp_(0, 255)


def _by_pillow(frames: torch.Tensor) -> torch.Tensor:
    import torch
    from PIL import Image

    made = torch.empty(len(frames), 3, SIDE, SIDE)
    for frame, out in zip(frames, made, strict=True):
        for channel, plane in zip(frame.permute(2, 0, 1).float().numpy(), out, strict=True):
            resized = Image.fromarray(channel).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            plane.copy_(torch.from_numpy(np.array(resized)))
    return made.clamp_(0, 255)


def bicubic_matrix(size: int, target: int) -> torch.Tensor:
    """Weights (target, size) float32 of Pillow's antialiased bicubic along one axis; each row adds up to 1."""
    import torch

    scale = size / target
    stretch = max(scale, 1.0)
    centres = (torch.arange(target, dtype=torch.float64) + 0.5) * scale
    first = (centres - _SUPPORT * stretch + 0.5).floor().clamp(min=0)
    last = (centres + _SUPPORT * stretch + 0.5).floor().clamp(max=size)
    taps = torch.arange(size, dtype=torch.float64)
    x = ((taps + 0.5 - centres[:, None]) / stretch).abs()
    near = ((_A + 2) * x - (_A + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * _A
    weights = torch.where(x < 1, near, torch.where(x < _SUPPORT, far, 0.0))
    weights = torch.where((taps >= first[:, None]) & (taps < last[:, None]), weights, 0.0)
    return (weights / weights.sum(dim=1, keepdim=True)).float()
