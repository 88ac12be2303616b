"""A run as one file to send: results, tables, plots, small pictures, optionally videos; and opening one from elsewhere.

An archive is a ZIP file whose `manifest.json` names every other file with its size and SHA-256. It holds no journal:
that is for going on with a run, and a database from a stranger is not opened.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

import liveact_eval
from liveact_eval.cards.load import parse_typed
from liveact_eval.clips.clip import VIDEO_SUFFIXES, safe_name
from liveact_eval.errors import NewerFileError, UserError
from liveact_eval.files import atomic_path, sha256_of
from liveact_eval.results.folder import Layout
from liveact_eval.results.schema import Results, read_results
from liveact_eval.results.thumbnails import write_thumbnail
from liveact_eval.results.videos import find_videos

ARCHIVE_VERSION = 1
MANIFEST = "manifest.json"
_TOP = frozenset({"results.json", "run.json", "results.parquet", "curves.parquet"})
_INSIDE = {
    "tables": frozenset({".md", ".tex", ".csv", ".json"}),
    "plots": frozenset({".png", ".svg"}),
    "thumbnails": frozenset({".jpg"}),
    "videos": VIDEO_SUFFIXES,
}
"""Folders of an archive and the kinds of file in each; nothing else is taken out of one."""
_STORED = VIDEO_SUFFIXES | {".png", ".jpg", ".parquet"}
_MOST_FILES = 200_000
_MOST_BYTES = 256 * 2**30
_MOST_RATIO = 500
_BLOCK = 1 << 20
_SINCE = (1980, 1, 1, 0, 0, 0)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ArchivedFile(_Record):
    """One file of an archive."""

    path: str
    """Its place in the run folder."""
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Manifest(_Record):
    """What an archive says that it holds."""

    archive_version: Literal[1] = 1
    name: str
    """Name of the run."""
    liveact_eval: str
    """Version that wrote it."""
    files: list[ArchivedFile]


def export_run(run: Path, out: Path, *, videos: bool) -> Manifest:
    """Write a finished run into one file.

    Args:
        run: run folder.
        out: the archive, a `.zip` file; replaced if it is there.
        videos: whether the videos come too, the real ones included.

    Raises:
        UserError: the run is not finished.
        BrokenEnvironmentError: the disk is full.
    """
    layout = Layout(run)
    results = read_results(layout.results)
    listed: list[ArchivedFile] = []
    with (
        tempfile.TemporaryDirectory() as scratch,
        atomic_path(out) as temporary,
        zipfile.ZipFile(temporary, "w", allowZip64=True) as archive,
    ):
        for path, name in _members(layout, results, Path(scratch), videos=videos):
            listed.append(ArchivedFile(path=name, bytes=path.stat().st_size, sha256=sha256_of(path)))
            with path.open("rb") as source, archive.open(_entry(name), "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target, _BLOCK)
        manifest = Manifest(name=results.name, liveact_eval=liveact_eval.__version__, files=listed)
        archive.writestr(_entry(MANIFEST), manifest.model_dump_json(indent=1) + "\n")
    return manifest


def unpack(archive: Path, folder: Path) -> Manifest:
    """Take a run out of an archive that somebody else has made.

    Only the kinds of file that a run has are taken, under plain names below `folder`, and each must be what the
    manifest says. The folder appears whole or not at all.

    Raises:
        UserError: the archive is damaged or holds what no run has, or the folder is there already.
    """
    if folder.exists():
        raise UserError(f"{str(folder)!r} exists; expected a new folder. Give another path.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        with _opened(archive) as opened:
            manifest = _manifest(archive, opened)
            for item in manifest.files:
                _take(archive, opened, item, made)
        made.chmod(0o755)
        made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return manifest


def _members(layout: Layout, results: Results, scratch: Path, *, videos: bool) -> Iterator[tuple[Path, str]]:
    for name in sorted(_TOP):
        if (layout.root / name).is_file():
            yield layout.root / name, name
    for folder in ("tables", "plots"):
        for path in sorted((layout.root / folder).glob("*")):
            if path.suffix in _INSIDE[folder] and path.is_file():
                yield path, f"{folder}/{path.name}"
    found = find_videos(layout, results).paths
    for pair, video in sorted(found.items()):
        stem = f"{pair.model}/{safe_name(pair.clip)}"
        picture = scratch / "picture.jpg"
        if write_thumbnail(video, picture):
            yield picture, f"thumbnails/{stem}.jpg"
        if videos and video.suffix.lower() in VIDEO_SUFFIXES:
            yield video, f"videos/{stem}{video.suffix.lower()}"


def _entry(name: str) -> zipfile.ZipInfo:
    """The same run gives the same archive: no times, plain permissions."""
    entry = zipfile.ZipInfo(name, date_time=_SINCE)
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    stored = os.path.splitext(name)[1] in _STORED  # noqa: PTH122 - a name in an archive, not a path
    entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    return entry


def _opened(archive: Path) -> zipfile.ZipFile:
    try:
        opened = zipfile.ZipFile(archive)
    except (OSError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{str(archive)!r} cannot be opened as an archive: {error}. Expected a file that liveact-eval runs export "
            "has written."
        ) from error
    try:
        _check_entries(archive, opened.infolist())
    except UserError:
        opened.close()
        raise
    return opened


def _check_entries(archive: Path, entries: list[zipfile.ZipInfo]) -> None:
    """Refuse what could write elsewhere, fill the disk, or is no file of a run."""
    if len(entries) > _MOST_FILES:
        raise UserError(f"{archive}: {len(entries)} files; a run has at most {_MOST_FILES}.")
    if sum(entry.file_size for entry in entries) > _MOST_BYTES:
        raise UserError(f"{archive}: more than {_MOST_BYTES // 2**30} GiB unpacked, which is not taken.")
    seen: set[str] = set()
    for entry in entries:
        name = entry.filename
        why = None
        if not _is_run_file(name) and name != MANIFEST:
            why = "is no file of a run"
        elif name.lower() in seen:
            why = "is there twice"
        elif stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
            why = "is a link or another thing that is no file"
        elif entry.flag_bits & 1:
            why = "is encrypted"
        elif entry.file_size > _BLOCK and entry.file_size > _MOST_RATIO * max(1, entry.compress_size):
            why = f"unpacks to more than {_MOST_RATIO} times its size"
        if why is not None:
            raise UserError(f"{archive}: {name!r} {why}. Nothing was taken out of this archive.")
        seen.add(name.lower())


def _is_run_file(name: str) -> bool:
    if name in _TOP:
        return True
    parts = name.split("/")
    plain = all(part not in ("", ".", "..") and safe_name(part, limit=120) == part for part in parts)
    suffix = "." + parts[-1].rpartition(".")[2].lower()
    depth = 2 if parts[0] in ("tables", "plots") else 3
    return plain and len(parts) == depth and suffix in _INSIDE.get(parts[0], frozenset())


def _manifest(archive: Path, opened: zipfile.ZipFile) -> Manifest:
    names = {entry.filename for entry in opened.infolist()}
    if MANIFEST not in names:
        raise UserError(f"{archive}: no {MANIFEST}; expected an archive of liveact-eval runs export.")
    try:
        content = json.loads(opened.read(MANIFEST))
    except (ValueError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{archive}: {MANIFEST} is not valid JSON: {error}. Ask for the archive again."
        ) from error
    version = content.get("archive_version") if isinstance(content, dict) else None
    if isinstance(version, int) and version > ARCHIVE_VERSION:
        raise NewerFileError(
            f"{archive}: archive version {version}; this version understands at most {ARCHIVE_VERSION}. "
            "Upgrade with: pip install -U liveact-eval"
        )
    if not isinstance(content, dict):
        raise UserError(f"{archive}: {MANIFEST}: expected an object, found {type(content).__name__}.")
    manifest = parse_typed(content, Manifest, where=f"{archive}: {MANIFEST}")
    listed = [item.path for item in manifest.files]
    if len(set(listed)) < len(listed) or set(listed) != names - {MANIFEST}:
        odd = sorted(set(listed) ^ (names - {MANIFEST})) or sorted({p for p in listed if listed.count(p) > 1})
        raise UserError(f"{archive}: {MANIFEST} and content differ: {', '.join(odd[:5])}. Ask for it again.")
    return manifest


def _take(archive: Path, opened: zipfile.ZipFile, item: ArchivedFile, folder: Path) -> None:
    target = folder.joinpath(*item.path.split("/"))
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, taken = hashlib.sha256(), 0
    try:
        with opened.open(item.path) as source, io.FileIO(target, "x") as out:
            while block := source.read(_BLOCK):
                digest.update(block)
                taken += len(block)
                out.write(block)
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise UserError(f"{archive}: {item.path}: damaged ({error}). Ask for the archive again.") from error
    if (taken, digest.hexdigest()) != (item.bytes, item.sha256):
        raise UserError(
            f"{archive}: {item.path}: not what the manifest says ({taken} bytes, expected {item.bytes}, or another "
            "SHA-256). Ask for the archive again."
        )
