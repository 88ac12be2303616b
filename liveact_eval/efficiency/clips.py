"""What is said to a model while it is timed: clips of a dataset, or one drawn talker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liveact_eval.cards.protocol import Encoding, exact_rate
from liveact_eval.clips.clip import Clip, safe_name
from liveact_eval.clips.video import SOUND_RATE_HZ
from liveact_eval.datasets.open import ProtocolChanges, open_dataset
from liveact_eval.efficiency.native import VideoInputs
from liveact_eval.efficiency.request import COLD_BLOCKS, BenchPlan, Case, first_frames
from liveact_eval.errors import UserError
from liveact_eval.liveact.prompts import DEFAULT_PROMPT
from liveact_eval.liveact.request import TEMPORAL_STRIDE

if TYPE_CHECKING:
    from liveact_eval.datasets.base import Dataset

_TAIL_S = 2.0
"""Sound behind the last frame of a drawn clip: a live call does not end with a block, so that no block is given less
than it takes."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """One video to be made."""

    name: str
    """File name of the video, without its suffix."""
    inputs: VideoInputs
    sound: NDArray[np.int16]
    """[n] mono at `SOUND_RATE_HZ`."""
    encoding: Encoding


def drawn_clip(size: tuple[int, int], frames: int, fps: float) -> Said:
    """A drawn talker with synthetic speech and its pauses.

    Args:
        size: width and height of the video in pixels.
        frames: length of the video; there is a bit more sound.
        fps: frames per second.
    """
    from liveact_eval.datasets.talkers.spec import TalkerSpec
    from liveact_eval.datasets.talkers.stream import reference_image, render_window

    seconds = frames / fps + _TAIL_S
    spec = TalkerSpec(split="test", speaker=0, utterance=0, seconds=seconds, size=64)
    sound = render_window(spec, range(spec.frames), pictures=False).samples
    return Said(
        name="drawn",
        inputs=VideoInputs(
            image=reference_image(spec),
            prompt=DEFAULT_PROMPT,
            size=size,
            fps=exact_rate(fps),
            frames=frames,
        ),
        sound=sound,
        encoding=Encoding(),
    )


def dataset_clips(dataset: Dataset, plan: BenchPlan, case: Case) -> Iterator[Said]:
    """One clip of the dataset for each repeat; the first `repeats` of them in order.

    Raises:
        UserError: there are fewer clips than repeats.
    """
    from liveact_eval.clips.image import load_image
    from liveact_eval.clips.video import Frame, VideoFile
    from liveact_eval.generators.driving import DrivingSound
    from liveact_eval.liveact.request import check_sound, frame_count

    for clip in first_clips(dataset, plan.request.repeats):
        source = clip.audio or clip.video
        if source is None:
            raise UserError(f"{clip.id!r} of {dataset.title} has no sound. Take another dataset.")
        if clip.image is not None:
            image = load_image(clip.image)
        elif clip.video is not None:
            with VideoFile(clip.video) as video:
                image = next(item.rgb for item in video.read(sound=False) if isinstance(item, Frame))
        else:
            raise UserError(f"{clip.id!r} of {dataset.title} has no picture. Take another dataset.")
        rate = clip.rate or exact_rate(plan.fps)
        limit = None if clip.seconds is None else Fraction(clip.seconds)
        sound = DrivingSound.open(source, rate=SOUND_RATE_HZ, seconds=limit)
        check_sound(sound.seconds, rate, case.latents[0])
        yield Said(
            name=safe_name(clip.id),
            inputs=VideoInputs(
                image=image,
                prompt=clip.prompt or DEFAULT_PROMPT,
                size=case.size,
                fps=rate,
                frames=frame_count(sound.seconds, rate),
            ),
            sound=np.concatenate(list(sound.runs())),
            encoding=dataset.protocol.encoding,
        )


def first_clips(dataset: Dataset, wanted: int) -> Iterator[Clip]:
    """So many clips of a dataset, in its order, made ready one by one.

    Raises:
        UserError: there are fewer.
    """
    from liveact_eval.files import sha256_of

    entries = dataset.entries(sha256_of)
    if len(entries) < wanted:
        raise UserError(
            f"{dataset.title} has {len(entries)} clips, and --repeats {wanted} needs as many. Give fewer."
        )
    for entry in entries[:wanted]:
        yield dataset.materialise(entry)


def planned_frames(plan: BenchPlan) -> int:
    """Frames that a benchmark will make, for its progress; clips of a dataset are taken to be as long as the first.

    Raises:
        UserError: as `dataset_clips`.
    """
    total = 0
    for case in plan.cases:
        frames = case.frames
        if plan.request.dataset is not None:
            dataset = open_dataset(plan.request.dataset, ProtocolChanges())
            frames = next(dataset_clips(dataset, plan, case)).inputs.frames
        cold = first_frames(case.latents[0]) + (COLD_BLOCKS - 1) * case.latents[1] * TEMPORAL_STRIDE
        videos = plan.request.repeats * (2 if plan.request.live else 1)
        total += frames * videos + min(cold, frames)
    return total
