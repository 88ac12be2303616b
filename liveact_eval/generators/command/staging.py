"""A clip's picture, sound and text as files under names that no program stumbles over."""

from __future__ import annotations

import hashlib
import math
import re
import wave
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from liveact_eval.cards.command import CommandSpec
from liveact_eval.cards.placeholders import Value
from liveact_eval.clips.clip import Clip
from liveact_eval.clips.image import save_png
from liveact_eval.clips.video import SOUND_RATE_HZ
from liveact_eval.errors import ClipError
from liveact_eval.files import atomic_path
from liveact_eval.generators.command.geometry import Geometry, Pixels, plan_geometry
from liveact_eval.generators.command.lengths import Lengths, plan_lengths
from liveact_eval.generators.controls import count_frames
from liveact_eval.generators.driving import DrivingSound
from liveact_eval.generators.given import driving_sound, first_picture, rate_of, reference_picture

_STEM = 40
_SILENCE_RUN = 1 << 16


@dataclass(frozen=True, kw_only=True)
class StagedClip:
    """A clip as a program is given it."""

    clip: Clip
    stem: str
    """Name of its files: lower-case letters, digits, `-`; unique."""
    image: Path | None
    """PNG, RGB; `None`: the system takes none."""
    audio: Path | None
    """WAV, PCM, 16 bit, mono, 16 kHz, padded; `None`: the system takes none."""
    prompt: str
    """On one line."""
    lengths: Lengths
    geometry: Geometry
    sound: DrivingSound | None
    """The sound itself, which is put under the made video."""

    def values(self, *, index: int, output: Path) -> dict[str, Value]:
        """What the clip's placeholders stand for.

        Args:
            index: place of the clip among those of its process, from 0.
            output: folder of the program's results.
        """
        width, height = self.geometry.asked
        values: dict[str, Value] = {
            "stem": self.stem,
            "index": index,
            "output_file": str(output / f"{self.stem}.mp4"),
            "output_stem": str(output / self.stem),
            "prompt": self.prompt,
            "frames": self.lengths.asked,
            "units": self.lengths.units,
            "seconds": float(self.lengths.seconds),
            "width": width,
            "height": height,
        }
        if self.image is not None:
            values["image"] = str(self.image)
        if self.audio is not None:
            values["audio"] = str(self.audio)
        return values


def stage_clip(clip: Clip, spec: CommandSpec, folder: Path) -> StagedClip:
    """Write a clip's files.

    Args:
        clip: what is given.
        spec: what the system takes, and its rules.
        folder: where the files are put; it exists.

    Raises:
        ClipError: the clip lacks something, or the system cannot make it (`too_long`, `wrong_size`).
    """
    stem = safe_stem(clip.id)
    rate = rate_of(clip)
    sound = driving_sound(clip) if "audio" in spec.takes else None
    lengths = plan_lengths(spec.length, spec.sound, frames=_frames(clip, spec, rate, sound), rate=rate)
    picture = reference_picture(clip) if "image" in spec.takes else None
    size = clip.size
    if size is None and clip.video is not None and (clip.image is not None or picture is None):
        size = _size(first_picture(clip))
    elif size is None and picture is not None:
        size = _size(picture)
    geometry = plan_geometry(spec.picture, clip=size, picture=None if picture is None else _size(picture))
    image = audio = None
    if picture is not None:
        image = folder / f"{stem}.png"
        save_png(image, geometry.stage(picture))
    if sound is not None:
        audio = folder / f"{stem}.wav"
        write_padded(audio, sound, lengths)
    return StagedClip(
        clip=clip,
        stem=stem,
        image=image,
        audio=audio,
        prompt=plain_prompt(clip.prompt, spec.prompt.default, spec.prompt.forbidden),
        lengths=lengths,
        geometry=geometry,
        sound=sound,
    )


def safe_stem(name: str) -> str:
    """A file name without a suffix for any clip id: `[a-z0-9-]`, no leading dash, unique by a hash of the id.

    Programs of others cut names at the first dot, split lines at spaces, and keep caches by the name alone.
    """
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_STEM].strip("-")
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{plain or 'clip'}-{digest}"


def plain_prompt(prompt: str, default: str, forbidden: tuple[str, ...]) -> str:
    """A prompt on one line, without control characters and what the system's reader would take for its own."""
    text = prompt.strip() or default
    for part in forbidden:
        text = text.replace(part, " ")
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def write_padded(path: Path, sound: DrivingSound, lengths: Lengths) -> None:
    """Write the driving sound with the silence that the system wants, in bounded memory."""
    lead = round(lengths.lead_s * SOUND_RATE_HZ)
    heard = round(lengths.heard_s * SOUND_RATE_HZ)
    # Up: a system that wants a length wants all of it.
    whole = math.ceil(lengths.sound_s * SOUND_RATE_HZ)
    with atomic_path(path) as temporary, wave.open(str(temporary), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SOUND_RATE_HZ)
        _write_silence(out, lead)
        written = 0
        for run in sound.runs():
            piece = run[: heard - written]
            out.writeframes(piece.astype("<i2").tobytes())
            written += piece.size
        _write_silence(out, whole - lead - written)


def _write_silence(out: wave.Wave_write, samples: int) -> None:
    while samples > 0:
        run = min(samples, _SILENCE_RUN)
        out.writeframes(np.zeros(run, "<i2").tobytes())
        samples -= run


def _frames(clip: Clip, spec: CommandSpec, rate: Fraction, sound: DrivingSound | None) -> int:
    """Frames of the video that is to be scored: those of the real one, else as many as the sound is long."""
    if clip.video is not None and clip.paired:
        return count_frames(clip)
    if sound is not None:
        return round(sound.seconds * rate)
    seconds = clip.seconds or spec.length.default_seconds
    if seconds is None:
        raise ClipError(
            "no_length",
            "neither sound nor a real video says how long the video is to be. Add `length.default_seconds` to the card",
        )
    return round(Fraction(seconds).limit_denominator(10**6) * rate)


def _size(picture: Pixels) -> tuple[int, int]:
    return picture.shape[1], picture.shape[0]
