"""MUSIQ: cutting pictures into tokens, and scoring them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from liveact_eval.networks import musiq
from liveact_eval.networks.musiq import PATCH, Musiq, multiscale_tokens, slots
from liveact_eval.networks.seeded import fill_seeded


@pytest.fixture(scope="module")
def network() -> Musiq:
    """Three blocks of the fourteen, which are all alike."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(musiq, "_DEPTH", 3)
        made = musiq.build_musiq()
    fill_seeded(made, "musiq")
    return made


def pictures(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("height", "width", "counts", "room"),
    [(512, 512, (49, 144, 256), 449), (288, 512, (28, 84, 144), 337), (100, 33, (21, 48, 8), 201)],
)
def test_number_of_tokens(height: int, width: int, counts: tuple[int, ...], room: int) -> None:
    tokens = multiscale_tokens(pictures(2, 3, height, width))
    assert torch.bincount(tokens.scale).tolist() == list(counts)
    assert tokens.pixels.shape == (2, sum(counts), 3, PATCH, PATCH)
    places, whole = slots(height, width)
    assert (len(places), whole) == (sum(counts), room)
    # A smaller scale's tokens stay within the room of a square.
    assert int(places[counts[0]]) == 49
    assert int(places[counts[0] + counts[1]]) == 49 + 144


def test_own_scale_is_the_picture_itself_between_black_borders() -> None:
    picture = pictures(1, 3, 40, 64)
    tokens = multiscale_tokens(picture)
    own = tokens.pixels[0, tokens.scale == 2].view(2, 2, 3, PATCH, PATCH)
    whole = own.permute(2, 0, 3, 1, 4).reshape(3, 64, 64)
    torch.testing.assert_close(whole[:, 12:52], picture[0] * 2 - 1)
    assert not whole[:, :12].any() and not whole[:, 52:].any()


def test_positions_are_hashed_into_ten_cells_a_side() -> None:
    tokens = multiscale_tokens(pictures(1, 3, 512, 64))
    own = tokens.position[tokens.scale == 2].view(16, 2)
    assert own[:, 0].tolist() == [10 * (row * 10 // 16) for row in range(16)]
    assert (own[:, 1] - own[:, 0]).tolist() == [5] * 16


def test_one_by_one_and_all_at_once(network: Musiq) -> None:
    batch = pictures(3, 3, 64, 96)
    found = network(batch)
    assert found.shape == (3,)
    torch.testing.assert_close(torch.cat([network(one[None]) for one in batch]), found, atol=1e-6, rtol=0)


def test_of_the_last_block_only_the_class_token_is_made(network: Musiq) -> None:
    x = torch.randn(2, 7, 384, generator=torch.Generator().manual_seed(2))
    *_, block = network.transformer_encoder.transformer.values()
    torch.testing.assert_close(block(x, first_only=True), block(x)[:, :1], atol=1e-5, rtol=0)
