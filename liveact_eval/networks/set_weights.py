"""Official weight files of FID Inception and I3D, by name into the networks of this package."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from liveact_eval.errors import UserError
from liveact_eval.liveact.errors import WeightsError
from liveact_eval.liveact.weights import LazyTensor, load_into, open_state
from liveact_eval.networks.i3d import I3D, build_i3d
from liveact_eval.networks.inception import FIDInception, build_inception, from_pytorch_fid

_COUNTER = "num_batches_tracked"

Network = TypeVar("Network", bound=nn.Module)


def load_inception(path: Path, device: torch.device | str = "cpu") -> FIDInception:
    """FID Inception from pytorch-fid's `pt_inception-2015-12-05-6726825d.pth`, or saved under the names here.

    Raises:
        UserError: no such file, damaged, or of another network.
    """
    network = _load(build_inception(), path, device, "FID Inception")
    return network.to(memory_format=torch.channels_last)


def load_i3d(path: Path, device: torch.device | str = "cpu") -> I3D:
    """I3D from `i3d_pretrained_400.pt`. It is another training than the TorchScript file, and another recipe.

    Raises:
        UserError: no such file, damaged, or of another network.
    """
    return _load(build_i3d(), path, device, "I3D").to(memory_format=torch.channels_last_3d)


def _load(network: Network, path: Path, device: torch.device | str, what: str) -> Network:
    try:
        tensors = open_state(path).tensors()
        if isinstance(network, FIDInception):
            tensors = from_pytorch_fid(tensors)
        # Counters of training steps have no part in any number, and older files lack them.
        for key, value in network.state_dict().items():
            if key.endswith(_COUNTER):
                tensors.setdefault(
                    key, LazyTensor((), value.dtype, lambda: torch.zeros((), dtype=torch.int64), key)
                )
        load_into(network, tensors, device=device, dtype=torch.float32, what=what)
    except WeightsError as error:
        raise UserError(f"{error}.") from error
    return network.eval().requires_grad_(False)
