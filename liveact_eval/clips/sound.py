"""Sound files: 16 kHz mono int16, read in runs so that an hour needs no more memory than a second."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.alignment import SoundTrack, start_of
from liveact_eval.clips.media import open_input, reason_of
from liveact_eval.clips.video import SOUND_RATE_HZ
from liveact_eval.errors import ClipError
from liveact_eval.files import atomic_path


def read_sound(path: Path, rate: int = SOUND_RATE_HZ) -> Iterator[NDArray[np.int16]]:
    """Samples of any sound file or of a video's audio track, mono int16 at `rate` per second, in runs.

    Those of a video are cut or padded so that sample 0 is at its first frame, as `VideoFile.read` does.

    Raises:
        ClipError: `missing_file`, `unreadable` or `no_audio`.
    """
    import av

    if not path.is_file():
        raise ClipError("missing_file", f"there is no file {path.name!r} in {str(path.parent)!r}")
    try:
        with open_input(path) as container:
            if not container.streams.audio:
                raise ClipError("no_audio", f"{path.name!r} holds no audio stream")
            stream = container.streams.audio[0]
            picture = container.streams.video[0] if container.streams.video else stream
            track = SoundTrack(stream, start_of(picture), rate)
            for frame in container.decode(stream):
                yield track.push(frame)
            yield track.finish()
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise ClipError(
            "unreadable", f"{path.name!r} is not sound that can be read: {reason_of(error)}"
        ) from error


def load_sound(path: Path) -> NDArray[np.int16]:
    """All samples of a short sound; 32 kB per second."""
    runs = list(read_sound(path))
    return np.concatenate(runs) if runs else np.zeros(0, np.int16)


def write_wav(path: Path, samples: NDArray[np.int16]) -> None:
    """Write mono int16 samples at 16 kHz as a WAV file, whole or not at all."""
    with atomic_path(path) as temporary, wave.open(str(temporary), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SOUND_RATE_HZ)
        out.writeframes(samples.astype("<i2").tobytes())
