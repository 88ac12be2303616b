"""The shortest sound is the first block of the rollout that runs, wherever it is asked for."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from liveact_eval.cards.load import load_model
from liveact_eval.cards.model import ModelCard
from liveact_eval.cards.protocol import Encoding
from liveact_eval.errors import ClipError
from liveact_eval.generators.build import build_generator
from liveact_eval.generators.recipe import NamedStrategy
from liveact_eval.liveact.config import liveact_tiny
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.models import Models, random_models
from liveact_eval.liveact.pipeline import LiveActPipeline
from liveact_eval.liveact.request import GenerationOptions
from liveact_eval.liveact.stream import LiveStream
from liveact_eval.rollouts.published import PUBLISHED
from tests.helpers import clip_of, moving_square, read_all, tone, write_av

FIRST = {
    "neighbor": 21,
    "self-forcing": 9,
    "causal-forcing-frame": 5,
    "rolling-forcing": 9,
    "avatar-forcing": 17,
    "overlapping-windows": 81,
}
"""Video frames of the first block."""


@pytest.fixture(scope="module")
def models() -> Models:
    return random_models(liveact_tiny(), 0, device=torch.device("cpu"), dtype=torch.float32)


def stream_of(models: Models, rollout: str, frames: float, memory: str = "convkv") -> LiveStream:
    """A stream that was given sound of so many frames."""
    steps = PUBLISHED[rollout].steps if rollout in PUBLISHED else 3
    pipeline = LiveActPipeline(
        models,
        NamedStrategy(steps, rollout),
        GenerationOptions(memory=memory, decode="carried"),
        origin="a test",
        device=torch.device("cpu"),
    )
    picture = np.random.RandomState(1).randint(0, 256, (16, 16, 3)).astype(np.uint8)
    stream = pipeline.stream(picture, size=(16, 16), fps=Fraction(25))
    stream.feed(np.random.RandomState(2).uniform(-0.5, 0.5, round(frames * 640)).astype(np.float32), 16_000)
    return stream


@pytest.mark.parametrize("rollout", FIRST)
def test_a_stream_refuses_sound_shorter_than_its_first_block(rollout: str, models: Models) -> None:
    frames = FIRST[rollout]
    stream_of(models, rollout, frames).close()
    message = rf"the first block of {frames} frames of this rollout .* needs {frames / 25:.2f} s"
    with pytest.raises(LiveActError, match=message):
        stream_of(models, rollout, frames - 0.1).close()


def test_a_first_block_of_another_size_is_that_of_the_memory(models: Models) -> None:
    stream_of(models, "neighbor", 29, "convkv-8-6").close()
    with pytest.raises(LiveActError, match="first block of 29 frames"):
        stream_of(models, "neighbor", 28, "convkv-8-6").close()


def test_sound_of_one_block_is_a_video_also_of_a_rollout_that_looks_ahead(models: Models) -> None:
    stream = stream_of(models, "rolling-forcing", 9)
    stream.close()
    assert [len(block.frames) for block in stream.blocks()] == [9]


def test_the_generator_of_a_card_asks_for_its_rollouts_block(tmp_path: Path) -> None:
    content = load_model("liveact-tiny").model_dump() | {"name": "mine"}
    content["native"] = content["native"] | {"rollout": "causal-forcing-plus", "steps": 2}
    generator = build_generator(ModelCard.model_validate(content), Encoding(preset="ultrafast"))
    for frames in (6, 4):
        video = write_av(tmp_path / f"{frames}.mp4", moving_square(frames, (32, 32)), sound=tone(frames / 25))
        out = tmp_path / f"out{frames}.mp4"
        if frames == 6:
            generator.generate(clip_of(video), out, 0)
            assert len(read_all(out)[0]) == 6
            continue
        with pytest.raises(ClipError, match="the first block of 5 frames of this rollout") as caught:
            generator.generate(clip_of(video), out, 0)
        assert caught.value.reason == "short_audio"
