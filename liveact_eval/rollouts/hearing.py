"""Speech of single latent frames, for strategies that hear them in another order and number than LiveAct's blocks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.rollouts.strategy import REFERENCE, Strategy


class Hearing:
    """Audio tokens by latent frame.

    Args:
        dit: projects them.
        strategy: says what latent frame 0 hears.
    """

    def __init__(self, dit: CausalDiT, strategy: Strategy) -> None:
        self._dit, self._strategy = dit, strategy
        self._tokens: dict[int, Tensor] = {}
        self._silence: Tensor | None = None

    def hear(self, latents: range, windows: Tensor) -> None:
        """Take the windows [B, frames, window, layers, channels] that begin one latent frame before `latents`."""
        windows = windows.to(device=self._dit.device, dtype=self._dit.dtype)
        tokens: Tensor = self._dit.audio_proj(windows)
        first = max(0, latents.start - 1)
        # The lead is projected as the first latent frame of a clip, which only that one is.
        for frame in range(0 if first == 0 else latents.start, latents.stop):
            self._tokens[frame] = tokens[:, frame - first : frame - first + 1]
        if self._silence is None:
            # The first latent frame of a clip is projected by weights of its own, the second by those of all others.
            stride = self._dit.config.temporal_stride
            self._silence = self._dit.audio_proj(torch.zeros_like(windows[:, : 1 + stride]))

    def tokens(self, frames: Sequence[int], *, silent: bool) -> Tensor | None:
        """Audio tokens [B, T, A, audio_dim] of latent frames; `None` for the reference picture, which hears nothing."""
        if frames[0] == REFERENCE:
            return None
        return torch.cat([self._of(frame, silent) for frame in frames], dim=1)

    def forget(self, oldest: int) -> None:
        """Let go of latent frames before that one."""
        for frame in [frame for frame in self._tokens if frame < oldest]:
            del self._tokens[frame]

    def _of(self, frame: int, silent: bool) -> Tensor:
        assert self._silence is not None
        if silent or (frame == 0 and self._strategy.first_audio == "silence"):
            return self._silence[:, :1] if frame == 0 else self._silence[:, 1:2]
        return self._tokens[frame]
