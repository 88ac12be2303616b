"""A preparation that is killed at any moment: what is finished stays, what is half done leaves no trace."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import pytest

from liveact_eval.datasets.preparing.local_videos import look_into
from liveact_eval.datasets.preparing.manifest import read_lines
from liveact_eval.datasets.preparing.obtaining import Patience, Source
from tests.unit.datasets.preparing.barcodes import source_clip
from tests.unit.datasets.preparing.conftest import Site
from tests.unit.datasets.preparing.test_prepare_driver import prepare, workshop

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
CALLS = ("fsync", "write", "replace", "unlink")
"""Everything that a preparation leaves on the disk comes into being, or gets its name, in one of these."""
CLIPS = [source_clip("talk_0"), source_clip("talk_1", start_s=Fraction(1), end_s=Fraction(3, 2))]


@contextmanager
def counted(limit: int | None) -> Iterator[list[str]]:
    """Count these calls, and be killed before the one after `limit`."""
    seen: list[str] = []
    real = {name: getattr(os, name) for name in CALLS}

    def wrap(name: str) -> object:
        def call(*arguments: object, **fields: object) -> object:
            if limit is not None and len(seen) == limit:
                os.kill(os.getpid(), signal.SIGKILL)
            seen.append(name)
            return real[name](*arguments, **fields)

        return call

    for name in CALLS:
        setattr(os, name, wrap(name))
    try:
        yield seen
    finally:
        for name, function in real.items():
            setattr(os, name, function)


def forked() -> int:
    """As `os.fork`; what the parent has left to collect belongs to threads that the child does not have."""
    child = os.fork()
    if child == 0:
        gc.disable()
    return child


def killed_after(limit: int, root: Path, source: Source) -> None:
    """Prepare in a child that is killed at its so many-th call."""
    child = forked()
    if child == 0:
        try:
            with counted(limit):
                prepare(workshop(root, source), CLIPS)
        finally:
            os._exit(17)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "it ended before it could be killed"
    assert os.WTERMSIG(status) == signal.SIGKILL


def ready(root: Path) -> dict[str, int]:
    """Clips that the manifest calls ready, and when their files were written."""
    manifest = root / "hdtf" / "manifest.jsonl"
    if not manifest.is_file():
        return {}
    rows = [line.row for line in read_lines(manifest) if line.row is not None]
    done = {row.clip_id for row in rows if row.status == "ready"}
    return {clip: (root / "hdtf" / "clips" / f"{clip}.mp4").stat().st_mtime_ns for clip in done}


@pytest.mark.slow
def test_killed_at_every_call(tmp_path: Path, talk: Path) -> None:
    source = Source(way="folder", local=look_into(talk.parent))
    with counted(None) as calls:
        whole = prepare(workshop(tmp_path / "whole", source), CLIPS)
    assert {"write", "fsync", "replace"} <= set(calls)
    for limit in range(0, len(calls), max(1, len(calls) // 16)):
        root = tmp_path / str(limit)
        killed_after(limit, root, source)
        before = ready(root)
        rows = prepare(workshop(root, source), CLIPS)
        after = ready(root)
        assert {clip: after[clip] for clip in before} == before, "what was ready is not made again"
        for clip, row in rows.items():
            assert row.status == "ready"
            assert row.files is not None and row.files.clip is not None
            told = whole[clip].files
            assert told is not None and told.clip is not None
            assert row.files.clip.sha256 == told.clip.sha256
        assert not [path for path in root.rglob("*") if ".part" in path.name]
        assert sorted(path.name for path in (root / "hdtf").rglob("*.wav")) == ["talk_0.wav", "talk_1.wav"]


def test_killed_while_a_mirror_sends(site: Site, tmp_path: Path, talk: Path) -> None:
    served = site.add("talkIdtalkI", talk.read_bytes())
    served.pause_s = 0.02
    source = Source(way="mirror", prefix=site.mirror, patience=Patience(tries=1, pause_s=0))
    child = forked()
    if child == 0:
        try:
            prepare(workshop(tmp_path, source), CLIPS)
        finally:
            os._exit(17)
    parts: list[Path] = []
    while not (parts and parts[0].stat().st_size):
        assert os.waitpid(child, os.WNOHANG) == (0, 0), "it ended before it could be killed"
        parts = list((tmp_path / "videos").rglob("*.part"))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    kept = parts[0].stat().st_size
    assert 0 < kept < len(served.content)
    served.pause_s = 0
    before = len(site.hub.requests)
    assert {row.status for row in prepare(workshop(tmp_path, source), CLIPS).values()} == {"ready"}
    # What there is, and then only what lacks.
    assert [headers.get("Range") for _, headers in site.hub.requests[before:]] == [None, f"bytes={kept}-"]
