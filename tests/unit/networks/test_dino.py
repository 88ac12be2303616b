"""DINO: sizes, batching, and the shortcut of the last block."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from liveact_eval.networks import dino
from liveact_eval.networks.dino import DinoViT


@pytest.fixture(scope="module")
def network() -> DinoViT:
    """Three blocks of the twelve, which are all alike."""
    generator = torch.Generator().manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dino, "_DEPTH", 3)
        made = dino.build_dino()
    for parameter in made.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.03)
    return made


def pictures(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def test_of_the_last_block_only_the_class_token_is_made(network: DinoViT) -> None:
    x = pictures(2, 7, 768)
    whole = network.blocks[-1](x)
    assert whole.shape == x.shape
    torch.testing.assert_close(network.blocks[-1](x, first_only=True), whole[:, :1], atol=1e-6, rtol=0)


def test_one_by_one_and_all_at_once(network: DinoViT) -> None:
    batch = pictures(3, 3, 48, 80)
    found = network(batch)
    assert found.shape == (3, 768)
    torch.testing.assert_close(torch.cat([network(one[None]) for one in batch]), found, atol=1e-6, rtol=0)
    assert float((found[0] - found[1]).abs().max()) > 1e-3


def test_what_is_left_over_is_not_seen(network: DinoViT) -> None:
    picture = pictures(1, 3, 48, 95)
    torch.testing.assert_close(network(picture), network(picture[..., :80]), atol=1e-6, rtol=0)


def test_positions_are_those_of_the_file_at_224(network: DinoViT) -> None:
    assert network._positions(224, 224) is network.pos_embed
    wide = network._positions(224, 388)
    assert wide.shape == (1, 1 + 14 * 24, 768)
    assert torch.equal(wide[:, 0], network.pos_embed[:, 0])


def test_too_small(network: DinoViT) -> None:
    with pytest.raises(ValueError, match="pictures of 15 x 64; a side of at least 16"):
        network(pictures(1, 3, 15, 64))
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
