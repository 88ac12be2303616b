"""Networks and small videos for the tests of VBench's metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.measure.windows import FrameWindows
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing


@dataclass(frozen=True)
class Shelf:
    """Networks by name."""

    networks: Mapping[str, nn.Module]

    def get(self, name: str) -> nn.Module:
        """One of them."""
        return self.networks[name]


def forms(frames: int, height: int, width: int, *, step: float = 1.0) -> Tensor:
    """(T, H, W, 3) bytes: soft coloured forms that move to the right by `step` pixels a frame."""
    noise = torch.randn((1, 3, 12, 20), generator=torch.Generator().manual_seed(3))
    wide = F.interpolate(noise, size=(height, 3 * width), mode="bicubic", align_corners=False)[0]
    starts = [2 * width - round(n * step) for n in range(frames)]
    crops = torch.stack([wide[:, :, start : start + width] for start in starts])
    return (128 + 70 * crops).clamp(0, 255).byte().permute(0, 2, 3, 1)


def run(
    metric: Metric, frames: Tensor, networks: Shelf, *, cuts: Sequence[int] = (), fps: float = 25.0
) -> ClipScore:
    """What the engine does with frames that come in runs."""
    rows = {}
    for name, need in metric.needs.items():
        assert isinstance(need, FrameNeed)
        windows = FrameWindows(need.window, need.hop, need.interval(fps))
        collector = metric.collector(name)
        for part in torch.tensor_split(frames, list(cuts)):
            ready = windows.push(part)
            if ready is not None:
                with torch.inference_mode():
                    made = np.asarray(metric.features(name, Batch(windows=ready, networks=networks)))
                assert len(made) == len(ready)
                collector.append(made.reshape(len(made), -1))
        rows[name] = collector.table
    return metric.score(rows, ClipContext(fps=fps, truth=None))


def number(score: ClipScore, name: str) -> float:
    """A value that must be there."""
    value = score.values[name]
    assert isinstance(value, float), value
    return value


def reasons(score: ClipScore) -> set[str]:
    """Why values are missing, all of them."""
    assert all(isinstance(value, Missing) for value in score.values.values())
    return {value.reason for value in score.values.values() if isinstance(value, Missing)}


def blurred(frames: Tensor, factor: int) -> Tensor:
    """Frames with small forms averaged away."""
    planes = frames.permute(0, 3, 1, 2).float()
    small = F.avg_pool2d(planes, factor)
    wide = F.interpolate(small, size=planes.shape[-2:], mode="bilinear", align_corners=False)
    return wide.round().byte().permute(0, 2, 3, 1)


def shuffled(frames: Tensor) -> Tensor:
    """The same frames in another order, the first in its place."""
    order = np.random.RandomState(0).permutation(len(frames) - 1) + 1
    picked: NDArray[np.int64] = np.concatenate([[0], order])
    return frames[torch.from_numpy(picked)]
