"""One pass over a video feeds every metric: one open, each stream made once, memory bounded by a run."""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.clip import Clip
from liveact_eval.clips.faces import FaceOrder, FaceTrack
from liveact_eval.clips.sanity import Finding, FrameSurvey, SanityLimits
from liveact_eval.clips.sound import read_sound
from liveact_eval.clips.truth import ClipTruth, load_truth
from liveact_eval.clips.video import SOUND_RATE_HZ, Sound, VideoFile
from liveact_eval.errors import ClipError
from liveact_eval.measure.needs import FrameNeed, SoundNeed
from liveact_eval.measure.streams import DerivedStreams, StreamKey
from liveact_eval.measure.windows import FrameWindows, SoundWindows
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing

if TYPE_CHECKING:
    import torch

    from liveact_eval.networks.provider import Networks

RUN_BYTES = 4 << 20
"""Decoded bytes that are held at a time; a run is at least two frames and at most 32."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One video to measure."""

    clip: Clip
    """The clip that it belongs to; its real video is the reference."""
    video: Path
    """The video to measure; may be the real one."""
    metrics: Sequence[Metric]
    """What to measure."""
    limits: SanityLimits = field(default_factory=SanityLimits)
    """What rejects it."""
    faces: FaceOrder | None = None
    """For videos made from the real one: which of its faces each frame shows. `None`: not known."""
    expected_seconds: float | None = None
    """Length that it should have, in seconds."""
    networks: Networks | None = None
    """Where metrics get their networks from."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What one pass found."""

    scores: dict[str, ClipScore]
    """By metric name."""
    findings: list[Finding]
    """What the sanity checks say; those that reject have made every score a `Missing`."""
    frames: int
    """Frames measured."""
    fps: float
    """Their rate."""
    size: tuple[int, int]
    """Width and height."""
    paired_frames: int | None
    """Frames compared with the real video, where a metric is paired."""
    traces: dict[str, str] = field(default_factory=dict)
    """Tracebacks of metrics that failed in a way that was not foreseen, by name; the others are not touched."""


def measure(job: Job) -> Measurement:
    """Measure one video with all metrics in one pass.

    Raises:
        ClipError: the video, or the real one where a metric is paired, cannot be measured at all.
    """
    active: list[Metric] = []
    scores: dict[str, ClipScore] = {}
    with VideoFile(job.video) as video:
        rate = job.clip.rate or video.rate
        truth = load_truth(job.clip.truth).at(rate) if job.clip.truth is not None else None
        for metric in job.metrics:
            missing = _unmet(metric, job, truth)
            if missing is None:
                active.append(metric)
            else:
                scores[metric.name] = _all_missing(metric, missing)
        state = _Pass(job, active, truth)
        with _Reference(job, needed=any(metric.paired for metric in active)) as reference:
            for run, sound in _runs(video, job):
                for samples in sound:
                    state.listen("video", samples)
                if run is not None:
                    state.look(run, reference.next(run))
    for samples in _driving(job, active):
        state.listen("driving", samples)
    context = ClipContext(fps=float(rate), truth=truth)
    findings = state.findings(float(rate))
    rejecting = [finding for finding in findings if finding.rejects]
    for metric in active:
        if rejecting:
            scores[metric.name] = _all_missing(metric, Missing(rejecting[0].code, rejecting[0].message))
        elif metric.paired and state.unpaired is not None:
            scores[metric.name] = _all_missing(metric, state.unpaired)
        else:
            scores[metric.name] = state.score(metric, context)
    return Measurement(
        scores=scores,
        findings=findings,
        frames=state.frames,
        fps=float(rate),
        size=state.size,
        paired_frames=state.paired_frames,
        traces=state.traces,
    )


