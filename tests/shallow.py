"""The networks that may run in bfloat16, as they are but with few blocks: real layers that cost little."""

from __future__ import annotations

import copy
import functools

import pytest
import torch
from torch import nn

from liveact_eval.networks import dino, musiq, provider
from liveact_eval.networks.catalogue import catalogue
from liveact_eval.networks.clip_visual import ClipVisual, ClipVisualSize
from liveact_eval.networks.iresnet import IResNet
from liveact_eval.networks.precision import Precision
from liveact_eval.networks.provider import Networks
from liveact_eval.networks.seeded import calibrate, fill_seeded
from liveact_eval.networks.seeded_networks import aesthetic, syncnet

NAMES = tuple(name for name, entry in catalogue().items() if entry.float32_only is None)
"""All networks that may run in bfloat16."""
_LAYERS = 2


@functools.cache
def networks(precision: Precision) -> Networks:
    """A provider that holds those networks, and the aesthetic head, made once; the same weights for both precisions."""
    made = Networks(mode="seeded", precision=precision)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provider, "resolve", lambda function: functools.partial(_copy, function.split(":")[1]))
        for name in (*NAMES, "aesthetic"):
            made.get(name)
    return made


def _copy(name: str) -> nn.Module:
    return copy.deepcopy(_shallow(name))


@functools.cache
def _shallow(name: str) -> nn.Module:
    network: nn.Module
    if name == "syncnet":
        return syncnet()
    if name == "aesthetic":
        return aesthetic()
    if name == "dino_vitb16":
        torch.manual_seed(0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dino, "_DEPTH", _LAYERS)
            return dino.build_dino()
    if name == "musiq":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(musiq, "_DEPTH", _LAYERS)
            network = musiq.build_musiq()
    elif name.startswith("clip"):
        features = {"clip_vitb32": 512, "clip_vitl14": 768}[name]
        network = ClipVisual(ClipVisualSize(patch=32, width=128, depth=_LAYERS, heads=4, features=features))
    else:
        network = IResNet((1, 1, 1, 1))
    network.eval().requires_grad_(False)
    fill_seeded(network, name)
    if name.startswith("iresnet"):
        calibrate(network, torch.randn(4, 3, 112, 112, generator=torch.Generator().manual_seed(0)))
    return network
