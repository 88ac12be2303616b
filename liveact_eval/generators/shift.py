"""Moving the sound of a video without touching one of its frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.alignment import start_of
from liveact_eval.clips.media import open_input, reason_of
from liveact_eval.clips.video import SOUND_RATE_HZ
from liveact_eval.errors import ClipError

if TYPE_CHECKING:
    from av.packet import Packet


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
    """Copy the video stream of a file, packet by packet, beside other sound that starts with its first frame.

    Raises:
        ClipError: `unreadable`: the file cannot be read, or its stream cannot be put into the container;
            `no_times`: its frames carry no times.
    """
    import av

    try:
        with (
            open_input(video) as source,
            # Matroska would draw random ids, and the same request must give the same bytes.
            av.open(f"file:{out}", "w", options={"fflags": "+bitexact"}) as target,
        ):
            taken = source.streams.video[0]
            # Opaque: the parameters are copied as they are; no encoder of that name has to exist.
            picture = target.add_stream_from_template(taken, opaque=True)
            sound = target.add_stream(encoding.audio_codec, rate=SOUND_RATE_HZ, layout="mono")
            sound.codec_context.format = av.AudioFormat("s16")
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate, frame.time_base = SOUND_RATE_HZ, Fraction(1, SOUND_RATE_HZ)
            frame.pts = round(start_of(taken) * SOUND_RATE_HZ)
            for packet in (*sound.encode(frame), *sound.encode(None)):
                target.mux(packet)
            rate = Fraction(taken.average_rate or taken.guessed_rate or 25)
            for packet in _in_decoding_time(source.demux(taken), 1 / rate):
                packet.stream = picture
                target.mux(packet)
    except av.error.FFmpegError as error:
        raise ClipError(
            "unreadable", f"the video stream of {video.name!r} cannot be copied: {reason_of(error)}"
        ) from error


def _in_decoding_time(packets: Iterable[Packet[Any]], step: Fraction) -> Iterator[Packet[Any]]:
    """Packets that all have a decoding time.

    Matroska stores none, and libav cannot tell that of the first packets of a stream with B-frames; they are
    counted backwards from the first that is known, `step` seconds each.
    """
    waiting: list[Packet[Any]] = []
    for packet in packets:
        # The packet that ends a stream carries no data.
        if not packet.size:
            continue
        if packet.pts is None:
            raise ClipError("no_times", "the video stream says no frame's time, and cannot be copied without")
        waiting.append(packet)
        if packet.dts is not None:
            yield from _count_back(waiting, packet.dts, step)
            waiting = []
    if waiting:
        yield from _count_back(waiting, min(packet.pts or 0 for packet in waiting), step)


def _count_back(packets: list[Packet[Any]], last: int, step: Fraction) -> list[Packet[Any]]:
    """Set the decoding times of packets so that the last has that one, in its own time base."""
    for back, packet in enumerate(reversed(packets)):
        packet.dts = last - round(back * step / packet.time_base)
    return packets
