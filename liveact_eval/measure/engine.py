"""One pass over a video feeds every metric: one open, each stream made once, memory bounded by a run."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.clip import Clip
from liveact_eval.clips.faces import FaceOrder, FaceTrack
from liveact_eval.clips.image import load_image
from liveact_eval.clips.sanity import Finding, FrameSurvey, SanityLimits
from liveact_eval.clips.sound import read_sound
from liveact_eval.clips.truth import ClipTruth, load_truth
from liveact_eval.clips.video import SOUND_RATE_HZ, VideoFile
from liveact_eval.errors import ClipError, LiveactEvalError
from liveact_eval.measure.face_finding import DETECTOR, RULES, FaceSummary
from liveact_eval.measure.face_pass import FacePass, Part, face_of
from liveact_eval.measure.feeding import Feeding
from liveact_eval.measure.needs import FrameNeed, SoundNeed
from liveact_eval.measure.reference import ReferenceVideo
from liveact_eval.measure.runs import runs_of
from liveact_eval.measure.score_check import checked
from liveact_eval.measure.streams import DerivedStreams
from liveact_eval.measure.unmet import unmet
from liveact_eval.metrics.base import ClipContext, ClipScore, Metric, Missing
from liveact_eval.networks.provider import BadWeightsError

if TYPE_CHECKING:
    from torch import nn

    from liveact_eval.networks.answering import Answerer
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
    faces: FaceSummary | None = None
    """What was found where faces were searched for; `None` where they are known, or no metric needs them."""
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
            missing = unmet(metric, job, truth, video)
            if missing is None:
                active.append(metric)
            else:
                scores[metric.name] = _all_missing(metric, missing)
        bt601 = not video.is_bt601 and any(_wants_bt601(metric) for metric in active)
        state = _Pass(job, active, truth, float(rate), bt601=bt601)
        paired = any(metric.paired for metric in active)
        portrait = job.clip.image is None and any(metric.portrait for metric in active)
        with ReferenceVideo(job, needed=paired or portrait) as reference:
            asked = (job.clip.rate, job.clip.seconds)
            for run in runs_of(video, *asked, bt601=bt601, run_bytes=RUN_BYTES):
                for samples in run.sound:
                    state.listen("video", samples)
                if run.frames is not None:
                    # For a portrait alone the real video is read no further than its first frames.
                    wanted = paired or not state.frames
                    state.look(run.frames, reference.next(run.frames) if wanted else None, run.bt601)
    for samples in _driving(job, active):
        state.listen("driving", samples)
    state.finish()
    context = ClipContext(
        fps=float(rate),
        truth=truth,
        frames=state.frames,
        face_counts=state.face_counts,
        answerer=_answerer(job, active),
    )
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
        faces=state.faces,
        traces=state.traces,
    )


class _Pass:
    """The state of one pass: everything that outlives a run of frames."""

    def __init__(
        self, job: Job, metrics: Sequence[Metric], truth: ClipTruth | None, fps: float, *, bt601: bool
    ) -> None:
        self._job, self._fps = job, fps
        self._real_track: FaceTrack | None = truth.faces if truth else None
        self._track = job.faces.apply(truth.faces, len(truth.faces)) if truth and job.faces else None
        self._metrics = metrics
        self._feeding = Feeding(metrics, fps, job.networks, bt601=bt601)
        self.traces = self._feeding.traces
        """Tracebacks of failed metrics."""
        self._network = self._detector()
        self._pass = FacePass(
            track=self._track,
            real_track=self._real_track,
            network=self._network,
            search_real=self._real_track is None and any(m.paired and m.face for m in metrics),
            fps=fps,
        )
        self._survey = FrameSurvey(job.limits)
        self._samples = {"video": 0, "driving": 0}
        self._face_counts: list[NDArray[np.int64]] = []
        self.frames = 0
        self.size = (0, 0)
        self._wants_portrait = any(metric.portrait for metric in metrics)
        self._portrait: DerivedStreams | None = None
        paired = any(metric.paired for metric in metrics)
        self.paired_frames: int | None = 0 if paired else None
        self.unpaired: Missing | None = None
        """Why frames cannot be compared with the real ones, if so."""

    def look(
        self,
        run: NDArray[np.uint8],
        reference: NDArray[np.uint8] | None,
        bt601: NDArray[np.uint8] | None,
    ) -> None:
        """Take the next frames, (N, H, W, 3), as many of the real video as it still has, and the same by BT.601."""
        self.size = (run.shape[2], run.shape[1])
        if self._job.clip.size is not None and self.size != self._job.clip.size:
            wanted = "{}x{}".format(*self._job.clip.size)
            raise ClipError(
                "wrong_size", f"the video is {self.size[0]}x{self.size[1]}, the protocol {wanted}"
            )
        self._survey.add(run)
        if bt601 is not None:
            self._feeding.show_bt601(DerivedStreams(bt601, self.frames, None, self._fps))
        if self._wants_portrait and self._portrait is None:
            image = self._image(reference)
            track = self._real_track
            if track is None and self._network is not None:
                try:
                    track = face_of(self._network, image)
                except Exception as error:  # noqa: BLE001 - as below
                    self._lose_faces(error)
            self._portrait = DerivedStreams(image, 0, track, self._fps)
        beside = None
        if self.paired_frames is not None and reference is not None and len(reference):
            if reference.shape[1:] != run.shape[1:]:
                real_size = f"{reference.shape[2]}x{reference.shape[1]}"
                message = f"the video is {self.size[0]}x{self.size[1]}, the real one {real_size}"
                self.unpaired = Missing("wrong_size", message)
            else:
                beside = reference
                self.paired_frames += len(reference)
        for part in self._found(self._pass.push(run, beside)):
            self._show(part)
        self.frames += len(run)

    @property
    def faces(self) -> FaceSummary | None:
        """What the search for faces has found."""
        return self._pass.summary

    def _detector(self) -> nn.Module | None:
        """What finds the faces, where that is to be done."""
        job, wanted = self._job, any(metric.face for metric in self._metrics)
        if not wanted or job.networks is None or (job.clip.truth is not None and job.faces is not None):
            return None
        try:
            return job.networks.get(DETECTOR)
        except Exception as error:  # noqa: BLE001 - as below
            self._lose_faces(error)
            return None

    def _lose_faces(self, error: Exception) -> None:
        """The search for faces failed: that costs the metrics that need them, and no other.

        Raises:
            ClipError, LiveactEvalError, MemoryError: what was foreseen and concerns the whole video.
        """
        if isinstance(error, BadWeightsError):
            self._feeding.refuse((metric.name for metric in self._metrics if metric.face), error)
            self._network = None
            return
        if isinstance(error, (ClipError, LiveactEvalError, MemoryError)):
            raise error
        trace = "".join(traceback.format_exception(error))
        self.traces.update({metric.name: trace for metric in self._metrics if metric.face})
        self._network = None

    def _found(self, parts: Iterator[Part]) -> Iterator[Part]:
        """Parts as they come; where the search for faces fails, the rest without."""
        try:
            yield from parts
        except Exception as error:  # noqa: BLE001 - metrics that need no face have their numbers
            self._lose_faces(error)
            yield from self._pass.give_up()

    @property
    def face_counts(self) -> NDArray[np.int64] | None:
        """Faces in each frame, where they are known."""
        return np.concatenate(self._face_counts) if self._face_counts else None

    def _show(self, part: Part) -> None:
        if part.own.track is not None:
            span = slice(part.own.at, part.own.at + len(part.own.frames))
            self._face_counts.append(part.own.track.face_counts()[span])
        streams = DerivedStreams(part.own.frames, part.own.at, part.own.track, self._fps)
        other = None
        if part.real is not None:
            # A video measured against itself shares even the derived streams.
            same = part.real is part.own
            other = (
                streams
                if same
                else DerivedStreams(part.real.frames, part.real.at, part.real.track, self._fps)
            )
        self._feeding.show(streams, other, self._portrait)

    def score(self, metric: Metric, context: ClipContext) -> ClipScore:
        """The scores of a metric; all missing if it failed here or before, or needs a face and there is none."""
        if metric.name in self._feeding.refused:
            return _all_missing(metric, self._feeding.refused[metric.name])
        failed = metric.name in self.traces
        about_a_face = metric.face and not metric.counts_faces
        if about_a_face and not failed and self.faces is not None and not self.faces.seen:
            return _all_missing(metric, self._faceless())
        if metric.name not in self.traces:
            try:
                return checked(metric, metric.score(self._feeding.rows(metric), context))
            except Exception:  # noqa: BLE001 - a bug in one metric must not cost the others
                self.traces[metric.name] = traceback.format_exc()
        return _all_missing(metric, Missing("internal_error", self.traces[metric.name].splitlines()[-1]))

    def _faceless(self) -> Missing:
        """Why no face is followed."""
        if self.frames < RULES.min_detections:
            fewest = f"a face counts from {RULES.min_detections} sightings on"
            return Missing("too_short", f"the video has {self.frames} frames; {fewest}")
        return Missing("no_face", f"no face in any of {self.frames} frames")

    def _image(self, reference: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
        """The portrait, (1, H, W, 3). Where it is an image, its face lies as in the first frame of the real video."""
        if self._job.clip.image is not None:
            return load_image(self._job.clip.image)[None].copy()
        if reference is None:
            raise ClipError("no_image", "the real video has no frame that could be the portrait")
        return reference[:1].copy()

    def listen(self, of: str, samples: NDArray[np.int16]) -> None:
        """Take the next samples of the measured video's sound or of the driving audio."""
        self._samples[of] += len(samples)
        self._feeding.listen(of, samples)

    def finish(self) -> None:
        """Hand over the frames and the windows that waited for others."""
        for part in self._found(self._pass.finish()):
            self._show(part)
        self._feeding.finish()

    def findings(self, fps: float) -> list[Finding]:
        """What the sanity checks say at the end."""
        samples = self._samples["video"]
        return self._survey.findings(
            seconds=self.frames / fps,
            sound_seconds=samples / SOUND_RATE_HZ if samples else None,
            expected_seconds=self._job.expected_seconds,
        )


def _wants_bt601(metric: Metric) -> bool:
    return any(isinstance(need, FrameNeed) and need.matrix == "bt601" for need in metric.needs.values())


def _answerer(job: Job, metrics: Sequence[Metric]) -> Answerer | None:
    """Who answers the questions of metrics that ask any; what has none to ask is not active then."""
    if job.networks is None or not any(metric.answers for metric in metrics):
        return None
    return job.networks.answerer()


def _driving(job: Job, metrics: Sequence[Metric]) -> Iterator[NDArray[np.int16]]:
    """The driving audio, if a metric listens to it."""
    wanted = any(
        isinstance(need, SoundNeed) and need.of == "driving" for m in metrics for need in m.needs.values()
    )
    source = job.clip.audio or job.clip.video
    if wanted and source is not None:
        yield from read_sound(source)


def _all_missing(metric: Metric, missing: Missing) -> ClipScore:
    return ClipScore(values={output.name: missing for output in metric.outputs})
