"""Fetching the weight files of a card or of a network, and checking those that are there."""

from __future__ import annotations

import fnmatch
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from liveact_eval.errors import BrokenEnvironmentError, UserError
from liveact_eval.networks import catalogue
from liveact_eval.networks.catalogue import REINSTALL, Network, NetworkFile
from liveact_eval.weights.hub import Hub, HubFile, Listing
from liveact_eval.weights.records import (
    is_checked,
    measure,
    part_path,
    same_hash,
    stored_record,
    write_record,
)
from liveact_eval.weights.store import (
    Card,
    Entry,
    Found,
    fetch_command,
    home_of,
    inventory,
    is_shipped,
    matches,
    source_of,
    weights_root,
)
from liveact_eval.weights.transfer import Job, check_existing, transfer
from liveact_eval.weights.web import Web

GIB = 2.0**30


class MissingFilesError(UserError):
    """Files are not there; those that are there are right."""


class Progress(Protocol):
    """Who is told how far it is."""

    def begin(self, doing: str, name: str, total: int) -> None:
        """A file is begun: `fetching` or `checking`, its path in the repository, its bytes."""

    def advance(self, count: int) -> None:
        """So many more bytes are done."""

    def note(self, text: str) -> None:
        """Something worth knowing."""


def fetch(
    card: Card, progress: Progress, *, root: Path | None, mirror: str | None, only: str | None
) -> list[Found]:
    """Have all weight files of a card in place, each checked. What comes with the package is only checked.

    Args:
        card: a model card or a network.
        progress: is told how far it is.
        root: folder of all weights; the default is `weights_root()`.
        mirror: address of a mirror of the hub; files with plain addresses are not looked for there.
        only: part of the model, or pattern of file names, to be limited to.

    Raises:
        UserError: the hub does not give a file, or a file is another one than the card or the hub says.
        BrokenEnvironmentError: the disk is too small.
    """
    entries = chosen(card, only)
    base = root or weights_root()
    if any(is_shipped(entry) for entry in entries):
        return verify(card, progress, root=root, only=only)
    sources = _sources(card, entries, mirror, base)
    absent = [job for _, job in sources if not job.path.is_file()]
    _check_space(absent, base)
    for _, job in sources:
        # What was checked before, against the same hash, is taken as right: hashing 50 GiB takes minutes.
        expected = job.sha256 or job.file.sha256
        if job not in absent and not (expected and is_checked(job.path, expected)):
            progress.begin("checking", job.file.name, job.file.bytes)
            check_existing(job, progress.advance)
    for hub, job in sources:
        if job not in absent:
            continue
        progress.begin("fetching", job.file.name, job.file.bytes)
        waiting = partial(progress.note, f"{job.file.name}: another process fetches it; waiting")
        transfer(hub, job, advanced=progress.advance, waiting=waiting)
    return [found for found in inventory(card, base) if found.entry in entries]


def verify(card: Card, progress: Progress, *, root: Path | None, only: str | None) -> list[Found]:
    """Check what is there against the card, or against what the hub stated when it was fetched. No network.

    Raises:
        MissingFilesError: files are missing, and the others right.
        UserError: files are wrong; the message names each. Nothing is changed.
    """
    entries = chosen(card, only)
    base = root or weights_root()
    absent: list[str] = []
    problems: list[str] = []
    for found in inventory(card, base):
        if found.entry not in entries or (found.state == "missing" and found.entry.optional):
            continue
        if found.state == "missing":
            absent.append(f"missing: {found.file} ({source_of(found.entry)})")
        elif found.state == "wrong size":
            problems.append(f"wrong size: {found.path}: {found.bytes} bytes, expected {found.entry.bytes}")
        else:
            problems += _verified(found, progress)
    if isinstance(card, Network) and card.shipped:
        base, command = catalogue.SHIPPED, REINSTALL
    else:
        command = f"{fetch_command(card)}{'' if root is None else f' --dir {str(root)!r}'}"
    if problems:
        listing = "\n  ".join([*problems, *absent])
        raise UserError(
            f"{card.title}: {len(problems) + len(absent)} weight files are not as they should be in {str(base)!r}:\n  "
            f"{listing}\n{'' if command == REINSTALL else 'Move wrong files away, then: '}{command}"
        )
    if absent:
        listing = "\n  ".join(absent)
        raise MissingFilesError(
            f"{card.title}: {len(absent)} weight files are missing in {str(base)!r}:\n  {listing}\n"
            f"{'' if command == REINSTALL else 'Fetch them with: '}{command}"
        )
    return [found for found in inventory(card, base) if found.entry in entries]


