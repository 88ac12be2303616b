"""The clip that is measured."""

from __future__ import annotations

import itertools
import subprocess
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.sound import load_sound, write_wav
from liveact_eval.clips.video import SOUND_RATE_HZ, Frame, VideoFile

SECONDS = 10
RATE = Fraction(25)
SIZE = (512, 512)
CRF = 20
REAL_CLIP = Path(__file__).resolve().parents[2] / "shared" / "clips" / "portrait_b.mp4"
"""A talking person, 5 s; not part of the repository."""


@dataclass(frozen=True, kw_only=True)
class ClipFacts:
    """What the results say about the clip; its path is not among it."""

    source: str
    width: int
    height: int
    frames: int
    fps: float
    codec: str
    file_bytes: int

    @property
    def rgb_bytes(self) -> int:
        """Size of all frames as RGB."""
        return self.width * self.height * 3 * self.frames

    def as_json(self) -> dict[str, object]:
        """For the results."""
        return asdict(self)


def default_clip(path: Path) -> str:
    """Write the default clip; returns in words what it shows."""
    source = "a real talking person, 5 s shown twice" if REAL_CLIP.is_file() else "a drawn talker"
    pictures, samples = _real() if REAL_CLIP.is_file() else _drawn()
    wav = path.with_suffix(".wav")
    write_wav(wav, np.resize(samples, SECONDS * SOUND_RATE_HZ))
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "{}x{}".format(*SIZE), "-r", str(RATE), "-i", "-")
    # One thread, so that the clip is the same on every machine.
    coded = ("-c:v", "libx264", "-crf", str(CRF), "-pix_fmt", "yuv420p", "-threads", "1", "-c:a", "aac")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *raw, "-i", str(wav), *coded, str(path)]
    frames = itertools.islice(itertools.cycle(pictures), round(SECONDS * RATE))
    subprocess.run(command, input=b"".join(frame.tobytes() for frame in frames), check=True)
    wav.unlink()
    return f"{source}; encoded with x264 at crf {CRF}"


def facts(path: Path, source: str) -> ClipFacts:
    """Look at a clip.

    Raises:
        ValueError: it is not at 25 fps, or has no sound.
    """
    with VideoFile(path) as video:
        info = video.info
        if info.rate != RATE or not info.has_sound:
            raise ValueError(
                f"the clip has {float(info.rate):g} fps and {'a' if info.has_sound else 'no'} sound track; "
                "expected 25 fps with sound. Convert it first: ffmpeg -i IN -r 25 OUT.mp4"
            )
        frames = sum(isinstance(item, Frame) for item in video.read(sound=False))
    return ClipFacts(
        source=source,
        width=info.width,
        height=info.height,
        frames=frames,
        fps=float(info.rate),
        codec=info.codec,
        file_bytes=path.stat().st_size,
    )


def _real() -> tuple[list[NDArray[np.uint8]], NDArray[np.int16]]:
    with VideoFile(REAL_CLIP) as video:
        pictures = [item.rgb for item in video.read(sound=False) if isinstance(item, Frame)]
    # The track carries padding past its last frame; the second showing must start in step.
    samples = load_sound(REAL_CLIP)[: round(len(pictures) * SOUND_RATE_HZ / RATE)]
    return pictures, samples


def _drawn() -> tuple[list[NDArray[np.uint8]], NDArray[np.int16]]:
    from liveact_eval.datasets.talkers import TalkerSpec, render

    talker = render(TalkerSpec(split="test", speaker=0, utterance=0, size=SIZE[0], seconds=SECONDS))
    return list(talker.frames), talker.samples
