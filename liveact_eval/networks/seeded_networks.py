"""Networks with seeded weights: names, shapes and cost of the published ones, numbers that mean nothing as scores.

They let every metric run and be tested without a download. Weights follow rule W1 of `seeded.py` with its own salt;
running moments of batch norms come from one pass over seeded pictures, so that activations keep a sane size.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from liveact_eval.networks import amt, raft
from liveact_eval.networks.aesthetic import build_aesthetic_head
from liveact_eval.networks.clip_visual import build_clip_vitb32, build_clip_vitl14
from liveact_eval.networks.dino import build_dino
from liveact_eval.networks.fan import SIDE as HEAD_SIDE
from liveact_eval.networks.fan import build_fan
from liveact_eval.networks.i3d import LEAST_FRAMES, build_i3d
from liveact_eval.networks.i3d import SIDE as CLIP_SIDE
from liveact_eval.networks.inception import SIDE as INCEPTION_SIDE
from liveact_eval.networks.inception import build_inception
from liveact_eval.networks.iresnet import SIDE as FACE_SIDE
from liveact_eval.networks.iresnet import build_iresnet50, build_iresnet100
from liveact_eval.networks.lpips_net import Trunk, build_lpips
from liveact_eval.networks.musiq import build_musiq
from liveact_eval.networks.resnet_face import SIDE as GREY_SIDE
from liveact_eval.networks.resnet_face import build_resnet_face18
from liveact_eval.networks.s3fd import build_s3fd
from liveact_eval.networks.seeded import SALT, calibrate, fill_seeded, seeded_tensor
from liveact_eval.networks.syncnet import COEFFICIENTS, CROP, WINDOW_FRAMES, WINDOW_STEPS, build_syncnet
from liveact_eval.networks.videomae import build_videomae_g
from liveact_eval.networks.yunet import LANDMARKS, STRIDES

_FORMS = {64: 60.0, 16: 25.0, 4: 10.0, 1: 2.0}
"""Contrast in levels by size of the forms in pixels, in the pictures that moments are taken from. As in real pictures,
the small ones are faint: moments of plain noise would make features of real pictures vanish, or the reverse explode."""
_SOUND = 10.0
"""Size of usual MFCCs."""

_POINTS = ((-0.16, -0.1), (0.16, -0.1), (0.0, 0.06), (-0.13, 0.22), (0.13, 0.22))
"""Eyes, nose tip and corners of the mouth from the middle of a face, in heights of it."""

Network = TypeVar("Network", bound=nn.Module)


def inception() -> nn.Module:
    """FID Inception; takes levels."""
    network = _filled(build_inception(), "inception")
    calibrate(network, _pictures(4, INCEPTION_SIDE))
    return network


def i3d() -> nn.Module:
    """I3D; takes -1..1."""
    network = _filled(build_i3d(), "i3d")
    frames = _scaled(_pictures(LEAST_FRAMES, CLIP_SIDE))
    calibrate(network, frames.transpose(0, 1)[None])
    return network


def syncnet() -> nn.Module:
    """SyncNet v2, each branch with moments of its own input."""
    network = _filled(build_syncnet(), "syncnet")
    crops = _pictures(12 * WINDOW_FRAMES, CROP).unflatten(0, (12, WINDOW_FRAMES)).transpose(1, 2)
    calibrate(nn.Sequential(network.netcnnlip, nn.Flatten(), network.netfclip), crops)
    sound = _SOUND * _noise("sound", (32, 1, COEFFICIENTS, WINDOW_STEPS))
    calibrate(nn.Sequential(network.netcnnaud, nn.Flatten(), network.netfcaud), sound)
    return network


def s3fd() -> nn.Module:
    """S3FD. It finds nothing, or boxes anywhere."""
    return _filled(build_s3fd(), "s3fd")


def fan() -> nn.Module:
    """2D-FAN-4; takes 0..1. Its points lie anywhere."""
    network = _filled(build_fan(), "fan")
    calibrate(network, _pictures(2, HEAD_SIDE) / 255)
    return network


def videomae_g() -> nn.Module:
    """VideoMAE V2 ViT-g: half a minute and 4 GB."""
    return _filled(build_videomae_g(), "videomae_g")


def iresnet50() -> nn.Module:
    """IResNet-50; takes -1..1."""
    return _face(build_iresnet50(), "iresnet50")


def iresnet100() -> nn.Module:
    """IResNet-100; takes -1..1."""
    return _face(build_iresnet100(), "iresnet100")


def resnet_face18() -> nn.Module:
    """The grey face ResNet; takes -1..1."""
    network = _filled(build_resnet_face18(), "resnet_face18")
    calibrate(network, _scaled(_pictures(12, GREY_SIDE))[:, :1])
    return network


def dino_vitb16() -> nn.Module:
    """DINO ViT-B/16."""
    return _filled(build_dino(), "dino_vitb16")


def clip_vitb32() -> nn.Module:
    """Picture tower of CLIP ViT-B/32."""
    return _filled(build_clip_vitb32(), "clip_vitb32_visual")


def clip_vitl14() -> nn.Module:
    """Picture tower of CLIP ViT-L/14."""
    return _filled(build_clip_vitl14(), "clip_vitl14_visual")


def aesthetic() -> nn.Module:
    """The aesthetic head."""
    return _filled(build_aesthetic_head(), "aesthetic")


def musiq() -> nn.Module:
    """MUSIQ."""
    return _filled(build_musiq(), "musiq")


def amt_s() -> nn.Module:
    """AMT-S, softened."""
    network = _filled(amt.build_amt_s(), "amt_s")
    amt.soften_seeded(network)
    return network


def raft_things() -> nn.Module:
    """RAFT, softened."""
    network = _filled(raft.build_raft(), "raft")
    raft.soften_seeded(network)
    calibrate(network.cnet, _scaled(_pictures(2, 128)))
    return network


def lpips_alex() -> nn.Module:
    """LPIPS over AlexNet."""
    return _lpips("alex")


def lpips_vgg() -> nn.Module:
    """LPIPS over VGG-16."""
    return _lpips("vgg")


def yunet() -> nn.Module:
    """Stands in for YuNet, of which only the file runs: one face in the middle of every picture."""
    return CentralFace()


class CentralFace(nn.Module):
    """Maps as YuNet gives them, in which one place says: a face, half as high as the shorter side."""

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """Pictures (N, 3, H, W), sides multiples of 32, to maps by the names of YuNet's file."""
        count, _, height, width = pictures.shape
        found: dict[str, Tensor] = {}
        for stride in STRIDES:
            places = (height // stride) * (width // stride)
            for part, channels in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 2 * LANDMARKS)):
                found[f"{part}_{stride}"] = pictures.new_zeros((count, places, channels))
        stride = STRIDES[-1]
        row, column = height // stride // 2, width // stride // 2
        place = row * (width // stride) + column
        size = min(height, width) / 2
        centre = pictures.new_tensor([width / 2 / stride - column, height / 2 / stride - row])
        points = pictures.new_tensor(_POINTS) * size / stride + centre
        found[f"cls_{stride}"][:, place] = found[f"obj_{stride}"][:, place] = 1
        found[f"bbox_{stride}"][:, place] = torch.cat([centre, centre.new_full((2,), size / stride).log()])
        found[f"kps_{stride}"][:, place] = points.flatten()
        return found


def _filled(network: Network, tag: str) -> Network:
    fill_seeded(network, tag)
    return network


def _face(network: Network, tag: str) -> Network:
    fill_seeded(network, tag)
    calibrate(network, _scaled(_pictures(12, FACE_SIDE)))
    return network


def _lpips(kind: Trunk) -> nn.Module:
    network = build_lpips(kind)
    fill_seeded(network.net, f"lpips_{kind}")
    for name, parameter in network.named_parameters():
        if name.startswith("lin"):
            # The published heads are not negative either: a distance is none if it can be.
            parameter.data.copy_(
                seeded_tensor(SALT, f"lpips_{kind}_heads", name, tuple(parameter.shape)).abs()
            )
    return network


def _pictures(count: int, side: int) -> Tensor:
    """Seeded pictures of levels 0..255, (N, 3, side, side), with large forms, small ones, and a little grain."""
    levels = torch.full((count, 3, side, side), 120.0)
    for spot, contrast in _FORMS.items():
        spots = _noise(f"spots {spot}", (count, 3, -(-side // spot), -(-side // spot)))
        forms = F.interpolate(spots, size=(side, side), mode="bilinear", align_corners=False)
        levels += contrast * forms
    return levels.clamp(0, 255)


def _scaled(levels: Tensor) -> Tensor:
    return levels / 127.5 - 1


def _noise(what: str, shape: tuple[int, ...]) -> Tensor:
    """Numbers of order one; undoes the scale that rule W1 gives to weights."""
    values = seeded_tensor(SALT, "calibration", what, shape)
    return values / values.std()
