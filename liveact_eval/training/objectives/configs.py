"""What can be chosen of each objective, as it stands in a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

if TYPE_CHECKING:
    from liveact_eval.rollouts.strategy import Strategy

CLIP_BLOCKS = 4
"""Blocks of a clip where memory is learnt: two before anything is folded, two after."""
_CONDITION = 14
"""Latent frames of the condition of a sample."""
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
    goes_on: bool = False
    """Whether it begins with the VAE that an earlier stage made, instead of random weights."""
    window: int = Field(default=9, ge=1)
    """Frames that are encoded together, 1 + 4k; a sample is cut into such windows. What is never longer than a short
    window is wrong about everything behind it: the network remembers, and must learn what it remembers there."""
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


class _TwoBlockChoice(_Choice):
    def check(self, frames: int) -> None:
        """Two blocks, 6 and 8 latent frames, are 53 video frames.

        Raises:
            ValueError: samples are shorter.
        """
        if frames < 53 or (frames - 1) % 4:
            raise ValueError(f"samples of {frames} frames; expected 1 + 4k of at least 53")


class NeighborChoice(_TwoBlockChoice, _FlowChoice):
    """Stage 1: flow matching with one noise level for all blocks."""

    kind: Literal["neighbor"]
    """Which objective."""


class BidirectionalChoice(_TwoBlockChoice, _FlowChoice):
    """Flow matching with one noise level, in which every block sees every other: no autoregression."""

    kind: Literal["bidirectional"]
    """Which objective."""


class DiffusionChoice(_TwoBlockChoice, _FlowChoice):
    """Diffusion Forcing: flow matching with a noise level of its own for each block."""

    kind: Literal["diffusion"]
    """Which objective."""


class TeacherChoice(_TwoBlockChoice, _FlowChoice):
    """Teacher Forcing: flow matching in which a block sees the true blocks before it."""

    kind: Literal["teacher"]
    """Which objective."""


class OdeChoice(_TwoBlockChoice):
    """First part of Self Forcing: regression to where the bidirectional model's ODE ends."""

    kind: Literal["ode"]
    """Which objective."""
    solver_steps: int = Field(default=12, ge=4, multiple_of=4)
    """Euler steps of the bidirectional model from noise to a clip; a multiple of 4 meets the sampler's levels."""


class _MatchedChoice(_Choice):
    critic_steps: int = Field(default=5, ge=1)
    """Updates of the critic to one of the generator; a step of the recipe is one update of the critic."""
    shift: float = Field(default=5.0, ge=1)
    """How far the levels at which clips are judged are drawn towards noise."""
    truth_weight: float = Field(default=0.0, ge=0)
    """Weight of the squared distance to the true latents, which are known for drawn clips; papers have none."""


class SelfChoice(_TwoBlockChoice, _MatchedChoice):
    """Second part of Self Forcing: a rollout over a clean past, by distribution matching."""

    kind: Literal["self"]
    """Which objective."""


class ForcedChoice(_TwoBlockChoice):
    """Flow matching of a published strategy's own model calls, behind the past that it would have of a true clip."""

    kind: Literal["forced"]
    """Which objective."""
    rollout: str
    """Name of the strategy; see `liveact-eval rollouts list`."""
    mouth_weight: float = Field(default=2.0, ge=0)
    """Extra weight of latents that show the mouth."""

    @field_validator("rollout")
    @classmethod
    def _can_be_learnt(cls, rollout: str) -> str:
        return _one_of(rollout, [name for name, kind in _trainable() if kind.condition_latents <= _CONDITION])


def _trainable() -> list[tuple[str, Strategy]]:
    """Published strategies by name."""
    from liveact_eval.rollouts.published import PUBLISHED

    return [(name, kind.strategy()) for name, kind in PUBLISHED.items()]


def _one_of(rollout: str, known: list[str]) -> str:
    if rollout not in known:
        raise ValueError(f"rollout {rollout!r}; expected one of {', '.join(known)}")
    return rollout


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


