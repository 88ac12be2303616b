"""Loaders of published files, on files of the published form with seeded numbers."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from liveact_eval.errors import UserError
from liveact_eval.networks import amt, files, raft, seeded_networks
from liveact_eval.networks.clip_visual import ClipVisual, ClipVisualSize
from liveact_eval.networks.lpips_net import build_lpips
from liveact_eval.networks.seeded import fill_seeded
from liveact_eval.networks.syncnet import build_syncnet
from liveact_eval.networks.yunet import decode_faces


def without_counters(network: nn.Module) -> dict[str, Tensor]:
    return {
        key: value for key, value in network.state_dict().items() if not key.endswith("num_batches_tracked")
    }


def drawn(network: nn.Module) -> nn.Module:
    """The network with other numbers than it is built with, moments of its batch norms too."""
    generator = torch.Generator().manual_seed(0)
    for value in network.state_dict().values():
        if value.is_floating_point():
            value.uniform_(0.5, 1.5, generator=generator)
    return network


def same(a: nn.Module, b: nn.Module) -> bool:
    one, other = a.state_dict(), b.state_dict()
    return one.keys() == other.keys() and all(
        torch.equal(one[key], other[key]) for key in one if not key.endswith("num_batches_tracked")
    )


def test_raft_was_saved_from_a_wrapped_network(tmp_path: Path) -> None:
    network = drawn(raft.build_raft())
    torch.save({f"module.{key}": value for key, value in network.state_dict().items()}, tmp_path / "raft.pth")
    assert same(files.load_raft(tmp_path / "raft.pth"), network)


def test_old_files_lack_counters(tmp_path: Path) -> None:
    network = drawn(build_syncnet())
    # This one was written before PyTorch's files were archives.
    torch.save(without_counters(network), tmp_path / "x.model", _use_new_zipfile_serialization=False)
    assert same(files.load_syncnet(tmp_path / "x.model"), network)


def test_amt_has_a_trainers_table(tmp_path: Path) -> None:
    network = drawn(amt.build_amt_s())
    torch.save({"state_dict": network.state_dict(), "epoch": 3}, tmp_path / "amt-s.pth")
    assert same(files.load_amt_s(tmp_path / "amt-s.pth"), network)


def test_lpips_is_made_of_two_files(tmp_path: Path) -> None:
    network = drawn(build_lpips("alex"))
    state = network.state_dict()
    trunk = {
        f"features.{key.split('.', 2)[2]}": value for key, value in state.items() if key.startswith("net.")
    }
    torch.save(trunk | {"classifier.1.weight": torch.zeros(2, 2)}, tmp_path / "trunk.pth")
    heads = {key: value for key, value in state.items() if key.startswith("lin")}
    torch.save(heads, tmp_path / "alex.pth")
    assert same(files.load_lpips_alex(tmp_path / "trunk.pth", tmp_path / "alex.pth"), network)
    with pytest.raises(UserError, match="is not the file of LPIPS"):
        files.load_lpips_alex(tmp_path / "alex.pth", tmp_path / "alex.pth")


@pytest.mark.parametrize("scripted", [True, False])
def test_clip_is_taken_out_of_the_whole(
    scripted: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    size = ClipVisualSize(patch=112, width=8, depth=1, heads=2, features=4)
    tower = ClipVisual(size)
    fill_seeded(tower, "test")
    whole = nn.Module()
    whole.visual = tower.half()
    whole.register_buffer("logit_scale", torch.ones(()))
    path = tmp_path / "ViT.pt"
    if scripted:
        whole.register_buffer("text", torch.ones(2))
        state = {f"visual.{key}": value for key, value in tower.state_dict().items()}
        monkeypatch.setattr("torch.jit.load", lambda *_, **__: _Scripted(state | {"text": torch.ones(2)}))
        path.touch()
    else:
        torch.save(whole.state_dict(), path)
    monkeypatch.setattr(files, "build_clip_vitb32", lambda: ClipVisual(size))
    assert same(files.load_clip_vitb32(path), tower.float())


class _Scripted:
    """What a TorchScript file of CLIP shows of itself; writing one needs a compiler's help."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        self._state = state

    def state_dict(self) -> dict[str, Tensor]:
        return self._state


@pytest.mark.parametrize("load", [files.load_clip_vitb32, files.load_raft, files.load_s3fd])
def test_damaged_files_are_told(load: object, tmp_path: Path) -> None:
    network = build_lpips("alex")
    torch.save(network.state_dict(), tmp_path / "x.pth")
    whole = (tmp_path / "x.pth").read_bytes()
    (tmp_path / "x.pth").write_bytes(whole[: len(whole) // 2])
    assert callable(load)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(UserError, match="cannot be read as tensors pickled by PyTorch"):
            load(tmp_path / "x.pth")


@pytest.mark.slow
def test_seeded_networks_are_always_the_same_and_keep_a_sane_size() -> None:
    assert same(seeded_networks.raft_things(), seeded_networks.raft_things())
    network = seeded_networks.resnet_face18()
    faces = seeded_networks._scaled(seeded_networks._pictures(12, 128))[:, :1]
    with torch.inference_mode():
        features = network(faces)
    assert 0.5 < features.std() < 2
    assert not network.training


@pytest.mark.parametrize("size", [(320, 320), (352, 640), (640, 320)])
def test_the_stand_in_for_yunet_sees_one_face_in_the_middle(size: tuple[int, int]) -> None:
    faces = decode_faces(seeded_networks.yunet()(torch.zeros(2, 3, *size)), size)
    assert len(faces) == 2
    middle, side = torch.tensor([size[1] / 2, size[0] / 2]), min(size) / 2
    for face in faces:
        assert torch.allclose(face.boxes, torch.cat([middle - side / 2, middle + side / 2])[None], atol=1e-3)
        left, right, nose, *_ = face.landmarks[0]
        assert torch.allclose((left + right) / 2, middle - torch.tensor([0, 0.1 * side]), atol=1e-3)
        assert torch.allclose(nose, middle + torch.tensor([0, 0.06 * side]), atol=1e-3)
