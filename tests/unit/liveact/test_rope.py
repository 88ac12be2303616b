"""Rotary positions."""

from __future__ import annotations

import torch

from liveact_eval.liveact.rope import apply_rope, rope_table, split_pairs


def scores(frame_q: int, frame_k: int) -> torch.Tensor:
    """Product of a rotated query and a rotated key."""
    generator = torch.Generator().manual_seed(0)
    q, k = (torch.randn(1, 12, 1, 20, generator=generator) for _ in range(2))
    tables = [rope_table(torch.tensor([frame]), 3, 4, 20) for frame in (frame_q, frame_k)]
    return torch.einsum("bnhd,bmhd->nm", apply_rope(q, tables[0]), apply_rope(k, tables[1]))


def test_heads_are_split_as_in_the_full_model() -> None:
    assert split_pairs(128) == (22, 21, 21)
    assert split_pairs(20) == (4, 3, 3)


def test_products_depend_on_distances_alone() -> None:
    assert torch.allclose(scores(2, 5), scores(40, 43), atol=1e-4)
    assert not torch.allclose(scores(2, 5), scores(2, 6), atol=1e-2)


def test_rotation_keeps_lengths_and_dtype() -> None:
    x = torch.randn(1, 24, 2, 20, generator=torch.Generator().manual_seed(0))
    rotated = apply_rope(x, rope_table(torch.arange(2), 3, 4, 20))

    assert torch.allclose(rotated.norm(dim=-1), x.norm(dim=-1), atol=1e-5)
    assert apply_rope(x.bfloat16(), rope_table(torch.arange(2), 3, 4, 20)).dtype == torch.bfloat16


def test_far_positions_stay_exact() -> None:
    far = rope_table(torch.tensor([100_000]), 1, 1, 128)
    angle = 100_000 * 10000.0 ** -(torch.arange(22, dtype=torch.float64) / 22)

    assert torch.allclose(far.cos[0, :22].double(), angle.cos(), atol=1e-6)
