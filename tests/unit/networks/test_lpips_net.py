"""LPIPS: what a distance is, features once per picture, and the names of the official files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from liveact_eval.networks.lpips_net import (
    LPIPS,
    Trunk,
    build_lpips,
    heads_in_package,
    neighbours,
    official_names,
    scaled,
)
from liveact_eval.networks.seeded import fill_seeded

PICTURES = torch.randint(0, 256, (5, 48, 64, 3), generator=torch.Generator().manual_seed(0)).to(torch.uint8)


def seeded(trunk: Trunk) -> LPIPS:
    network = build_lpips(trunk)
    fill_seeded(network, "lpips")
    with torch.no_grad():
        for head in (network.lin0, network.lin1, network.lin2, network.lin3, network.lin4):
            head.model["1"].weight.abs_()
    return network


@pytest.fixture(scope="module")
def network() -> LPIPS:
    return seeded("alex")


def planes(pictures: torch.Tensor) -> torch.Tensor:
    return scaled(pictures).permute(0, 3, 1, 2)


def test_equal_pictures_have_no_distance_and_order_does_not_matter(network: LPIPS) -> None:
    a, b = planes(PICTURES[:1]), planes(PICTURES[1:2])
    assert float(network(a, a)) == 0
    assert float(network(a, b)) > 0.01
    assert float(network(a, b)) == pytest.approx(float(network(b, a)), abs=1e-7)


@pytest.mark.parametrize("batch", [1, 2, 32])
def test_neighbours_are_pairs_with_every_picture_seen_once(network: LPIPS, batch: int) -> None:
    seen = 0

    def count(module: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        nonlocal seen
        seen += len(inputs[0])

    hook = network.net.register_forward_pre_hook(count)
    found = neighbours(network, PICTURES, batch=batch)
    hook.remove()
    assert seen == len(PICTURES)
    expected = network(planes(PICTURES[:-1]), planes(PICTURES[1:]))
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_one_picture_has_no_neighbour(network: LPIPS) -> None:
    assert neighbours(network, PICTURES[:1]).shape == (0,)
    assert neighbours(network, PICTURES[:0]).shape == (0,)


@pytest.mark.parametrize(("trunk", "last"), [("alex", "10"), ("vgg", "28")])
def test_official_files_load_strictly(trunk: Trunk, last: str) -> None:
    with torch.device("meta"):
        network = build_lpips(trunk)
    state = network.state_dict()
    # torchvision names layers by position, `features.0`, and has a classifier; the package names slices as well.
    given = {f"features.{name.split('.', 2)[2]}": x for name, x in state.items() if name.startswith("net.")}
    given["classifier.1.weight"] = torch.empty(1, device="meta")
    heads = {name: x for name, x in state.items() if name.startswith("lin")}
    assert f"features.{last}.weight" in given
    network.load_state_dict(official_names(given, heads, trunk), assign=True)
    with pytest.raises(RuntimeError, match=r"Missing key.*net.slice1.0.weight"):
        network.load_state_dict(official_names({}, heads, trunk), assign=True)


def test_heads_are_found_in_the_package_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "lpips"
    (package / "weights" / "v0.1").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "lpips", raising=False)
    assert heads_in_package("vgg") is None
    (package / "weights" / "v0.1" / "vgg.pth").touch()
    assert heads_in_package("vgg") == package / "weights" / "v0.1" / "vgg.pth"
