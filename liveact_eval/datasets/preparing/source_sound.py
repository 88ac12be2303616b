"""The sound of a window of a long video, to the sample: 16 kHz, mono, 16 bit."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.alignment import start_of
from liveact_eval.clips.media import open_input, reason_of
from liveact_eval.clips.video import SOUND_RATE_HZ
from liveact_eval.errors import ClipError

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.resampler import AudioResampler
    from av.audio.stream import AudioStream
    from av.container import InputContainer

_LEAD_S = Fraction(1)
"""Decoding begins so much before the window: codecs and the resampler need what came before."""
_FINE = Fraction(1, 4000)
"""Step of the timestamps, in seconds, up to which they are believed to the sample."""
_JUMP_S = Fraction(1, 100)
"""A timestamp that is further than this from where the sound is marks a gap; Matroska rounds to 1 ms."""


@dataclass(frozen=True)
class WindowSound:
    """The sound of a window."""

    samples: NDArray[np.int16]
    """Mono, 16 kHz; sample 0 is at the window's start."""
    silent: int
    """Samples that the video does not have; they are 0."""


def read_window_sound(path: Path, start: Fraction, samples: int) -> WindowSound:
    """The sound from `start` seconds after the video's first frame on.

    Each stretch of sound is put where its timestamps say; what is missing between stretches stays silent.

    Raises:
        ClipError: `no_audio`, or `unreadable`.
    """
    import av

    table = _Table(np.zeros(samples, np.int16), np.zeros(samples, np.bool_))
    try:
        with open_input(path) as container:
            if not container.streams.audio:
                raise ClipError("no_audio", f"{path.name!r} holds no audio stream")
            stream = container.streams.audio[0]
            picture = container.streams.video[0] if container.streams.video else stream
            begin = start_of(picture) + start
            base = stream.time_base
            # Where times are rounded to 1 ms, counting from the first sample on is more exact than any of them.
            if base is not None and base < _FINE and begin - _LEAD_S > start_of(stream):
                container.seek(int((begin - _LEAD_S) / base), stream=stream, backward=True, any_frame=False)
            _fill(table, container, stream, begin, Fraction(samples, SOUND_RATE_HZ))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise ClipError(
            "unreadable", f"the sound of {path.name!r} cannot be read: {reason_of(error)}"
        ) from error
    return WindowSound(table.samples, int(samples - table.known.sum()))


@dataclass
class _Table:
    """The window as it fills."""

    samples: NDArray[np.int16]
    known: NDArray[np.bool_]

    def place(self, at: int, run: NDArray[np.int16]) -> None:
        """Put samples where they belong; what lies outside the window is dropped."""
        first, last = max(0, at), min(len(self.samples), at + len(run))
        if first < last:
            self.samples[first:last] = run[first - at : last - at]
            self.known[first:last] = True


@dataclass
class _Stretch:
    """Sound without a gap, from `at` samples after the window's start on."""

    at: int
    begun: Fraction
    resampler: AudioResampler
    form: tuple[str, str, int]
    taken: Fraction = field(default=Fraction(0))
    given: int = 0

    @property
    def end(self) -> Fraction:
        """Up to where sound was taken, in seconds of the container."""
        return self.begun + self.taken

    def push(self, frame: AudioFrame | None, table: _Table) -> None:
        if frame is not None:
            self.taken += Fraction(frame.samples, frame.sample_rate)
        for part in self.resampler.resample(frame):
            run = part.to_ndarray().reshape(-1).astype(np.int16)
            table.place(self.at + self.given, run)
            self.given += len(run)


def _fill(
    table: _Table, container: InputContainer, stream: AudioStream, begin: Fraction, seconds: Fraction
) -> None:
    import av

    stretch: _Stretch | None = None
    for frame in container.decode(stream):
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        time = (
            Fraction(frame.pts) * frame.time_base
            if frame.pts is not None and frame.time_base is not None
            else None
        )
        if time is not None and time > begin + seconds + _LEAD_S:
            break
        if (
            stretch is None
            or form != stretch.form
            or (time is not None and abs(time - stretch.end) > _JUMP_S)
        ):
            if stretch is not None:
                stretch.push(None, table)
            since = time if time is not None else (stretch.end if stretch else start_of(stream))
            stretch = _Stretch(
                at=round((since - begin) * SOUND_RATE_HZ),
                begun=since,
                resampler=av.AudioResampler(format="s16", layout="mono", rate=SOUND_RATE_HZ),
                form=form,
            )
        stretch.push(frame, table)
    if stretch is not None:
        stretch.push(None, table)
