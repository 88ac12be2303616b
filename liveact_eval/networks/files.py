"""How each network of the catalogue is made: from its published files, strictly, or with seeded weights.

Loaders take the paths of the files in the order of the catalogue. Nothing may be missing, left over or of another
shape; only what a network has no part for is left out, and each loader says what that is. Pickled files run no code;
TorchScript files do, so they are opened only after their SHA-256 was checked. Errors say what is wrong with a file;
`Networks`, which asks for them, adds the command that mends it.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from liveact_eval.errors import UserError
from liveact_eval.networks import set_weights
from liveact_eval.networks.aesthetic import build_aesthetic_head
from liveact_eval.networks.amt import build_amt_s
from liveact_eval.networks.clip_visual import build_clip_vitb32, build_clip_vitl14, visual_weights
from liveact_eval.networks.dino import build_dino
from liveact_eval.networks.fan import build_fan
from liveact_eval.networks.iresnet import DEPTHS_50, DEPTHS_100, build_iresnet50, build_iresnet100
from liveact_eval.networks.iresnet_onnx import read_iresnet_onnx
from liveact_eval.networks.lpips_net import Trunk, build_lpips
from liveact_eval.networks.lpips_net import official_names as lpips_names
from liveact_eval.networks.musiq import build_musiq
from liveact_eval.networks.raft import build_raft, official_weights
from liveact_eval.networks.resnet_face import build_resnet_face18
from liveact_eval.networks.resnet_face import official_names as resnet_names
from liveact_eval.networks.s3fd import build_s3fd
from liveact_eval.networks.scripted import check_shapes, load_scripted_i3d, load_scripted_inception
from liveact_eval.networks.syncnet import build_syncnet
from liveact_eval.networks.videomae import build_videomae_g

_COUNTER = "num_batches_tracked"
# What the unpickler says of damaged files has no common base.
_UNREADABLE = (OSError, RuntimeError, ValueError, EOFError, KeyError, AttributeError, pickle.UnpicklingError)
_WRAPPERS = ("state_dict", "params", "model", "module")
"""Names under which trainers put the tensors inside a file."""


def load_inception(path: Path) -> nn.Module:
    """FID Inception from pytorch-fid's file; its classifier is left out."""
    return set_weights.load_inception(path)


def load_inception_script(path: Path) -> nn.Module:
    """FID Inception as TorchScript."""
    network = load_scripted_inception(path)
    check_shapes(network)
    return network


def load_i3d(path: Path) -> nn.Module:
    """I3D of the lineage of VideoGPT."""
    return set_weights.load_i3d(path)


def load_i3d_script(path: Path) -> nn.Module:
    """I3D of the original FVD as TorchScript."""
    network = load_scripted_i3d(path)
    check_shapes(network)
    return network


def load_syncnet(path: Path) -> nn.Module:
    """SyncNet v2."""
    return _strict(build_syncnet(), read_state(path), path)


def load_s3fd(path: Path) -> nn.Module:
    """S3FD."""
    return _strict(build_s3fd(), read_state(path), path)


def load_fan(path: Path) -> nn.Module:
    """2D-FAN-4."""
    return _strict(build_fan(), read_state(path), path)


def load_videomae_g(path: Path) -> nn.Module:
    """VideoMAE V2 ViT-g; the classifier is left out. Half precision in the file becomes float32."""
    tensors = {name: value for name, value in read_state(path).items() if not name.startswith("head.")}
    return _strict(build_videomae_g(), tensors, path)


def load_iresnet50(path: Path) -> nn.Module:
    """IResNet-50 out of an ONNX file."""
    return _strict(build_iresnet50(), read_iresnet_onnx(path, DEPTHS_50), path)


def load_iresnet100(path: Path) -> nn.Module:
    """IResNet-100 out of an ONNX file."""
    return _strict(build_iresnet100(), read_iresnet_onnx(path, DEPTHS_100), path)


