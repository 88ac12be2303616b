from __future__ import annotations

import torch
from torch import nn

from liveact_eval.training.muon import Muon, orthogonal, split_parameters


def test_every_direction_of_a_matrix_gets_a_step_of_about_one() -> None:
    torch.manual_seed(0)
    for rows, columns in ((24, 40), (40, 24)):
        # Singular values from 1 to 1/30: plain momentum would move along the first ones alone.
        left, right = (torch.linalg.qr(torch.randn(side, 24)).Q for side in (rows, columns))
        skewed = left @ torch.diag(torch.logspace(0, -1.5, 24)) @ right.T
        values = torch.linalg.svdvals(orthogonal(skewed))
        assert values.shape == (24,)
        assert float(values.min()) > 0.5 and float(values.max()) < 1.3
        # The same directions, in the same sense.
        assert float((orthogonal(skewed) * skewed).sum()) > 0


def test_a_badly_scaled_layer_is_learnt_where_plain_steps_do_not_arrive() -> None:
    torch.manual_seed(0)
    inputs = torch.randn(256, 32) @ torch.diag(torch.logspace(0, -2, 32))
    target = torch.randn(32, 16)

    def left(make: type[torch.optim.Optimizer], lr: float) -> float:
        layer = nn.Linear(32, 16, bias=False)
        nn.init.zeros_(layer.weight)
        optimiser = make(layer.parameters(), lr=lr)
        for _ in range(150):
            loss = (layer(inputs) - inputs @ target).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        return float((layer.weight.detach().T - target).square().mean())

    assert left(Muon, 0.05) < 0.5 * left(torch.optim.SGD, 0.05)


def test_kernels_count_as_matrices_and_thin_layers_do_not() -> None:
    module = nn.ModuleDict(
        {
            "kernel": nn.Conv3d(16, 8, 3),
            "matrix": nn.Linear(8, 8),
            "thin": nn.Linear(8, 2),
            "table": nn.Embedding(20, 8),
            "gains": nn.LayerNorm(8),
            "frozen": nn.Linear(8, 8, bias=False).requires_grad_(False),
        }
    )
    matrices, others = split_parameters(module)
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    assert [names[id(one)] for one in matrices] == ["kernel.weight", "matrix.weight"]
    assert {names[id(one)] for one in others} == {
        "kernel.bias",
        "matrix.bias",
        "thin.weight",
        "thin.bias",
        "table.weight",
        "gains.weight",
        "gains.bias",
    }