def chosen(card: Card, only: str | None) -> list[Entry]:
    """The entries of a card that a part's name or a pattern of file names means.

    Raises:
        UserError: the card has no weight files, or none is meant.
    """
    if not card.weights:
        raise UserError(f"{card.title} ({card.name}) has no weight files: there is nothing to fetch")
    entries = [e for e in card.weights if only is None or only == e.role or _means(only, e.file)]
    if not entries:
        roles = ", ".join(dict.fromkeys(entry.role for entry in card.weights))
        files = ", ".join(entry.file for entry in card.weights)
        raise UserError(
            f"--only {only!r} means none of the parts ({roles}) and files ({files}) of {card.name}"
        )
    return entries


def _means(only: str, file: str) -> bool:
    return fnmatch.fnmatchcase(file, only) or fnmatch.fnmatchcase(file.rpartition("/")[2], only)


def _sources(card: Card, entries: Sequence[Entry], mirror: str | None, base: Path) -> list[tuple[Hub, Job]]:
    """Who gives each file, and what it must be."""
    found: list[tuple[Hub, Job]] = []
    hub = Hub(mirror) if any(entry.hub is not None for entry in entries) else None
    listings: dict[tuple[str, str | None], Listing] = {}
    for entry in entries:
        home = home_of(card, entry, base)
        if isinstance(entry, NetworkFile) and entry.url is not None:
            web = Web(entry.url)
            file, version = web.describe(entry.file)
            found.append((web, _job(entry, file, version, home / entry.file, web)))
        elif hub is not None and entry.hub is not None:
            source = (entry.hub, entry.revision)
            if source not in listings:
                listings[source] = hub.listing(*source)
            listing = listings[source]
            found += [
                (hub, _job(entry, listing.files[name], listing.commit, home / name, hub))
                for name in _listed(entry, listing, hub)
            ]
    return found


def _listed(entry: Entry, listing: Listing, hub: Hub) -> list[str]:
    names = sorted(name for name in listing.files if matches(entry.file, name))
    if not names and not entry.optional:
        there = ", ".join(sorted(listing.files)[:12]) or "nothing"
        raise UserError(
            f"{hub.endpoint}: {entry.hub} at {listing.commit[:12]} has no file {entry.file}. It has: {there}. "
            "The card is out of date, or the mirror lacks files"
        )
    return names


def _job(entry: Entry, file: HubFile, commit: str, path: Path, hub: Hub) -> Job:
    where = entry.hub or hub.endpoint
    wrong_hash = file.sha256 is not None and not same_hash(file.sha256, entry.sha256)
    wrong_size = entry.bytes is not None and file.bytes != entry.bytes
    if wrong_hash or wrong_size:
        what, stated, pinned = (
            ("SHA-256", file.sha256, entry.sha256)
            if wrong_hash
            else ("size in bytes", file.bytes, entry.bytes)
        )
        raise UserError(
            f"{hub.endpoint} states another {what} for {file.name} of {where} than the card: {stated}, expected "
            f"{pinned}. Nothing was fetched. Take another mirror, or correct the card if the file was replaced"
        )
    return Job(where, commit, file, entry.sha256, path)


def _check_space(jobs: Sequence[Job], base: Path) -> None:
    """Refuse what would fill the disk before the first byte is fetched."""
    needed = sum(max(0, job.file.bytes - _fetched(job)) for job in jobs)
    folder = base
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise BrokenEnvironmentError(
            f"The disk of {str(base)!r} is too small: {needed / GIB:.1f} GiB are needed, {free / GIB:.1f} GiB are "
            "free. Free some space, or choose another folder with --dir"
        )


def _fetched(job: Job) -> int:
    part = part_path(job.path, job.identity)
    return part.stat().st_size if part.is_file() else 0


def _verified(found: Found, progress: Progress) -> list[str]:
    """Measure a file; what is wrong with it."""
    progress.begin("checking", found.file, found.bytes or 0)
    sha256, _ = measure(found.path, progress.advance)
    record = stored_record(found.path)
    expected = found.entry.sha256 or (record.sha256 if record else None)
    if expected is None:
        progress.note(f"{found.file}: nobody has pinned its hash; measured {sha256}")
    elif not same_hash(sha256, expected):
        return [f"wrong content: {found.path}: SHA-256 {sha256}, expected {expected}"]
    elif not is_shipped(found.entry):
        write_record(found.path, sha256, record.commit if record else None)
    return []
