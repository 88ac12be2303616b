"""What a metric asks for that a video does not have: found before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from liveact_eval.clips.truth import ClipTruth
from liveact_eval.clips.video import VideoFile
from liveact_eval.measure.face_finding import DETECTOR
from liveact_eval.measure.needs import SoundNeed
from liveact_eval.metrics.base import Metric, Missing
from liveact_eval.networks.provider import NO_ANSWERER

if TYPE_CHECKING:
    from liveact_eval.measure.engine import Job

NO_REFERENCE = "there is no real video to compare with"
OTHER_WORDS = "the audio is permuted: the real video of this portrait says something else"
NO_TRUTH = "only drawn clips (talkers) have a known script"


def unmet(metric: Metric, job: Job, truth: ClipTruth | None, video: VideoFile) -> Missing | None:
    """Why a metric cannot be asked about this video, if so; what no download mends comes first."""
    return (
        _no_reference(metric, job)
        or _wrong_rate(metric, float(job.clip.rate or video.rate))
        or _no_truth(metric, truth)
        or _no_sound(metric, video)
        or _no_weights(metric, job, truth)
        or _no_answerer(metric, job)
        or _no_faces(metric, job, truth)
    )


def _no_reference(metric: Metric, job: Job) -> Missing | None:
    if job.clip.video is None and (metric.needs_real or (metric.portrait and job.clip.image is None)):
        return Missing("no_reference", NO_REFERENCE)
    if metric.paired and not job.clip.paired:
        return Missing("no_reference", OTHER_WORDS)
    return None


def _wrong_rate(metric: Metric, fps: float) -> Missing | None:
    # Containers round: 1 in 10 000 is a third of a second in an hour.
    if metric.only_fps is None or abs(fps / metric.only_fps - 1) <= 1e-4:
        return None
    wanted = f"expected {metric.only_fps:g}: set protocol.fps to that"
    return Missing("wrong_rate", f"the video has {fps:g} frames per second, {wanted}")


def _no_weights(metric: Metric, job: Job, truth: ClipTruth | None) -> Missing | None:
    """All that is to be fetched at once, the detector among it where faces are to be found."""
    if job.networks is None:
        return Missing("no_weights", "no networks are at hand") if metric.networks else None
    wanted = dict.fromkeys([*metric.networks, *([DETECTOR] if _searches(metric, job, truth) else [])])
    lacking = [why for name in wanted if (why := job.networks.missing(name)) is not None]
    return Missing("no_weights", "; ".join(lacking)) if lacking else None


def _no_answerer(metric: Metric, job: Job) -> Missing | None:
    if not metric.answers or (job.networks is not None and job.networks.answers_by):
        return None
    return Missing("no_answerer", NO_ANSWERER)


def _no_truth(metric: Metric, truth: ClipTruth | None) -> Missing | None:
    if metric.truth and truth is None:
        return Missing("no_truth", NO_TRUTH)
    return None


def _no_faces(metric: Metric, job: Job, truth: ClipTruth | None) -> Missing | None:
    if job.networks is None and _searches(metric, job, truth):
        return Missing("no_face_track", "no face track: there are no networks to search for faces with")
    return None


def _searches(metric: Metric, job: Job, truth: ClipTruth | None) -> bool:
    """Whether faces are to be found for a metric: nobody knows them."""
    return metric.face and (truth is None or job.faces is None)


def _no_sound(metric: Metric, video: VideoFile) -> Missing | None:
    listens = any(isinstance(need, SoundNeed) and need.of == "video" for need in metric.needs.values())
    if listens and not video.info.has_sound:
        return Missing("no_audio", "the video has no sound")
    return None
