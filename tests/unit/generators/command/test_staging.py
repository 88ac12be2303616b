"""What a program is given of a clip."""

from __future__ import annotations

import re
import wave
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from liveact_eval.cards.command import CommandSpec
from liveact_eval.clips.sound import load_sound, write_wav
from liveact_eval.errors import ClipError
from liveact_eval.generators.command.staging import plain_prompt, safe_stem, stage_clip
from tests.helpers import clip_of, moving_square, tone, write_av
from tests.unit.generators.command.command_cases import ODD_NAMES, driven_clip


def spec(**fields: Any) -> CommandSpec:
    return CommandSpec.model_validate({"arguments": ["run.py"]} | fields)


def test_names_are_safe_and_unique() -> None:
    names = [
        *ODD_NAMES,
        "a",
        "A",
        "a.b",
        "a-b",
        "",
        "-",
        ".",
        "ä",
        "ö",
        "x" * 300,
        "../../etc/passwd",
        "a\udcff",
    ]
    stems = [safe_stem(name) for name in names]
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,60}", stem) for stem in stems)
    assert len(set(stems)) == len(names)
    assert safe_stem("Anna 01") == safe_stem("Anna 01")


def test_sound_is_padded_before_and_behind(tmp_path: Path) -> None:
    clip = driven_clip(tmp_path, seconds=0.8)
    staged = stage_clip(clip, spec(sound={"lead_s": 0.12, "min_s": 2}), tmp_path)
    assert staged.audio is not None
    with wave.open(str(staged.audio)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 16_000)
    samples = load_sound(staged.audio)
    assert len(samples) == 32_000
    assert not samples[:1920].any()
    assert np.array_equal(samples[1920:14_720], tone(0.8))
    assert not samples[14_720:].any()
    assert staged.sound is not None and staged.sound.path == clip.audio, (
        "the original sound goes under the video"
    )


def test_stereo_sound_of_another_rate_becomes_what_programs_read(tmp_path: Path) -> None:
    video = write_av(
        tmp_path / "v.mp4", moving_square(25), sound=tone(1, 44_100), sound_rate=44_100, layout="stereo"
    )
    staged = stage_clip(clip_of(video, rate=Fraction(25)), spec(), tmp_path)
    assert staged.audio is not None
    assert abs(len(load_sound(staged.audio)) - 16_000) <= 1


def test_the_picture_is_the_first_frame_where_there_is_no_other(tmp_path: Path) -> None:
    video = write_av(tmp_path / "v.mp4", moving_square(25, (64, 48)), sound=tone(1))
    staged = stage_clip(clip_of(video), spec(), tmp_path)
    assert staged.image is not None
    with Image.open(staged.image) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (64, 48))
    assert staged.geometry.asked == (64, 48)
    assert staged.lengths.frames == 25


def test_transparent_and_rotated_pictures_become_plain_ones(tmp_path: Path) -> None:
    clip = driven_clip(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGBA", (40, 64), (9, 8, 7, 100)).convert("RGB").save(tmp_path / "turned.jpg", exif=exif)
    staged = stage_clip(replace(clip, image=tmp_path / "turned.jpg"), spec(), tmp_path)
    assert staged.image is not None
    with Image.open(staged.image) as image:
        assert (image.mode, image.size) == ("RGB", (64, 40))


def test_the_driving_sound_decides_where_the_real_video_shows_another(tmp_path: Path) -> None:
    video = write_av(tmp_path / "v.mp4", moving_square(25), sound=tone(1))
    write_wav(tmp_path / "other.wav", tone(2))
    clip = clip_of(video, audio=tmp_path / "other.wav", paired=False, rate=Fraction(25))
    assert stage_clip(clip, spec(), tmp_path).lengths.frames == 50


def test_the_protocols_length_cuts_the_sound(tmp_path: Path) -> None:
    clip = replace(driven_clip(tmp_path, seconds=2), seconds=1.2)
    staged = stage_clip(clip, spec(), tmp_path)
    assert staged.lengths.frames == 30
    assert staged.audio is not None
    assert np.array_equal(load_sound(staged.audio), tone(1.2))


def test_prompts_are_one_plain_line() -> None:
    assert plain_prompt("", "a person", ()) == "a person"
    assert plain_prompt(" a\nb\tc\x00d  e ", "", ()) == "a b c d e"
    assert plain_prompt("x@@y@z", "", ("@@",)) == "x y@z"


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    sound = driven_clip(tmp_path).audio
    with pytest.raises(ClipError, match="no_image"):
        stage_clip(clip_of(None, audio=sound), spec(), tmp_path)
    with pytest.raises(ClipError, match="no_audio"):
        stage_clip(clip_of(None, image=tmp_path / "image.png"), spec(), tmp_path)
    with pytest.raises(ClipError, match=r"no_length: .*length\.default_seconds"):
        stage_clip(clip_of(None), spec(takes=["prompt"], picture={"sizes": [[64, 64]]}), tmp_path)


def test_a_system_that_takes_text_alone(tmp_path: Path) -> None:
    only_text = spec(
        takes=["prompt"], picture={"sizes": [[64, 48]]}, length={"fps": 16, "default_seconds": 5}
    )
    staged = stage_clip(clip_of(None, prompt="a cat"), only_text, tmp_path)
    assert (staged.image, staged.audio, staged.sound) == (None, None, None)
    assert (staged.lengths.frames, staged.lengths.needed) == (125, 80)
    assert set(staged.values(index=0, output=tmp_path)).isdisjoint({"image", "audio"})
