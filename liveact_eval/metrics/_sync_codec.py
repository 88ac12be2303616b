"""The compression that the SyncNet tools put between video and network, done in memory.

The reference writes the video as MPEG-4 (quantiser 2), its frames as JPEG (quantiser 2), the crops as Xvid through
OpenCV (frame rate x pixels bits per second, quantiser from 3 on, a key frame every 12) and those again as JPEG at
FFmpeg's default rate of 200 kbit/s. The encoders here are FFmpeg's own, with these settings. What is not repeated: that
FFmpeg hands the decoded picture to the first encoder without a detour through RGB, and OpenCV's JPEG decoder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import av
    from av.packet import Packet
    from av.video.codeccontext import VideoCodecContext

RATE_FPS = 25
Picture = NDArray[np.uint8]


class Codec(NamedTuple):
    """One compression."""

    name: str
    """FFmpeg's name of encoder and decoder."""
    layout: str
    """Pixel format."""
    options: tuple[tuple[str, str], ...] = ()
    """Encoder options."""
    bits_per_pixel: float = 0.0
    """Bit rate asked for; 0: the encoder's own."""


_QUANTISER_2 = (("flags", "+qscale"), ("global_quality", str(2 * 118)))
VIDEO = (Codec("mpeg4", "yuv420p", _QUANTISER_2), Codec("mjpeg", "yuvj420p", _QUANTISER_2))
"""What whole frames go through before faces are searched and cut out."""
CROPS = (Codec("mpeg4", "yuv420p", (("qmin", "3"), ("g", "12")), 1.0), Codec("mjpeg", "yuvj420p"))
"""What crops go through before the network."""


class Recompressor:
    """Pictures of one size through one compression after the other; as many come out as go in, perhaps later.

    Args:
        codecs: in order.
        size: width and height in pixels, both even.

    Raises:
        ValueError: an odd size, which these codecs cannot hold.
    """

    def __init__(self, codecs: Sequence[Codec], size: tuple[int, int]) -> None:
        if size[0] % 2 or size[1] % 2:
            raise ValueError(f"pictures are {size[0]}x{size[1]}; MPEG-4 needs an even width and height")
        self._loops = [_Loop(codec, size) for codec in codecs]

    def push(self, pictures: Iterable[Picture]) -> list[Picture]:
        """Take RGB pictures (H, W, 3); return those that are now through."""
        made = list(pictures)
        for loop in self._loops:
            made = [out for picture in made for out in loop.push(picture)]
        return made

    def finish(self) -> list[Picture]:
        """The pictures that the codecs still hold."""
        made: list[Picture] = []
        for loop in self._loops:
            made = [out for picture in made for out in loop.push(picture)] + list(loop.finish())
        return made


class _Loop:
    """One encoder and its decoder, without a container between."""

    def __init__(self, codec: Codec, size: tuple[int, int]) -> None:
        import av
        from av.video.reformatter import VideoReformatter

        encoder = cast("VideoCodecContext", av.CodecContext.create(codec.name, "w"))
        encoder.width, encoder.height = size
        encoder.pix_fmt = codec.layout
        encoder.time_base = Fraction(1, RATE_FPS)
        encoder.framerate = Fraction(RATE_FPS)
        encoder.thread_count = 1
        encoder.options = dict(codec.options)
        if codec.bits_per_pixel:
            encoder.bit_rate = int(codec.bits_per_pixel * RATE_FPS * size[0] * size[1])
        self._encoder = encoder
        self._decoder = cast("VideoCodecContext", av.CodecContext.create(codec.name, "r"))
        self._decoder.thread_count = 1
        self._layout = codec.layout
        self._count = 0
        # Kept, for a new one for each picture costs more than the conversion.
        self._to_layout, self._to_rgb = VideoReformatter(), VideoReformatter()

    def push(self, picture: Picture) -> Iterator[Picture]:
        import av

        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame = self._to_layout.reformat(frame, format=self._layout)
        frame.pts = self._count
        frame.time_base = self._encoder.time_base
        self._count += 1
        yield from self._decoded(self._encoder.encode(frame))

    def finish(self) -> Iterator[Picture]:
        yield from self._decoded(self._encoder.encode(None))
        yield from (self._rgb(frame) for frame in self._decoder.decode(None))

    def _decoded(self, packets: list[Packet[Any]]) -> Iterator[Picture]:
        for packet in packets:
            yield from (self._rgb(frame) for frame in self._decoder.decode(packet))

    def _rgb(self, frame: av.VideoFrame) -> Picture:
        rgb = self._to_rgb.reformat(frame, format="rgb24")
        return rgb.to_ndarray().astype(np.uint8, copy=False)
