"""Is a prepared dataset what its manifest says, and is the manifest what was written? No network, nothing changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from liveact_eval.datasets.preparing.inspecting import (
    Fault,
    inspect_image,
    inspect_sound,
    inspect_video,
)
from liveact_eval.datasets.preparing.manifest import read_lines
from liveact_eval.datasets.preparing.outlook import files_of
from liveact_eval.datasets.preparing.recipe import CutRecipe
from liveact_eval.datasets.preparing.rows import ClipRow, FileFacts
from liveact_eval.datasets.published.layout import CLIP_FOLDERS, PreparedFolder
from liveact_eval.files import sha256_of


@dataclass(frozen=True, kw_only=True)
class Damage:
    """One thing that is wrong."""

    clip: str | None
    """Clip that it is about; `None` for a file that belongs to none."""
    file: str
    """Path below the prepared folder."""
    code: str
    """Short code."""
    message: str
    """Value seen and value expected."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was found."""

    damages: tuple[Damage, ...]
    """All of it, in the order of the manifest."""
    checked: int
    """Ready clips that were looked at."""
    statuses: dict[str, int]
    """Clips of the split by status; `todo` where the manifest has no row."""


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What a prepared folder should hold."""

    recipe: CutRecipe
    """How its clips were cut."""
    split: Sequence[str]
    """Ids of the clips that are asked for."""
    known: frozenset[str] | None
    """Ids that may be there; `None`: not known."""
    identities: Mapping[str, str] | None
    """Identity of clips by id; `None`: the authors' lists are not at hand."""


def verify(folder: PreparedFolder, expected: Expectation, told: Callable[[str, int], None]) -> Verdict:
    """Look at every row and every file.

    Args:
        folder: a prepared folder with a manifest.
        expected: what should be in it.
        told: hears the id of each clip before it is looked at, and how many there are.

    Raises:
        UserError: the manifest cannot be read at all.
    """
    damages: list[Damage] = []
    if expected.identities is None:
        message = "the lists are not there as pinned; intervals and crops were not compared"
        damages.append(Damage(clip=None, file=folder.annotations.name, code="no_lists", message=message))
    rows: dict[str, ClipRow] = {}
    for line in read_lines(folder.manifest):
        where = f"{folder.manifest.name}:{line.number}"
        if line.problem is not None:
            clip, code = (None, "damaged_line") if line.row is None else (line.row.clip_id, "edited_row")
            damages.append(Damage(clip=clip, file=where, code=code, message=line.problem))
        if line.row is not None:
            rows[line.row.clip_id] = line.row
            damages += _row_damages(line.row, expected, where)
    owners = {facts.sha256: row.clip_id for row in rows.values() for _, facts in files_of(row, folder)}
    ready = [row for row in rows.values() if row.status == "ready"]
    for row in ready:
        told(row.clip_id, len(ready))
        damages += _clip_damages(row, folder, expected.recipe, owners)
    damages += _strangers(folder, ready)
    wanted = [rows[clip].status if clip in rows else "todo" for clip in expected.split]
    return Verdict(damages=tuple(damages), checked=len(ready), statuses=dict(Counter(wanted)))


def _row_damages(row: ClipRow, expected: Expectation, where: str) -> Iterator[Damage]:
    def damage(code: str, message: str) -> Damage:
        return Damage(clip=row.clip_id, file=where, code=code, message=message)

    if expected.known is not None and row.clip_id not in expected.known:
        yield damage("foreign_clip", f"{row.clip_id!r} is no clip of this dataset")
    identity = (expected.identities or {}).get(row.clip_id)
    if identity is not None and row.status == "ready" and row.identity != identity:
        yield damage(
            "other_recipe", "it was cut by another interval, crop or protocol than the card asks for"
        )
    if row.status == "ready" and row.files is None:
        yield damage("edited_row", "it is called ready, and names no file")


def _clip_damages(
    row: ClipRow, folder: PreparedFolder, recipe: CutRecipe, owners: Mapping[str, str]
) -> Iterator[Damage]:
    video = folder.clip(row.clip_id)
    for path, facts in files_of(row, folder):
        name = path.relative_to(folder.path).as_posix()
        if not path.is_file():
            yield Damage(clip=row.clip_id, file=name, code="missing_file", message="it is not there")
            continue
        faults = [*_content(path, facts, row, owners)]
        if path == video:
            faults += inspect_video(path, row, recipe)
        elif path == folder.audio(row.clip_id):
            faults += inspect_sound(path, row, video if video.is_file() else None)
        else:
            faults += inspect_image(path, recipe)
        for fault in faults:
            yield Damage(clip=row.clip_id, file=name, code=fault.code, message=fault.message)


def _content(path: Path, facts: FileFacts, row: ClipRow, owners: Mapping[str, str]) -> Iterator[Fault]:
    try:
        sha256 = sha256_of(path)
    except OSError as error:
        yield Fault("unreadable", str(error.strerror))
        return
    if sha256 == facts.sha256:
        return
    owner = owners.get(sha256)
    if owner is not None and owner != row.clip_id:
        yield Fault("foreign_clip", f"it is the file of {owner!r}")
    else:
        yield Fault("changed_file", f"SHA-256 {sha256[:16]}..., expected {facts.sha256[:16]}...")


def _strangers(folder: PreparedFolder, ready: Sequence[ClipRow]) -> Iterator[Damage]:
    """Files that no ready clip owns; what is being written has a leading dot."""
    owned = {path for row in ready for path, _ in files_of(row, folder)}
    for name in CLIP_FOLDERS:
        place = folder.path / name
        for path in sorted(place.rglob("*")) if place.is_dir() else ():
            if path not in owned and not path.is_dir() and not path.name.startswith("."):
                where = path.relative_to(folder.path).as_posix()
                yield Damage(clip=None, file=where, code="foreign_file", message="no ready clip owns it")
