"""What an ablation is: variants of one model, clips, seeds, what is measured, and the paper's finding as data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from liveact_eval.clips.clip import ClipEntry
from liveact_eval.metrics.base import Direction, Missing
from liveact_eval.rollouts.options import RolloutOptions

if TYPE_CHECKING:
    from liveact_eval.ablations.bench import Bench

Form = Literal["difference", "ratio", "value"]
"""What of a measure is compared with the bound: a - b, a / b, or a alone."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One number of a unit: a column of the table."""

    name: str
    """Key in results, with the unit where there is one."""
    title: str
    """Heading."""
    direction: Direction = "none"
    """`up`: higher is better; `down`: lower; `none`: not a score."""
    unit: str = ""
    """Unit; empty for pure numbers."""
    digits: int = 3
    """Decimals in tables."""


@dataclass(frozen=True, kw_only=True)
class CurveMeasure:
    """One curve of a unit: a plot."""

    name: str
    """Key in results."""
    title: str
    """Heading."""
    x_title: str
    """What runs along the axis, with its unit."""
    unit: str = ""
    """Unit of the values."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """How a variant's videos are made; what is not said is as the model's card has it."""

    memory: str = "convkv"
    """Memory policy."""
    steps: int | None = None
    """Denoising steps; `None`: those of the card."""
    rollout: str = "neighbor"
    """Forcing strategy."""
    rollout_options: RolloutOptions = ()
    """Options of a published strategy that are not as published."""
    weights: Path | None = None
    """Folder of weight files; `None`: that of the request."""
    edit: str = ""
    """Emotion or action of the talkers set that the prompt changes to in the middle; empty: none."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A row of the table."""

    name: str
    """Key in results."""
    title: str
    """Heading."""
    setup: Setup = Setup()
    """What is changed."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What the paper says, and the inequality by which it is put to the test."""

    says: str
    """The paper's finding in our words."""
    source: str
    """Where it stands."""
    measure: str
    """Name of the measure."""
    variant: str
    """Name of the variant a."""
    other: str | None = None
    """Name of the variant b, but for the form `value`."""
    form: Form = "difference"
    """What is compared with the bound."""
    relation: Literal["<", ">"]
    """On which side of the bound it is to be."""
    bound: float = 0.0
    """The bound, in the measure's unit; a pure number for a ratio."""


@dataclass(frozen=True, kw_only=True)
class Unit:
    """What is done at a time: one clip by one variant with one seed."""

    variant: Variant
    clip: ClipEntry
    seed: int
    """Seed of everything that is drawn while the video is made."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Values along an axis; `None` where there is none."""

    x: Sequence[float]
    y: Sequence[float | None]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a unit gave."""

    values: Mapping[str, float | Missing]
    """By name of the measure."""
    curves: Mapping[str, Curve] = field(default_factory=dict)
    """By name of the curve."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """An ablation that is asked for."""

    model: str
    """Name or path of a native model card."""
    weights: Path | None
    """Folder of weight files; `None`: where they are fetched to."""
    kits: tuple[tuple[str, Path], ...]
    """(name, folder) of kits that other recipes trained; an empty name: what the kit says itself."""
    seeds: int
    """Number of seeds, from 0."""
    clips: int
    """Number of clips, each of another speaker."""
    seconds: float
    """Length of a clip."""
    out: Path
    """Folder of the results."""


class Study(ABC):
    """An ablation. Subclass it in a file of its own and list it in `named.py`."""

    name: ClassVar[str]
    """Name on the command line."""
    title: ClassVar[str]
    """Heading of the table."""
    summary: ClassVar[str]
    """What is compared, in one or two sentences."""
    source: ClassVar[str]
    """Where the paper has it."""
    version: ClassVar[int] = 1
    """Raised when finished units are no longer right."""
    measures: ClassVar[tuple[Measure, ...]]
    """Columns of the table."""
    curves: ClassVar[tuple[CurveMeasure, ...]] = ()
    """Curves of the plot."""
    findings: ClassVar[tuple[Finding, ...]] = ()
    """What the paper found."""
    notes: ClassVar[tuple[str, ...]] = ()
    """What a reader must know beside the numbers."""
    clips: ClassVar[int] = 4
    """Clips where nothing else is said."""
    seconds: ClassVar[float] = 10.0
    """Length of a clip where nothing else is said."""
    least_seconds: ClassVar[float] = 3.0
    """Shortest clip that it makes sense for."""
    neutral: ClassVar[bool] = False
    """Whether only clips with a neutral face and without an action are taken."""

    @abstractmethod
    def variants(self, request: Request) -> tuple[Variant, ...]:
        """The rows of the table, in order."""

    def unavailable(self, request: Request) -> Mapping[str, str]:
        """Variants that cannot be run, by name: why, with the command that mends it."""
        return {}

    @abstractmethod
    def identity(self, bench: Bench, variant: Variant) -> str:
        """Names everything besides variant, clip and seed that a reading depends on: weights, readers.

        Raises:
            UserError: weights are missing.
        """

    @abstractmethod
    def read(self, unit: Unit, bench: Bench) -> Reading:
        """Do a unit.

        Raises:
            ClipError: this unit has no reading; the ablation goes on.
        """
