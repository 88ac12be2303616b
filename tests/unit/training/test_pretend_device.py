"""The device that is not there refuses what a GPU refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.unit.training.pretend_device import DEVICE, Apart, PretendDevice


@pytest.fixture
def pretended() -> Iterator[PretendDevice]:
    with PretendDevice() as device:
        yield device


def test_numbers_and_gradients_are_those_of_the_cpu(pretended: PretendDevice) -> None:
    here = nn.Linear(3, 2)
    there = nn.Linear(3, 2)
    there.load_state_dict(here.state_dict())
    weight = there.weight
    there.to(DEVICE)
    assert there.weight is weight and isinstance(weight, Apart)
    x = torch.ones(4, 3)
    for layer, given in ((here, x), (there, x.to(DEVICE))):
        layer(given).square().mean().backward()
        torch.optim.AdamW(layer.parameters()).step()
    assert there.weight.device == DEVICE and there.weight.cpu().equal(here.weight)
    assert torch.tensor([1.0, 2.0], device=DEVICE).tolist() == [1.0, 2.0]
    # Others stay what they are.
    assert torch.ones(2, device="meta").is_meta


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (lambda x: x + torch.ones(3), "add.Tensor|add of tensors"),
        (lambda x: torch.stack([x.sum(), torch.zeros(())]), "of tensors on"),
        (lambda x: torch.ones(3)[torch.arange(3, device=DEVICE)], "index"),
        (lambda x: x.index_put((torch.tensor([0]),), torch.ones(1)), "index_put"),
        (torch.rand_like, "draws from the device's generator"),
        (lambda x: F.dropout(x, 0.5), "draws from the device's generator"),
    ],
)
def test_mistakes_are_refused(
    mistake: Callable[[Tensor], Tensor], said: str, pretended: PretendDevice
) -> None:
    with pytest.raises(AssertionError, match=said):
        mistake(torch.ones(3, device=DEVICE))


def test_what_a_gpu_takes_from_the_cpu_is_taken(pretended: PretendDevice) -> None:
    x = torch.ones(3, device=DEVICE)
    x[torch.tensor([True, False, False])] = 2.0
    assert (x * torch.tensor(3.0) + 1).tolist() == [7.0, 4.0, 4.0]
    assert x[torch.tensor([1, 0])].tolist() == [1.0, 2.0]
    with pytest.raises(TypeError, match="can't convert lazy"):
        x.numpy()


def test_sums_in_any_order_are_noted(pretended: PretendDevice) -> None:
    rows = torch.ones(1, 2, 3, device=DEVICE, requires_grad=True)
    F.interpolate(rows, 5, mode="linear").sum().backward()
    F.cross_entropy(rows, torch.zeros(1, 3, dtype=torch.long, device=DEVICE))
    assert pretended.unordered == {"upsample_linear1d_backward", "nll_loss2d_forward"}
    flat = torch.ones(1, 2, 1, 3, device=DEVICE, requires_grad=True)
    F.interpolate(flat, (1, 5), mode="bilinear").sum().backward()
    assert len(pretended.unordered) == 2
