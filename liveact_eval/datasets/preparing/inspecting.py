"""Is a clip's file what the protocol promises? Every frame and sample is looked at."""

from __future__ import annotations

import contextlib
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.image import load_image
from liveact_eval.clips.sound import load_sound
from liveact_eval.clips.video import SOUND_RATE_HZ, Frame, VideoFile
from liveact_eval.datasets.preparing.cutting import luma_by_second, mean_luma
from liveact_eval.datasets.preparing.recipe import CutRecipe, samples_of
from liveact_eval.datasets.preparing.rows import ClipRow
from liveact_eval.errors import ClipError

LUMA_TOLERANCE = 2.0
"""Levels by which the mean luma of a second may differ from what was written down: encoding moves it by less."""


@dataclass(frozen=True)
class Fault:
    """One thing that is not as promised."""

    code: str
    """Short code."""
    message: str
    """Value seen and value expected."""


def inspect_video(path: Path, row: ClipRow, recipe: CutRecipe) -> Iterator[Fault]:
    """What is wrong with the video of a clip."""
    times, luma, samples = [], [], 0
    size: tuple[int, int] | None = None
    try:
        with VideoFile(path) as video:
            for item in video.read():
                if isinstance(item, Frame):
                    times.append(item.time)
                    luma.append(mean_luma(item.rgb))
                    size = (item.rgb.shape[1], item.rgb.shape[0])
                else:
                    samples += item.samples.size
    except ClipError as error:
        yield Fault("unreadable", f"{error.reason}: {error.message}")
        return
    if size != recipe.size:
        yield Fault("wrong_size", f"{size} pixels, expected {recipe.size}")
    frames = row.frames or 0
    if len(times) != frames:
        yield Fault("wrong_length", f"{len(times)} frames, expected {frames}")
    late = next(
        (n for n, time in enumerate(times) if abs(time - n / recipe.rate) > 1 / (100 * recipe.rate)), None
    )
    if late is not None:
        yield Fault(
            "wrong_rate",
            f"frame {late} is at {float(times[late]):.4f} s, expected {float(late / recipe.rate):.4f} s "
            f"({float(recipe.rate):g} frames per second)",
        )
    expected = samples_of(frames, recipe.rate)
    if samples != expected:
        yield Fault("wrong_sound", f"{samples} samples beside the pictures, expected {expected}")
    if len(times) == frames and late is None:
        yield from _other_picture(luma_by_second(luma, recipe.rate), row)


def inspect_sound(path: Path, row: ClipRow, video: Path | None) -> Iterator[Fault]:
    """What is wrong with the sound of a clip.

    Args:
        path: the WAV file.
        row: what is known of the clip.
        video: the clip's video, whose sound must be the same; `None` if there is none, or none that can be read.
    """
    try:
        with contextlib.closing(wave.open(str(path), "rb")) as sound:
            form = (sound.getframerate(), sound.getnchannels(), 8 * sound.getsampwidth())
            samples = sound.getnframes()
            held = len(sound.readframes(samples)) // (sound.getnchannels() * sound.getsampwidth())
    except (OSError, EOFError, wave.Error) as error:
        yield Fault("unreadable", f"no WAV file that can be read: {error}")
        return
    if form != (SOUND_RATE_HZ, 1, 16):
        yield Fault(
            "wrong_sound_rate", f"{form[0]} Hz, {form[1]} channels, {form[2]} bit, expected 16000 Hz, 1, 16"
        )
        return
    if min(samples, held) != row.samples:
        yield Fault("wrong_length", f"{min(samples, held)} samples, expected {row.samples}")
    elif video is not None:
        with contextlib.suppress(ClipError):
            yield from _other_sound(load_sound(path), load_sound(video))


def inspect_image(path: Path, recipe: CutRecipe) -> Iterator[Fault]:
    """What is wrong with the reference image of a clip."""
    try:
        height, width = load_image(path).shape[:2]
    except ClipError as error:
        yield Fault("unreadable", error.message)
        return
    if (width, height) != recipe.size:
        yield Fault("wrong_size", f"{(width, height)} pixels, expected {recipe.size}")


def _other_picture(found: tuple[float, ...], row: ClipRow) -> Iterator[Fault]:
    if len(found) != len(row.mean_luma):
        return
    apart = np.abs(np.subtract(found, row.mean_luma))
    if apart.size and apart.max() > LUMA_TOLERANCE:
        second = int(apart.argmax())
        yield Fault(
            "other_picture",
            f"mean luma {found[second]:.1f} in second {second}, expected {row.mean_luma[second]:.1f}",
        )


def _other_sound(wav: NDArray[np.int16], track: NDArray[np.int16]) -> Iterator[Fault]:
    if wav.shape != track.shape or not np.array_equal(wav, track):
        yield Fault("other_sound", "the WAV file and the sound of the video differ")