@dataclass
class _Feed:
    """One need of one metric: its windows and the rows made so far."""

    metric: Metric
    name: str
    need: FrameNeed | SoundNeed

    def __post_init__(self) -> None:
        need = self.need
        self.rows = self.metric.collector(self.name)
        if isinstance(need, FrameNeed):
            self.frames = FrameWindows(need.window, need.hop)
            self.reference = FrameWindows(need.window, need.hop)
            self.anchor: torch.Tensor | None = None
        else:
            self.sound = SoundWindows(need.window, need.hop)

    def take(self, batch: Batch) -> None:
        made = self.metric.features(self.name, batch)
        rows = np.asarray(made)
        if len(rows) != len(batch.windows):
            raise ValueError(
                f"metric {self.metric.name!r} made {len(rows)} rows of {len(batch.windows)} windows of "
                f"{self.name!r}; one row per window is expected"
            )
        self.rows.append(rows.reshape(len(rows), -1))


class _Pass:
    """The state of one pass: everything that outlives a run of frames."""

    def __init__(self, job: Job, metrics: Sequence[Metric], truth: ClipTruth | None) -> None:
        self._job = job
        self._real_track: FaceTrack | None = truth.faces if truth else None
        self._track = job.faces.apply(truth.faces, len(truth.faces)) if truth and job.faces else None
        self._feeds = [_Feed(m, name, need) for m in metrics for name, need in m.needs.items()]
        self._survey = FrameSurvey(job.limits)
        self._samples = {"video": 0, "driving": 0}
        self.frames = 0
        self.size = (0, 0)
        paired = any(metric.paired for metric in metrics)
        self.paired_frames: int | None = 0 if paired else None
        self.traces: dict[str, str] = {}
        """Tracebacks of failed metrics."""
        self.unpaired: Missing | None = None
        """Why frames cannot be compared with the real ones, if so."""

    def look(self, run: NDArray[np.uint8], reference: NDArray[np.uint8] | None) -> None:
        """Take the next frames, (N, H, W, 3), and as many of the real video as it still has."""
        import torch

        self.size = (run.shape[2], run.shape[1])
        if self._job.clip.size is not None and self.size != self._job.clip.size:
            wanted = "{}x{}".format(*self._job.clip.size)
            raise ClipError(
                "wrong_size", f"the video is {self.size[0]}x{self.size[1]}, the protocol {wanted}"
            )
        self._survey.add(run)
        streams = DerivedStreams(run, self.frames, self._track)
        other = None
        if self.paired_frames is not None and reference is not None and len(reference):
            if reference.shape[1:] != run.shape[1:]:
                real_size = f"{reference.shape[2]}x{reference.shape[1]}"
                message = f"the video is {self.size[0]}x{self.size[1]}, the real one {real_size}"
                self.unpaired = Missing("wrong_size", message)
            elif reference is run:
                # A video measured against itself shares even the derived streams.
                other = streams
            else:
                other = DerivedStreams(reference, self.paired_frames, self._real_track)
            self.paired_frames += len(reference) if other is not None else 0
        with torch.inference_mode():
            for feed in self._feeds:
                if isinstance(feed.need, FrameNeed):
                    self._feed(feed, feed.need, streams, other)
        self.frames += len(run)

    def score(self, metric: Metric, context: ClipContext) -> ClipScore:
        """The scores of a metric; all missing if it failed here or before."""
        if metric.name not in self.traces:
            try:
                return metric.score(self.rows(metric), context)
            except Exception:  # noqa: BLE001 - a bug in one metric must not cost the others
                self.traces[metric.name] = traceback.format_exc()
        return _all_missing(metric, Missing("internal_error", self.traces[metric.name].splitlines()[-1]))

    def _take(self, feed: _Feed, batch: Batch) -> None:
        if feed.metric.name in self.traces:
            return
        try:
            feed.take(batch)
        except (ClipError, MemoryError):
            raise
        except Exception:  # noqa: BLE001 - as above
            self.traces[feed.metric.name] = traceback.format_exc()

    def _feed(
        self, feed: _Feed, need: FrameNeed, streams: DerivedStreams, other: DerivedStreams | None
    ) -> None:
        key = StreamKey.of(need)
        pictures = streams.get(key)
        real = None
        if need.paired:
            if other is None:
                return
            real = other.get(key)
            pictures = pictures[: len(real)]
        if need.anchor and feed.anchor is None:
            feed.anchor = pictures[0].clone()
        windows = feed.frames.push(pictures)
        against = feed.reference.push(real) if real is not None else None
        if windows is not None:
            networks = self._job.networks
            batch = Batch(windows=windows, reference=against, anchor=feed.anchor, networks=networks)
            self._take(feed, batch)

    def listen(self, of: str, samples: NDArray[np.int16]) -> None:
        """Take the next samples of the measured video's sound or of the driving audio."""
        import torch

        self._samples[of] += len(samples)
        for feed in self._feeds:
            if isinstance(feed.need, SoundNeed) and feed.need.of == of:
                windows = feed.sound.push(samples)
                if windows is not None:
                    sounds = torch.from_numpy(windows.copy())
                    self._take(feed, Batch(windows=sounds, networks=self._job.networks))

    def rows(self, metric: Metric) -> dict[str, NDArray[np.float64]]:
        """All rows of a metric, (T, d) by need; (0, 1) where not one window was complete."""
        return {feed.name: feed.rows.table for feed in self._feeds if feed.metric is metric}

    def findings(self, fps: float) -> list[Finding]:
        """What the sanity checks say at the end."""
        samples = self._samples["video"]
        return self._survey.findings(
            seconds=self.frames / fps,
            sound_seconds=samples / SOUND_RATE_HZ if samples else None,
            expected_seconds=self._job.expected_seconds,
        )


