"""The real video beside the measured one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.video import Sound, VideoFile

if TYPE_CHECKING:
    from liveact_eval.measure.engine import Job


class ReferenceVideo:
    """The real video, read in step with the measured one; not opened where it is the same file."""

    def __init__(self, job: Job, *, needed: bool) -> None:
        self._job = job
        self._same = job.clip.video is not None and job.video == job.clip.video
        self._needed = needed and job.clip.video is not None
        self._frames: Iterator[NDArray[np.uint8]] | None = None
        self._file: VideoFile | None = None
        if self._needed and not self._same and job.clip.video is not None:
            self._file = VideoFile(job.clip.video)
            read = self._file.read(rate=job.clip.rate, seconds=job.clip.seconds, sound=False)
            self._frames = (item.rgb for item in read if not isinstance(item, Sound))

    def __enter__(self) -> ReferenceVideo:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def next(self, run: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        """The real frames beside a run, fewer at the end; `None` where there is no reference or no more."""
        if self._same:
            return run if self._needed else None
        frames = list(itertools.islice(self._frames, len(run))) if self._frames is not None else []
        return np.stack(frames) if frames else None
