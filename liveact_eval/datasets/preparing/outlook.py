"""What a run would do, known before it does anything: which clips are ready, which are given up, which are open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from liveact_eval.datasets.preparing.rows import ClipRow, FileFacts
from liveact_eval.datasets.preparing.wanted import Wanted
from liveact_eval.datasets.published.layout import PreparedFolder
from liveact_eval.files import sha256_of

if TYPE_CHECKING:
    from liveact_eval.datasets.preparing.making import Workshop
    from liveact_eval.datasets.preparing.manifest import Manifest


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """The wanted clips, sorted by what there is to do."""

    ready: tuple[ClipRow, ...]
    """Those that are there and as they were written."""
    given_up: tuple[ClipRow, ...]
    """Those that were dead or bad, and are not tried again."""
    open: tuple[Wanted, ...]
    """Those that are to be made."""
    videos: dict[str, tuple[Wanted, ...]]
    """The videos that these need, in their order, and which of them each serves."""

    @classmethod
    def of(
        cls,
        shop: Workshop,
        wanted: Sequence[Wanted],
        rows: Manifest | Mapping[str, ClipRow],
        *,
        retry_failed: bool,
    ) -> Outlook:
        """What is to be done about the wanted clips, given what the manifest says."""
        ready: list[ClipRow] = []
        given_up: list[ClipRow] = []
        to_make: list[Wanted] = []
        for one in wanted:
            row = rows.get(one.id)
            if row is not None and is_ready(row, one, shop):
                ready.append(row)
            elif row is not None and not retry_failed and _stays(row, one, shop):
                given_up.append(row)
            else:
                to_make.append(one)
        videos: dict[str, tuple[Wanted, ...]] = {}
        for one in to_make:
            for video in one.videos:
                videos[video] = (*videos.get(video, ()), one)
        return cls(ready=tuple(ready), given_up=tuple(given_up), open=tuple(to_make), videos=videos)


def is_ready(row: ClipRow, one: Wanted, shop: Workshop) -> bool:
    """Whether a clip is there, made by this recipe, with the files that were written then."""
    if row.status != "ready" or row.identity != one.identity(shop.recipe) or row.files is None:
        return False
    return all(is_unchanged(path, facts) for path, facts in files_of(row, shop.folder))


def is_given_up(row: ClipRow, one: Wanted, shop: Workshop) -> bool:
    """Whether a clip was found dead or bad by the way that is used now."""
    known = row.identity == one.identity(shop.recipe) and row.way == shop.source.way
    return known and row.status in {"dead", "bad"}


def files_of(row: ClipRow, folder: PreparedFolder) -> list[tuple[Path, FileFacts]]:
    """The files of a ready clip, and what is known of each."""
    if row.files is None:
        return []
    places = (
        (folder.clip(row.clip_id), row.files.clip),
        (folder.audio(row.clip_id), row.files.audio),
        (folder.image(row.clip_id), row.files.image),
    )
    return [(path, facts) for path, facts in places if facts is not None]


def is_unchanged(path: Path, facts: FileFacts) -> bool:
    """Whether a file is the one that was written: by size and date, else by its content."""
    try:
        stat = path.stat()
        if stat.st_size != facts.bytes:
            return False
        return stat.st_mtime_ns == facts.mtime_ns or sha256_of(path) == facts.sha256
    except OSError:
        return False


def _stays(row: ClipRow, one: Wanted, shop: Workshop) -> bool:
    # A file of the user's own may have been replaced: it is looked at again, which costs no network.
    return is_given_up(row, one, shop) and not (row.status == "bad" and shop.source.way == "folder")
