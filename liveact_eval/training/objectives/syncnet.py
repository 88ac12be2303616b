"""SyncNet of the mini tier: of all moments of a clip, the sound of a mouth's own moment must be the nearest.

    pictures --shifted, roughened, cut--> windows --video branch--> (B, W, 128)
    samples  --louder or softer, noise, MFCCs--> windows --audio branch--> (B, W, 128)
    distances (B, W, W) --softmax over moments, both ways--> cross-entropy of the true pair

The published network learnt from pairs of which half were shifted, with a margin (Chung and Zisserman, ACCV workshops
2016). Here each window meets all moments of its clip at once, so every shift of the search is in every update; scores
compare Euclidean distances of embeddings, and so does this loss. Beyond the ends of a clip the scores take the sound as
zero: that must be no better match than any sound, so zero is among the moments that a mouth is compared with.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liveact_eval.datasets.talkers import draw_specs, render
from liveact_eval.errors import UserError
from liveact_eval.metrics._mfcc import mfcc, sound_windows
from liveact_eval.metrics._network_batches import device_of
from liveact_eval.metrics._sync_curve import SyncScores, distances, scores, usable_windows
from liveact_eval.networks.mini_syncnet import PICTURE, MiniSyncNet, cut_mouths, mouth_windows, sound_maps
from liveact_eval.training.objectives.base import Batch, Losses, Objective
from liveact_eval.training.objectives.configs import SyncNetChoice
from liveact_eval.training.objectives.roughening import roughened

_CLIPS = 16
"""Of the test speakers, for validation."""
_SHIFTS = (-9, -4, -1, 2, 6, 11)
"""Frames by which sound is moved in validation, one after the other over the clips."""
_LOUDEST = 2.0
"""Largest factor of loudness, and its inverse the smallest."""
_HISS = 30.0
"""Largest deviation of the noise added to sound, in levels of int16: that of lossy coding is below."""


class SyncNetObjective(Objective):
    """Trains both branches.

    Args:
        choice: weights of the parts of the loss, and how much pictures are moved and roughened.
        size: height and width of pictures in pixels.

    Raises:
        UserError: pictures have another size than the network takes.
    """

    def __init__(self, choice: SyncNetChoice, size: int) -> None:
        if size != PICTURE:
            raise UserError(
                f"The recipe draws pictures of {size} pixels, SyncNet of the mini tier takes {PICTURE}. "
                f"Set data.size to {PICTURE}."
            )
        self._choice = choice
        self.module = MiniSyncNet()
        self._tests: list[tuple[Tensor, Tensor]] = []

    def players(self) -> Mapping[str, nn.Module]:
        """One: the network."""
        return {"syncnet": self.module}

    def loss(self, player: str, batch: Batch, draws: torch.Generator) -> Losses:
        """Cross-entropy of the true pair among all moments of its clip, and a pull on true pairs."""
        mouths = torch.stack([self._seen(clip, draws) for clip in batch["frames"]])
        # MFCCs are computed on the CPU.
        sounds = torch.stack([_heard(clip, draws) for clip in batch["samples"].cpu()]).to(mouths.device)
        clips, windows = sounds.shape[:2]
        video = self.module.video(mouths[:, :windows].flatten(0, 1)).unflatten(0, (clips, windows))
        audio = self.module.audio(sound_maps(sounds.flatten(0, 1))).unflatten(0, (clips, windows))
        apart = torch.cdist(video, audio, compute_mode="donot_use_mm_for_euclid_dist")
        silence = video.norm(dim=-1, keepdim=True)
        truth = torch.arange(windows, device=apart.device).expand(clips, windows)
        # Rows of moments in one long list: with a clip's axis of its own, a GPU would add them in any order.
        by_mouth = F.cross_entropy(-torch.cat([apart, silence], dim=-1).flatten(0, 1), truth.flatten())
        by_sound = F.cross_entropy(-apart.transpose(1, 2).flatten(0, 1), truth.flatten())
        own = apart.diagonal(dim1=1, dim2=2).mean()
        right = (apart.argmin(dim=-1) - truth).abs() <= 1
        total = 0.5 * (by_mouth + by_sound) + self._choice.pull_weight * own
        parts = {
            "by_mouth": by_mouth,
            "by_sound": by_sound,
            "distance": own,
            "others": apart.mean(),
            "right": right.float().mean(),
        }
        return Losses(total, {name: value.detach() for name, value in parts.items()})

    def _seen(self, frames: Tensor, draws: torch.Generator) -> Tensor:
        """Windows of a clip (F, 64, 64, 3), whose mouths are out of place and whose pictures are rough."""
        choice = self._choice
        down, right = torch.randint(-choice.move, choice.move + 1, (2,), generator=draws).tolist()
        mouths = cut_mouths(frames, down, right).float()
        if float(torch.rand((), generator=draws)) < choice.rough_share:
            mouths = roughened(mouths, draws)
        return mouth_windows(mouths)

    @torch.no_grad()
    def validate(self) -> Mapping[str, float]:
        """How scores do on clips of 5 s of test speakers.

        Share of the clips whose offset is 0, of those with shifted sound and of those with rough pictures whose offset
        is right; means of Sync-C and Sync-D; and Sync-C with the sound of somebody else, which should be near 0.
        """
        self.module.eval()
        draws = torch.Generator().manual_seed(0)
        if not self._tests:
            self._tests = _test_clips()
        device = device_of(self.module)
        video = [self.module.embed_video(pictures.to(device)).cpu().numpy() for pictures, _ in self._tests]
        audio = [self.module.embed_audio(sound.to(device)).cpu().numpy() for _, sound in self._tests]
        plain = [_scores(v, a) for v, a in zip(video, audio, strict=True)]
        shifts = [_SHIFTS[index % len(_SHIFTS)] for index in range(len(video))]
        shifted = [_shifted(v, a, by) for v, a, by in zip(video, audio, shifts, strict=True)]
        strangers = [_scores(v, a) for v, a in zip(video, [*audio[1:], audio[0]], strict=True)]
        rough = [
            _scores(self.module.embed_video(roughened(pictures.to(device).float(), draws)).cpu().numpy(), a)
            for (pictures, _), a in zip(self._tests, audio, strict=True)
        ]
        self.module.train()
        return {
            "offset_right": float(np.mean([one.offset == 0 for one in plain])),
            "shifted_offset_right": float(
                np.mean([one.offset == by for one, by in zip(shifted, shifts, strict=True)])
            ),
            "rough_offset_right": float(np.mean([one.offset == 0 for one in rough])),
            "sync_c": float(np.mean([one.confidence for one in plain])),
            "sync_d": float(np.mean([one.distance for one in plain])),
            "rough_sync_c": float(np.mean([one.confidence for one in rough])),
            "stranger_sync_c": float(np.mean([one.confidence for one in strangers])),
        }

    def results(self) -> Mapping[str, nn.Module]:
        """The network."""
        return {"syncnet": self.module}


def _heard(samples: Tensor, draws: torch.Generator) -> Tensor:
    """MFCC windows of a clip (n,), louder or softer, with a little noise: (W, 20, 13)."""
    louder = _LOUDEST ** (2 * float(torch.rand((), generator=draws)) - 1)
    hiss = _HISS * float(torch.rand((), generator=draws))
    noise = torch.randn(len(samples), generator=draws)
    return _sound(louder * samples.float() + hiss * noise)


def _sound(samples: Tensor) -> Tensor:
    steps = mfcc(samples.numpy())
    windows = usable_windows(len(samples) // 640, len(samples))
    return torch.from_numpy(sound_windows(steps, windows)).float()


def _test_clips() -> list[tuple[Tensor, Tensor]]:
    """Pictures (125, 64, 64, 3) and MFCC windows (120, 20, 13) of clips of test speakers."""
    drawn = [render(spec) for spec in draw_specs("test", _CLIPS, size=PICTURE, seconds=5)]
    return [(torch.from_numpy(clip.frames), _sound(torch.from_numpy(clip.samples))) for clip in drawn]


def _scores(video: np.ndarray, audio: np.ndarray) -> SyncScores:
    windows = min(len(video), len(audio))
    return scores(distances(video[:windows], audio[:windows]))


def _shifted(video: np.ndarray, audio: np.ndarray, by: int) -> SyncScores:
    """Scores where the sound comes so many frames earlier than the mouth."""
    if by >= 0:
        return _scores(video, audio[by:])
    return _scores(video[-by:], audio)
