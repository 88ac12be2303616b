"""Controls: videos made from the real clip, so that it is known what each metric must say."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liveact_eval.cards.model import ControlSpec
from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.clip import Clip
from liveact_eval.clips.encode import VideoWriter
from liveact_eval.clips.faces import FaceOrder
from liveact_eval.clips.image import load_image
from liveact_eval.clips.sound import load_sound
from liveact_eval.clips.video import Frame, Sound, VideoFile
from liveact_eval.errors import ClipError
from liveact_eval.files import atomic_path
from liveact_eval.generators.protocol import Generation
from liveact_eval.generators.shift import remux_with_sound, shift_sound

Effect = Callable[[NDArray[np.uint8], int], NDArray[np.uint8]]
"""Takes a frame and its index, gives the frame to write."""


@dataclass(frozen=True)
class ControlGenerator:
    """Makes the control that a card describes."""

    spec: ControlSpec
    encoding: Encoding

    def suffix(self, clip: Clip) -> str:
        """MP4, but a stream that is copied keeps to a container that can hold it."""
        if self.spec.effect == "shift" and clip.video is not None:
            with VideoFile(clip.video) as video:
                return ".mp4" if video.info.codec in {"h264", "hevc", "mpeg4", "av1", "vp9"} else ".mkv"
        return ".mp4"

    def generate(self, clip: Clip, out: Path, seed: int) -> Generation:
        """Make the control from the clip's real video; see `Generator.generate`."""
        started = time.monotonic()
        if clip.video is None:
            raise ClipError("no_real_video", f"the control {self.spec.effect!r} is made from a real video")
        hold = None
        details: dict[str, str | int | float] = {"picture": "copied"}
        if self.spec.effect == "real":
            out = clip.video
        elif self.spec.effect == "shift":
            self._shift(clip, clip.video, out)
        else:
            if self.spec.effect == "still":
                hold = 0
            elif self.spec.effect == "freeze":
                hold = int(self.spec.start * (count_frames(clip) - 1))
            details = {"picture": self.encoding.codec, "crf": self.encoding.crf}
            rewrite(clip, clip.video, out, self.encoding, self._effect(clip, hold, seed))
        return Generation(
            video=out,
            seconds=time.monotonic() - started,
            faces=FaceOrder(hold=hold),
            details=details,
        )

    def _shift(self, clip: Clip, real: Path, out: Path) -> None:
        with VideoFile(real) as video:
            if not video.info.has_sound and clip.audio is None:
                raise ClipError("no_audio", "there is no sound to move")
            rate = clip.rate or video.rate
        samples = shift_sound(load_sound(clip.audio or real), self.spec.frames, rate)
        with atomic_path(out) as temporary:
            remux_with_sound(real, temporary, samples, self.encoding)

    def _effect(self, clip: Clip, hold: int | None, seed: int) -> Effect:
        """What is done to frame n."""
        if self.spec.effect == "blur":
            return lambda rgb, _: blur(rgb, self.spec.sigma * rgb.shape[0] / 100)
        if self.spec.effect == "noise":
            key = f"{seed}/{clip.id}/{clip.entry.content_hash}"
            return lambda rgb, n: add_noise(rgb, self.spec.sigma, f"{key}/{n}")
        image = load_image(clip.image) if self.spec.effect == "still" and clip.image is not None else None
        return _Hold(hold, image)


def rewrite(clip: Clip, real: Path, out: Path, encoding: Encoding, effect: Effect) -> int:
    """Write a clip's real video frame by frame through an effect, with its own sound and times.

    Returns:
        The number of frames.
    """
    with VideoFile(real) as video, contextlib.ExitStack() as stack:
        sound = video.info.has_sound
        rate = clip.rate or video.rate
        temporary = stack.enter_context(atomic_path(out))
        writer: VideoWriter | None = None
        early: list[NDArray[np.int16]] = []
        n = 0
        for item in video.read(rate=clip.rate, seconds=clip.seconds, sound=sound):
            if isinstance(item, Sound):
                # The picture's size is known with the first frame only; sound may come before it.
                early.append(item.samples)
            else:
                if writer is None:
                    size = (item.rgb.shape[1], item.rgb.shape[0])
                    writer = stack.enter_context(
                        VideoWriter(temporary, size=size, rate=rate, encoding=encoding, sound=sound)
                    )
                writer.write(effect(item.rgb, n), item.time)
                n += 1
            while writer is not None and early:
                writer.write_sound(early.pop(0))
    return n


class _Hold:
    """Passes frames on up to one of them, and repeats that one."""

    def __init__(self, hold: int | None, picture: NDArray[np.uint8] | None) -> None:
        self._hold, self._picture = hold, picture

    def __call__(self, rgb: NDArray[np.uint8], n: int) -> NDArray[np.uint8]:
        if self._picture is not None and self._picture.shape != rgb.shape:
            raise ClipError("wrong_size", f"reference image {self._picture.shape}, video {rgb.shape}")
        if self._hold is None or n < self._hold:
            return rgb
        if self._picture is None:
            self._picture = rgb
        return self._picture


def count_frames(clip: Clip) -> int:
    """Number of frames of the clip's real video under the protocol, by decoding it."""
    if clip.video is None:
        raise ClipError("no_real_video", "there is no real video")
    with VideoFile(clip.video) as video:
        frames = video.read(rate=clip.rate, seconds=clip.seconds, sound=False)
        return sum(isinstance(item, Frame) for item in frames)


def blur(rgb: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    """A frame blurred by a Gaussian of `sigma` pixels."""
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(rgb.astype(np.float32), sigma=(sigma, sigma, 0))
    return np.clip(np.rint(smooth), 0, 255).astype(np.uint8)


def add_noise(rgb: NDArray[np.uint8], sigma: float, key: str) -> NDArray[np.uint8]:
    """A frame with Gaussian noise of `sigma` levels; the key decides what is drawn."""
    seed = int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:4], "big")
    noise = np.random.RandomState(seed).standard_normal(rgb.shape)
    return np.clip(np.rint(rgb + sigma * noise), 0, 255).astype(np.uint8)
