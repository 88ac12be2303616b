"""What a metric is: features of windows, statistics of a clip, their sum over clips, and the result.

    windows --features--> rows --statistics--> one additive vector per clip --merge--> sum --result--> value

Merging is addition, so it is associative and commutative: one process or many, one go or a resumed run,
all clips or a bootstrap sample of them give the same number by the same code.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from liveact_eval.measure.buffers import RowBuffer
from liveact_eval.measure.needs import FrameNeed, Need, SoundNeed
from liveact_eval.measure.sharing import Memo, Of

if TYPE_CHECKING:
    import torch
    from torch import nn

    from liveact_eval.clips.truth import ClipTruth
    from liveact_eval.networks.answering import Answerer

Direction = Literal["up", "down", "none"]
Rows = NDArray[np.floating[Any]]
Range = tuple[float | None, float | None]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Output:
    """One number that a metric gives."""

    name: str
    """Key in results, with the unit where there is one: `psnr_db`, `longest_freeze_s`."""
    title: str
    """Heading in tables."""
    direction: Direction
    """`up`: higher is better; `down`: lower; `none`: not a score."""
    unit: str = ""
    """Unit; empty for pure numbers."""
    digits: int = 3
    """Decimals in tables."""
    best: float | None = None
    """The perfect score, where there is one."""
    range: Range | None = None
    """Lowest and highest value that it can have, `None` where there is no bound; `None` altogether: not stated."""


@dataclass(frozen=True)
class Missing:
    """Why a clip has no number: `reason` is counted beside the mean, `detail` is for people."""

    reason: str
    detail: str = ""
    again: bool = False
    """Whether it says nothing about the clip, so that the next run tries anew, as after any failure."""


class NetworkSource(Protocol):
    """Where a metric gets its networks from."""

    def get(self, name: str) -> nn.Module:
        """The network of that name in the catalogue: in eval mode, loaded once per process."""
        ...


class Collector(Protocol):
    """Takes the rows of a clip as they are made."""

    def append(self, rows: NDArray[Any]) -> None:
        """Add (n, d) rows."""
        ...

    @property
    def table(self) -> NDArray[Any]:
        """What `score` gets."""
        ...


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Windows of one need. Shapes: see `FrameNeed` and `SoundNeed`."""

    windows: torch.Tensor
    """(N, window, ...)."""
    reference: torch.Tensor | None = None
    """The same windows of the real video, for a paired need."""
    anchor: torch.Tensor | None = None
    """The picture to compare with, for a need with an anchor: see `FrameNeed.anchor_of`."""
    networks: NetworkSource | None = None
    """The networks that the metric asks for."""
    memos: Mapping[Of, Memo] = field(default_factory=dict)
    """What metrics with the same windows have made of them, of the reference and of the anchor; see `once`."""

    def once(self, key: Hashable, make: Callable[[], T], *, of: Of = "windows") -> T:
        """What `make` gives, made once for all metrics that get the same pictures and use the same key.

        Args:
            key: what the result depends on beside the pictures: the network's name, and how it is fed.
            make: makes it, of nothing but `windows`, or `reference`, or `anchor`, as `of` says.
            of: which of the three; an anchor keeps what was made of it for the whole pass.
        """
        memo = self.memos.get(of)
        return make() if memo is None else memo.once(key, make)

    def network(self, name: str) -> nn.Module:
        """One of the networks that the metric asks for."""
        if self.networks is None:
            raise ValueError(f"network {name!r}: a metric that names it in `networks` comes with it")
        return self.networks.get(name)


class Follower(ABC):
    """A collector that takes batches instead of rows: what comes of a frame depends on those before it."""

    @abstractmethod
    def follow(self, batch: Batch) -> None:
        """Take the next windows; `Metric.features` is not asked."""

    def append(self, rows: NDArray[Any]) -> None:
        """Rows are for other collectors.

        Raises:
            ValueError: always.
        """
        raise ValueError(f"{type(self).__name__} was given rows; it takes batches, by `follow`")

    @property
    @abstractmethod
    def table(self) -> NDArray[Any]:
        """What `score` gets; nothing follows."""


@dataclass(frozen=True, kw_only=True)
class ClipContext:
    """What is known about a clip when its rows are complete."""

    fps: float
    """Frames per second of the measured stream."""
    truth: ClipTruth | None
    """Ground truth, for drawn clips."""
    frames: int = 0
    """Frames measured."""
    face_counts: NDArray[np.int64] | None = None
    """(T,) faces that the detector saw in each frame; for drawn clips 1 where the face is, else 0; `None` where no
    metric asked for faces."""
    answerer: Answerer | None = None
    """Who answers questions about videos, where the user has given somebody."""