class _Reference:
    """The real video, read in step with the measured one; not opened where it is the same file."""

    def __init__(self, job: Job, *, needed: bool) -> None:
        self._job = job
        self._same = job.clip.video is not None and job.video == job.clip.video
        self._needed = needed and job.clip.video is not None
        self._frames: Iterator[NDArray[np.uint8]] | None = None
        self._file: VideoFile | None = None
        if self._needed and not self._same and job.clip.video is not None:
            self._file = VideoFile(job.clip.video)
            read = self._file.read(rate=job.clip.rate, seconds=job.clip.seconds, sound=False)
            self._frames = (item.rgb for item in read if not isinstance(item, Sound))

    def __enter__(self) -> _Reference:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def next(self, run: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        """The real frames beside a run, fewer at the end; `None` where there is no reference or no more."""
        if self._same:
            return run if self._needed else None
        frames = list(itertools.islice(self._frames, len(run))) if self._frames is not None else []
        return np.stack(frames) if frames else None


def _runs(video: VideoFile, job: Job) -> Iterator[tuple[NDArray[np.uint8] | None, list[NDArray[np.int16]]]]:
    """Runs of frames of bounded size, with the sound that came between."""
    frames: list[NDArray[np.uint8]] = []
    sound: list[NDArray[np.int16]] = []
    limit = 0
    for item in video.read(rate=job.clip.rate, seconds=job.clip.seconds):
        if isinstance(item, Sound):
            sound.append(item.samples)
            continue
        limit = limit or max(2, min(32, RUN_BYTES // item.rgb.nbytes))
        frames.append(item.rgb)
        if len(frames) == limit:
            yield np.stack(frames), sound
            frames, sound = [], []
    yield (np.stack(frames) if frames else None), sound


def _driving(job: Job, metrics: Sequence[Metric]) -> Iterator[NDArray[np.int16]]:
    """The driving audio, if a metric listens to it."""
    wanted = any(
        isinstance(need, SoundNeed) and need.of == "driving" for m in metrics for need in m.needs.values()
    )
    source = job.clip.audio or job.clip.video
    if wanted and source is not None:
        yield from read_sound(source)


def _unmet(metric: Metric, job: Job, truth: ClipTruth | None) -> Missing | None:
    """Why a metric cannot be asked about this video, if so."""
    if metric.paired and job.clip.video is None:
        return Missing("no_reference", "there is no real video to compare with")
    for name in metric.networks:
        why = "no networks are at hand" if job.networks is None else job.networks.missing(name)
        if why is not None:
            return Missing("no_weights", why)
    if metric.truth and truth is None:
        return Missing("no_truth", "only drawn clips (talkers) have a known script")
    if metric.face and (truth is None or job.faces is None):
        return Missing("no_face_track", "no face track: only drawn clips carry one until a detector is there")
    return None


def _all_missing(metric: Metric, missing: Missing) -> ClipScore:
    return ClipScore(values={output.name: missing for output in metric.outputs})
