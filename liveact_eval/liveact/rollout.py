"""What the stream needs of a forcing strategy: which latents come next, and what they depend on."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from liveact_eval.liveact.conditions import Context
from liveact_eval.liveact.sampler import Noise


class Rollout(Protocol):
    """Makes a video's latents block by block. One object makes one video."""

    @property
    def condition_latents(self) -> int:
        """Latent frames of the condition that `begin` expects."""
        ...

    def begin(self, condition: Tensor, *, latents: int | None = None) -> None:
        """Start a video with an empty memory.

        Args:
            condition: mask and encoded reference image [1, 20, condition_latents, h, w].
            latents: latent frames of the whole video, where that is known: strategies that look ahead end on it.
        """
        ...

    def block_latents(self, n: int) -> int:
        """Latent frames of block n."""
        ...

    def audio_span(self, n: int) -> range:
        """Video frames whose speech windows block n takes."""
        ...

    def block(self, n: int, context: Context, audio: Tensor, noise: Noise) -> Tensor:
        """Denoised latents [1, out_dim, T, h, w] of block n; blocks come in order.

        Args:
            n: index of the block.
            context: text and image.
            audio: windows of speech features over `audio_span(n)`, [1, frames, window, layers, channels].
            noise: where all Gaussian numbers are drawn from.
        """
        ...

    def memory_bytes(self) -> int:
        """Bytes of keys and values held."""
        ...

    @property
    def settling(self) -> int:
        """Leading blocks that do other work than the later ones."""
        ...

    def describe(self) -> dict[str, str | int | float]:
        """What runs: name, denoising steps, memory and guidance."""
        ...