@dataclass(frozen=True, kw_only=True)
class ClipScore:
    """What a metric says about one clip."""

    values: Mapping[str, float | Missing]
    """A number, or why there is none, by output name."""
    curves: Mapping[str, Rows] = field(default_factory=dict)
    """Values over time, one per window, by curve name."""
    statistics: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    """Additive vectors by output name, where the value over clips is not their mean."""
    parts: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    """For set metrics (`SetMetric`): what a clip contributes to a set, by output name, in place of a value."""


class Metric(ABC):
    """A metric over a dataset. Subclass it in a file of its own and put `@register` above the class.

    The default statistics are those of a mean over clips: (value, 1) of each clip, summed. A set metric gives
    vectors of its own in `ClipScore.statistics` and overrides `result`; nothing else changes.
    """

    name: ClassVar[str]
    """Name on the command line."""
    outputs: ClassVar[tuple[Output, ...]]
    """The numbers that it gives."""
    needs: ClassVar[Mapping[str, Need]]
    """The streams that it reads, by a name of its own choice."""
    recipe: ClassVar[str]
    """Name and version of how it is computed; two recipes never share a column."""
    summary: ClassVar[str]
    """What it says, in one or two sentences."""
    source: ClassVar[str]
    """Paper or reference implementation."""
    truth: ClassVar[bool] = False
    """Whether it needs ground truth."""
    networks: ClassVar[tuple[str, ...]] = ()
    """Names in the catalogue of networks of those that it runs."""
    answers: ClassVar[bool] = False
    """Whether it asks questions of the model behind `networks.answerer`."""
    only_fps: ClassVar[float | None] = None
    """The one frame rate that it can measure at; `None`: any."""
    counts_faces: ClassVar[bool] = False
    """Whether it is about how many faces there are: these are searched for then, and none is a number too."""
    by_name_only: ClassVar[bool] = False
    """Whether `all` leaves it out: it costs so much that only who names it wants it."""

    @property
    def face(self) -> bool:
        """Whether it needs a face track."""
        return self.counts_faces or any(
            isinstance(need, FrameNeed) and need.region != "frame" for need in self.needs.values()
        )

    @property
    def paired(self) -> bool:
        """Whether it compares with the real video, frame by frame."""
        return any(isinstance(need, FrameNeed) and need.paired for need in self.needs.values())

    @property
    def needs_real(self) -> bool:
        """Whether it says nothing without a real video: frame by frame, or as a set of them."""
        return self.paired

    @property
    def portrait(self) -> bool:
        """Whether it compares with the picture that the video was made from."""
        return any(
            isinstance(need, FrameNeed) and need.anchor and need.anchor_of == "portrait"
            for need in self.needs.values()
        )

    @property
    def sound(self) -> bool:
        """Whether it listens."""
        return any(isinstance(need, SoundNeed) for need in self.needs.values())

    @abstractmethod
    def features(self, need: str, batch: Batch) -> Any:
        """Step 1: rows, one per window, for the need of that name: a tensor or array (N,) or (N, d).

        Pure: no file, no clock, no state; the same windows give the same rows in any batching.
        """

    @abstractmethod
    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """Step 2a: the clip's own values from all its rows, (T, d) by need."""

    def collector(self, need: str) -> Collector:
        """What gathers the rows of a need; by default all of them, as a table (T, d)."""
        return RowBuffer()

    def collectors(self) -> Mapping[str, Collector]:
        """The collectors of a clip, by need; to be overridden where two needs meet in one."""
        return {need: self.collector(need) for need in self.needs}

    def collectors_at(self, fps: float) -> Mapping[str, Collector]:
        """The collectors of a clip of that frame rate; to be overridden in place of `collectors` where it matters."""
        return self.collectors()

    def statistics(self, value: float) -> NDArray[np.float64]:
        """Step 2b: an additive vector for one clip's value."""
        return np.array([value, 1.0])

    def result(self, merged: NDArray[np.float64]) -> NDArray[np.float64]:
        """Step 4: the value from merged statistics, (..., d) to (...); step 3, merging, is addition."""
        with np.errstate(invalid="ignore", divide="ignore"):
            mean: NDArray[np.float64] = merged[..., 0] / merged[..., 1]
        return mean

    def describe(self) -> dict[str, object]:
        """All that `metrics show` prints."""
        return {
            "name": self.name,
            "summary": self.summary,
            "recipe": self.recipe,
            "source": self.source,
            "outputs": [vars(output) for output in self.outputs],
            "needs": {
                "streams": {name: vars(need) for name, need in self.needs.items()},
                "reference_video": self.needs_real,
                "portrait": self.portrait,
                "face_track": self.face,
                "ground_truth": self.truth,
                "answerer": self.answers,
                "networks": list(self.networks),
            },
        }


def merge(parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Step 3: statistics of clips, (clips, d), to those of the set, (d,)."""
    total: NDArray[np.float64] = parts.sum(axis=0, dtype=np.float64)
    return total
