"""Metrics at work during a pass: each gets its windows, and one that fails does not stop the others."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liveact_eval.errors import ClipError
from liveact_eval.measure.feeds import Anchors, Cut, Feed, FrameSource, Given, frame_sources, sound_sources
from liveact_eval.measure.needs import FrameNeed, Matrix
from liveact_eval.measure.sharing import Memo, Of
from liveact_eval.measure.streams import DerivedStreams
from liveact_eval.metrics.base import Batch, Metric, Missing
from liveact_eval.networks.provider import BadWeightsError

if TYPE_CHECKING:
    import torch

    from liveact_eval.networks.provider import Networks

_Memos = dict[tuple[bool, Cut, int, int], Memo]
"""Of one step of the pass: by whether they are the real video's, how windows are cut, the first, and their number."""


class Feeding:
    """Hands the streams of a pass to the metrics, in windows, and gathers the rows.

    Args:
        metrics: who is fed.
        fps: frames per second of the streams.
        networks: where metrics get their networks from.
        bt601: whether the video's frames by BT.601 differ from those by its stated matrix, so that `show_bt601` is
            called for whoever asks for them.
    """

    def __init__(
        self, metrics: Sequence[Metric], fps: float, networks: Networks | None, *, bt601: bool = False
    ) -> None:
        self._networks = networks
        self._feeds = [
            Feed(metric, name, metric.needs[name], rows)
            for metric in metrics
            for name, rows in metric.collectors_at(fps).items()
        ]
        self._frames = frame_sources(self._feeds, fps, bt601=bt601)
        self._sounds = sound_sources(self._feeds)
        self._anchors = Anchors()
        self._same = False
        self.traces: dict[str, str] = {}
        """Tracebacks of failed metrics, by name; a metric that is named here gets nothing any more."""
        self.refused: dict[str, Missing] = {}
        """Why metrics cannot be had whose networks have unusable weights, by name; neither do these."""

    def show(
        self, streams: DerivedStreams, other: DerivedStreams | None, portrait: DerivedStreams | None
    ) -> None:
        """Take the next frames.

        Args:
            streams: of the measured video.
            other: of the real video, at the same frames; the same object where it is the measured one.
            portrait: of the picture that the video was made from, where a metric asks for it.
        """
        self._same = other is streams
        self._show_all("stated", streams, other, portrait)

    def show_bt601(self, streams: DerivedStreams) -> None:
        """Take the next frames of the measured video as the matrix of BT.601 has them; they need no face."""
        self._show_all("bt601", streams, None, None)

    def listen(self, of: str, samples: NDArray[np.int16]) -> None:
        """Take the next samples of the measured video's sound or of the driving audio."""
        for source in self._sounds:
            if source.need.of == of:
                self._let_hear(source.feeds, source.push(samples))

    def finish(self) -> None:
        """Hand over the windows that waited for others."""
        import torch

        memos: _Memos = {}
        with torch.inference_mode():
            for source in self._frames:
                self._let_see(source, source.finish(), memos)
            for sound in self._sounds:
                self._let_hear(sound.feeds, sound.finish())

    def rows(self, metric: Metric) -> dict[str, NDArray[np.float64]]:
        """All rows of a metric, (T, d) by need; (0, 1) where not one window was complete."""
        return {feed.name: feed.rows.table for feed in self._feeds if feed.metric is metric}

    def _at_work(self, feeds: Sequence[Feed]) -> bool:
        return any(not self._is_out(feed.metric.name) for feed in feeds)

    def _is_out(self, name: str) -> bool:
        return name in self.traces or name in self.refused

    def refuse(self, names: Iterable[str], error: BadWeightsError) -> None:
        """Metrics whose network cannot be loaded get nothing any more; the next run tries anew."""
        self.refused.update(dict.fromkeys(names, Missing("bad_weights", str(error), again=True)))

    def _show_all(
        self,
        matrix: Matrix,
        streams: DerivedStreams,
        other: DerivedStreams | None,
        portrait: DerivedStreams | None,
    ) -> None:
        """Hand the next frames to all who read them by that matrix."""
        import torch

        memos: _Memos = {}
        with torch.inference_mode():
            for source in self._frames:
                # A paired need ends with the real video.
                if not self._at_work(source.feeds) or (source.paired and other is None):
                    continue
                if source.cut.stream.matrix != matrix:
                    continue
                try:
                    self._show(source, streams, other, portrait, memos)
                except (ClipError, MemoryError):
                    raise
                except Exception:  # noqa: BLE001 - a stream that cannot be made must not cost those who read others
                    trace = traceback.format_exc()
                    for feed in source.feeds:
                        self.traces.setdefault(feed.metric.name, trace)

    def _show(
        self,
        source: FrameSource,
        streams: DerivedStreams,
        other: DerivedStreams | None,
        portrait: DerivedStreams | None,
        memos: _Memos,
    ) -> None:
        key = source.cut.stream
        pictures, real = streams.get(key), None
        if source.paired and other is not None:
            real = other.get(key)
            pictures = pictures[: len(real)]
        wanted = portrait is not None and source.portrait
        self._anchors.update(source, pictures, portrait.get(key) if portrait is not None and wanted else None)
        self._let_see(source, source.push(pictures, real), memos)

    def _let_see(self, source: FrameSource, given: Given | None, memos: _Memos) -> None:
        if given is None:
            return
        where = source.cut, given.first, len(given.own)
        own = memos.setdefault((False, *where), Memo())
        real = own if self._same else memos.setdefault((True, *where), Memo())
        for feed in source.feeds:
            shared: dict[Of, Memo] = {"windows": own, "reference": real}
            anchor = self._anchors.of(source, feed.need) if isinstance(feed.need, FrameNeed) else None
            if anchor is not None:
                shared["anchor"] = anchor.memo
            batch = Batch(
                windows=given.own,
                reference=given.real,
                anchor=None if anchor is None else anchor.picture,
                networks=self._networks,
                memos=shared,
            )
            self._take(feed, batch)

    def _let_hear(self, feeds: Sequence[Feed], windows: torch.Tensor | None) -> None:
        if windows is not None:
            memo = Memo()
            for feed in feeds:
                self._take(feed, Batch(windows=windows, networks=self._networks, memos={"windows": memo}))

    def _take(self, feed: Feed, batch: Batch) -> None:
        if self._is_out(feed.metric.name):
            return
        try:
            feed.take(batch)
        except (ClipError, MemoryError):
            raise
        except BadWeightsError as error:
            self.refuse([feed.metric.name], error)
        except Exception:  # noqa: BLE001 - a bug in one metric must not cost the others
            self.traces[feed.metric.name] = traceback.format_exc()
