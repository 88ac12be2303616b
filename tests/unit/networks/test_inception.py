"""FID Inception: names, batching, and weights from official files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from liveact_eval.errors import UserError
from liveact_eval.networks.inception import FIDInception, build_inception
from liveact_eval.networks.scripted import check_shapes, load_scripted_inception
from liveact_eval.networks.seeded import fill_seeded
from liveact_eval.networks.set_weights import load_inception

LAYERS = {
    "blocks.0.0": "Conv2d_1a_3x3", "blocks.0.1": "Conv2d_2a_3x3", "blocks.0.2": "Conv2d_2b_3x3",
    "blocks.1.0": "Conv2d_3b_1x1", "blocks.1.1": "Conv2d_4a_3x3",
    "blocks.2.0": "Mixed_5b", "blocks.2.1": "Mixed_5c", "blocks.2.2": "Mixed_5d", "blocks.2.3": "Mixed_6a",
    "blocks.2.4": "Mixed_6b", "blocks.2.5": "Mixed_6c", "blocks.2.6": "Mixed_6d", "blocks.2.7": "Mixed_6e",
    "blocks.3.0": "Mixed_7a", "blocks.3.1": "Mixed_7b", "blocks.3.2": "Mixed_7c",
}  # fmt: skip


@pytest.fixture(scope="module")
def network() -> FIDInception:
    made = build_inception()
    fill_seeded(made, "inception")
    return made


def levels(count: int) -> Tensor:
    return torch.rand(count, 3, 299, 299, generator=torch.Generator().manual_seed(count)) * 255


def official(network: nn.Module) -> dict[str, Tensor]:
    """As in pytorch-fid's file: other names, a classifier, no counters."""
    state = {}
    for key, tensor in network.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            place = ".".join(key.split(".")[:3])
            state[key.replace(place, LAYERS[place], 1)] = tensor
    return state | {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}


def test_features_do_not_depend_on_the_batch(network: FIDInception) -> None:
    batch = levels(3)
    with torch.inference_mode():
        together = network(batch)
        alone = network(batch[2:])
    assert together.shape == (3, 2048)
    assert (together[2:] - alone).abs().max() <= 1e-6
    assert together.std(dim=0).max() > 1e-2


def test_pictures_have_to_be_resized_before(network: FIDInception) -> None:
    with pytest.raises(ValueError, match=r"shape \(1, 3, 256, 256\), expected \(N, 3, 299, 299\), resized"):
        network(torch.zeros(1, 3, 256, 256))


def test_it_is_built_for_inference(network: FIDInception) -> None:
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert sum(parameter.numel() for parameter in network.parameters()) == 21_785_568


def test_the_file_of_pytorch_fid_loads_by_name(network: FIDInception, tmp_path: Path) -> None:
    torch.save(official(network), tmp_path / "weights.pth")
    loaded = load_inception(tmp_path / "weights.pth")
    assert loaded.state_dict().keys() == network.state_dict().keys()
    for key, tensor in network.state_dict().items():
        assert key.endswith("num_batches_tracked") or torch.equal(loaded.state_dict()[key], tensor)
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_files_of_other_networks_are_refused(network: FIDInception, tmp_path: Path) -> None:
    state = official(network)
    state["Mixed_8a.conv.weight"] = state.pop("Mixed_7c.branch1x1.conv.weight")
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(UserError, match=r"1 missing: blocks\.3\.2\.branch1x1\.conv\.weight.*Mixed_8a"):
        load_inception(tmp_path / "weights.pth")
    with pytest.raises(UserError, match="no weights at"):
        load_inception(tmp_path / "nothing.pth")


class Layers(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, :2, :1024, :1].mean(dim=(2, 3)).repeat(1, 1024)


class Script(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = Layers()

    def forward(self, img: Tensor, return_features: bool = False, use_fp16: bool = False) -> Tensor:
        return self.layers(img.float()) if return_features else img.float()


@pytest.mark.filterwarnings("ignore:.torch.jit.(script|save):FutureWarning")
def test_the_torchscript_file_runs_with_its_own_scaling(tmp_path: Path) -> None:
    torch.jit.script(Script()).save(str(tmp_path / "inception.pt"))
    network = load_scripted_inception(tmp_path / "inception.pt")
    check_shapes(network)
    white = torch.full((2, 3, 299, 299), 255.0)
    assert network(white).shape == (2, 2048)
    assert network(white)[0, 0] == pytest.approx(127 / 128)
    assert network.resizing(white)[0, 0] == 255


@pytest.mark.filterwarnings("ignore:.torch.jit.(script|save):FutureWarning")
def test_torchscript_files_of_other_networks_are_refused(tmp_path: Path) -> None:
    torch.jit.script(Layers()).save(str(tmp_path / "other.pt"))
    (tmp_path / "cut.pt").write_bytes((tmp_path / "other.pt").read_bytes()[:300])
    with pytest.raises(UserError, match="without the part `layers`"):
        load_scripted_inception(tmp_path / "other.pt")
    with pytest.raises(UserError, match="cannot be read as a TorchScript file"):
        load_scripted_inception(tmp_path / "cut.pt")
    with pytest.raises(UserError, match="There are no weights at"):
        load_scripted_inception(tmp_path / "nothing.pt")
