"""The 68 landmarks of each frame, from one pass of FAN that all metrics of landmarks share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._landmarks import IBUG_68
from liveact_eval.metrics._network_batches import device_of
from liveact_eval.metrics.base import Batch

if TYPE_CHECKING:
    from torch import Tensor, nn

NETWORK = "fan"
"""Name of the landmark network in the catalogue."""
SCHEME = IBUG_68
"""Which point is which."""
LANDMARKS = "fan4-yunet165"
"""How landmarks are found, for names of recipes: the network, and which boxes and scale its crops come from."""
FINE_LANDMARKS = f"{LANDMARKS}-subcell"
"""The same, for landmarks read between the cells of the heat maps."""
AT_ONCE = 16
"""Faces that go through the network together."""
HEADS = FrameNeed(region="head", at_once=AT_ONCE)
"""Crops for the network, of the measured video alone."""

Landmarks = NDArray[np.float64]


def landmarks_of(
    batch: Batch, of: Literal["windows", "reference"] = "windows", *, fine: bool = False
) -> Landmarks:
    """Landmarks of a batch of the region `head`, (N, 68, 2) in shares of the crops; NaN where a frame has no face.

    Args:
        batch: of windows of one frame.
        of: the measured video or, for a paired need, the real one.
        fine: between the cells of the heat maps instead of in steps of half a cell; see `points_of`.

    Raises:
        ValueError: the reference is asked for, and there is none.
    """
    pictures = batch.windows if of == "windows" else batch.reference
    if pictures is None:
        raise ValueError("a paired need comes with its reference")
    crops, network = pictures[:, 0], batch.network(NETWORK)
    both = batch.once((NETWORK, "points"), lambda: _located(network, crops), of=of)
    return both[:, int(fine)]


def _located(network: nn.Module, crops: Tensor) -> Landmarks:
    """Points in steps of half a cell and fine ones, (N, 2, 68, 2)."""
    import torch

    from liveact_eval.networks.fan import POINTS, normalise, points_of

    found = torch.full((len(crops), 2, POINTS, 2), torch.nan, dtype=torch.float64)
    seen = crops[:, 0, 0, 0].isfinite().nonzero()[:, 0]
    for some in seen.split(AT_ONCE) if len(seen) else ():
        maps = network(normalise(crops[some].to(device_of(network))))
        found[some] = torch.stack([points_of(maps), points_of(maps, fine=True)], dim=1).double().cpu()
    return np.asarray(found.numpy())
