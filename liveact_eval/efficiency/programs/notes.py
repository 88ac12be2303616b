"""What a reader should know before quoting a figure of a program."""

from __future__ import annotations

from collections.abc import Sequence

from liveact_eval.efficiency.notes import busy, slow, spread
from liveact_eval.efficiency.printed import PrintedVideo, printed_video
from liveact_eval.efficiency.programs.request import ProgramCase, ProgramPlan
from liveact_eval.efficiency.schema import CaseRecord
from liveact_eval.generators.protocol import Generation

_PRINTED = (
    "times of blocks are as the program printed them; what it counts into them is its own matter: VAE, copy to the "
    "host or waiting for the device may be in them or not"
)
_MODELLED = (
    "stalls, buffer and lip delay are modelled from these times, not seen in a live call: all sound was there from the "
    "start, and the modelled call begins with the first block that does not warm up"
)


def program_notes(
    plan: ProgramPlan,
    cases: Sequence[CaseRecord],
    made: Sequence[Sequence[Generation]],
    *,
    load: float | None,
    cores: int,
) -> list[str]:
    """All notes on the benchmark of a program.

    Args:
        plan: what was measured.
        cases: with what result.
        made: the videos of each case's repeats.
        load: of the machine at the start, in processes; `None`: not known.
        cores: that may be used.
    """
    told = [printed_video(one.details) for videos in made for one in videos]
    printed = [video for video in told if isinstance(video, PrintedVideo)]
    return [
        *spread(plan.request, cases),
        *([_PRINTED, _MODELLED, _first_frame(printed)] if printed else []),
        *(line for case, videos in zip(plan.cases, made, strict=True) for line in _frames(case, videos)),
        _outside(plan),
        *slow(cases),
        *busy(load, cores),
    ]


def _first_frame(videos: Sequence[PrintedVideo]) -> str:
    if all(video.first_frame_s is not None for video in videos):
        return "the time to the first frame is as the program printed it"
    return (
        "the program prints no time to its first frame: it is taken as that of the first block that does not warm up, "
        "and loading, encoding of text and picture, and whatever else comes before are not in it"
    )


def _frames(case: ProgramCase, made: Sequence[Generation]) -> list[str]:
    """Whether blocks and file agree; a card may state the frames of blocks wrongly."""
    video = printed_video(made[0].details)
    if not isinstance(video, PrintedVideo) or video.frames in (None, video.program_frames):
        return []
    return [
        f"{case.name}: the printed blocks of a video hold {video.frames} frames, and its file {video.program_frames}"
    ]


def _outside(plan: ProgramPlan) -> str:
    if plan.spec.worker is None:
        return (
            "the wall time of a video is that of its process from start to end: loading its weights is in it"
        )
    return (
        "the wall time of a video is that of the call of a loaded function: loading its weights is not in it"
    )
