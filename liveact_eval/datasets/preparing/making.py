"""The two pieces of work of preparing, as functions that run in a worker process, and what their failures mean."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from liveact_eval.datasets.preparing.cutting import CutClip, cut, remove_files
from liveact_eval.datasets.preparing.judging import judge, refuse
from liveact_eval.datasets.preparing.long_sound import join
from liveact_eval.datasets.preparing.obtaining import Obtained, Source, obtain
from liveact_eval.datasets.preparing.recipe import CutRecipe
from liveact_eval.datasets.preparing.rows import Judgement, Status, Way
from liveact_eval.datasets.preparing.site_answers import DEAD_REASONS
from liveact_eval.datasets.preparing.wanted import Wanted
from liveact_eval.datasets.published.layout import PreparedFolder
from liveact_eval.datasets.published.source_clip import SourceClip
from liveact_eval.errors import ClipError
from liveact_eval.networks.provider import Networks

NOT_THERE = "not_in_folder"
_LOCAL_AND_BAD = frozenset({"unreadable", "no_video_stream", "too_large"})
_NOT_THE_CLIPS_FAULT = frozenset(
    {"needs_detector", "worker_died", "internal_error", "out_of_memory", "missing_file"}
)


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """What all clips of a dataset have in common. It travels to worker processes."""

    recipe: CutRecipe
    """How clips are cut."""
    folder: PreparedFolder
    """Where they go."""
    store: Path
    """Folder of fetched videos."""
    source: Source
    """Where videos come from."""
    networks: Networks
    """For finding faces and for judging clips."""


@dataclass(frozen=True, kw_only=True)
class MadeClip:
    """A clip that is finished."""

    cut: CutClip
    judgement: Judgement


def get_video(shop: Workshop, clips: tuple[SourceClip, ...], needed_s: Fraction) -> Obtained:
    """Have one video; see `obtain`."""
    return obtain(shop.source, clips, needed_s, shop.store)


def make_clip(shop: Workshop, wanted: Wanted, videos: dict[str, Path]) -> MadeClip:
    """Cut a clip and judge it. One that is refused leaves no file.

    Raises:
        ClipError: it cannot be made, or is not fit for use.
    """
    try:
        if wanted.long_seconds is not None:
            made = join(wanted, videos, shop.recipe, shop.folder, shop.networks)
            judgement = Judgement(unchecked=("faces and mouth: there is no video",))
        else:
            made = cut(wanted.first, videos[wanted.first.video_id], shop.recipe, shop.folder, shop.networks)
            judgement = judge(wanted.id, shop.recipe, shop.folder, shop.networks)
            refuse(judgement)
    except ClipError:
        remove_files(shop.folder, wanted.id)
        raise
    return MadeClip(cut=made, judgement=judgement)


def status_without_video(error: ClipError, way: Way) -> Status:
    """What a clip is whose video could not be obtained."""
    if error.reason == NOT_THERE:
        return "todo"
    if error.reason in DEAD_REASONS:
        return "dead"
    return "bad" if way == "folder" and error.reason in _LOCAL_AND_BAD else "error"


def status_without_clip(error: ClipError) -> Status:
    """What a clip is that could not be cut out of its video."""
    return "error" if error.reason in _NOT_THE_CLIPS_FAULT else "bad"
