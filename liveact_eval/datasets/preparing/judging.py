"""Is a clip fit for use? One face, and sound that belongs to the mouth; asked as far as the networks are here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from liveact_eval.clips.clip import Clip, ClipEntry
from liveact_eval.clips.sanity import SanityLimits
from liveact_eval.datasets.preparing.recipe import CutRecipe
from liveact_eval.datasets.preparing.rows import Judgement
from liveact_eval.datasets.published.layout import PreparedFolder
from liveact_eval.errors import ClipError
from liveact_eval.networks.provider import Networks

if TYPE_CHECKING:
    from liveact_eval.metrics.base import Missing

LEAST_ONE_FACE = 0.95
"""Share of the frames that must show exactly one face."""
LARGEST_OFFSET = 5
"""Frames by which the sound may be early or late."""
LEAST_CONFIDENCE = 1.5
"""Sync-C below which there is no telling whether sound and mouth belong together."""
_LOOKS = (("face_coverage", ("yunet",), "faces"), ("sync", ("syncnet", "yunet"), "sound and mouth"))
"""Metric, networks that it needs, and what it says."""
_ONLY_BLACK = SanityLimits(reject=("black", "noise"))


def judge(clip: str, recipe: CutRecipe, folder: PreparedFolder, networks: Networks) -> Judgement:
    """Look at a finished clip and listen to it.

    Networks whose weights are not here are left out, and the judgement says so.
    """
    unchecked: list[str] = []
    names: list[str] = []
    for name, needed, what in _LOOKS:
        lacking = [why for network in needed if (why := networks.missing(network)) is not None]
        if lacking:
            unchecked.append(f"{what}: {'; '.join(lacking)}")
        else:
            names.append(name)
    if not names:
        return Judgement(unchecked=tuple(unchecked))
    # Heavy, and only needed where there are weights.
    from liveact_eval.measure.engine import Job, measure
    from liveact_eval.metrics.base import Missing
    from liveact_eval.metrics.registry import select

    found = measure(
        Job(
            clip=Clip(
                entry=ClipEntry(id=clip, speaker="", content_hash=""),
                video=folder.clip(clip),
                audio=None,
                image=None,
                prompt="",
                truth=None,
                rate=recipe.rate,
                size=recipe.size,
                seconds=None,
            ),
            video=folder.clip(clip),
            metrics=select(names),
            limits=_ONLY_BLACK,
            networks=networks,
        )
    )
    values: dict[str, float | Missing] = {}
    for name, score in found.scores.items():
        values |= score.values
        if name in found.traces:
            unchecked.append(f"{name}: it failed: {found.traces[name].strip().splitlines()[-1]}")
    wanted = ("face_coverage", "several_faces", "sync_offset_frames", "sync_c")
    unchecked += [
        f"{name}: {value.reason}: {value.detail}"
        for name in wanted
        if isinstance(value := values.get(name), Missing)
    ]
    covered, several, offset, confidence = (_number(values.get(name)) for name in wanted)
    return Judgement(
        one_face_share=None if covered is None or several is None else round(covered - several, 4),
        sync_offset_frames=offset,
        sync_confidence=None if confidence is None else round(confidence, 3),
        unchecked=tuple(unchecked),
    )


def refuse(judgement: Judgement) -> None:
    """Say what makes a clip unfit.

    Raises:
        ClipError: `no_face`, `offset` or `no_sync`. What was not looked at refuses nothing.
    """
    share, offset, sure = (
        judgement.one_face_share,
        judgement.sync_offset_frames,
        judgement.sync_confidence,
    )
    if share is not None and share < LEAST_ONE_FACE:
        raise ClipError(
            "no_face", f"one face in {share:.0%} of the frames, expected at least {LEAST_ONE_FACE:.0%}"
        )
    if sure is not None and (sure < LEAST_CONFIDENCE or offset is None):
        raise ClipError(
            "no_sync", f"sound and mouth: confidence {sure:.2f}, expected at least {LEAST_CONFIDENCE}"
        )
    if offset is not None and abs(offset) > LARGEST_OFFSET:
        raise ClipError(
            "offset", f"the sound is {offset:g} frames off the mouth, expected at most {LARGEST_OFFSET}"
        )


def _number(value: float | Missing | None) -> float | None:
    return float(value) if isinstance(value, (float, int)) else None
