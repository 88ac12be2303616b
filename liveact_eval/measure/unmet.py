"""What a metric asks for that a video does not have: found before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from liveact_eval.clips.truth import ClipTruth
from liveact_eval.clips.video import VideoFile
from liveact_eval.measure.face_finding import DETECTOR
from liveact_eval.measure.needs import SoundNeed
from liveact_eval.metrics.base import Metric, Missing

if TYPE_CHECKING:
    from liveact_eval.measure.engine import Job


def unmet(metric: Metric, job: Job, truth: ClipTruth | None, video: VideoFile) -> Missing | None:
    """Why a metric cannot be asked about this video, if so."""
    return (
        _no_reference(metric, job)
        or _wrong_rate(metric, float(job.clip.rate or video.rate))
        or _no_weights(metric, job)
        or _no_truth(metric, truth)
        or _no_faces(metric, job, truth)
        or _no_sound(metric, video)
    )


def _no_reference(metric: Metric, job: Job) -> Missing | None:
    if job.clip.video is None and (metric.paired or (metric.portrait and job.clip.image is None)):
        return Missing("no_reference", "there is no real video to compare with")
    return None


def _wrong_rate(metric: Metric, fps: float) -> Missing | None:
    # Containers round: 1 in 10 000 is a third of a second in an hour.
    if metric.only_fps is None or abs(fps / metric.only_fps - 1) <= 1e-4:
        return None
    wanted = f"expected {metric.only_fps:g}: set protocol.fps to that"
    return Missing("wrong_rate", f"the video has {fps:g} frames per second, {wanted}")


def _no_weights(metric: Metric, job: Job) -> Missing | None:
    for name in metric.networks:
        why = "no networks are at hand" if job.networks is None else job.networks.missing(name)
        if why is not None:
            return Missing("no_weights", why)
    return None


def _no_truth(metric: Metric, truth: ClipTruth | None) -> Missing | None:
    if metric.truth and truth is None:
        return Missing("no_truth", "only drawn clips (talkers) have a known script")
    return None


def _no_faces(metric: Metric, job: Job, truth: ClipTruth | None) -> Missing | None:
    if not metric.face or (truth is not None and job.faces is not None):
        return None
    if job.networks is None:
        return Missing("no_face_track", "no face track: there are no networks to search for faces with")
    why = job.networks.missing(DETECTOR)
    return None if why is None else Missing("no_weights", why)


def _no_sound(metric: Metric, video: VideoFile) -> Missing | None:
    listens = any(isinstance(need, SoundNeed) and need.of == "video" for need in metric.needs.values())
    if listens and not video.info.has_sound:
        return Missing("no_audio", "the video has no sound")
    return None