def load_resnet_face18(path: Path) -> nn.Module:
    """The grey face ResNet of Human Identity."""
    return _strict(build_resnet_face18(), resnet_names(read_state(path)), path)


def load_dino(path: Path) -> nn.Module:
    """DINO ViT-B/16."""
    return _strict(build_dino(), read_state(path), path)


def load_clip_vitb32(path: Path) -> nn.Module:
    """Picture tower of CLIP ViT-B/32; the text tower is left out."""
    return _strict(build_clip_vitb32(), visual_weights(_read_script(path)), path)


def load_clip_vitl14(path: Path) -> nn.Module:
    """Picture tower of CLIP ViT-L/14; the text tower is left out."""
    return _strict(build_clip_vitl14(), visual_weights(_read_script(path)), path)


def load_aesthetic(path: Path) -> nn.Module:
    """LAION's aesthetic head."""
    return _strict(build_aesthetic_head(), read_state(path), path)


def load_musiq(path: Path) -> nn.Module:
    """MUSIQ with the SPAQ head."""
    return _strict(build_musiq(), read_state(path), path)


def load_amt_s(path: Path) -> nn.Module:
    """AMT-S."""
    return _strict(build_amt_s(), read_state(path), path)


def load_raft(path: Path) -> nn.Module:
    """RAFT."""
    return _strict(build_raft(), official_weights(read_state(path)), path)


def load_lpips_alex(trunk: Path, heads: Path) -> nn.Module:
    """LPIPS over AlexNet; the trunk's classifier is left out."""
    return _lpips("alex", trunk, heads)


def load_lpips_vgg(trunk: Path, heads: Path) -> nn.Module:
    """LPIPS over VGG-16; the trunk's classifier is left out."""
    return _lpips("vgg", trunk, heads)


def read_state(path: Path) -> dict[str, Tensor]:
    """Tensors of a file that PyTorch has pickled, taken out of the trainer's wrapping; no code is run.

    Raises:
        UserError: the file cannot be read that way, or holds something else.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        # PyTorch advises to let an unreadable pickle run its code; nobody should.
        pickled = isinstance(error, pickle.UnpicklingError)
        lines = [] if pickled else str(error).strip().splitlines()
        reason = f": {lines[0].rstrip('.')}" if lines else ""
        raise UserError(
            f"{str(path)!r} cannot be read as tensors pickled by PyTorch{reason}. It is cut short or of another kind."
        ) from error
    for name in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise UserError(f"{str(path)!r} holds a {type(content).__name__}, expected a table of tensors.")
    return dict(content)


def _read_script(path: Path) -> dict[str, Tensor]:
    """Tensors of a TorchScript file, as OpenAI publishes CLIP; of a plain table of tensors too."""
    try:
        with warnings.catch_warnings():
            # PyTorch has deprecated the format, yet it is the one that is published.
            for category in (DeprecationWarning, FutureWarning):
                warnings.simplefilter("ignore", category)
            return dict(torch.jit.load(str(path), map_location="cpu").state_dict())
    except RuntimeError:
        return read_state(path)


def _lpips(kind: Trunk, trunk: Path, heads: Path) -> nn.Module:
    return _strict(build_lpips(kind), lpips_names(read_state(trunk), read_state(heads), kind), trunk)


def _strict(network: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> nn.Module:
    """Give a network its tensors.

    Raises:
        UserError: a tensor is missing, left over or of another shape; the first few are named.
    """
    # Counters of training steps have no part in any number, and older files lack them.
    counters = {key: torch.tensor(0) for key in network.state_dict() if key.endswith(_COUNTER)}
    try:
        network.load_state_dict(counters | dict(tensors), strict=True)
    except RuntimeError as error:
        reasons = [line.strip() for line in str(error).splitlines()[1:4]]
        raise UserError(
            f"{str(path)!r} is not the file of {type(network).__name__}: {' '.join(reasons)[:400]}."
        ) from error
    return network
