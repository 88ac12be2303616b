"""The authors' lists: fetched at a pinned commit or taken from a folder, and in both cases of the pinned content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from liveact_eval.cards.dataset import DatasetCard
from liveact_eval.cards.published import AnnotationFile, PreparedSpec
from liveact_eval.errors import UserError
from liveact_eval.files import sha256_of

_HOST = "https://raw.githubusercontent.com"
_SHOWN = 3
"""Complaints that are told; fifteen addresses hide what to do."""


def address_of(spec: PreparedSpec, file: AnnotationFile) -> str:
    """Where a list is fetched from."""
    return f"{_HOST}/{spec.repository}/{spec.commit}/{quote(file.path)}"


def find_annotations(card: DatasetCard, folder: Path) -> Path:
    """The folder that holds a dataset's lists. Checks each.

    Args:
        card: a card of kind `prepared`.
        folder: where they lie; or a folder that has them in one named after the lists, or as the repository has them.

    Raises:
        UserError: a list is missing, or is not the pinned one; the message names each.
    """
    spec = _spec(card)
    places = (folder / Path(file.path).parent for file in spec.files)
    homes = dict.fromkeys([folder, folder / spec.annotations, *places])
    found = {home: [file for file in spec.files if _is_there(home / Path(file.path).name)] for home in homes}
    best = max(found, key=lambda home: len(found[home]))
    problems = [
        f"missing: {Path(file.path).name} ({address_of(spec, file)})"
        for file in spec.files
        if file not in found[best]
    ]
    for file in found[best]:
        sha256 = _hash(best / Path(file.path).name)
        if file.sha256 is not None and sha256 != file.sha256:
            problems.append(
                f"another content: {best / Path(file.path).name}: SHA-256 {sha256}, expected {file.sha256}"
            )
    if problems:
        more = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
        listing = "\n  ".join(problems[:_SHOWN] + more)
        raise UserError(
            f"{card.title}: {len(problems)} of {len(spec.files)} published lists are not as pinned in {str(folder)!r}:"
            f"\n  {listing}\nTake them from https://github.com/{spec.repository} at commit {spec.commit[:12]}, or let "
            f"them be fetched: liveact-eval datasets prepare {card.name}, without --annotations"
        )
    return best


def fetch_annotations(
    card: DatasetCard,
    folder: Path,
    *,
    advanced: Callable[[int], None],
    waiting: Callable[[], None],
    addresses: Callable[[PreparedSpec, AnnotationFile], str] = address_of,
) -> Path:
    """Have a dataset's lists in a folder, each of the pinned content. What is there and right is not fetched again.

    Args:
        card: a card of kind `prepared`.
        folder: where the lists go.
        advanced: hears of bytes as they come.
        waiting: called when another process fetches the same file.
        addresses: where each list is; a private mirror may be put here.

    Raises:
        UserError: the host does not give a list, or gives another one than the card pins.
    """
    from liveact_eval.weights.transfer import Job, transfer
    from liveact_eval.weights.web import Web

    spec = _spec(card)
    for file in spec.files:
        path = folder / Path(file.path).name
        if path.is_file() and (file.sha256 is None or _hash(path) == file.sha256):
            continue
        web = Web(addresses(spec, file))
        try:
            described, version = web.describe(path.name)
            job = Job(web.endpoint, version, described, file.sha256, path)
            transfer(web, job, advanced=advanced, waiting=waiting)
        except UserError as error:
            raise UserError(
                f"{card.title}: a published list does not come: {error}. Or give a copy of "
                f"https://github.com/{spec.repository} at commit {spec.commit[:12]}: --annotations DIR"
            ) from error
    return find_annotations(card, folder)


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise UserError(f"{str(path)!r} cannot be looked at: {error.strerror}. Check the folder.") from error


def _hash(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise UserError(f"{str(path)!r} cannot be read: {error.strerror}. Check the folder.") from error


def _spec(card: DatasetCard) -> PreparedSpec:
    if card.prepared is None:
        raise UserError(
            f"Dataset {card.name!r} is of kind {card.kind!r}: it has no published lists to fetch."
        )
    return card.prepared
