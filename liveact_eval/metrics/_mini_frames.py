"""What the mini frame network reads off a batch, once for all metrics that look at the same frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liveact_eval.measure.sharing import Of
from liveact_eval.metrics._network_batches import device_of
from liveact_eval.metrics.base import Batch

if TYPE_CHECKING:
    from torch import Tensor

NETWORK = "mini_frame"
SIZE = (64, 64)
"""Width and height that frames are brought to."""
AT_ONCE = 32
"""Frames per pass of the network."""
SOURCE = "this project; network trained on talkers, recipe mini-frame"

Reading = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
"""Features (N, 128), identity vectors (N, 64) and mouths (N, 3): see `FrameReading`."""


def read_frames(batch: Batch, of: Of = "windows") -> Reading:
    """Features, identity and mouth of the frames of a batch.

    Args:
        batch: windows of one frame each.
        of: which of its pictures.

    Raises:
        ValueError: the batch does not have what is asked for.
    """
    whole = {"windows": batch.windows, "reference": batch.reference, "anchor": batch.anchor}[of]
    if whole is None:
        raise ValueError(f"this batch has no {of}; a need that asks for one comes with it")
    pictures = whole[None] if of == "anchor" else whole[:, 0]
    return batch.once((NETWORK, "reading"), lambda: _read(batch, pictures), of=of)


def _read(batch: Batch, pictures: Tensor) -> Reading:
    import torch

    from liveact_eval.networks.mini_frame import to_mini_frames

    network = batch.network(NETWORK)
    parts = []
    for part in pictures.split(AT_ONCE):
        # Passes are always full, because libraries choose other kernels for other sizes: so rows do not depend on how
        # many frames come together.
        rest = part[-1:].expand(AT_ONCE - len(part), -1, -1, -1)
        full = to_mini_frames(torch.cat([part, rest]).to(device_of(network)))
        parts.append([values[: len(part)].float().cpu() for values in network(full)])
    features, identity, mouth = (torch.cat(columns).numpy() for columns in zip(*parts, strict=True))
    return features, identity, mouth
