"""CLIP's picture towers and the aesthetic head."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from liveact_eval.networks.aesthetic import aesthetic_score, build_aesthetic_head
from liveact_eval.networks.clip_visual import VIT_B32, ClipVisual, build_clip_vitl14, visual_weights


@pytest.fixture(scope="module")
def network() -> ClipVisual:
    generator = torch.Generator().manual_seed(0)
    made: ClipVisual = ClipVisual(
        dataclasses.replace(VIT_B32, width=48, depth=3, heads=4, features=20)
    ).eval()
    for parameter in made.requires_grad_(False).parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return made


def pictures(count: int) -> Tensor:
    return torch.randn(count, 3, 224, 224, generator=torch.Generator().manual_seed(1))


def test_one_by_one_and_all_at_once(network: ClipVisual) -> None:
    batch = pictures(3)
    found = network(batch)
    assert found.shape == (3, 20)
    apart = torch.cat([network(one[None]) for one in batch])
    torch.testing.assert_close(apart, found, atol=1e-6 * float(found.abs().max()), rtol=0)


def test_of_the_last_block_only_the_class_token_is_made(network: ClipVisual) -> None:
    x = torch.randn(2, 9, 48, generator=torch.Generator().manual_seed(2))
    whole = x
    for block in network.transformer.resblocks:
        whole = block(whole, whole)
    torch.testing.assert_close(network.transformer(x), whole[:, 0], atol=1e-5, rtol=0)


def test_other_sizes_are_refused(network: ClipVisual) -> None:
    with pytest.raises(ValueError, match=r"pictures of \(224, 256\); 224 x 224"):
        network(torch.zeros(1, 3, 224, 256))


def test_large_tower_has_the_official_shapes() -> None:
    with torch.device("meta"):
        state = build_clip_vitl14().state_dict()
    assert tuple(state["conv1.weight"].shape) == (1024, 3, 14, 14)
    assert tuple(state["positional_embedding"].shape) == (257, 1024)
    assert tuple(state["proj"].shape) == (1024, 768)
    assert tuple(state["transformer.resblocks.23.attn.in_proj_weight"].shape) == (3072, 1024)
    assert len(state) == 8 + 24 * 12


def test_a_whole_official_clip_is_taken_apart(network: ClipVisual) -> None:
    whole = {f"visual.{name}": tensor.half() for name, tensor in network.state_dict().items()}
    whole["text_projection"] = torch.zeros(2, 2)
    again = ClipVisual(dataclasses.replace(VIT_B32, width=48, depth=3, heads=4, features=20))
    weights = visual_weights(whole)
    again.load_state_dict(weights)
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}


def test_aesthetic_score_does_not_depend_on_the_length_of_a_feature() -> None:
    head = build_aesthetic_head()
    head.weight.copy_(torch.linspace(-1, 1, 768)[None])
    head.bias.fill_(5.0)
    features = torch.randn(4, 768, generator=torch.Generator().manual_seed(3))
    found = aesthetic_score(head, features)
    torch.testing.assert_close(aesthetic_score(head, features * 7), found)
    cosine = features @ head.weight[0] / features.norm(dim=1)
    torch.testing.assert_close(found, (cosine + 5) / 10)
    assert aesthetic_score(head, features.half()).dtype == torch.float32
