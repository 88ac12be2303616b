"""From what the user asks for to a preparation: which clips, from where, with what. Refused before anything is done."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from liveact_eval.cards.dataset import DatasetCard
from liveact_eval.datasets.preparing.boxes import needs_faces
from liveact_eval.datasets.preparing.face_boxes import missing_detector
from liveact_eval.datasets.preparing.local_videos import look_into
from liveact_eval.datasets.preparing.making import Workshop
from liveact_eval.datasets.preparing.mirror import check_prefix
from liveact_eval.datasets.preparing.obtaining import Patience, Source
from liveact_eval.datasets.preparing.places import check_places
from liveact_eval.datasets.preparing.recipe import recipe_of
from liveact_eval.datasets.preparing.wanted import Wanted, wanted_clips, wanted_long
from liveact_eval.datasets.preparing.ytdlp import find_programs
from liveact_eval.datasets.published.annotation_files import fetch_annotations, find_annotations
from liveact_eval.datasets.published.catalogue import (
    long_clips,
    prepared_folder,
    source_clips,
    split_of,
)
from liveact_eval.errors import UserError
from liveact_eval.files import atomic_path
from liveact_eval.networks.provider import Networks

_MOST_WORKERS = 8


@dataclass(frozen=True, kw_only=True)
class Request:
    """What `datasets prepare` was asked for."""

    card: DatasetCard
    """The dataset."""
    beside: Path
    """Folder of its card."""
    root: Path | None = None
    """Folder of prepared datasets."""
    annotations: Path | None = None
    """Folder of the authors' lists; `None`: they are fetched."""
    videos: Path | None = None
    """Folder of videos that the user has."""
    source: str | None = None
    """Address of a private mirror."""
    reserve: int = 0
    """So many clips of the reserve too."""
    limit: int | None = None
    """The first so many clips of the split only."""
    pause_s: float = 3.0
    """Mean pause before every video of the site; waits after failures follow from it."""


def workshop(request: Request) -> Workshop:
    """Where videos come from and where clips go.

    Raises:
        UserError: the dataset is no published one, a program lacks, or a folder or address is wrong.
        BrokenEnvironmentError: files cannot be made where they should go.
    """
    folder = prepared_folder(request.card, request.root)
    spec = request.card.prepared
    if spec is None:
        raise ValueError("a card without a prepared folder is refused above")
    # Beside the prepared folders: two of them may be cut from the same videos.
    store = folder.path.parent / "videos" / spec.annotations
    source = _source(request)
    check_places([*folder.places, *([] if source.way == "folder" else [store])])
    return Workshop(
        recipe=recipe_of(request.card.protocol),
        folder=folder,
        store=store,
        source=source,
        networks=Networks(),
    )


def default_workers(source: Source) -> int:
    """One for what goes over a network, to be polite; all cores for videos that are here."""
    if source.way != "folder":
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return min(cores, _MOST_WORKERS)


def lists_at_hand(request: Request) -> Path | None:
    """Folder of the authors' lists, if they need not be fetched.

    Raises:
        UserError: a folder was given that does not have them.
    """
    if request.annotations is not None:
        return find_annotations(request.card, request.annotations)
    folder = prepared_folder(request.card, request.root).lists
    try:
        return None if folder is None else find_annotations(request.card, folder)
    except UserError:
        # What a broken download or another commit left there is fetched anew.
        return None


def have_lists(request: Request, *, advanced: Callable[[int], None]) -> Path:
    """The authors' lists, in the prepared folder from now on.

    Raises:
        UserError: the given folder does not have them, or they cannot be fetched.
    """
    target = prepared_folder(request.card, request.root).annotations
    found = lists_at_hand(request)
    if found is None:
        return fetch_annotations(request.card, target, advanced=advanced, waiting=lambda: None)
    if found == target or request.card.prepared is None:
        return found
    for file in request.card.prepared.files:
        name = Path(file.path).name
        with atomic_path(target / name) as temporary:
            shutil.copyfile(found / name, temporary)
    return target


def choose(request: Request, annotations: Path) -> list[Wanted]:
    """The clips of the split, and as much of its reserve as was asked for, in order.

    Raises:
        UserError: the lists do not have a clip of the split.
    """
    card = request.card
    split = split_of(card, request.beside, annotations)
    ids = [*split.clips[: request.limit], *split.reserve[: request.reserve]]
    if card.prepared is not None and card.prepared.concatenate is not None:
        found = {one.id: one for one in wanted_long(long_clips(card, annotations).values())}
    else:
        found = {one.id: one for one in wanted_clips(source_clips(card, annotations))}
    lacking = [clip for clip in ids if clip not in found]
    if lacking:
        raise UserError(
            f"{card.title}: {len(lacking)} of {len(ids)} clips of {split.name!r} are not in the authors' lists in "
            f"{str(annotations)!r}: {', '.join(lacking[:5])}. Let the lists be fetched: leave out --annotations"
        )
    return [found[clip] for clip in ids]


def check_detector(wanted: Sequence[Wanted], networks: Networks) -> str | None:
    """What clips that are to be made will lack for want of a face detector; `None`: nothing.

    Raises:
        UserError: not one of them can be cut without it.
    """
    lacking = missing_detector(networks)
    blocked = [one for one in wanted if any(needs_faces(part) for part in one.parts[:1])]
    if lacking is None or not blocked:
        return None
    if len(blocked) == len(wanted):
        raise UserError(
            f"The picture of every clip of this dataset is cut around a face, which has to be found first: {lacking}"
        )
    return f"{len(blocked)} clips need a face detector and will be left for later: {lacking}"


def _source(request: Request) -> Source:
    if request.videos is not None and request.source is not None:
        raise UserError("--videos and --source are two places for the same videos. Give one of them")
    if request.videos is not None:
        return Source(way="folder", local=look_into(request.videos))
    if request.source is not None:
        # Broken lines and full servers are waited for by the transfer itself.
        patience = Patience(tries=1, pause_s=0.0)
        return Source(way="mirror", prefix=check_prefix(request.source), patience=patience)
    patience = Patience(pause_s=request.pause_s, first_wait_s=5 * request.pause_s)
    return Source(way="yt-dlp", programs=find_programs(), patience=patience)
