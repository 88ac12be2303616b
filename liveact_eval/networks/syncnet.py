"""SyncNet v2, the judge of lip sync: one branch sees five frames of a mouth, the other hears 0.2 s.

Video branch: five consecutive 224x224 face crops, levels 0..255, no mean subtracted, blue first; here crops are given
as RGB bytes and turned round inside. Audio branch: 20 frames of 13 MFCCs (100 per second). Both give 1024 numbers that
are not normalised; their distance says how well mouth and sound match. Source: Chung and Zisserman, "Out of time:
automated lip sync in the wild", ACCV workshops 2016; joonson/syncnet_python (MIT). Weights: `syncnet_v2.model`, a plain
state dict under these very names.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WINDOW_FRAMES = 5
"""Frames that the video branch sees at once."""
CROP = 224
"""Side of a crop."""
COEFFICIENTS = 13
"""MFCCs per step."""
WINDOW_STEPS = 20
"""MFCC steps that the audio branch hears at once."""
EMBEDDING = 1024
"""Length of an embedding."""

VIDEO_AT_ONCE = 8
"""Windows per pass of the video branch: the first layer alone makes 4.6 MB of each. On a GPU, more are faster."""
AUDIO_AT_ONCE = 32
"""Windows per pass of the audio branch."""


def _stage(conv: nn.Module, channels: int, *, volume: bool = False) -> list[nn.Module]:
    norm = nn.BatchNorm3d(channels) if volume else nn.BatchNorm2d(channels)
    return [conv, norm, nn.ReLU()]


def _head() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, EMBEDDING))


class SyncNet(nn.Module):
    """Both branches, 13.6 million parameters. The layers stand where the official names expect them."""

    def __init__(self) -> None:
        super().__init__()
        self.netcnnaud = nn.Sequential(
            *_stage(nn.Conv2d(1, 64, 3, padding=1), 64),
            nn.Identity(),
            *_stage(nn.Conv2d(64, 192, 3, padding=1), 192),
            nn.MaxPool2d(3, (1, 2)),
            *_stage(nn.Conv2d(192, 384, 3, padding=1), 384),
            *_stage(nn.Conv2d(384, 256, 3, padding=1), 256),
            *_stage(nn.Conv2d(256, 256, 3, padding=1), 256),
            nn.MaxPool2d(3, 2),
            *_stage(nn.Conv2d(256, 512, (5, 4)), 512),
        )
        self.netfcaud = _head()
        self.netcnnlip = nn.Sequential(
            *_stage(nn.Conv3d(3, 96, (WINDOW_FRAMES, 7, 7), (1, 2, 2)), 96, volume=True),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_stage(nn.Conv3d(96, 256, (1, 5, 5), (1, 2, 2), (0, 1, 1)), 256, volume=True),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            *_stage(nn.Conv3d(256, 256, (1, 3, 3), padding=(0, 1, 1)), 256, volume=True),
            *_stage(nn.Conv3d(256, 256, (1, 3, 3), padding=(0, 1, 1)), 256, volume=True),
            *_stage(nn.Conv3d(256, 256, (1, 3, 3), padding=(0, 1, 1)), 256, volume=True),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_stage(nn.Conv3d(256, 512, (1, 6, 6)), 512, volume=True),
        )
        self.netfclip = _head()

    def embed_video(self, crops: Tensor, at_once: int = VIDEO_AT_ONCE) -> Tensor:
        """Embeddings of all windows of five consecutive crops.

        Only the first layer looks along time, and no farther than one window: it runs along the clip, so that windows
        are never laid out as copies. The other layers see single moments. Passes are always full (the last one repeats
        the last crop), because libraries choose other kernels for other sizes: so rows do not depend on how many
        windows come together.

        Args:
            crops: (T, 224, 224, 3) RGB, levels 0..255, of consecutive frames.
            at_once: windows per pass.

        Returns:
            (T - 4, 1024); no rows where there are fewer than five crops.
        """
        count = len(crops) - WINDOW_FRAMES + 1
        if count < 1:
            return torch.zeros((0, EMBEDDING), device=crops.device)
        passes = -(-count // at_once)
        rest = crops[-1:].expand(passes * at_once - count, -1, -1, -1)
        filled = torch.cat([crops, rest]) if len(rest) else crops
        length = at_once + WINDOW_FRAMES - 1
        parts = [self._embed_clip(filled[index * at_once :][:length]) for index in range(passes)]
        return torch.cat(parts)[:count]

    def embed_audio(self, windows: Tensor, at_once: int = AUDIO_AT_ONCE) -> Tensor:
        """Embeddings of windows of MFCCs, (N, 20, 13) in order of time, to (N, 1024); passes as above."""
        count = len(windows)
        if not count:
            return torch.zeros((0, EMBEDDING), device=windows.device)
        rest = windows[-1:].expand(-count % at_once, -1, -1)
        maps = torch.cat([windows, rest]).to(self.netcnnaud[0].weight.dtype).transpose(1, 2)[:, None]
        parts = [self.netfcaud(self.netcnnaud(part).flatten(1)) for part in maps.split(at_once)]
        return torch.cat(parts)[:count]

    def _embed_clip(self, crops: Tensor) -> Tensor:
        layers = list(self.netcnnlip)
        weight, bias = _folded(layers[0], layers[1])
        # Colours turned round, and time brought before the picture: (1, 3, T, 224, 224), channels innermost in memory.
        clip = crops.flip(-1).to(weight.dtype)[None].permute(0, 4, 1, 2, 3)
        weight = weight.contiguous(memory_format=torch.channels_last_3d)
        # From here on every moment is a picture of its own: (T - 4, 96, 109, 109).
        x = F.conv3d(clip, weight, bias, stride=layers[0].stride)[0].transpose(0, 1)
        x = x.contiguous(memory_format=torch.channels_last)
        index = 2
        while index < len(layers):
            layer = layers[index]
            if isinstance(layer, nn.Conv3d):
                weight, bias = _folded(layer, layers[index + 1])
                weight = weight[:, :, 0].contiguous(memory_format=torch.channels_last)
                x = F.conv2d(x, weight, bias, layer.stride[1:], layer.padding[1:])
                index += 1
            elif isinstance(layer, nn.MaxPool3d):
                x = F.max_pool2d(x, layer.kernel_size[1:], layer.stride[1:], _flat(layer.padding))
            else:
                x = torch.relu_(x)
            index += 1
        embedding: Tensor = self.netfclip(x.flatten(1))
        return embedding


def build_syncnet() -> SyncNet:
    """The network in evaluation mode, without gradients, with PyTorch's initial weights."""
    network: SyncNet = SyncNet().eval().requires_grad_(False)
    return network


def _folded(conv: nn.Module, norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution with the batch norm behind it: one pass over the maps instead of two."""
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    shift = norm.bias + (conv.bias - norm.running_mean) * scale
    return conv.weight * scale.view(-1, *[1] * (conv.weight.ndim - 1)), shift


def _flat(padding: int | tuple[int, ...]) -> int | tuple[int, ...]:
    return padding if isinstance(padding, int) else padding[1:]
