"""Tiny videos and clips for tests, written with PyAV alone so that the writer under test is not trusted."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.clip import Clip, ClipEntry
from liveact_eval.clips.video import Frame, Sound, VideoFile
from liveact_eval.measure.engine import Measurement
from liveact_eval.metrics.base import Missing

TICKS = 90_000
Pixels = NDArray[np.uint8]
Samples = NDArray[np.int16]


def moving_square(frames: int, size: tuple[int, int] = (64, 64), *, step: int = 2, start: int = 0) -> Pixels:
    """(T, H, W, 3): a bright square that moves over a smooth coloured ground."""
    width, height = size
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    ground = np.stack([60 + 60 * x / width, 60 + 80 * y / height, 90 + 0 * x], axis=-1)
    pictures = np.repeat(ground[None], frames, axis=0)
    for n in range(frames):
        left = (start + step * n) % (width - 12)
        pictures[n, height // 3 : height // 3 + 12, left : left + 12] = (230, 210, 40)
    return pictures.astype(np.uint8)


def tone(seconds: float, rate: int = 16_000) -> Samples:
    """A quiet tone."""
    return np.asarray(3000 * np.sin(np.arange(round(seconds * rate)) * 0.2), np.int16)


def click(at: float, seconds: float, rate: int = 16_000) -> Samples:
    """Silence with 20 ms of full level that start at `at` seconds."""
    samples = np.zeros(round(seconds * rate), np.int16)
    first = round(at * rate)
    samples[first : first + rate // 50] = 20_000
    return samples


def write_av(
    path: Path,
    pictures: Sequence[Pixels] | Pixels,
    *,
    times: Sequence[float | Fraction] | None = None,
    rate: int | Fraction = 25,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    options: dict[str, str] | None = None,
    sound: Samples | None = None,
    sound_codec: str = "flac",
    sound_rate: int = 16_000,
    layout: str = "mono",
    sound_start: float = 0.0,
    container: dict[str, str] | None = None,
) -> Path:
    """Write a video with exactly these times; sound is mono, and copied to both sides where stereo."""
    at = times if times is not None else [n / Fraction(rate) for n in range(len(pictures))]
    height, width = pictures[0].shape[:2]
    # AVI counts frames, not time.
    tick = 1 / Fraction(rate) if path.suffix == ".avi" else Fraction(1, TICKS)
    with av.open(f"file:{path}", "w", options=container or {}) as out:
        video: Any = out.add_stream(codec, rate=rate, options=options or {})
        video.width, video.height, video.pix_fmt = width, height, pixels
        video.codec_context.time_base = tick
        audio: Any = None
        if sound is not None:
            audio = out.add_stream(sound_codec, rate=sound_rate, layout=layout)
        for picture, time in zip(pictures, at, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.time_base, frame.pts = tick, round(time / tick)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if audio is not None and sound is not None:
            both = np.repeat(sound, 2) if layout == "stereo" else sound
            heard = av.AudioFrame.from_ndarray(both.reshape(1, -1), format="s16", layout=layout)
            heard.sample_rate, heard.time_base = sound_rate, Fraction(1, sound_rate)
            heard.pts = round(sound_start * sound_rate)
            out.mux(audio.encode(heard))
            out.mux(audio.encode(None))
    return path


def read_all(path: Path, **options: Any) -> tuple[list[Frame], Samples]:
    """All frames and all sound of a video."""
    frames: list[Frame] = []
    runs: list[Samples] = [np.zeros(0, np.int16)]
    with VideoFile(path) as video:
        for item in video.read(**options):
            if isinstance(item, Sound):
                runs.append(item.samples)
            else:
                frames.append(item)
    return frames, np.concatenate(runs)


def onset(samples: Samples) -> int:
    """Index of the first loud sample."""
    return int(np.argmax(np.abs(samples.astype(np.int32)) > 8000))


def rotate_header(path: Path, degrees: int) -> None:
    """Patch the display matrix of an MP4's only track: the player turns the picture clockwise."""
    a, b, c, d = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[degrees]
    content = bytearray(path.read_bytes())
    matrix = content.find(b"tkhd") + 4 + 40
    content[matrix : matrix + 36] = struct.pack(
        ">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30
    )
    path.write_bytes(content)


def cut_head(source: Path, out: Path, seconds: float) -> Path:
    """Cut the start off without encoding anew: frames back to the key frame stay in the file, unseen."""
    with av.open(str(source)) as given, av.open(str(out), "w") as target:
        streams = {stream.index: target.add_stream_from_template(stream) for stream in given.streams}
        for packet in given.demux():
            if packet.dts is None or packet.pts is None:
                continue
            shift = round(seconds / packet.time_base)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            if packet.stream.type == "audio" and packet.pts < 0:
                continue
            packet.stream = streams[packet.stream.index]
            target.mux(packet)
    return out


def clip_of(video: Path | None, **fields: Any) -> Clip:
    """A clip around a video, with nothing else known."""
    given: dict[str, Any] = {
        "entry": ClipEntry(id="clip", speaker="speaker", content_hash="0" * 64),
        "video": video,
        "audio": None,
        "image": None,
        "prompt": "",
        "truth": None,
        "rate": None,
        "size": None,
        "seconds": None,
    }
    return Clip(**(given | fields))


def psnr(a: Iterable[Pixels], b: Iterable[Pixels]) -> float:
    """Over all pixels of all frames, in dB."""
    errors = [np.mean((x.astype(float) - y.astype(float)) ** 2) for x, y in zip(a, b, strict=True)]
    return float(10 * np.log10(255**2 / np.mean(errors)))


def values(measured: Measurement) -> dict[str, float | Missing]:
    """All outputs of all metrics."""
    return {name: value for score in measured.scores.values() for name, value in score.values.items()}


def numbers(measured: Measurement) -> dict[str, float]:
    """The outputs that have a number."""
    return {name: value for name, value in values(measured).items() if isinstance(value, float)}
