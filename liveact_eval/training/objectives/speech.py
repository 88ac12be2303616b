"""The speech encoder on drawn speech: its features must tell how the mouth stands and which sound is heard.

The published encoder learnt from hours of recordings without labels. Drawn speech comes with its script, so that a
small encoder learns from that; what reads the script off the features is thrown away afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liveact_eval.datasets.talkers import PHONEMES, draw_specs, render
from liveact_eval.liveact.config import SpeechConfig
from liveact_eval.liveact.encoders import speech
from liveact_eval.training.objectives.base import Batch, Losses, Objective
from liveact_eval.training.objectives.configs import SpeechChoice

_SAMPLES = 640
"""Samples of a video frame."""
_CLIPS = 16
"""Of the test speakers, for validation."""


class SpeechObjective(Objective):
    """Trains the encoder with a linear reader on top.

    Args:
        config: sizes.
        choice: weights of the parts of the loss.
    """

    def __init__(self, config: SpeechConfig, choice: SpeechChoice) -> None:
        self._config, self._choice = config, choice
        self.module = speech.build(config).requires_grad_(True).train()
        # Dropout would draw from the global generator, which an interruption does not restore.
        for part in self.module.modules():
            if isinstance(part, nn.Dropout):
                part.p = 0.0
            # Attention has its share as a number.
            elif isinstance(getattr(part, "dropout", None), float):
                part.dropout = 0.0
        self.reader = nn.Linear(config.width * config.num_layers, 3 + len(PHONEMES))
        self._learner = nn.ModuleDict({"encoder": self.module, "reader": self.reader})

    def players(self) -> Mapping[str, nn.Module]:
        """One: encoder and reader."""
        return {"speech": self._learner}

    def loss(self, player: str, batch: Batch, draws: torch.Generator) -> Losses:
        """Squared error of the mouth's shape, and cross-entropy of the sounds, over stretches of a random length."""
        total = batch["mouth"].shape[1]
        shortest = min(self._choice.shortest, total)
        length = int(torch.randint(shortest, total + 1, (1,), generator=draws))
        first = int(torch.randint(0, total - length + 1, (1,), generator=draws))
        kept = slice(first, first + length)
        wave = batch["samples"][:, first * _SAMPLES : (first + length) * _SAMPLES].float() / 32768
        read = self._read(wave, length)
        mouth = (read[..., :3] - batch["mouth"][:, kept]).square().mean()
        sounds = F.cross_entropy(read[..., 3:].flatten(0, 1), batch["phoneme"][:, kept].flatten())
        right = (read[..., 3:].argmax(-1) == batch["phoneme"][:, kept]).float().mean()
        total_loss = self._choice.mouth_weight * mouth + sounds
        return Losses(total_loss, {"mouth": mouth, "sounds": sounds, "right": right})

    def _read(self, wave: Tensor, frames: int) -> Tensor:
        """What the reader says of sounds [B, n]: [B, frames, 3 + phonemes]."""
        centred = wave - wave.mean(dim=1, keepdim=True)
        normal = centred / torch.sqrt(centred.square().mean(dim=1, keepdim=True) + 1e-7)
        rows = speech.conv_rows(self.module, normal)
        # As pictures of one row: a GPU can add the gradients of these in one order, and not those of plain rows.
        flat = rows.transpose(1, 2)[:, :, None]
        stretched = F.interpolate(flat, size=(1, frames), mode="bilinear", align_corners=True)[:, :, 0]
        states = speech.layer_states(self.module, stretched.transpose(1, 2))[1:]
        read: Tensor = self.reader(torch.cat(states, dim=-1)).float()
        return read

    @torch.no_grad()
    def validate(self) -> Mapping[str, float]:
        """Correlation of the mouth's opening and share of sounds that are named, on clips of 5 s of test speakers."""
        self._learner.eval()
        encoder = speech.SpeechEncoder(self.module, self._config)
        likeness, right = [], []
        for spec in draw_specs("test", _CLIPS):
            clip = render(spec)
            features = encoder.encode(torch.from_numpy(clip.samples).float() / 32768, len(clip.truth))
            read = self.reader(features.flatten(1)).cpu()
            truth = torch.from_numpy(clip.truth.mouth_opening).float()
            likeness.append(torch.corrcoef(torch.stack([read[:, 0], truth]))[0, 1])
            right.append((read[:, 3:].argmax(-1) == torch.from_numpy(clip.truth.phoneme)).float().mean())
        self._learner.train()
        return {
            "opening_correlation": float(torch.stack(likeness).mean()),
            "sounds_right": float(torch.stack(right).mean()),
        }

    def results(self) -> Mapping[str, nn.Module]:
        """The encoder without its reader."""
        return {"speech": self.module}
