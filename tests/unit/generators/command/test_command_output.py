"""Finding what a program has written, and the folders in which it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from liveact_eval.cards.command_rules import WorkFolder
from liveact_eval.errors import ClipError, UserError
from liveact_eval.generators.command.output import find_output, output_pattern, snapshot
from liveact_eval.generators.command.workspace import Workspace, remove_abandoned_workspaces, workspace


def write(path: Path, content: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def test_values_are_taken_literally() -> None:
    assert output_pattern("out/{stem}*.mp4", {"stem": "a[1]*"}) == "out/a[[]1][*]*.mp4"
    assert output_pattern("{index}.mp4", {"index": 3}) == "3.mp4"


def test_the_one_new_file_is_found(tmp_path: Path) -> None:
    old, changed = write(tmp_path / "out" / "old.mp4"), write(tmp_path / "out" / "changed.mp4")
    before = snapshot(tmp_path, "out/*.mp4")
    with pytest.raises(
        ClipError, match=r"no_output.*new videos: 'out/changed\.mp4', 'out/old\.mp4'"
    ) as caught:
        find_output(tmp_path, "out/*.mp4", before)
    assert "Correct `output`" in caught.value.message
    write(changed, "longer")
    assert find_output(tmp_path, "out/*.mp4", before) == changed
    (tmp_path / "out" / "folder.mp4").mkdir()
    assert find_output(tmp_path, "out/*.mp4", before) == changed
    write(tmp_path / "out" / "new.mp4")
    with pytest.raises(ClipError, match=r"several_outputs.*2 new files match 'out/\*\.mp4'"):
        find_output(tmp_path, "out/*.mp4", before)
    assert find_output(tmp_path, "**/new.mp4", {}).name == "new.mp4"
    assert old.is_file()


def test_a_workspace_is_gone_afterwards_and_its_path_is_plain(tmp_path: Path) -> None:
    out = tmp_path / "it's my run; v1.2" / "clip.mp4"
    with workspace(out) as space:
        plain = str(space.output).removeprefix(os.environ.get("TMPDIR", "/tmp"))
        assert set(plain) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/")
        write(space.output / "x.mp4")
        assert [path.name for path in out.parent.rglob("x.mp4")] == ["x.mp4"], "it is on the disk of the run"
    assert list(out.parent.iterdir()) == []
    with pytest.raises(RuntimeError), workspace(out):
        raise RuntimeError
    assert list(out.parent.iterdir()) == []


def test_workspaces_of_killed_processes_are_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    write(tmp_path / f".a.{ended.pid}.work" / "big")
    write(tmp_path / f".b.{os.getpid()}.work" / "big")
    write(tmp_path / ".c.work" / "not ours")
    remove_abandoned_workspaces(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f".b.{os.getpid()}.work", ".c.work"}


def test_links(tmp_path: Path) -> None:
    """Relative paths of a repository can be read, what a program writes stays out of it."""
    repository, space = tmp_path / "repo", Workspace(tmp_path / "space")
    for name in ("configs/a.yaml", "run.py", ".git/HEAD", "output/old.mp4", "out/old.mp4", "models/own"):
        write(repository / name)
    wan, extra = write(tmp_path / "w1" / "index.json", "wan").parent, tmp_path / "w2"
    write(wan / "vae.pth")
    write(extra / "index.json", "other")
    space.output.mkdir(parents=True)
    rule = WorkFolder(
        own=("output",), links={"models/base": ("{weights.a}", "{weights.b}"), "w": "{weights.a}"}
    )
    space.link(rule, repository, {"weights.a": str(wan), "weights.b": str(extra)})
    assert (space.work / "configs" / "a.yaml").read_text() == "x"
    assert {path.name for path in space.work.iterdir()} == {"configs", "run.py", "out", "models", "w"}
    assert list(space.output.iterdir()) == []
    assert (space.work / "models" / "base" / "index.json").read_text() == "other"
    assert (space.work / "models" / "base" / "vae.pth").read_text() == "x"
    with pytest.raises(UserError, match=r"work\.links.*'/no/such'"):
        space.link(WorkFolder(links={"x": "/no/such"}), None, {})
