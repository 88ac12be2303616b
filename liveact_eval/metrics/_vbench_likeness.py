"""Subject and background consistency of VBench are one metric over the features of two networks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from liveact_eval.measure.buffers import RowBuffer
from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._network_batches import device_of, encode
from liveact_eval.metrics._vbench_consistency import Seen, consistency, frame_weighted
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Rows

if TYPE_CHECKING:
    from torch import Tensor

_BATCH = 16


class LikenessCollector:
    """Keeps one number per frame of a clip, and of its features the first and the latest."""

    def __init__(self) -> None:
        self._seen: Seen | None = None
        self._values = RowBuffer()

    def append(self, rows: NDArray[Any]) -> None:
        """Add (n, D) features of the next frames."""
        values, self._seen = consistency(rows, self._seen)
        if len(values):
            self._values.append(values[:, None])

    @property
    def table(self) -> NDArray[Any]:
        """(T - 1, 1) likeness of each frame but the first to the one before it and to the first."""
        return self._values.table


class ConsistencyMetric(Metric):
    """Likeness of each frame to the one before it and to the first; a set's value is the mean over its frames."""

    needs = {"frames": FrameNeed()}

    @abstractmethod
    def prepare(self, frames: Tensor) -> Tensor:
        """(N, H, W, 3) bytes to what the network takes."""

    def collector(self, need: str) -> LikenessCollector:
        """Likeness in place of features: one number per frame."""
        return LikenessCollector()

    def features(self, need: str, batch: Batch) -> Tensor:
        """(N, D) features of whole frames, once for all metrics that run the network of this one."""
        network = batch.network(self.networks[0])

        def make() -> Tensor:
            return encode(
                lambda part: network(self.prepare(part)),
                batch.windows[:, 0],
                size=_BATCH,
                device=device_of(network),
            )

        # VBench feeds a network the same way wherever it is used.
        return batch.once((self.networks[0], "vbench"), make)

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """The clip's score in 0..1, its value at each frame but the first, and sum and number of these values."""
        values = np.asarray(rows["frames"][:, 0], np.float64)
        if not len(values):
            return ClipScore(values={self.name: Missing("too_short", "one frame has nothing to be like")})
        return ClipScore(
            values={self.name: float(values.mean())},
            curves={self.name: values},
            statistics={self.name: frame_weighted(values)},
        )
