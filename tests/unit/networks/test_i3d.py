"""I3D: padding, batching, time steps, and weights from official files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liveact_eval.errors import UserError
from liveact_eval.networks.i3d import I3D, LEAST_FRAMES, Triple, _pool, build_i3d
from liveact_eval.networks.scripted import check_shapes, load_scripted_i3d
from liveact_eval.networks.seeded import fill_seeded
from liveact_eval.networks.set_weights import load_i3d


@pytest.fixture(scope="module")
def network() -> I3D:
    made = build_i3d()
    fill_seeded(made, "i3d")
    return made


def clips(count: int, frames: int = LEAST_FRAMES) -> Tensor:
    return torch.rand(count, 3, frames, 224, 224, generator=torch.Generator().manual_seed(count)) * 2 - 1


@pytest.mark.slow
def test_logits_do_not_depend_on_the_batch(network: I3D) -> None:
    batch = clips(2)
    with torch.inference_mode():
        together = network(batch)
        alone = network(batch[1:])
    assert together.shape == (2, 400)
    assert torch.equal(together[1:], alone)
    assert together.std() > 1e-2


def test_fewer_frames_leave_no_time_step(network: I3D) -> None:
    with pytest.raises(
        ValueError, match=r"shape \(1, 3, 8, 224, 224\), expected \(N, 3, at least 9, 224, 224\)"
    ):
        network(clips(1, LEAST_FRAMES - 1))


@pytest.mark.parametrize("size", [(16, 28, 28), (7, 13, 14), (5, 7, 7), (4, 6, 5), (1, 3, 3)])
@pytest.mark.parametrize(
    ("kernel", "stride"),
    [((1, 3, 3), (1, 2, 2)), ((3, 3, 3), (2, 2, 2)), ((2, 2, 2), (2, 2, 2)), ((3, 3, 3), (1, 1, 1))],
)
def test_pools_pad_like_tensorflow(size: Triple, kernel: Triple, stride: Triple) -> None:
    x = torch.rand(2, 3, *size)
    padding: list[int] = []
    for length, k, s in reversed(list(zip(size, kernel, stride, strict=True))):
        total = max((-(-length // s) - 1) * s + k - length, 0)
        padding += [total // 2, total - total // 2]
    expected = F.max_pool3d(F.pad(x, padding), kernel, stride)
    assert torch.equal(_pool(x, kernel, stride), expected)


def test_the_official_file_loads_by_name(network: I3D, tmp_path: Path) -> None:
    torch.save(network.state_dict(), tmp_path / "i3d_pretrained_400.pt")
    loaded = load_i3d(tmp_path / "i3d_pretrained_400.pt")
    assert all(torch.equal(loaded.state_dict()[key], value) for key, value in network.state_dict().items())
    assert not loaded.training
    state = network.state_dict()
    del state["logits.conv3d.bias"]
    torch.save(state, tmp_path / "i3d_pretrained_400.pt")
    with pytest.raises(UserError, match=r"1 missing: logits\.conv3d\.bias"):
        load_i3d(tmp_path / "i3d_pretrained_400.pt")


class Script(nn.Module):
    """Gives back which switches were on."""

    def forward(
        self, x: Tensor, rescale: bool = True, resize: bool = True, return_features: bool = False
    ) -> Tensor:
        code = 100 * int(rescale) + 10 * int(resize) + int(return_features)
        return torch.full((x.shape[0], 400), float(code))


class Other(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


@pytest.mark.filterwarnings("ignore:.torch.jit.(script|save):FutureWarning")
def test_the_torchscript_file_runs_with_its_own_switches(tmp_path: Path) -> None:
    torch.jit.script(Script()).save(str(tmp_path / "i3d.pt"))
    network = load_scripted_i3d(tmp_path / "i3d.pt")
    check_shapes(network)
    assert network(clips(1))[0, 0] == 1
    assert network.resizing(torch.zeros(1, 3, 16, 8, 8, dtype=torch.uint8))[0, 0] == 111


@pytest.mark.filterwarnings("ignore:.torch.jit.(script|save):FutureWarning")
def test_torchscript_files_of_other_networks_are_refused(tmp_path: Path) -> None:
    torch.jit.script(Other()).save(str(tmp_path / "other.pt"))
    with pytest.raises(UserError, match="that takes x; expected rescale, resize and return_features"):
        load_scripted_i3d(tmp_path / "other.pt")
