"""Files are whole or not there, and a full disk is told from other troubles."""

from __future__ import annotations

import errno
import hashlib
import multiprocessing
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from liveact_eval.errors import BrokenEnvironmentError, ClipError, ExitCode, UserError, unknown_name
from liveact_eval.files import atomic_path, is_full, remove_abandoned, sha256_of, write_text


def test_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "name.txt"
    write_text(path, "first\n")
    with pytest.raises(ZeroDivisionError), atomic_path(path) as temporary:
        temporary.write_text("half", encoding="utf-8")
        assert temporary.suffix == ".txt"
        assert 1 // 0
    assert path.read_text(encoding="utf-8") == "first\n"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="only there one can ask whether a process lives")
def test_what_a_killed_process_began_is_removed(tmp_path: Path) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    ).stdout.strip()
    mine = [f".o[u]t.{dead}.part.mp4", f".o[u]t.{os.getpid()}.part.mp4"]
    others = [
        f".o[u]t.{os.getppid()}.part.mp4",
        f".out.{dead}.part.mp4",
        f".o[u]t.{dead}.part.txt",
        "o[u]t.mp4",
    ]
    for name in (*mine, *others):
        (tmp_path / name).write_bytes(b"x")
    assert remove_abandoned(tmp_path / "o[u]t.mp4") == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)
    assert remove_abandoned(tmp_path / "nowhere" / "x.mp4") == 0


def test_full_disk_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(BrokenEnvironmentError, match=r"The disk is full.*run the same command again"),
        atomic_path(tmp_path / "x"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert BrokenEnvironmentError("x").exit_code is ExitCode.ENVIRONMENT
    assert [int(code) for code in ExitCode] == [0, 1, 2, 3, 4]


def test_what_means_full() -> None:
    assert all(is_full(OSError(code, "")) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
    assert is_full(sqlite3.OperationalError("database or disk is full"))
    assert not is_full(OSError(errno.EACCES, ""))
    assert not is_full(sqlite3.OperationalError("database is locked"))
    outer = ValueError("wrapped")
    outer.__cause__ = OSError(errno.ENOSPC, "")
    assert is_full(outer)


def test_text_that_is_none(tmp_path: Path) -> None:
    write_text(tmp_path / "x", "a\udce9b")
    assert (tmp_path / "x").read_text(encoding="utf-8") == "a\\udce9b"


def test_hash(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "x").write_bytes(content)
    assert sha256_of(tmp_path / "x") == hashlib.sha256(content).hexdigest()


def test_clip_errors_travel_between_processes() -> None:
    here, there = multiprocessing.Pipe()
    there.send(ClipError("unreadable", "not a video"))
    error = here.recv()
    assert (error.reason, error.message) == ("unreadable", "not a video")


def test_unknown_names() -> None:
    error = unknown_name("metric", "psrn", ["ssim", "psnr"], hint="Do this.")
    assert isinstance(error, UserError)
    assert str(error) == "Unknown metric 'psrn'. Did you mean 'psnr'? Known: psnr, ssim. Do this."
    assert str(unknown_name("metric", "qqq", [])) == "Unknown metric 'qqq'."
