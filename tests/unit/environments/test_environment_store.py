"""What is known of an environment from its folder alone, and what is said where it cannot be used."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path

import pytest

from liveact_eval.environments import store
from liveact_eval.environments.store import (
    Package,
    Record,
    disk_bytes,
    environment,
    environments_root,
    examine,
    read_record,
    write_record,
)
from liveact_eval.environments.variables import clean_variables
from liveact_eval.errors import UserError
from tests.unit.environments.made_environments import card

CARD = (
    "name: made\ntitle: Made\nsummary: x\nenvironment: {python: '3.11', variables: {CACHE: '{home}/c-{x}'}}\n"
)


def record(python: str = sys.executable, **changes: object) -> Record:
    content = {
        "name": "made",
        "build": "b",
        "made_by": "venv",
        "python": python,
        "python_version": "3.11.1",
        "repository": None,
        "commit": None,
        "own_repository": False,
        "card": "0",
        "packages": [{"name": "a", "version": "1"}],
        "built": "2026-01-01T00:00:00+00:00",
        "seconds": 1.0,
    }
    return Record.model_validate(content | changes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "made.yaml"
    made.write_text(CARD, encoding="utf-8")
    return made


def test_a_usable_environment(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(store.ENVIRONMENTS_VARIABLE, str(tmp_path / "all"))
    monkeypatch.setenv("PYTHONPATH", "/mine")
    monkeypatch.setenv("KEPT", "1")
    assert environments_root() == tmp_path / "all"
    (tmp_path / "all" / "made").mkdir(parents=True)
    write_record(tmp_path / "all" / "made", record())
    found = environment(str(path))
    assert found.python == Path(sys.executable)
    assert found.home == tmp_path / "all" / "made" / "home"
    assert found.variables == {"CACHE": f"{found.home}/c-{{x}}"}
    process = found.process_variables
    assert "PYTHONPATH" not in process
    assert (process["KEPT"], process["CACHE"]) == ("1", found.variables["CACHE"])
    assert process["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)


@pytest.mark.parametrize("state", ["nothing was built", "never finished", "is gone"])
def test_one_message_where_it_cannot_be_used(state: str, path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "all" / "made"
    if state == "never finished":
        (folder / "20260101-000000-1").mkdir(parents=True)
    if state == "is gone":
        folder.mkdir(parents=True)
        write_record(folder, record(python=str(tmp_path / "python")))
    with pytest.raises(UserError) as caught:
        environment(str(path), tmp_path / "all")
    assert state in str(caught.value)
    words = ["liveact-eval", "env", "build", str(path), "--root", str(tmp_path / "all")]
    assert f"Build it with: {shlex.join(words)}" in str(caught.value)


def test_a_missing_repository_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    write_record(folder, record(repository=str(tmp_path / "repo"), commit="0" * 40))
    assert examine(card(), tmp_path)[0] == "broken"
    (tmp_path / "repo").mkdir()
    assert examine(card(), tmp_path)[0] == "card changed"


def test_damaged_and_newer_records(tmp_path: Path) -> None:
    assert read_record(tmp_path) is None
    (tmp_path / "environment.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match="Delete this file, then build again"):
        read_record(tmp_path)
    (tmp_path / "environment.json").write_text(json.dumps({"record_version": 2}), encoding="utf-8")
    with pytest.raises(UserError, match="written by a newer liveact-eval"):
        read_record(tmp_path)


def test_the_lock_is_that_of_everything_installed() -> None:
    one = store.lock_hash(record())
    assert one == store.lock_hash(record(built="2027-01-01T00:00:00+00:00", seconds=9.0))
    other = (Package(name="a", version="2"),)
    assert one != store.lock_hash(record(packages=other))
    assert one != store.lock_hash(record(commit="1" * 40))


def test_disk_use_counts_files_once_and_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1000)
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    (tmp_path / "c").symlink_to("/")
    assert disk_bytes(tmp_path) == 1000
    assert disk_bytes(tmp_path / "nowhere") == 0


def test_no_trace_of_the_callers_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    traces = (
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONOPTIMIZE",
        "PYTHONWARNINGS",
        "PIP_TARGET",
        "PIP_USER",
        "GIT_DIR",
    )
    for name in (*traces, "PYTHONHASHSEED", "GIT_SSH_COMMAND", "VIRTUAL_ENV"):
        monkeypatch.setenv(name, "/x")
    monkeypatch.setenv("PATH", os.pathsep.join(["/x/bin", str(Path(sys.prefix) / "bin"), "/usr/bin"]))
    found = clean_variables(Path("/e/bin/python"))
    assert not {*traces} & found.keys()
    assert (found["PYTHONHASHSEED"], found["GIT_SSH_COMMAND"]) == ("/x", "/x")
    assert found["VIRTUAL_ENV"] == "/e"
    # A program that it lacks must not be found among the caller's own.
    assert found["PATH"] == os.pathsep.join(["/e/bin", "/usr/bin"])
