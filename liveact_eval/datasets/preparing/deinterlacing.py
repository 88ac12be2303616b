"""Whole pictures from fields, by libavfilter's bwdif; pictures that are whole pass untouched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.filter import Graph
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream


class Deinterlacer:
    """Passes frames through until the first that is flagged as fields; from there on through the filter.

    The filter weaves flagged frames only, one picture per frame, and keeps their times. It holds back one frame.
    """

    def __init__(self, video: VideoStream) -> None:
        self._video = video
        self._graph: Graph | None = None

    @property
    def active(self) -> bool:
        """Whether fields were met."""
        return self._graph is not None

    def push(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        """Take the next frame; yield those that are now whole."""
        if self._graph is None and frame.interlaced_frame:
            self._graph = self._built()
        if self._graph is None:
            yield frame
            return
        self._graph.vpush(frame)
        yield from self._pull()

    def finish(self) -> Iterator[VideoFrame]:
        """The frames that the filter still holds."""
        if self._graph is not None:
            self._graph.vpush(None)
            yield from self._pull()

    def _built(self) -> Graph:
        from av.filter import Graph

        graph = Graph()
        source = graph.add_buffer(template=self._video)
        weave = graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
        sink = graph.add("buffersink")
        source.link_to(weave)
        weave.link_to(sink)
        graph.configure()
        return graph

    def _pull(self) -> Iterator[VideoFrame]:
        import av

        while self._graph is not None:
            try:
                yield self._graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
