"""Where clips go: refused before anything is fetched, and nothing is written to find out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from liveact_eval.datasets.preparing.places import check_places
from liveact_eval.errors import BrokenEnvironmentError, UserError


def test_folders_that_are_there_or_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check_places([tmp_path, tmp_path / "new" / "newer", Path("relative")])
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file' is a file, expected a folder.*--root or LIVEACT_EVAL_DATA"):
        check_places([tmp_path, tmp_path / "file" / "hdtf"])


def test_a_folder_that_takes_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0:
        # Nothing is forbidden to this user; on others the real answer is asked for.
        monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path / "closed")
    (tmp_path / "closed").mkdir(mode=0o555)
    with pytest.raises(BrokenEnvironmentError, match=r"closed/hdtf': '.*closed' takes no files.*--root"):
        check_places([tmp_path, tmp_path / "closed" / "hdtf"])


def test_a_name_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(BrokenEnvironmentError, match="File name too long"):
        check_places([tmp_path / ("x" * 300)])
