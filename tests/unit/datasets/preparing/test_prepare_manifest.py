"""The manifest: the last line counts, half a line is none, an edited line is seen, one process writes."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from liveact_eval.datasets.preparing.manifest import Manifest, read_lines, read_manifest
from liveact_eval.datasets.preparing.rows import ClipRow, Status
from liveact_eval.errors import BrokenEnvironmentError, NewerFileError, UserError


def row(clip: str, status: Status = "todo", message: str | None = None) -> ClipRow:
    return ClipRow(
        dataset="hdtf",
        clip_id=clip,
        video_id="talkIdtalkI",
        video_name="talk",
        url="https://example.org",
        identity="0" * 64,
        status=status,
        message=message,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hdtf" / "manifest.jsonl"


def test_rows_are_on_the_disk_at_once_and_the_last_one_counts(path: Path) -> None:
    with Manifest(path) as manifest:
        manifest.put(row("b"))
        manifest.put(row("a"))
        manifest.put(row("b", "dead", "größer"))
        assert len(read_lines(path)) == 3
        found = read_manifest(path, "prepare")
    assert {clip: one.status for clip, one in found.items()} == {"b": "dead", "a": "todo"}
    assert found["b"].message == "größer"
    assert all(one.is_sealed for one in found.values())


def test_tidy_leaves_one_line_per_clip_in_the_order_of_the_split(path: Path) -> None:
    with Manifest(path) as manifest:
        for clip in ("z", "b", "a", "b"):
            manifest.put(row(clip))
        manifest.tidy(["b", "missing", "z"])
        manifest.put(row("c"))
    assert [line.row.clip_id for line in read_lines(path) if line.row] == ["b", "z", "a", "c"]


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_half_a_line_of_a_killed_process_is_left_out(path: Path, kept: int) -> None:
    with Manifest(path) as manifest:
        manifest.put(row("a"))
        first = path.stat().st_size
        manifest.put(row("b"))
    content = path.read_bytes()
    path.write_bytes(content[: first + kept] if kept > 0 else content[:kept])
    assert list(read_manifest(path, "prepare")) == ["a"]
    with Manifest(path) as manifest:
        assert "b" not in manifest
        manifest.put(row("b", "ready"))
    assert [one.status for one in read_manifest(path, "prepare").values()] == ["todo", "ready"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda line: line.replace("todo", "ready"), "edited by hand"),
        (lambda line: line.replace('"clip_id"', '"clip"'), "field `clip"),
        (lambda line: line[: len(line) // 2], "no row of a manifest"),
        (lambda line: "[]", "no row of a manifest"),
        (lambda line: "[" * 100_000, "no row of a manifest"),
    ],
)
def test_changed_line_is_refused_and_made_again(path: Path, change: object, problem: str) -> None:
    with Manifest(path) as manifest:
        manifest.put(row("a"))
        manifest.put(row("b"))
    lines = path.read_text().splitlines()
    assert callable(change)
    path.write_text("\n".join([change(lines[0]), lines[1]]) + "\n")
    with pytest.raises(UserError, match=rf"line 1: .*{problem}.*made again by: prepare it"):
        read_manifest(path, "prepare it")
    with Manifest(path) as manifest:
        assert ("a" in manifest, "b" in manifest) == (False, True)
    assert list(read_manifest(path, "prepare")) == ["b"]


def test_newer_manifest_is_left_alone(path: Path) -> None:
    with Manifest(path) as manifest:
        manifest.put(row("a"))
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"row_version": 2}) + "\n")
    before = path.read_bytes()
    with pytest.raises(NewerFileError, match="pip install -U"), Manifest(path):
        pass
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["manifest.jsonl", ".manifest.lock"])
def test_files_of_somebody_else_are_said(path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with Manifest(path) as manifest:
        manifest.put(row("a"))
    closed, real = path.with_name(name), os.open
    closed.touch()
    closed.chmod(0)

    def refuse(file: str | Path, *arguments: int, **fields: int) -> int:
        # Nothing is forbidden to the superuser.
        if Path(file) == closed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))
        return real(file, *arguments, **fields)

    if os.geteuid() == 0:
        monkeypatch.setattr(os, "open", refuse)
    else:
        path.chmod(0o444)
    with pytest.raises(
        BrokenEnvironmentError, match=rf"{name}' cannot be written: Permission denied.*--root"
    ):
        Manifest(path).__enter__()


def test_second_writer_is_refused(path: Path) -> None:
    with Manifest(path), pytest.raises(UserError, match="prepared by another process"), Manifest(path):
        pass
    with Manifest(path) as manifest:
        manifest.put(row("a"))
    with pytest.raises(ValueError, match="not open"):
        manifest.put(row("b"))