class DistillChoice(_RememberedChoice, _MatchedChoice):
    """Stage 2: the three-step rollout with memory, by distribution matching."""

    kind: Literal["distill"]
    """Which objective."""


class ForcedDistillChoice(_RememberedChoice, _MatchedChoice):
    """Distribution matching over a published strategy's own rollout; memory and `detach` are those of the scores."""

    kind: Literal["forced_distill"]
    """Which objective."""
    rollout: str
    """Name of the strategy; see `liveact-eval rollouts list`."""
    learnt_latents: int = Field(default=21, ge=1)
    """Newest latent frames of a clip that have a gradient."""

    @field_validator("rollout")
    @classmethod
    def _can_be_distilled(cls, rollout: str) -> str:
        # Guidance makes every call twice; what is distilled needs none.
        return _one_of(
            rollout,
            [
                name
                for name, kind in _trainable()
                if kind.condition_latents <= _CONDITION and kind.guidance == 1
            ],
        )


StrategyChoice = (
    BidirectionalChoice
    | DiffusionChoice
    | TeacherChoice
    | OdeChoice
    | SelfChoice
    | ForcedChoice
    | ForcedDistillChoice
)
"""Strategies that Neighbor Forcing is compared with."""


class SyncNetChoice(_Choice):
    """SyncNet of the mini tier: mouths and sound to embeddings that are near where they belong together."""

    kind: Literal["syncnet"]
    """Which objective."""
    move: int = Field(default=4, ge=0, le=10)
    """Most pixels by which the cut-out mouth of a clip is out of place, each way."""
    rough_share: float = Field(default=0.7, ge=0, le=1)
    """Share of clips whose pictures are blurred, noisy and in blocks, as those of generators and codecs are."""
    pull_weight: float = Field(default=0.02, ge=0)
    """Weight of the mean distance of true pairs beside the cross-entropy."""

    def check(self, frames: int) -> None:
        """Clips hold the whole search of 15 shifts to either side.

        Raises:
            ValueError: samples are shorter.
        """
        if frames < 36:
            raise ValueError(f"samples of {frames} frames; expected at least 36")


class FrameNetworkChoice(_Choice):
    """Frame network of the mini tier: features for FID, identity vectors and a reader of mouths."""

    kind: Literal["frame_network"]
    """Which objective."""
    mouth_weight: float = Field(default=30.0, ge=0)
    """Weight of the squared error of opening, width and rounding."""
    identity_weight: float = Field(default=1.0, ge=0)
    """Weight of the contrastive loss of speakers."""
    quality_weight: float = Field(default=0.5, ge=0)
    """Weight of naming kind and strength of a degradation."""
    content_weight: float = Field(default=0.3, ge=0)
    """Weight of reading expression, blink, pose and colours."""
    temperature: float = Field(default=0.1, gt=0)
    """Cosines of identity vectors are divided by it."""
    background_share: float = Field(default=0.5, ge=0, le=1)
    """Share of degraded pictures that get the surroundings of another one: a speaker is no background."""


class ClipNetworkChoice(_Choice):
    """Clip network of the mini tier: features of 16 frames for FVD."""

    kind: Literal["clip_network"]
    """Which objective."""
    motion_weight: float = Field(default=1.0, ge=0)
    """Weight of reading how mouth and head move."""
    change_weight: float = Field(default=1.0, ge=0)
    """Weight of naming kind and strength of what was done to the frames in time."""
    content_weight: float = Field(default=0.3, ge=0)
    """Weight of reading expression, action, opening of the mouth and colours."""
    reversed_share: float = Field(default=0.5, ge=0, le=1)
    """Share of clips that are played backwards, so that the direction of time must be seen in how things move."""

    def check(self, frames: int) -> None:
        """A sample is one window.

        Raises:
            ValueError: it is not.
        """
        if frames != 16:
            raise ValueError(f"samples of {frames} frames; expected 16")


ObjectiveConfig = (
    VAEChoice
    | SpeechChoice
    | NeighborChoice
    | StrategyChoice
    | MemoryChoice
    | DistillChoice
    | SyncNetChoice
    | FrameNetworkChoice
    | ClipNetworkChoice
)
