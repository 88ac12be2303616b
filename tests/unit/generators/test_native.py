"""The native generator: exact frames, sound in step, what it says of itself, and which clips it refuses."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liveact_eval.cards.load import load_model
from liveact_eval.cards.model import ModelCard
from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.image import save_png
from liveact_eval.clips.sound import write_wav
from liveact_eval.clips.video import VideoFile
from liveact_eval.errors import ClipError, UserError
from liveact_eval.execution.config import RunConfig
from liveact_eval.execution.plan import make_plan
from liveact_eval.generators import recipe as recipes
from liveact_eval.generators.build import build_generator, runnable
from liveact_eval.generators.driving import DrivingSound
from liveact_eval.generators.native import NativeGenerator
from liveact_eval.generators.protocol import Generation
from liveact_eval.generators.recipe import Recipe
from tests.helpers import Samples, click, clip_of, moving_square, onset, read_all, tone, write_av

ENCODING = Encoding(preset="ultrafast")
SIZE = (32, 32)


def tiny() -> NativeGenerator:
    generator = build_generator(load_model("liveact-tiny"), ENCODING)
    assert isinstance(generator, NativeGenerator)
    return generator


def real(folder: Path, frames: int = 21, *, sound: Samples | None = None, size: Any = SIZE) -> Path:
    heard = tone(frames / 25) if sound is None else sound
    return write_av(folder / "real.mp4", moving_square(frames, size), sound=heard)


def make(folder: Path, seed: int = 0, **fields: Any) -> Generation:
    return tiny().generate(clip_of(fields.pop("video", None), **fields), folder / "out.mp4", seed)


def refusal(folder: Path, **fields: Any) -> ClipError:
    with pytest.raises(ClipError) as caught:
        make(folder, **fields)
    assert not (folder / "out.mp4").exists()
    return caught.value


def test_frames_times_and_sound_of_a_clip(tmp_path: Path) -> None:
    sound = click(1.0, 1.8)
    made = make(tmp_path, video=real(tmp_path, 45, sound=sound))
    frames, samples = read_all(made.video)
    assert [frame.time for frame in frames] == [Fraction(n, 25) for n in range(45)]
    assert frames[0].rgb.shape == (32, 32, 3)
    assert np.array_equal(samples, sound)
    with VideoFile(made.video) as video:
        assert video.info.video_seconds == pytest.approx(1.8)
        assert video.info.sound_seconds == pytest.approx(1.8)


@pytest.mark.parametrize(
    ("rate", "frames"), [(Fraction(20), 30), (Fraction(30), 45), (Fraction(30_000, 1001), 45)]
)
def test_image_and_sound_alone(tmp_path: Path, rate: Fraction, frames: int) -> None:
    save_png(tmp_path / "face.png", moving_square(1, (50, 40))[0])
    sound = click(1.0, 1.5)
    write_wav(tmp_path / "speech.wav", sound)
    fields: dict[str, Any] = {
        "image": tmp_path / "face.png",
        "audio": tmp_path / "speech.wav",
        "rate": rate,
        "size": SIZE,
    }
    made = make(tmp_path, **fields)
    found, samples = read_all(made.video)
    assert len(found) == frames
    assert all(abs(frame.time - n / rate) < Fraction(1, 80_000) for n, frame in enumerate(found))
    assert abs(onset(samples) - onset(sound)) <= 1


def test_a_clip_is_cut_as_the_protocol_says(tmp_path: Path) -> None:
    made = make(tmp_path, video=real(tmp_path, 60), seconds=0.84)
    frames, samples = read_all(made.video)
    assert (len(frames), len(samples)) == (21, 13_440)


def test_sound_ends_with_the_last_frame(tmp_path: Path) -> None:
    write_wav(tmp_path / "speech.wav", tone(3))
    made = make(tmp_path, video=real(tmp_path), audio=tmp_path / "speech.wav")
    frames, samples = read_all(made.video)
    assert (len(frames), len(samples)) == (21, 13_440)


def test_the_seed_decides(tmp_path: Path) -> None:
    video = real(tmp_path)
    contents = [make(tmp_path, seed, video=video).video.read_bytes() for seed in (0, 0, 1)]
    assert contents[0] == contents[1] != contents[2]


def test_what_ran_is_told(tmp_path: Path) -> None:
    made = make(tmp_path, video=real(tmp_path))
    told = made.details
    assert (told["config"], told["weights"]) == ("liveact-tiny", "random(seed 0)")
    assert (told["dtype"], told["memory"], told["frames"]) == ("float32", "convkv", 21)
    assert float(told["dit_s"]) > 0
    assert float(told["first_frame_s"]) <= made.seconds
    assert int(told["memory_bytes"]) > 0


def test_networks_are_built_once_per_process(tmp_path: Path) -> None:
    recipes.build_pipeline.cache_clear()
    generator = tiny()
    clip = clip_of(real(tmp_path, 21))
    for name in "ab":
        generator.generate(clip, tmp_path / f"{name}.mp4", 0)
    assert recipes.build_pipeline.cache_info().misses == 1


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"size": (36, 32)}, "wrong_size"),
        ({"seconds": 0.5}, "short_audio"),
        ({"rate": Fraction(2)}, "short_audio"),
    ],
)
def test_clips_that_do_not_fit(tmp_path: Path, fields: dict[str, Any], reason: str) -> None:
    assert refusal(tmp_path, video=real(tmp_path), **fields).reason == reason


def test_a_rate_at_which_nobody_speaks(tmp_path: Path) -> None:
    assert refusal(tmp_path, video=real(tmp_path), rate=Fraction(200)).reason == "not_generated"


def test_clips_that_lack_something(tmp_path: Path) -> None:
    write_wav(tmp_path / "speech.wav", tone(2))
    save_png(tmp_path / "face.png", moving_square(1)[0])
    mute = write_av(tmp_path / "mute.mp4", moving_square(30, SIZE))
    assert refusal(tmp_path, audio=tmp_path / "speech.wav").reason == "no_image"
    assert refusal(tmp_path, image=tmp_path / "face.png").reason == "no_audio"
    assert refusal(tmp_path, video=mute).reason == "no_audio"
    write_wav(tmp_path / "speech.wav", tone(0))
    given = {"image": tmp_path / "face.png", "audio": tmp_path / "speech.wav"}
    assert refusal(tmp_path, **given).reason in {"empty_audio", "unreadable"}


def test_what_is_wrong_with_the_machine_stops_the_run(tmp_path: Path) -> None:
    broken = Recipe(config="liveact-tiny", steps=3, weights=None, origin="", device="cuda:99")
    with pytest.raises(UserError, match="cuda:99"):
        NativeGenerator(broken, ENCODING).generate(clip_of(real(tmp_path)), tmp_path / "out.mp4", 0)


def test_sound_is_read_in_bounded_runs_as_often_as_needed(tmp_path: Path) -> None:
    write_wav(tmp_path / "speech.wav", tone(3))
    sound = DrivingSound.open(tmp_path / "speech.wav", seconds=Fraction(2))
    assert (sound.rate, float(sound.seconds)) == (16_000, 2.0)
    for _ in range(2):
        runs = list(sound.runs())
        assert len(runs) > 4
        assert np.array_equal(np.concatenate(runs), tone(3)[:32_000])


def card(**native: Any) -> ModelCard:
    content = load_model("liveact-tiny").model_dump() | {"name": "mine"}
    content["native"] = content["native"] | native
    return ModelCard.model_validate(content)


def test_which_cards_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIVEACT_EVAL_WEIGHTS", str(tmp_path))
    assert runnable(load_model("liveact-tiny"))
    assert not runnable(load_model("liveact"))
    with pytest.raises(UserError, match="liveact-eval models fetch liveact"):
        build_generator(load_model("liveact"), ENCODING)
    assert runnable(load_model("liveact-mini"))
    for unknown in (card(config="huge"), card(rollout="knot")):
        assert not runnable(unknown)
        with pytest.raises(UserError, match="is not part of this version"):
            build_generator(unknown, ENCODING)


def test_a_large_model_runs_in_one_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plan = make_plan(RunConfig(models=("liveact-tiny",), workers=3, out=tmp_path / "run"), lambda _: "")
    assert plan.workers == 3
    monkeypatch.setattr(NativeGenerator, "processes", 1)
    plan = make_plan(RunConfig(models=("liveact-tiny",), out=tmp_path / "run"), lambda _: "")
    assert plan.workers == 1
    with pytest.raises(UserError, match=r"liveact-tiny runs in 1 process at most.*--set workers=1"):
        make_plan(RunConfig(models=("liveact-tiny",), workers=3, out=tmp_path / "run"), lambda _: "")
    monkeypatch.undo()
    weights = Recipe(config="liveact-18b", steps=3, weights=(("dit", tmp_path),), origin="")
    with (tmp_path / "dit.safetensors").open("wb") as file:
        file.truncate(2**29)
    assert NativeGenerator(weights, ENCODING).processes == 1
    with (tmp_path / "dit.safetensors").open("wb") as file:
        file.truncate(2**20)
    assert NativeGenerator(weights, ENCODING).processes is None
