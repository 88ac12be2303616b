"""A full disk: one message, exit code 4, and everything finished is kept."""

from __future__ import annotations

import contextlib
import os
import resource
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.helpers import QUICK, call, numbers, units

Fill = Callable[[Path], Path]


@contextlib.contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may grow beyond so many bytes; Python ignores the signal, so that writing fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def words(folder: Path, out: Path) -> tuple[str | Path, ...]:
    return ("run", "--dataset", folder, "--model", "noise", "--model", "shift", *QUICK, "--out", out)


@pytest.mark.parametrize("size", [0, 3_000, 10_000, 60_000, 130_000])
def test_full_disk_at_any_moment(size: int, clips: Fill, tmp_path: Path) -> None:
    folder, out = clips(tmp_path / "videos"), tmp_path / "run"
    with largest_file(size):
        answer = call(*words(folder, out))
    assert answer.code == 4, answer.err
    assert answer.err.count("The disk is full") == 1
    assert "the same command" in answer.err or "run the same command again" in answer.err
    assert "Traceback" not in answer.err
    assert not list(out.rglob("*.part*"))
    before = units(out)
    again = call(*words(folder, out))
    assert again.code == 0, again.err
    with sqlite3.connect(out / "journal.sqlite") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    after = units(out)
    assert {key: after[key] for key in before} == before


def test_full_disk_in_a_worker(clips: Fill, tmp_path: Path) -> None:
    """What is raised in a worker stops the run like what is raised here."""
    from liveact_eval.errors import BrokenEnvironmentError
    from liveact_eval.execution.tasks import guarded

    def full() -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(BrokenEnvironmentError, match="The disk is full"):
        guarded(full)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
def test_small_file_system(
    small_disk: Path, clips: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The plan would refuse to start here.
    monkeypatch.setattr("liveact_eval.execution.plan.check_space", lambda *_: None)
    folder, out = clips(tmp_path / "videos"), small_disk / "run"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(120_000))
    answer = call(*words(folder, out))
    assert answer.code == 4, answer.err
    assert "The disk is full" in answer.err
    assert "Traceback" not in answer.err
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    before = units(out)
    assert call(*words(folder, out)).code == 0
    after = units(out)
    assert {key: after[key] for key in before} == before
    call(*words(folder, tmp_path / "elsewhere"))
    assert numbers(out) == numbers(tmp_path / "elsewhere")


def test_too_small_a_disk_is_seen_before_the_start(
    clips: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("liveact_eval.execution.plan._SPARE_BYTES", 1 << 60)
    answer = call(*words(clips(tmp_path / "videos"), tmp_path / "run"))
    assert answer.code == 4
    assert "Not enough disk" in answer.err
    assert not (tmp_path / "run").exists()
