"""The controls: what each makes of a real video."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from liveact_eval.cards.load import list_cards, load_model
from liveact_eval.cards.model import ControlSpec
from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.clip import Clip
from liveact_eval.clips.faces import FaceOrder
from liveact_eval.clips.image import save_png
from liveact_eval.errors import ClipError, UserError
from liveact_eval.generators.build import build_generator, runnable
from liveact_eval.generators.command.adapter import CommandGenerator
from liveact_eval.generators.controls import ControlGenerator, add_noise, blur, count_frames
from liveact_eval.generators.native import NativeGenerator
from liveact_eval.generators.protocol import Generation
from tests.helpers import clip_of, moving_square, psnr, read_all, tone, write_av


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    path = write_av(
        tmp_path / "real.mp4", moving_square(25), pixels="yuv444p", options={"crf": "4"}, sound=tone(1)
    )
    return clip_of(path)


def make(clip: Clip, out: Path, seed: int = 0, **fields: Any) -> Generation:
    spec = ControlSpec.model_validate(fields)
    return ControlGenerator(spec, Encoding(crf=4)).generate(clip, out, seed)


def test_real_is_the_clips_own_file(clip: Clip, tmp_path: Path) -> None:
    made = make(clip, tmp_path / "out.mp4", effect="real")
    assert made.video == clip.video and made.faces == FaceOrder()
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"effect": "blur", "sigma": 1.0},
        {"effect": "noise", "sigma": 5.0},
        {"effect": "freeze", "start": 0.5},
        {"effect": "still"},
    ],
)
def test_controls_keep_times_size_and_sound(clip: Clip, tmp_path: Path, fields: dict[str, Any]) -> None:
    made = make(clip, tmp_path / "out.mp4", **fields)
    assert clip.video is not None
    frames, samples = read_all(made.video)
    real, sound = read_all(clip.video)
    assert [frame.time for frame in frames] == [frame.time for frame in real]
    assert frames[0].rgb.shape == real[0].rgb.shape
    assert np.array_equal(samples, sound)
    assert list(tmp_path.glob(".*")) == []


def test_freeze_stands_still_from_where_its_face_track_does(clip: Clip, tmp_path: Path) -> None:
    made = make(clip, tmp_path / "out.mp4", effect="freeze", start=0.5)
    assert made.faces == FaceOrder(hold=12)
    assert clip.video is not None
    real = [frame.rgb for frame in read_all(clip.video)[0]]
    frames = [frame.rgb for frame in read_all(made.video)[0]]
    assert psnr(frames[:13], real[:13]) > 32
    assert all(psnr([frame], [real[12]]) > 32 for frame in frames[13:])
    assert psnr(frames[20:], real[20:]) < 25


def test_still_repeats_the_reference_image(clip: Clip, tmp_path: Path) -> None:
    image = moving_square(1, start=30)[0]
    save_png(tmp_path / "image.png", image)
    first = make(clip, tmp_path / "first.mp4", effect="still")
    other = make(replace(clip, image=tmp_path / "image.png"), tmp_path / "other.mp4", effect="still")
    assert clip.video is not None
    shown = {"first": read_all(clip.video)[0][0].rgb, "other": image}
    for made, expected in ((first, shown["first"]), (other, shown["other"])):
        assert made.faces == FaceOrder(hold=0)
        assert all(psnr([frame.rgb], [expected]) > 25 for frame in read_all(made.video)[0])


def test_a_reference_image_of_another_size_is_refused(clip: Clip, tmp_path: Path) -> None:
    save_png(tmp_path / "image.png", moving_square(1, (48, 48))[0])
    with pytest.raises(ClipError, match="wrong_size"):
        make(replace(clip, image=tmp_path / "image.png"), tmp_path / "out.mp4", effect="still")
    assert not (tmp_path / "out.mp4").exists()


def test_noise_follows_from_the_seed(clip: Clip, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        make(clip, tmp_path / f"{name}.mp4", seed, effect="noise", sigma=8.0)
    a, b, c = ((tmp_path / f"{name}.mp4").read_bytes() for name in "abc")
    assert a == b != c


def test_noise_has_its_sigma_and_no_bias() -> None:
    even = np.full((100, 100, 3), 128, np.uint8)
    noise = add_noise(even, 12.0, "key").astype(float) - 128
    assert noise.std() == pytest.approx(12, rel=0.02)
    assert noise.mean() == pytest.approx(0, abs=0.3)
    assert not np.array_equal(noise, add_noise(even, 12.0, "other key").astype(float) - 128)


def test_blur_is_a_gaussian_over_space_only() -> None:
    picture = moving_square(1)[0]
    smooth = gaussian_filter(picture.astype(np.float64), (1.5, 1.5, 0))
    assert np.abs(blur(picture, 1.5) - smooth).max() <= 0.51
    assert np.array_equal(blur(picture, 0.0), picture)


def test_the_protocol_rules_what_is_made(clip: Clip, tmp_path: Path) -> None:
    short = replace(clip, rate=Fraction(10), seconds=0.6)
    assert count_frames(short) == 6
    made = make(short, tmp_path / "out.mp4", effect="freeze", start=0.5)
    frames, samples = read_all(made.video)
    assert [frame.time for frame in frames] == [Fraction(n, 10) for n in range(6)]
    assert len(samples) == 9_600
    assert made.faces == FaceOrder(hold=2)


def test_a_control_needs_a_real_video(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match="no_real_video"):
        make(clip_of(None), tmp_path / "out.mp4", effect="noise", sigma=1.0)


def test_a_video_without_sound_stays_without(tmp_path: Path) -> None:
    clip = clip_of(write_av(tmp_path / "real.mp4", moving_square(5)))
    assert read_all(make(clip, tmp_path / "out.mp4", effect="blur", sigma=1.0).video)[1].size == 0


def test_cards_of_controls_can_be_built_and_others_say_why_not() -> None:
    for name in list_cards("models"):
        card = load_model(name)
        if card.kind == "command":
            assert isinstance(build_generator(card, Encoding()), CommandGenerator)
        elif runnable(card):
            expected = ControlGenerator if card.kind == "control" else NativeGenerator
            assert isinstance(build_generator(card, Encoding()), expected)
        else:
            says = r"is not part of this version .* authors publish no program|liveact-eval models fetch"
            with pytest.raises(UserError, match=says):
                build_generator(card, Encoding())
