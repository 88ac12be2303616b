"""From streams to metrics: windows are cut once for all needs that ask for the same ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liveact_eval.measure.needs import FrameNeed, SoundNeed
from liveact_eval.measure.sharing import Memo
from liveact_eval.measure.streams import StreamKey
from liveact_eval.measure.windows import FrameWindows, SoundWindows
from liveact_eval.metrics.base import Batch, Collector, Follower, Metric

if TYPE_CHECKING:
    import torch


@dataclass
class Feed:
    """One need of one metric, and the rows made for it so far."""

    metric: Metric
    name: str
    need: FrameNeed | SoundNeed
    rows: Collector

    def take(self, batch: Batch) -> None:
        """Let the metric make rows of a batch, and keep them.

        Raises:
            ValueError: there is not one row per window.
        """
        if isinstance(self.rows, Follower):
            self.rows.follow(batch)
            return
        rows = np.asarray(self.metric.features(self.name, batch))
        if len(rows) != len(batch.windows):
            raise ValueError(
                f"metric {self.metric.name!r} made {len(rows)} rows of {len(batch.windows)} windows of "
                f"{self.name!r}; one row per window is expected"
            )
        self.rows.append(rows.reshape(len(rows), -1))


@dataclass(frozen=True)
class Cut:
    """A stream and how it is cut: where these are equal, the windows are."""

    stream: StreamKey
    window: int
    hop: int
    every: int
    at_once: int

    @classmethod
    def of(cls, need: FrameNeed, fps: float, *, bt601: bool = False) -> Cut:
        """That of a need, at a frame rate; `bt601` as of `StreamKey.of`."""
        stream = StreamKey.of(need, bt601=bt601)
        return cls(stream, need.window, need.hop, need.interval(fps), need.at_once)

    def windows(self) -> FrameWindows:
        """An empty cutter."""
        return FrameWindows(self.window, self.hop, self.every, self.at_once)


@dataclass(frozen=True)
class Given:
    """Windows that are complete."""

    own: torch.Tensor
    """(N, window, ...)."""
    real: torch.Tensor | None
    """Those beside them of the real video, where these are asked for."""
    first: int
    """Which window of the stream the first of them is."""


@dataclass
class FrameSource:
    """The windows of one cut. Paired ones are a source of their own: they end with the shorter video."""

    cut: Cut
    paired: bool
    feeds: list[Feed]

    def __post_init__(self) -> None:
        self._own, self._real = self.cut.windows(), self.cut.windows()
        self._given = 0

    @property
    def portrait(self) -> bool:
        """Whether a need compares with the portrait."""
        needs = [feed.need for feed in self.feeds if isinstance(feed.need, FrameNeed)]
        return any(need.anchor and need.anchor_of == "portrait" for need in needs)

    def push(self, pictures: torch.Tensor, real: torch.Tensor | None) -> Given | None:
        """Take the next pictures of the stream; return the windows that are now complete."""
        own = self._own.push(pictures)
        return self._give(own, None if real is None else self._real.push(real))

    def finish(self) -> Given | None:
        """The windows that waited for others."""
        return self._give(self._own.finish(), self._real.finish())

    def _give(self, own: torch.Tensor | None, real: torch.Tensor | None) -> Given | None:
        if own is None:
            return None
        first, self._given = self._given, self._given + len(own)
        return Given(own, real, first)


@dataclass
class SoundSource:
    """The windows of one sound, cut one way."""

    need: SoundNeed
    feeds: list[Feed]

    def __post_init__(self) -> None:
        need = self.need
        self._windows = SoundWindows(need.window, need.hop, need.lead, need.at_once)

    def push(self, samples: NDArray[np.int16]) -> torch.Tensor | None:
        """Take the next samples; return the windows that are now complete."""
        return _owned(self._windows.push(samples))

    def finish(self) -> torch.Tensor | None:
        """The windows that waited for others."""
        return _owned(self._windows.finish())


@dataclass
class Anchor:
    """A picture to compare with, and what was made of it."""

    picture: torch.Tensor
    memo: Memo


class Anchors:
    """The anchors of a pass: one for all needs that compare with the same picture."""

    def __init__(self) -> None:
        self._known: dict[tuple[StreamKey, bool, str], Anchor] = {}

    def of(self, source: FrameSource, need: FrameNeed) -> Anchor | None:
        """That of a need; `None` where it has none, or none yet."""
        return self._known.get((source.cut.stream, source.paired, need.anchor_of)) if need.anchor else None

    def update(self, source: FrameSource, pictures: torch.Tensor, portrait: torch.Tensor | None) -> None:
        """Take the anchors of a source's needs from the next pictures of its stream, unless they are known.

        Args:
            source: whose needs.
            pictures: (N, H, W, ...) of its stream; the first one with a face counts.
            portrait: (1, H, W, ...) of the same stream, where a need asks for it.
        """
        needs = [feed.need for feed in source.feeds if isinstance(feed.need, FrameNeed)]
        for of in sorted({need.anchor_of for need in needs if need.anchor}):
            key = (source.cut.stream, source.paired, of)
            known = self._known.get(key)
            fixed = of == "portrait" and portrait is not None
            if known is None or (not fixed and bool(known.picture.isnan().any())):
                of_these = portrait if fixed and portrait is not None else pictures
                self._known[key] = Anchor(_first_face(of_these).clone(), Memo())


def frame_sources(feeds: Iterable[Feed], fps: float, *, bt601: bool = False) -> list[FrameSource]:
    """One source for all needs of frames with the same cut; `bt601` as of `StreamKey.of`."""
    found: dict[tuple[Cut, bool], FrameSource] = {}
    for feed in feeds:
        if isinstance(feed.need, FrameNeed):
            key = Cut.of(feed.need, fps, bt601=bt601), feed.need.paired
            found.setdefault(key, FrameSource(*key, [])).feeds.append(feed)
    return list(found.values())


def sound_sources(feeds: Iterable[Feed]) -> list[SoundSource]:
    """One source for all equal needs of sound."""
    found: dict[SoundNeed, SoundSource] = {}
    for feed in feeds:
        if isinstance(feed.need, SoundNeed):
            found.setdefault(feed.need, SoundSource(feed.need, [])).feeds.append(feed)
    return list(found.values())


def _first_face(pictures: torch.Tensor) -> torch.Tensor:
    """The first picture that has a face, or the first of all."""
    seen = ~pictures.flatten(1).isnan().any(dim=1)
    return pictures[int(seen.int().argmax())]


def _owned(windows: NDArray[np.int16] | None) -> torch.Tensor | None:
    import torch

    return None if windows is None else torch.from_numpy(windows.copy())
