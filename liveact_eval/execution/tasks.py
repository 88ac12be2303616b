"""The three stages of a clip, as functions that run in a worker process."""

from __future__ import annotations

import functools
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from liveact_eval.clips.clip import Clip, ClipEntry
from liveact_eval.clips.faces import FaceOrder
from liveact_eval.clips.media import open_input
from liveact_eval.clips.sanity import SanityLimits
from liveact_eval.datasets.base import Dataset
from liveact_eval.errors import ClipError, LiveactEvalError
from liveact_eval.files import full_disk, is_full, sha256_of
from liveact_eval.generators.command.adapter import CommandGenerator, Order
from liveact_eval.generators.protocol import Generation, Generator
from liveact_eval.measure.engine import Job, Measurement, measure
from liveact_eval.metrics.base import Metric
from liveact_eval.metrics.registry import select
from liveact_eval.networks.provider import Networks


@dataclass(frozen=True)
class Outcome:
    """What came of a task: a value, or the reason why there is none."""

    value: Any
    error: ClipError | None
    seconds: float
    trace: str | None = None
    """Traceback, where the error was not foreseen."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A clip that is ready."""

    clip: Clip
    expected_seconds: float | None
    """Length that a video of it should have."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """A video that is there."""

    video: Path
    sha256: str
    bytes: int
    mtime_ns: int
    seconds: float
    faces: FaceOrder | None
    details: dict[str, str | int | float]


@dataclass(frozen=True, kw_only=True)
class MeasureRequest:
    """A job as it travels: metrics by name, since a metric in a user's file cannot be pickled."""

    clip: Clip
    video: Path
    selectors: tuple[str, ...]
    """What the user asked for, as given to `select`."""
    wanted: tuple[str, ...]
    """Names of those that are not measured yet."""
    limits: SanityLimits
    faces: FaceOrder | None
    expected_seconds: float | None
    networks: Networks = field(default_factory=Networks)
    """Where metrics get their networks from."""


def guarded(function: Callable[..., Any], *arguments: Any) -> Outcome:
    """Run a task. What is wrong with one clip becomes part of the outcome; what is wrong with the machine
    is raised and stops the run."""
    started = time.monotonic()
    trace = None
    try:
        value = function(*arguments)
        return Outcome(value, None, time.monotonic() - started)
    except ClipError as caught:
        error = caught
    except LiveactEvalError:
        raise
    except MemoryError:
        error = ClipError("out_of_memory", "there was not enough memory for this clip")
    except Exception as caught:
        if is_full(caught):
            named = getattr(caught, "filename", None)
            raise full_disk(Path(named) if isinstance(named, str) else Path.cwd() / "run") from caught
        trace = traceback.format_exc()
        error = ClipError("internal_error", f"{type(caught).__name__}: {caught}")
    return Outcome(None, error, time.monotonic() - started, trace)


def prepare(dataset: Dataset, entry: ClipEntry) -> Prepared:
    """Make a clip ready, and find out how long its videos should be."""
    clip = dataset.materialise(entry)
    expected = _length(clip)
    if expected is not None and clip.seconds is not None:
        expected = min(expected, clip.seconds)
    return Prepared(clip=clip, expected_seconds=expected)


def generate(generator: Generator, clip: Clip, out: Path, seed: int) -> Made:
    """Make the video of a clip; `out` is without its suffix."""
    return _made(generator.generate(clip, _named(generator, clip, out), seed))


def generate_many(generator: CommandGenerator, orders: list[tuple[Clip, Path]], seed: int) -> list[Outcome]:
    """Make the videos of several clips in one process; one outcome each. Paths are without their suffixes."""
    named = [Order(clip, _named(generator, clip, out)) for clip, out in orders]
    outcomes: list[Outcome] = []
    for one in generator.generate_many(named, seed):
        if isinstance(one, ClipError):
            outcomes.append(Outcome(None, one, 0.0))
        else:
            outcomes.append(Outcome(_made(one), None, one.seconds))
    return outcomes


def _named(generator: Generator, clip: Clip, out: Path) -> Path:
    return out.with_name(out.name + generator.suffix(clip))


def _made(made: Generation) -> Made:
    if not made.video.is_file():
        raise ClipError("missing_file", f"there is no video at {str(made.video)!r}")
    stat = made.video.stat()
    return Made(
        video=made.video,
        sha256=sha256_of(made.video),
        bytes=stat.st_size,
        mtime_ns=stat.st_mtime_ns,
        seconds=made.seconds,
        faces=made.faces,
        details=made.details,
    )


def measure_video(request: MeasureRequest) -> Measurement:
    """Measure a video with the metrics that are still wanted, in one pass."""
    metrics = [metric for metric in _selected(request.selectors) if metric.name in request.wanted]
    return measure(
        Job(
            clip=request.clip,
            video=request.video,
            metrics=metrics,
            limits=request.limits,
            faces=request.faces,
            expected_seconds=request.expected_seconds,
            networks=_kept(request.networks),
        )
    )


@functools.lru_cache(maxsize=1)
def _kept(networks: Networks) -> Networks:
    """The provider of this process: equal ones are the same one, so that each network is loaded once."""
    return networks


@functools.lru_cache(maxsize=4)
def _selected(selectors: tuple[str, ...]) -> tuple[Metric, ...]:
    return tuple(select(list(selectors)))


def _length(clip: Clip) -> float | None:
    """Length of the real video, or of the driving audio where that is another, from the header alone."""
    import av

    source = (clip.video or clip.audio) if clip.paired else clip.audio
    if source is None or not source.is_file():
        return None
    try:
        with open_input(source) as container:
            streams = container.streams.video or container.streams.audio
            stream = streams[0] if streams else None
            if stream is not None and stream.duration is not None and stream.time_base is not None:
                return float(stream.duration * stream.time_base)
            return None if container.duration is None else container.duration / 1_000_000
    except (av.error.FFmpegError, OSError):
        # Said properly by the stage that reads the file.
        return None
