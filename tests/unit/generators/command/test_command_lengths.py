"""Frames that a system makes for a clip, and the sound that it needs for them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from liveact_eval.cards.command_rules import LengthRule, SoundRule
from liveact_eval.errors import ClipError
from liveact_eval.generators.command.lengths import Lengths, check_count, check_rate, plan_lengths

RATE = Fraction(25)


def plan(frames: int = 125, *, sound: dict[str, Any] | None = None, **length: Any) -> Lengths:
    return plan_lengths(LengthRule(**length), SoundRule(**(sound or {})), frames=frames, rate=RATE)


def test_a_system_of_the_clips_own_rate() -> None:
    made = plan()
    assert (made.needed, made.asked, made.drop) == (125, 125, 0)
    assert made.seconds == made.sound_s == made.heard_s == 5


def test_avatarforcing_asks_for_latents_and_wants_sound_for_them() -> None:
    """225 latents are 897 frames, and want 39.2 s; a clip of 5 s wants 33 latents."""
    rule = {"frames_first": 1, "frames_step": 16, "units_first": 1, "units_step": 4}
    sound = {"min_frames": 80, "min_frames_per_unit": 4}
    made = plan(897, sound=sound, **rule)
    assert (made.units, made.asked, made.sound_s) == (225, 897, Fraction(980, 25))
    made = plan(125, sound=sound, **rule)
    assert (made.units, made.asked, made.sound_s) == (33, 129, Fraction(212, 25))


def test_fantasytalking_cannot_make_five_seconds() -> None:
    with pytest.raises(
        ClipError, match=r"5\.00 s are 115 frames at 23 .* 81 at most: 3\.52 s.*clip_seconds=3\.52"
    ) as caught:
        plan(fps=23, max_frames=81)
    assert caught.value.reason == "too_long"
    assert plan(88, fps=23, max_frames=81).needed == 81


def test_silence_before_the_sound_is_whole_frames() -> None:
    """0.3 s are 7.5 frames; dropping 8 of them would leave the picture 20 ms early."""
    made = plan(sound={"lead_s": 0.3})
    assert (made.drop, made.lead_s) == (8, Fraction(8, 25))
    assert plan(sound={"lead_s": 0.12}).lead_s == Fraction(3, 25)
    ntsc = plan_lengths(LengthRule(fps=29.97), SoundRule(lead_s=0.1), frames=10, rate=RATE)
    assert ntsc.lead_s * ntsc.fps == ntsc.drop == 3


def test_frames_before_the_clip_are_counted_and_asked_for() -> None:
    assert plan(lead_in_frames=1).drop == 1
    assert plan(lead_in_frames=1).asked == 126
    assert plan(lead_in_frames=2, offset_frames=3).drop == 5
    missing = plan(lead_in_frames=-3)
    assert (missing.drop, missing.needed) == (-3, 122)


def test_silence_before_the_sound_makes_up_for_missing_frames() -> None:
    made = plan(lead_in_frames=-3, sound={"lead_s": 0.12})
    assert (made.drop, made.needed) == (0, 125)
    assert (made.lead_s, made.sound_s) == (Fraction(3, 25), Fraction(128, 25))


def test_short_sound_is_padded() -> None:
    assert plan(20, sound={"min_s": 3.28}).sound_s == Fraction(82, 25)
    assert plan(20, sound={"pad_s": 0.5}).sound_s == Fraction(13, 10)
    assert plan(20, sound={"pad_s": 0.5}).heard_s == Fraction(4, 5)


def test_a_clip_without_frames() -> None:
    with pytest.raises(ClipError, match="no_frames"):
        plan(0)


@pytest.mark.parametrize("found", [16.0, 24.0, 25.5, 50.0])
def test_a_wrong_rate_is_refused(found: float) -> None:
    with pytest.raises(ClipError, match=rf"wrong_fps: .*{found:.3f} frames per second, and its card says 25"):
        check_rate(LengthRule(), found)
    check_rate(LengthRule(), 25.001)
    check_rate(LengthRule(fps=29.97), 30000 / 1001)


def test_too_few_and_too_many_frames_are_refused() -> None:
    made = plan()
    check_count(LengthRule(), made, 125)
    check_count(LengthRule(), made, 500)
    with pytest.raises(ClipError, match=r"truncated: .*81 frames of 125 .*\(3\.24 of 5\.00 s\)"):
        check_count(LengthRule(), made, 81)
    with pytest.raises(ClipError, match="truncated"):
        check_count(LengthRule(), made, 124)
    check_count(LengthRule(missing_frames=1), made, 124)
    with pytest.raises(ClipError, match=r"extra_frames: .*134 frames, and 125 were asked for"):
        check_count(LengthRule(extra_frames=8), made, 134)
    check_count(LengthRule(extra_frames=9), made, 134)
