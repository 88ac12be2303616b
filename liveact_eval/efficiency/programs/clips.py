"""What a program is given while it is timed: clips of a dataset, or one drawn talker as files."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

from liveact_eval.clips.clip import Clip, ClipEntry
from liveact_eval.clips.image import save_png
from liveact_eval.clips.sound import write_wav
from liveact_eval.clips.video import SOUND_RATE_HZ
from liveact_eval.datasets.open import ProtocolChanges, open_dataset
from liveact_eval.efficiency.clips import drawn_clip, first_clips
from liveact_eval.efficiency.programs.request import ProgramCase, ProgramPlan
from liveact_eval.generators.controls import count_frames
from liveact_eval.generators.given import driving_sound, rate_of


def program_clips(plan: ProgramPlan, case: ProgramCase, folder: Path) -> Iterator[Clip]:
    """The clip of each repeat.

    Args:
        plan: of the benchmark.
        case: which size.
        folder: where files of a drawn clip are put.

    Raises:
        UserError: the dataset has fewer clips than repeats.
    """
    repeats = plan.request.repeats
    if plan.request.dataset is not None:
        return first_clips(open_dataset(plan.request.dataset, ProtocolChanges()), repeats)
    return repeat(_drawn(plan, case, folder), repeats)


def planned_program_frames(plan: ProgramPlan) -> int:
    """Frames that a benchmark will make, for its progress; clips of a dataset are taken to be as long as the first."""
    each = sum(case.frames for case in plan.cases)
    if plan.request.dataset is not None:
        clip = next(first_clips(open_dataset(plan.request.dataset, ProtocolChanges()), plan.request.repeats))
        paired = clip.video is not None and clip.paired
        frames = count_frames(clip) if paired else driving_sound(clip).seconds * rate_of(clip)
        each = round(frames / rate_of(clip) * plan.fps)
    return each * (plan.request.repeats + 1)


def _drawn(plan: ProgramPlan, case: ProgramCase, folder: Path) -> Clip:
    said = drawn_clip(case.size, case.frames, plan.fps)
    image, audio = folder / f"{case.name}.png", folder / f"{case.name}.wav"
    save_png(image, said.inputs.image)
    # A program makes as many frames as there is sound.
    write_wav(audio, said.sound[: round(case.frames / said.inputs.fps * SOUND_RATE_HZ)])
    return Clip(
        entry=ClipEntry(id=f"{said.name}-{case.name}", speaker=said.name, content_hash="0" * 64),
        video=None,
        audio=audio,
        image=image,
        prompt=said.inputs.prompt,
        truth=None,
        rate=said.inputs.fps,
        size=case.size,
        seconds=None,
    )
