"""How many frames a system has to make for a clip, how much sound it needs for them, and what of it counts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from liveact_eval.cards.command_rules import LengthRule, SoundRule
from liveact_eval.cards.protocol import exact_rate
from liveact_eval.errors import ClipError


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """Lengths of one clip, in its own frames and in those of the system."""

    rate: Fraction
    """Frames per second of the video that is scored."""
    frames: int
    """Frames of the video that is scored."""
    fps: Fraction
    """Frames per second of the system."""
    drop: int
    """Frames at the start of its file that do not belong to the clip; negative: so many are missing."""
    needed: int
    """Frames that its file must have at least."""
    asked: int
    """Frames that it is asked for: the next number that it can make."""
    units: int
    """The same in whatever it counts."""
    lead_s: Fraction
    """Silence before the driving sound."""
    heard_s: Fraction
    """Length of the driving sound itself that is used."""
    sound_s: Fraction
    """Length of the sound that it is given, with the silence before and behind."""

    @property
    def seconds(self) -> Fraction:
        """Length of the video that is scored."""
        return self.frames / self.rate


def plan_lengths(length: LengthRule, sound: SoundRule, *, frames: int, rate: Fraction) -> Lengths:
    """Lengths for a clip of so many frames at that rate.

    Raises:
        ClipError: `too_long`: the system cannot make so many frames; `no_frames`: the clip has none.
    """
    if frames < 1:
        raise ClipError("no_frames", f"the clip is {frames} frames long: there is nothing to make")
    fps = exact_rate(length.fps)
    seconds = frames / rate
    # Whole frames of silence: what is dropped again must be as long as what was added.
    lead_frames = math.ceil(Fraction(sound.lead_s).limit_denominator(10**6) * fps)
    lead_s = lead_frames / fps
    drop = length.lead_in_frames + length.offset_frames + lead_frames
    needed = max(1, math.ceil(seconds * fps) + drop)
    steps = max(0, math.ceil(Fraction(needed - length.frames_first, length.frames_step)))
    asked = length.frames_first + steps * length.frames_step
    if length.max_frames is not None and needed > length.max_frames:
        most = max(0, length.max_frames - drop) / fps
        raise ClipError(
            "too_long",
            f"{float(seconds):.2f} s are {needed} frames at {float(fps):g} per second, and this system makes "
            f"{length.max_frames} at most: {float(most):.2f} s. Use shorter clips: --set protocol.clip_seconds="
            f"{math.floor(most * 100) / 100:g}",
        )
    units = length.units_first + steps * length.units_step
    wanted_frames = sound.min_frames + sound.min_frames_per_unit * units
    shortest = max(Fraction(sound.min_s).limit_denominator(10**6), wanted_frames / fps)
    whole = lead_s + seconds + Fraction(sound.pad_s).limit_denominator(10**6)
    return Lengths(
        rate=rate,
        frames=frames,
        fps=fps,
        drop=drop,
        needed=needed,
        asked=asked,
        units=units,
        lead_s=lead_s,
        heard_s=seconds,
        sound_s=max(whole, shortest),
    )


def check_rate(length: LengthRule, found: float) -> None:
    """Refuse a file whose frames do not come at the system's rate.

    Raises:
        ClipError: `wrong_fps`.
    """
    if abs(found / length.fps - 1) > 0.01:
        raise ClipError(
            "wrong_fps",
            f"the program wrote {found:.3f} frames per second, and its card says {length.fps:g}: picture and sound "
            "would not belong together. Correct `length.fps` of the card, or the program's setting",
        )


def check_count(length: LengthRule, lengths: Lengths, found: int) -> None:
    """Refuse a file with too few frames, or with so many that one cannot know which belong to the clip.

    Raises:
        ClipError: `truncated` or `extra_frames`.
    """
    if found < lengths.needed - length.missing_frames:
        raise ClipError(
            "truncated",
            f"the program wrote {found} frames of {lengths.needed} that this clip needs at {length.fps:g} per second "
            f"({found / float(lengths.fps):.2f} of {lengths.needed / float(lengths.fps):.2f} s)",
        )
    if length.extra_frames is not None and found > lengths.asked + length.extra_frames:
        raise ClipError(
            "extra_frames",
            f"the program wrote {found} frames, and {lengths.asked} were asked for: what stands before the sound's "
            "start cannot be known. Correct `length.lead_in_frames` or `length.extra_frames` of the card",
        )
