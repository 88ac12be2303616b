"""A training recipe: everything that decides what comes out, as one typed YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from liveact_eval.cards.load import CARD_SUFFIXES, read_typed
from liveact_eval.errors import UserError, unknown_name
from liveact_eval.liveact.config import named_config
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.training.objectives.configs import ObjectiveConfig


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class DataConfig(_Section):
    """Which drawn clips are shown. Every one is made when it is needed, and shown once."""

    frames: int = Field(ge=1)
    """Consecutive video frames of a sample, or of each of its views."""
    views: int = Field(default=1, ge=1)
    """Clips of the same speaker in a sample, with other words, expression and action; their frames come one view after
    the other."""
    pictures: bool = True
    """Whether pictures are drawn; without them a sample has sound and truth alone."""
    sound: bool = False
    """Whether speech is drawn too; it takes longer than a few pictures."""
    size: int = Field(default=64, ge=32, multiple_of=16)
    """Height and width in pixels."""
    speakers: int = Field(default=100_000, ge=1)
    """Different speakers of the split `train`."""
    seed: int = Field(default=0, ge=0)
    """Of speakers, words and the order in which they come."""
    bank: int | None = Field(default=None, ge=1)
    """Number of samples that are encoded once, kept, and shown many times; none: every sample is drawn anew."""
    workers: int = Field(default=1, ge=0)
    """Processes that draw; 0 draws in the training process. Has no effect on what is drawn."""


class OptimiserConfig(_Section):
    """AdamW, or Muon with it, with a linear warm-up and half a cosine down to a share of the rate."""

    lr: float = Field(gt=0)
    """Highest learning rate of AdamW."""
    muon_lr: float | None = Field(default=None, gt=0)
    """Highest learning rate of Muon, which then moves matrices and kernels; none: AdamW moves everything."""
    betas: tuple[float, float] = (0.9, 0.99)
    """Decay of the moments."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled weight decay."""
    warmup_steps: int = Field(default=100, ge=0)
    """Steps until the highest rate is reached."""
    final_share: float = Field(default=0.02, ge=0, le=1)
    """Rate of the last step as a share of the highest."""
    clip: float = Field(default=1.0, gt=0)
    """Largest norm of the gradient."""

    def share(self, step: int, steps: int) -> float:
        """Learning rate of a step, counted from 0, of so many, as a share of the highest."""
        import math

        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        done = (step - self.warmup_steps) / max(1, steps - self.warmup_steps)
        return self.final_share + (1 - self.final_share) * 0.5 * (1 + math.cos(math.pi * done))


class Recipe(_Section):
    """One stage of training."""

    name: str
    """Name on the command line."""
    title: str
    """Heading."""
    summary: str
    """What it makes and what of."""
    config: str = "liveact-mini"
    """Configuration of the model: see `liveact_eval.liveact.config`."""
    objective: Annotated[ObjectiveConfig, Field(discriminator="kind")]
    """What is learnt."""
    data: DataConfig
    """What is shown."""
    optimiser: OptimiserConfig
    """How weights move."""
    batch: int = Field(ge=1)
    """Samples of a step, over all processes."""
    steps: int = Field(ge=1)
    """Updates."""
    ema: float = Field(default=0.999, ge=0, lt=1)
    """Decay of the running mean of the weights, which is what is kept; 0 keeps the latest weights."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the arithmetic; weights, moments and losses stay float32."""
    checkpoint_activations: bool = False
    """Whether transformer blocks compute again in the backward pass what they would otherwise keep: less memory, more
    time, the same gradients."""
    sharded: bool = False
    """Whether weights, gradients and moments are split over the processes that torchrun starts (FSDP), instead of
    being held by each."""
    seed: int = Field(default=0, ge=0)
    """Of the first weights and of all noise."""
    log_every: int = Field(default=20, ge=1)
    """Steps from one line of the log to the next."""
    validate_every: int = Field(default=500, ge=1)
    """Steps from one validation to the next; the last step is followed by one too."""
    checkpoint_every: int = Field(default=500, ge=1)
    """Steps from one checkpoint to the next."""

    @model_validator(mode="after")
    def _fits(self) -> Recipe:
        self.objective.check(self.data.frames)
        try:
            named_config(self.config)
        except LiveActError as error:
            raise ValueError(str(error)) from error
        return self


def shipped_recipes() -> dict[str, Path]:
    """Names and files of the recipes of this package."""
    return {path.stem: path for path in sorted((Path(__file__).parent / "recipes").glob("*.yaml"))}


def load_recipe(name: str) -> Recipe:
    """The recipe of that name, or at that path if `name` is a path to a YAML file.

    Raises:
        UserError: there is none, or it is not valid; every complaint names its field.
    """
    if name.lower().endswith(CARD_SUFFIXES):
        path = Path(name)
        if not path.is_file():
            raise UserError(f"No recipe at {name!r}: expected a YAML file. Check the path.")
        return read_typed(path, Recipe)
    known = shipped_recipes()
    if name not in known:
        raise unknown_name("recipe", name, known, hint="List them with: liveact-eval train --list")
    return read_typed(known[name], Recipe)
