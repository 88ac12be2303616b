"""The stream: which frames come out when, from what sound, with which prompt and noise, and what it holds."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from liveact_eval.liveact.config import liveact_tiny
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.models import Models, random_models
from liveact_eval.liveact.pipeline import LiveActPipeline
from liveact_eval.liveact.prompts import Edit
from liveact_eval.liveact.request import GenerationOptions, block_count, frame_count
from liveact_eval.liveact.stream import FrameBlock, LiveStream, to_uint8
from liveact_eval.liveact.vae import DecoderCache, WanVAE
from liveact_eval.rollouts.neighbor import NeighborForcing

RATE = 16_000
SIZE = (16, 16)


@pytest.fixture(scope="module")
def models() -> Models:
    made = random_models(liveact_tiny(), 0, device=torch.device("cpu"), dtype=torch.float32)
    return replace(made, vae=Pixels(made.vae.module, made.config.vae))


class Pixels(WanVAE):
    """Stands for the VAE, which takes most of the time: a latent is seen as one, or four, flat frames."""

    def encode(self, video: Tensor) -> Tensor:
        picked = video[:, :1, ::4, ::8, ::8]
        return picked.repeat(1, 16, 1, 1, 1)

    def decode_steps(
        self, latents: Tensor, cache: DecoderCache | None = None, *, clamp: bool = True
    ) -> Iterator[Tensor]:
        cache = DecoderCache() if cache is None else cache
        for latent in latents.split(1, dim=2):
            flat = latent[:, :3].tanh().repeat_interleave(8, 3).repeat_interleave(8, 4)
            yield flat.repeat(1, 1, 1 if cache.latents_seen == 0 else 4, 1, 1)
            cache.latents_seen += 1


def picture() -> NDArray[np.uint8]:
    return np.random.RandomState(1).randint(0, 256, (24, 40, 3)).astype(np.uint8)


def sound(seconds: float) -> NDArray[np.float32]:
    return np.random.RandomState(2).uniform(-0.5, 0.5, round(seconds * RATE)).astype(np.float32)


def start(models: Models, options: GenerationOptions | None = None, **given: Any) -> LiveStream:
    pipeline = LiveActPipeline(
        models,
        lambda dit, _: NeighborForcing(dit),
        options or GenerationOptions(),
        origin="test",
        device=torch.device("cpu"),
    )
    fields: dict[str, Any] = {"size": SIZE, "fps": Fraction(25)} | given
    return pipeline.stream(picture(), **fields)


def run(stream: LiveStream, samples: NDArray[np.float32]) -> list[FrameBlock]:
    stream.feed(samples, RATE)
    stream.close()
    return list(stream.blocks())


def frames(blocks: list[FrameBlock]) -> NDArray[np.uint8]:
    return np.concatenate([block.frames for block in blocks])


WINDOWED = GenerationOptions(speech="windowed")


@pytest.mark.parametrize("fps", [Fraction(20), Fraction(25), Fraction(30_000, 1001)])
@pytest.mark.parametrize("seconds", [1.2, 2.13])
def test_as_many_frames_as_the_sound_lasts(models: Models, fps: Fraction, seconds: float) -> None:
    stream = start(models, fps=fps)
    blocks = run(stream, sound(seconds))
    total = math.floor(seconds * fps + 0.5)
    assert frames(blocks).shape == (total, 16, 16, 3)
    assert [block.first_frame for block in blocks] == [0, *range(21, total, 32)]
    assert [block.block for block in blocks] == list(range(block_count(total)))
    assert stream.done
    assert list(stream.blocks()) == []


def test_official_length(models: Models) -> None:
    stream = start(models, GenerationOptions(length="official"))
    assert len(frames(run(stream, sound(1.6)))) == 21 + 32
    assert frame_count(Fraction(31, 25), Fraction(25), "official") == 21
    assert frame_count(Fraction(10), Fraction(20), "official") == 21 + 32 * 6


def test_asked_length_wins_and_is_a_prefix(models: Models) -> None:
    whole = frames(run(start(models), sound(2)))
    for wanted in (1, 21, 30, 49):
        blocks = run(start(models, frames=wanted), sound(2))
        assert np.array_equal(frames(blocks), whole[:wanted])


def test_a_longer_video_than_the_sound(models: Models) -> None:
    for options in (GenerationOptions(), WINDOWED):
        assert len(frames(run(start(models, options, frames=60), sound(1)))) == 60


@pytest.mark.parametrize("fps", [20, 25])
def test_live_is_the_same_video_as_at_once(models: Models, fps: int) -> None:
    samples = sound(4)
    at_once = run(start(models, WINDOWED, fps=Fraction(fps)), samples)
    stream = start(models, WINDOWED, fps=Fraction(fps))
    live: list[FrameBlock] = []
    fed = []
    for at in range(0, len(samples), 1600):
        stream.feed(samples[at : at + 1600], RATE)
        new = list(stream.blocks())
        live += new
        fed += [min(at + 1600, len(samples)) / RATE] * len(new)
    stream.close()
    live += list(stream.blocks())
    assert np.array_equal(frames(live), frames(at_once))
    # Block 0 needs 55 frames of sound, every later one 32 more from block 2 on.
    expected = [55 / fps, 55 / fps, 87 / fps]
    assert all(need <= got < need + 0.2 for need, got in zip(expected, fed, strict=False))
    assert len(fed) >= 2


def test_a_waiting_reader_is_fed_by_another_thread(models: Models) -> None:
    samples = sound(3)
    stream = start(models, WINDOWED)

    def source() -> None:
        for at in range(0, len(samples), 800):
            stream.feed(samples[at : at + 800], RATE)
        stream.close()

    thread = threading.Thread(target=source)
    thread.start()
    assert len(frames(list(stream.blocks(wait=True)))) == 75
    thread.join()


def test_seed_sound_and_picture_decide_the_video(models: Models) -> None:
    first = frames(run(start(models), sound(1)))
    assert np.array_equal(frames(run(start(models), sound(1))), first)
    assert not np.array_equal(frames(run(start(models, seed=1), sound(1))), first)
    assert not np.array_equal(frames(run(start(models), -np.abs(sound(1)))), first)


def test_an_edit_changes_its_blocks_only_forward(models: Models) -> None:
    samples = sound(4.6)
    plain = run(start(models), samples)
    edited = run(start(models, edits=(Edit(2, 2, "waves"),)), samples)
    same = [np.array_equal(a.frames, b.frames) for a, b in zip(plain, edited, strict=True)]
    # Later blocks remember the edited one.
    assert same == [True, True, False, False]


def test_each_prompt_is_encoded_once_and_let_go(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    encode = models.text.encode

    def counted(prompts: list[str]) -> list[Tensor]:
        asked.extend(prompts)
        found: list[Tensor] = encode(prompts)
        return found

    monkeypatch.setattr(models.text, "encode", counted)
    edits = tuple(Edit(n, n, f"edit {n % 4}") for n in (1, 2, 3, 5))
    stream = start(models, edits=edits)
    stream.feed(sound(7.5), RATE)
    stream.close()
    held = [len(stream._contexts) for _ in stream.blocks()]
    assert asked == ["a person is talking", "edit 1", "edit 2", "edit 3"]
    assert held[-1] == 1


def test_nothing_grows_with_the_length(models: Models) -> None:
    stream = start(models, GenerationOptions(speech="windowed", decode="carried"), fps=Fraction(20))
    counts: list[tuple[int, int, int]] = []
    for _ in range(40):
        stream.feed(sound(0.5), RATE)
        for _block in stream.blocks():
            counts.append((stream.memory_bytes(), len(stream._contexts), stream._speech.held))
    assert len(counts) > 10
    assert {count[:2] for count in counts[1:]} == {counts[1][:2]}
    assert max(held for *_, held in counts[8:]) <= max(held for *_, held in counts[:6])


def test_timings_and_memory_are_told(models: Models) -> None:
    stream = start(models)
    block, *_ = run(stream, sound(1))
    parts = block.timings
    assert min(parts.condition_s, parts.dit_s, parts.vae_s, parts.host_s) > 0
    # Three steps, two layers, 14 slots of one token, keys and values of 64 floats.
    assert stream.memory_bytes() == 3 * 2 * 14 * 1 * 2 * 64 * 4


def test_short_sound_is_refused_before_anything_is_made(models: Models) -> None:
    stream = start(models)
    stream.feed(sound(20.9 / 25), RATE)
    with pytest.raises(LiveActError, match=r"lasts 0\.84 s; .* needs 0\.84 s|first block of 21 frames"):
        stream.close()
    with pytest.raises(LiveActError, match="first block of 21 frames"):
        next(stream.blocks())


def test_no_sound_at_all(models: Models) -> None:
    with pytest.raises(LiveActError, match=r"lasts 0\.00 s"):
        start(models).close()


def test_numbers_that_are_not_finite_are_refused(models: Models) -> None:
    gain = models.dit.head.head.bias
    before = gain.data.clone()
    gain.data[0] = math.nan
    try:
        with pytest.raises(LiveActError, match=r"Block 0: \d+ of \d+ latents are not finite"):
            run(start(models), sound(1))
    finally:
        gain.data.copy_(before)


def test_levels_are_rounded_and_cut() -> None:
    pixels = (
        torch.tensor([-1.2, -1.0, -0.996, 0.0, 0.5, 1.0, 3.0]).reshape(1, 1, 1, 1, 7).expand(1, 3, 1, 1, 7)
    )
    levels = to_uint8(pixels)
    assert levels.shape == (1, 1, 7, 3)
    assert levels[0, 0, :, 0].tolist() == [0, 0, 1, 128, 191, 255, 255]
