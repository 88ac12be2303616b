"""SyncNet of the mini tier: two branches as in SyncNet v2, small enough for a CPU, trained on talkers.

Video branch: five consecutive pictures of 64x64, levels 0..255, of which it cuts 32x24 pixels around the place where
drawn heads have their mouth. The place is fixed: a box of the script would give the script away (the chin follows the
mouth), and a generated head need not move as the script says. Audio branch: 20 frames of 13 MFCCs (100 per second), as
in `syncnet.py`. Both give 128 numbers that are not normalised; their distance says how well mouth and sound match.

The architecture follows Chung and Zisserman, "Out of time: automated lip sync in the wild", ACCV workshops 2016:
only the first layer of the video branch looks along time. Group norms stand in place of batch norms, as a training step
shows a few speakers only, whose moments are not those of all.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from liveact_eval.networks.seeded import fill_seeded
from liveact_eval.networks.syncnet import WINDOW_FRAMES
from liveact_eval.networks.trained_files import load_trained

PICTURE = 64
"""Height and width of the pictures."""
TOP, LEFT, HEIGHT, WIDTH = 30, 16, 24, 32
"""Where the mouth is cut out, in pixels: four more on each side than where drawn mouths move about."""
EMBEDDING = 128
"""Length of an embedding."""
AT_ONCE = 32
"""Windows per pass."""

_GROUP = 8
"""Channels of a group that is normalised together."""
_USUAL_SOUND = 10.0
"""Size of usual MFCCs."""


def _stage(conv: nn.Conv2d) -> list[nn.Module]:
    return [conv, nn.GroupNorm(conv.out_channels // _GROUP, conv.out_channels), nn.ReLU()]


def _head(numbers: int) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(numbers, 256), nn.ReLU(), nn.Linear(256, EMBEDDING))


class MiniSyncNet(nn.Module):
    """Both branches, 1.1 million parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.audio = nn.Sequential(
            *_stage(nn.Conv2d(1, 32, 3, padding=1)),
            nn.MaxPool2d(3, (1, 2)),
            *_stage(nn.Conv2d(32, 64, 3, padding=1)),
            nn.MaxPool2d(3, 2),
            *_stage(nn.Conv2d(64, 96, 3, padding=1)),
            _head(96 * 5 * 4),
        )
        self.video = nn.Sequential(
            *_stage(nn.Conv2d(3 * WINDOW_FRAMES, 48, 5, stride=2, padding=2)),
            *_stage(nn.Conv2d(48, 64, 3, padding=1)),
            nn.MaxPool2d(2),
            *_stage(nn.Conv2d(64, 96, 3, padding=1)),
            nn.MaxPool2d(2),
            *_stage(nn.Conv2d(96, 96, 3, padding=1)),
            _head(96 * 3 * 4),
        )

    def embed_video(self, pictures: Tensor, at_once: int = AT_ONCE) -> Tensor:
        """Embeddings of all windows of five consecutive pictures.

        Passes are always full (the last one repeats the last window), because libraries choose other kernels for other
        sizes: so rows do not depend on how many windows come together.

        Args:
            pictures: (T, 64, 64, 3) RGB, levels 0..255, of consecutive frames.
            at_once: windows per pass.

        Returns:
            (T - 4, 128); no rows where there are fewer than five pictures.

        Raises:
            ValueError: the pictures have another size.
        """
        if pictures.shape[1:] != (PICTURE, PICTURE, 3):
            raise ValueError(f"pictures of {tuple(pictures.shape[1:])}; expected ({PICTURE}, {PICTURE}, 3)")
        if len(pictures) < WINDOW_FRAMES:
            return torch.zeros((0, EMBEDDING), device=pictures.device)
        windows = mouth_windows(cut_mouths(pictures))
        return _in_passes(self.video, windows, at_once)

    def embed_audio(self, windows: Tensor, at_once: int = AT_ONCE) -> Tensor:
        """Embeddings of windows of MFCCs, (N, 20, 13) in order of time, to (N, 128); passes as above."""
        if not len(windows):
            return torch.zeros((0, EMBEDDING), device=windows.device)
        return _in_passes(self.audio, sound_maps(windows), at_once)


def cut_mouths(pictures: Tensor, down: int = 0, right: int = 0) -> Tensor:
    """The part of pictures (..., 64, 64, 3) that the video branch sees, (..., 24, 32, 3).

    Args:
        pictures: in any number type.
        down: pixels by which the place is moved down.
        right: pixels by which it is moved to the right.
    """
    top, left = TOP + down, LEFT + right
    return pictures[..., top : top + HEIGHT, left : left + WIDTH, :]


def mouth_windows(mouths: Tensor) -> Tensor:
    """What the video branch takes of each window of consecutive mouths (T, 24, 32, 3): (T - 4, 15, 24, 32) in -1..1."""
    levels = mouths.float() / 127.5 - 1
    return levels.unfold(0, WINDOW_FRAMES, 1).permute(0, 4, 3, 1, 2).flatten(1, 2)


def sound_maps(windows: Tensor) -> Tensor:
    """What the audio branch takes of MFCCs (N, 20, 13): (N, 1, 13, 20) of order one."""
    return windows.float().transpose(1, 2)[:, None] / _USUAL_SOUND


def build_mini_syncnet() -> MiniSyncNet:
    """The network in evaluation mode, without gradients, with PyTorch's initial weights."""
    network: MiniSyncNet = MiniSyncNet().eval().requires_grad_(False)
    return network


def load_mini_syncnet(path: Path) -> MiniSyncNet:
    """The trained network out of its file.

    Raises:
        UserError: the file is damaged or another network's.
    """
    return load_trained(build_mini_syncnet(), path)


def seeded_mini_syncnet() -> MiniSyncNet:
    """The network with weights from a rule, which mean nothing as scores."""
    network = build_mini_syncnet()
    fill_seeded(network, "mini_syncnet")
    return network


def _in_passes(branch: nn.Module, inputs: Tensor, at_once: int) -> Tensor:
    rest = inputs[-1:].expand(-len(inputs) % at_once, -1, -1, -1)
    parts = [branch(part) for part in torch.cat([inputs, rest]).split(at_once)]
    return torch.cat(parts)[: len(inputs)]
