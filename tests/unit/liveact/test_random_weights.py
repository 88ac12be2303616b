"""Seeded weights: the same numbers again, whatever the order, and no signal that explodes or dies."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from liveact_eval.liveact.weights import fill_random, materialise


class Parts(nn.Module):
    def __init__(self, names: str) -> None:
        super().__init__()
        for name in names:
            setattr(self, name, nn.Linear(8, 8))


def test_numbers_depend_on_seed_and_name_alone() -> None:
    one, other = Parts("ab"), Parts("ba")
    fill_random(one, 5)
    fill_random(other, 5)
    state = other.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in one.state_dict().items())
    assert not torch.equal(state["a.weight"], state["b.weight"])
    fill_random(other, 6)
    assert not torch.equal(one.state_dict()["a.weight"], other.state_dict()["a.weight"])


def test_numbers_stay_the_same_over_versions() -> None:
    module = nn.Linear(2, 2)
    fill_random(module, 0)
    expected = torch.tensor([[0.45656, -0.05671], [0.99731, -0.14312]])
    torch.testing.assert_close(module.weight.detach(), expected, atol=1e-5, rtol=0)


def test_scales() -> None:
    module = nn.Module()
    module.linear = nn.Linear(400, 300)
    module.conv = nn.Conv3d(20, 200, (1, 4, 5))
    module.table = nn.Embedding(200, 200)
    module.norm = nn.LayerNorm(2000)
    module.memory_proj_k = nn.Conv1d(2000, 2000, 5, groups=2000, bias=False)
    module.gamma = nn.Parameter(torch.zeros(2000, 1, 1))
    module.modulation = nn.Parameter(torch.zeros(1, 6, 300))
    fill_random(module, 1)
    expected = {
        "linear.weight": (0, 1 / 20),
        "linear.bias": (0, 0.02),
        "conv.weight": (0, 1 / 20),
        "table.weight": (0, 1),
        "norm.weight": (1, 0.02),
        "norm.bias": (0, 0.02),
        "memory_proj_k.weight": (0.2, 0.02),
        "gamma": (1, 0.02),
        "modulation": (0, 0.02),
    }
    for name, (mean, std) in expected.items():
        tensor = module.get_parameter(name).detach()
        assert float(tensor.mean()) == pytest.approx(mean, abs=5 * std / tensor.numel() ** 0.5), name
        assert float(tensor.std()) == pytest.approx(std, rel=0.15), name


def test_a_deep_network_keeps_its_signal() -> None:
    layers = [nn.Sequential(nn.LayerNorm(64), nn.Linear(64, 64)) for _ in range(60)]
    module = nn.Sequential(*layers)
    fill_random(module, 2)
    with torch.no_grad():
        out = module(torch.randn(32, 64, generator=torch.Generator().manual_seed(0)))
    assert 0.5 < float(out.std()) < 2


def test_materialise_keeps_ties_and_buffers() -> None:
    with torch.device("meta"):
        module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
        module[1].weight = module[0].weight
    module.register_buffer("grid", torch.arange(3.0))
    materialise(module, "cpu", torch.bfloat16)
    fill_random(module, 3)
    assert module[0].weight is module[1].weight
    assert module[0].weight.dtype == torch.bfloat16
    assert module.grid.dtype == torch.float32  # type: ignore[union-attr]
    assert module.grid.tolist() == [0, 1, 2]  # type: ignore[operator,union-attr]
    assert torch.isfinite(module(torch.ones(1, 4, dtype=torch.bfloat16))).all()


def test_meta_is_refused() -> None:
    with torch.device("meta"):
        module = nn.Linear(2, 2)
    with pytest.raises(ValueError, match="weight is on the meta device: call materialise"):
        fill_random(module, 0)
    module.register_buffer("grid", torch.empty(1, device="meta"))
    with pytest.raises(ValueError, match="buffers on the meta device have lost their values: grid"):
        materialise(module, "cpu", None)
