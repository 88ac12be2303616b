"""What can be chosen of each objective, as it stands in a recipe."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

CLIP_BLOCKS = 4
"""Blocks of a clip where memory is learnt: two before anything is folded, two after."""
_CLIP_FRAMES = 1 + 4 * (6 + 8 * (CLIP_BLOCKS - 1) - 1)


class _Choice(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def check(self, frames: int) -> None:
        """Refuse samples of a length that the objective cannot use.

        Raises:
            ValueError: so many frames do not fit.
        """


class VAEChoice(_Choice):
    """The video VAE: pictures to latents and back."""

    kind: Literal["vae"]
    """Which objective."""
    window: int = Field(default=9, ge=1)
    """Frames that are encoded together, 1 + 4k; a sample is cut into such windows."""
    mouth_weight: float = Field(default=4.0, ge=0)
    """Extra weight of the squared error inside the mouth box."""
    absolute_weight: float = Field(default=0.05, ge=0)
    """Weight of the absolute error beside the squared one."""
    prior_weight: float = Field(default=1e-5, ge=0)
    """Weight of the Kullback-Leibler divergence to the standard normal, per latent number."""

    def check(self, frames: int) -> None:
        """Windows are 1 + 4k frames and fill a sample.

        Raises:
            ValueError: they do not.
        """
        if (self.window - 1) % 4 or frames % self.window:
            raise ValueError(
                f"samples of {frames} frames in windows of {self.window}; expected windows of 1 + 4k frames that "
                "fill a sample"
            )


class SpeechChoice(_Choice):
    """The speech encoder: sound to features."""

    kind: Literal["speech"]
    """Which objective."""
    shortest: int = Field(default=55, ge=25)
    """Frames of the shortest stretch that is encoded at once: a live stream encodes 55."""
    mouth_weight: float = Field(default=10.0, ge=0)
    """Weight of the squared error of opening, width and rounding beside the cross-entropy of the sounds."""


class _FlowChoice(_Choice):
    shift: float = Field(default=5.0, ge=1)
    """How far levels are drawn towards noise; the sampler's own shift is 5."""
    pure_noise: float = Field(default=0.1, ge=0, le=1)
    """Share of batches at full noise, where speech is left out as in the first step of a rollout."""
    mouth_weight: float = Field(default=2.0, ge=0)
    """Extra weight of latents that show the mouth."""


class NeighborChoice(_FlowChoice):
    """Stage 1: flow matching with one noise level for all blocks."""

    kind: Literal["neighbor"]
    """Which objective."""

    def check(self, frames: int) -> None:
        """Two blocks, 6 and 8 latent frames, are 53 video frames.

        Raises:
            ValueError: samples are shorter.
        """
        if frames < 53 or (frames - 1) % 4:
            raise ValueError(f"samples of {frames} frames; expected 1 + 4k of at least 53")


class _RememberedChoice(_Choice):
    memory: Literal["convkv", "convkv-sp2", "convkv-paper", "mean", "window"] = "convkv"
    """Memory policy; videos must be generated with the same one."""
    detach: bool = False
    """Whether a backward pass stops at earlier blocks: less memory, and kernels learn from the next block alone."""

    def check(self, frames: int) -> None:
        """Four blocks, 6, 8, 8 and 8 latent frames, are 117 video frames.

        Raises:
            ValueError: samples are shorter.
        """
        if frames < _CLIP_FRAMES or (frames - 1) % 4:
            raise ValueError(f"samples of {frames} frames; expected 1 + 4k of at least {_CLIP_FRAMES}")


class MemoryChoice(_RememberedChoice, _FlowChoice):
    """Flow matching over four blocks with memory."""

    kind: Literal["memory"]
    """Which objective."""


class DistillChoice(_RememberedChoice):
    """Stage 2: the three-step rollout with memory, by distribution matching."""

    kind: Literal["distill"]
    """Which objective."""
    critic_steps: int = Field(default=5, ge=1)
    """Updates of the critic to one of the generator; a step of the recipe is one update of the critic."""
    shift: float = Field(default=5.0, ge=1)
    """How far the levels at which clips are judged are drawn towards noise."""
    truth_weight: float = Field(default=0.0, ge=0)
    """Weight of the squared distance to the true latents, which are known for drawn clips; the paper has none."""


ObjectiveConfig = VAEChoice | SpeechChoice | NeighborChoice | MemoryChoice | DistillChoice
