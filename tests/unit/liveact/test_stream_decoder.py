"""Decoding block by block: the official recipe, the carried cache, and bounded memory."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from liveact_eval.liveact import vae
from liveact_eval.liveact.config import VAEConfig
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.stream_decoder import StreamDecoder
from liveact_eval.liveact.vae import WanVAE
from liveact_eval.liveact.weights import fill_random

BLOCKS = (6, 8, 8)


@pytest.fixture(scope="module")
def ours() -> WanVAE:
    config = VAEConfig(base_dim=4)
    module = vae.build(config)
    fill_random(module, 1)
    return WanVAE(module, config)


@pytest.fixture(scope="module")
def latents() -> Tensor:
    return torch.randn(1, 16, sum(BLOCKS), 2, 3, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def oneshot(ours: WanVAE, latents: Tensor) -> Tensor:
    return ours.decode(latents)


def test_carried_equals_one_decode(ours: WanVAE, latents: Tensor, oneshot: Tensor) -> None:
    decoder = StreamDecoder(ours, "carried")
    blocks = [decoder.decode(block) for block in latents.split(BLOCKS, dim=2)]
    assert [block.shape[2] for block in blocks] == [21, 32, 32]
    assert torch.equal(torch.cat(blocks, dim=2), oneshot)


def test_overlap_is_the_official_recipe(ours: WanVAE, latents: Tensor, oneshot: Tensor) -> None:
    decoder = StreamDecoder(ours)
    first, second, third = (decoder.decode(block) for block in latents.split(BLOCKS, dim=2))
    assert torch.equal(first, oneshot[:, :, :21])
    for block, begin in ((second, 6), (third, 14)):
        again = ours.decode(latents[:, :, begin - 3 : begin + 8])[:, :, 9:]
        assert torch.equal(block, again)
    assert (third - oneshot[:, :, 53:]).abs().max() > 1e-4


@pytest.mark.parametrize("overlap", [1, 2, 5])
def test_frames_do_not_depend_on_the_overlap(ours: WanVAE, latents: Tensor, overlap: int) -> None:
    decoder = StreamDecoder(ours, "overlap", overlap_latents=overlap)
    counts = [decoder.decode(block).shape[2] for block in latents[:, :, :7].split([2, 1, 4], dim=2)]
    assert counts == [5, 4, 16]


@pytest.mark.parametrize("mode", ["overlap", "carried"])
def test_frames_come_as_they_are_decoded(ours: WanVAE, latents: Tensor, mode: str) -> None:
    decoder = StreamDecoder(ours, mode)  # type: ignore[arg-type]
    counts = [frames.shape[2] for frames in decoder.stream(latents[:, :, :3])]
    assert counts == [1, 4, 4]
    assert [frames.shape[2] for frames in decoder.stream(latents[:, :, 3:5])] == [4, 4]


@pytest.mark.parametrize("mode", ["overlap", "carried"])
def test_memory_does_not_grow(ours: WanVAE, latents: Tensor, mode: str) -> None:
    decoder = StreamDecoder(ours, mode)  # type: ignore[arg-type]
    held = []
    for _ in range(4):
        decoder.decode(latents[:, :, :2])
        kept = [*decoder._cache.features, decoder._tail]
        held.append(sum(one.untyped_storage().nbytes() for one in kept if isinstance(one, Tensor)))
    # From the second block on; the first one fills the memory.
    assert held[1] == held[2] == held[3] > 0


def test_reset_begins_another_stream(ours: WanVAE, latents: Tensor) -> None:
    for mode in ("overlap", "carried"):
        decoder = StreamDecoder(ours, mode)  # type: ignore[arg-type]
        first = decoder.decode(latents[:, :, :2])
        decoder.decode(latents[:, :, 2:4])
        decoder.reset()
        assert torch.equal(decoder.decode(latents[:, :, :2]), first)
        decoder.reset()
        assert decoder.decode(latents[:, :, :2, :1]).shape[3] == 8


def test_refusals(ours: WanVAE, latents: Tensor) -> None:
    with pytest.raises(LiveActError, match="known: overlap, carried"):
        StreamDecoder(ours, "tiled")  # type: ignore[arg-type]
    with pytest.raises(LiveActError, match="overlap_latents is 0"):
        StreamDecoder(ours, overlap_latents=0)
    decoder = StreamDecoder(ours)
    next(decoder.stream(latents[:, :, :2]))
    with pytest.raises(LiveActError, match="not decoded to its end"):
        decoder.decode(latents[:, :, :2])
    decoder.reset()
    decoder.decode(latents[:, :, :2])
    with pytest.raises(LiveActError, match="a stream keeps its size"):
        decoder.decode(latents[:, :, :2, :1])
    with pytest.raises(LiveActError, match=r"expected \[1, 16"):
        decoder.decode(latents[:, :3])
    # A refused block leaves the stream as it was.
    assert decoder.decode(latents[:, :, :2]).shape[2] == 8
