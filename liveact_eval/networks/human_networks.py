"""The networks of Human Anatomy: loaded from their files, strictly, or with seeded weights."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from liveact_eval.errors import UserError
from liveact_eval.networks.files import _strict, read_state
from liveact_eval.networks.seeded import SALT, calibrate, fill_seeded, seeded_tensor
from liveact_eval.networks.seeded_networks import _pictures
from liveact_eval.networks.simmim_vit import build_simmim_vit
from liveact_eval.networks.trainer_files import read_trainer_state
from liveact_eval.networks.yolo_world import (
    YoloSizes,
    YoloWorld,
    build_yolo_world,
    official_name,
    own_tensors,
)

SEEDED_SIZES = YoloSizes(
    channels=(8, 16, 32, 64, 64),
    depths=(1, 1, 1, 1),
    neck_depth=1,
    embeddings=(16, 32, 32),
    heads=(2, 4, 4),
)
"""The seeded detector. XL takes half a minute for a picture on a processor, and with seeded weights says no more."""
_FOUND = 0.1
_EXAMPLES = 4
_SIDE = 320


def load_yolo_world(path: Path) -> nn.Module:
    """YOLO-World v2-XL; of its text tower only the embeddings of a few words are kept.

    Raises:
        UserError: the file is not that of this network.
    """
    try:
        tensors = own_tensors(read_state(path))
    except ValueError as error:
        raise UserError(
            f"{str(path)!r} is not the file of YoloWorld: {error}. Move it away and fetch it again."
        ) from error
    return _strict(build_yolo_world(), tensors, path)


def load_anatomy_judge(path: Path) -> nn.Module:
    """One of the three judges, out of the trainer's file."""
    return _strict(build_simmim_vit(), read_trainer_state(path), path)


def yolo_world() -> nn.Module:
    """The same classes as YOLO-World v2-XL, narrow and shallow. It finds a little something in most pictures."""
    network = build_yolo_world(SEEDED_SIZES)
    fill_seeded(network, "yolo_world_narrow", official=official_name)
    for name, table in (("people", network.people), ("parts", network.parts)):
        table.copy_(F.normalize(seeded_tensor(SALT, "yolo_world_texts", name, tuple(table.shape)), dim=-1))
    pictures = _pictures(_EXAMPLES, _SIDE) / 255
    calibrate(_Reading(network), pictures)
    _make_rare(network, pictures)
    return network


def anatomy_human() -> nn.Module:
    """Judge of whole people."""
    return _judge("anatomy_human")


def anatomy_face() -> nn.Module:
    """Judge of faces."""
    return _judge("anatomy_face")


def anatomy_hand() -> nn.Module:
    """Judge of hands."""
    return _judge("anatomy_hand")


class _Reading(nn.Module):
    """The detector with texts given, as a network of pictures alone."""

    def __init__(self, network: YoloWorld) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        return self.network(pictures, torch.cat([self.network.people, self.network.parts]))


def _make_rare(network: YoloWorld, pictures: Tensor) -> None:
    """Lower all scores until only the best of each picture reach the threshold: seeded ones all lie about a half."""
    with torch.no_grad():
        scores, _ = _Reading(network)(pictures)
        best = scores.flatten(1).amax(dim=1).logit().median()
        for contrast in network.head.cls_contrasts:
            contrast.bias += math.log(_FOUND / (1 - _FOUND)) - best


def _judge(tag: str) -> nn.Module:
    network = build_simmim_vit()
    fill_seeded(network, tag)
    return network
