"""Moving the sound of a video without touching one of its frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.video import SOUND_RATE_HZ
from liveact_eval.errors import ClipError


def shift_sound(samples: NDArray[np.int16], frames: int, rate: Fraction) -> NDArray[np.int16]:
    """Samples that play `frames` video frames earlier (later if negative), of the same length.

    What comes free is silence.
    """
    moved = round(abs(frames) / rate * SOUND_RATE_HZ)
    silence = np.zeros(min(moved, len(samples)), np.int16)
    if frames >= 0:
        return np.concatenate([samples[moved:], silence])
    return np.concatenate([silence, samples[: max(0, len(samples) - moved)]])


def remux_with_sound(video: Path, out: Path, samples: NDArray[np.int16], encoding: Encoding) -> None:
    """Copy the video stream of a file, packet by packet, beside other sound.

    Raises:
        ClipError: `unreadable`: the file cannot be read, or its stream cannot be put into the container.
    """
    import av

    try:
        with (
            av.open(f"file:{video}", metadata_errors="replace") as source,
            av.open(f"file:{out}", "w") as target,
        ):
            taken = source.streams.video[0]
            picture = target.add_stream_from_template(taken)
            sound = target.add_stream(encoding.audio_codec, rate=SOUND_RATE_HZ, layout="mono")
            sound.codec_context.format = av.AudioFormat("s16")
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate, frame.time_base, frame.pts = SOUND_RATE_HZ, Fraction(1, SOUND_RATE_HZ), 0
            for packet in (*sound.encode(frame), *sound.encode(None)):
                target.mux(packet)
            for packet in source.demux(taken):
                # The packet that ends a stream carries no time and no data.
                if packet.dts is not None:
                    packet.stream = picture
                    target.mux(packet)
    except av.error.FFmpegError as error:
        raise ClipError(
            "unreadable", f"the video stream of {video.name!r} cannot be copied: {error}"
        ) from error
