"""The assembled pipeline: real picture and sound through all parts, weights from files, what is refused early."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from liveact_eval.clips.sound import load_sound
from liveact_eval.clips.video import Frame, VideoFile
from liveact_eval.generators.recipe import NamedStrategy
from liveact_eval.liveact.config import liveact_18b, liveact_tiny
from liveact_eval.liveact.errors import LiveActError, WeightsError
from liveact_eval.liveact.fitting import need_of
from liveact_eval.liveact.memory_need import GIB
from liveact_eval.liveact.pipeline import LiveActPipeline, open_device
from liveact_eval.liveact.prompts import Edit
from liveact_eval.liveact.request import GenerationOptions, check_sound
from liveact_eval.rollouts.neighbor import NeighborOptions

RATE = Fraction(25)
ROLLOUTS = NamedStrategy(3)


@pytest.fixture(scope="module")
def pipeline() -> LiveActPipeline:
    return LiveActPipeline.from_random(liveact_tiny(), ROLLOUTS, size=(32, 32))


def picture() -> NDArray[np.uint8]:
    return np.random.RandomState(1).randint(0, 256, (40, 30, 3)).astype(np.uint8)


def make(
    pipeline: LiveActPipeline, samples: NDArray[np.int16], image: NDArray[np.uint8], **given: Any
) -> NDArray[np.uint8]:
    fields: dict[str, Any] = {"size": (32, 32), "fps": RATE} | given
    stream = pipeline.stream(image, **fields)
    stream.feed(samples, 16_000)
    stream.close()
    return np.concatenate([block.frames for block in stream.blocks()])


@pytest.mark.slow
def test_a_real_picture_and_real_speech(pipeline: LiveActPipeline, shared: Path) -> None:
    source = shared / "clips" / "portrait_a.mp4"
    with VideoFile(source) as video:
        first = next(item for item in video.read(sound=False) if isinstance(item, Frame))
    samples = load_sound(source)
    frames = make(pipeline, samples, first.rgb, size=(48, 32), fps=Fraction(20), frames=60)
    assert frames.shape == (60, 32, 48, 3)
    assert frames.std(axis=(1, 2)).min() > 1
    # Both the picture and the sound are looked at.
    other = make(pipeline, samples, first.rgb[::-1].copy(), size=(48, 32), fps=Fraction(20), frames=21)
    deaf = make(pipeline, samples[::-1].copy(), first.rgb, size=(48, 32), fps=Fraction(20), frames=21)
    assert not np.array_equal(other, frames[:21])
    assert not np.array_equal(deaf, frames[:21])


def test_weights_from_files_give_the_same_video(pipeline: LiveActPipeline, tmp_path: Path) -> None:
    models = pipeline.models
    modules = {
        "dit": models.dit,
        "vae": models.vae.module,
        "text": models.text.module,
        "image": models.image.module,
        "speech": models.speech.module,
    }
    paths = {}
    for role, module in modules.items():
        paths[role] = tmp_path / f"{role}.safetensors"
        stored = dict(module.named_parameters())
        save_file({name: tensor.contiguous() for name, tensor in stored.items()}, paths[role])
    loaded = LiveActPipeline.from_weights(
        liveact_tiny(), paths, ROLLOUTS, dtype=torch.float32, text_device="cpu", origin="a test"
    )
    samples = (np.random.RandomState(3).standard_normal(16_000) * 3000).astype(np.int16)
    wanted = make(pipeline, samples, picture())
    assert np.array_equal(make(loaded, samples, picture()), wanted)
    assert loaded.describe()["weights"] == "a test"
    with pytest.raises(WeightsError, match="No weights are given for image, speech"):
        LiveActPipeline.from_weights(
            liveact_tiny(), {role: paths[role] for role in ("dit", "vae", "text")}, ROLLOUTS
        )


def test_what_ran_is_told() -> None:
    options = GenerationOptions(memory="window", speech="windowed", audio_guidance=1.5)
    made = LiveActPipeline.from_random(
        liveact_tiny(), ROLLOUTS, seed=4, dtype=torch.bfloat16, options=options
    )
    told = made.describe()
    assert told["config"] == "liveact-tiny"
    assert told["weights"] == "random(seed 4)"
    assert (told["device"], told["dtype"]) == ("cpu", "bfloat16")
    assert (told["memory"], told["speech"], told["audio_guidance"]) == ("window", "windowed", 1.5)
    samples = (np.random.RandomState(3).standard_normal(20_000) * 3000).astype(np.int16)
    assert len(make(made, samples, picture(), frames=22)) == 22


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"size": (40, 32)}, r"40x32: both sides must be multiples of 16\. The nearest is 32x32"),
        ({"size": (0, 16)}, "multiples of 16"),
        ({"fps": Fraction(2)}, "expected 5 to 120"),
        ({"frames": 0}, "expected 1 or more"),
        ({"frames": 53, "edits": (Edit(2, 2, "waves"),)}, "the video has 2 blocks"),
        ({"edits": (Edit(2, 4, "a"), Edit(3, 3, "b"))}, "Edits overlap"),
    ],
)
def test_wrong_requests(pipeline: LiveActPipeline, given: dict[str, Any], message: str) -> None:
    fields: dict[str, Any] = {"size": (32, 32), "fps": RATE} | given
    with pytest.raises(LiveActError, match=message):
        pipeline.stream(picture(), **fields)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decode": "half"}, "expected overlap or carried"),
        ({"speech": "half"}, "expected whole or windowed"),
        ({"length": "half"}, "expected audio or official"),
        ({"audio_guidance": float("nan")}, "finite; 1 is off"),
        ({"cuda_graphs": True, "memory": "full"}, "cuda_graphs and memory=full exclude"),
        ({"cuda_graphs": True, "offload_cache": True}, "cuda_graphs and offload_cache exclude"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(LiveActError, match=message):
        GenerationOptions(**options)


def test_options_are_those_of_the_rollout() -> None:
    ours, theirs = GenerationOptions(), NeighborOptions()
    for name in ("memory", "audio_guidance", "fp8_cache", "offload_cache"):
        assert getattr(ours, name) == getattr(theirs, name)


def test_needed_memory_is_what_is_taken(pipeline: LiveActPipeline) -> None:
    need = need_of(liveact_tiny(), GenerationOptions(), size=(32, 32), dtype=torch.float32)
    models = pipeline.models
    assert need.weights_gib * GIB == sum(p.nbytes for p in models.dit.parameters())
    stream = pipeline.stream(picture(), size=(32, 32), fps=RATE, frames=1)
    stream.feed(np.ones(16_000, np.int16), 16_000)
    stream.close()
    assert len(list(stream.blocks())) == 1
    assert need.cache_gib * GIB == stream.memory_bytes()


def test_the_full_model_is_counted_without_being_built() -> None:
    options, dtype = GenerationOptions(), torch.bfloat16
    need = need_of(liveact_18b(), options, size=(512, 512), dtype=dtype, text_elsewhere=True)
    # 18.9 B parameters; 3 steps x 40 layers x 2 x 14 x 1024 x 5120 numbers.
    assert need.weights_gib * GIB == 18_884_094_784 * 2
    assert need.cache_gib * GIB == 3 * 40 * 2 * 14 * 1024 * 5120 * 2
    guided = need_of(
        liveact_18b(), replace(options, audio_guidance=1.7), size=(512, 512), dtype=dtype, ranks=2
    )
    assert guided.cache_gib == pytest.approx(need.cache_gib * 5 / 3 / 2)


def test_too_little_memory_is_said_before_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("liveact_eval.liveact.fitting.free_bytes", lambda _: 2**20)
    monkeypatch.setattr("liveact_eval.liveact.pipeline.random_models", None)
    with pytest.raises(LiveActError, match=r"Not enough memory on cpu: .* GiB needed .*, 0\.0 GiB free"):
        LiveActPipeline.from_random(liveact_tiny(), ROLLOUTS, size=(32, 32))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attention": "slow"}, "attention is 'slow'; expected one of sdpa"),
        ({"attention": "flash-attn"}, "flash-attn"),
        ({"compile": "always"}, "compile is 'always'"),
        ({"cuda_graphs": True}, "cuda_graphs needs a CUDA device"),
        ({"block_offload": 2}, "block_offload needs a CUDA device"),
    ],
)
def test_speed_that_is_not_to_be_had_is_said_before_loading(
    options: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("liveact_eval.liveact.pipeline.random_models", None)
    with pytest.raises(LiveActError, match=message):
        LiveActPipeline.from_random(liveact_tiny(), ROLLOUTS, options=GenerationOptions(**options))


def test_eight_bit_layers_change_little() -> None:
    samples = (np.random.RandomState(3).standard_normal(16_000) * 3000).astype(np.int16)
    made = []
    for name in ("off", "emulated"):
        pipeline = LiveActPipeline.from_random(
            liveact_tiny(), ROLLOUTS, options=GenerationOptions(fp8_linear=name)
        )
        assert pipeline.describe()["fp8_linear"] == name
        made.append(make(pipeline, samples, picture()).astype(int))
    assert 0 < np.abs(made[0] - made[1]).mean() < 8


@pytest.mark.parametrize(
    ("name", "message"),
    [("toaster", "is not known"), ("meta", "is not supported"), ("cuda:99", r"cuda:99.* is not there")],
)
def test_devices_that_are_not_there(name: str, message: str) -> None:
    with pytest.raises(LiveActError, match=message):
        open_device(name)


def test_sound_of_one_block_is_enough() -> None:
    check_sound(Fraction(21, 25), RATE)
    with pytest.raises(LiveActError, match=r"lasts 0\.83 s; the first block of 21 frames .* needs 0\.84 s"):
        check_sound(Fraction(83, 100), RATE)
