"""Writing the very frames that are timed, beside the measured time."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.encode import VideoWriter
from liveact_eval.clips.video import SOUND_RATE_HZ
from liveact_eval.efficiency.clips import Said
from liveact_eval.files import atomic_path


class VideoSink:
    """A video with its driving sound, whole or not at all. Use as a context manager.

    Args:
        out: path of the video.
        said: what drives it.
    """

    def __init__(self, out: Path, said: Said) -> None:
        self._out = out
        self._said = said
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> VideoSink:
        given = self._said.inputs
        temporary = self._stack.enter_context(atomic_path(self._out))
        writer = VideoWriter(
            temporary, size=given.size, rate=given.fps, encoding=self._said.encoding, sound=True
        )
        self._writer = self._stack.enter_context(writer)
        length = round(given.frames / given.fps * SOUND_RATE_HZ)
        self._writer.write_sound(self._said.sound[:length])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, value, trace)

    def write_block(self, frames: NDArray[np.uint8], first_frame: int) -> None:
        """See `FrameSink.write_block`."""
        rate = self._said.inputs.fps
        for offset, rgb in enumerate(frames):
            self._writer.write(rgb, (first_frame + offset) / rate)
