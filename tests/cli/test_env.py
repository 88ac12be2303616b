"""`liveact-eval env`: building by the command, showing, removing, and what is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from liveact_eval.cli.app import app
from tests.cli.helpers import call, process, refused

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
CARD = f"""\
name: mine
title: My tool
summary: A tool of my own.
licence: MIT
environment:
  python: "{VERSION}"
  imports: [import json]
  variables: {{CACHE: "{{home}}/cache"}}
  index_note: Its packages lie on an index of their own.
  needs: {{disk_gib: 0.1}}
  files:
    - {{file: weights/a.bin, used_by: [everything], source: the authors' page}}
"""


@pytest.fixture
def card(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(CARD, encoding="utf-8")
    return path


def test_build_show_remove(card: Path, tmp_path: Path) -> None:
    root = ("--root", tmp_path / "envs")
    before = call("env", "show", card, *root, "--json").json
    assert (before["state"], before["packages"], before["interpreter"]) == ("not built", {}, None)
    assert before["build_with"] == f"liveact-eval env build {card} --root {tmp_path / 'envs'}"
    built = call("env", "build", card, "--python", sys.executable, *root)
    assert built.code == 0, built.err
    assert built.out.startswith("My tool: built in ")
    assert "note: Its packages lie on an index of their own." in built.err
    assert "check: import json" in built.err
    home = tmp_path / "envs" / "mine" / "home"
    shown = call("env", "show", card, *root, "--json").json
    assert (shown["state"], shown["interpreter"]) == ("built", sys.executable)
    assert shown["variables"] == {"CACHE": f"{home}/cache"}
    assert "pytest" in shown["packages"]
    assert shown["python"]["found"].startswith(VERSION)
    assert shown["disk_bytes"] > 0
    assert shown["files"] == [
        {"file": "weights/a.bin", "used_by": "everything", "state": "missing", "from": "the authors' page"}
    ]
    (home / "weights").mkdir()
    (home / "weights" / "a.bin").write_bytes(b"x")
    assert call("env", "show", card, *root, "--json").json["files"][0]["state"] == "present"
    removed = call("env", "remove", card, "--yes", *root)
    assert removed.out.startswith(f"removed {tmp_path / 'envs' / 'mine'}")
    assert not (tmp_path / "envs" / "mine").exists()
    assert Path(sys.executable).is_file()
    refused(call("env", "remove", card, "--yes", *root), "nothing to remove")
    (tmp_path / "envs" / "mine" / "photographs").mkdir(parents=True)
    refused(call("env", "remove", card, "--yes", *root), "is no environment: it holds 'photographs'")
    assert (tmp_path / "envs" / "mine" / "photographs").is_dir()


def test_remove_asks(card: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = ("--root", tmp_path / "envs")
    (tmp_path / "envs" / "mine").mkdir(parents=True)
    asked: list[str] = []
    monkeypatch.setattr("typer.confirm", lambda text, **_: asked.append(text))
    assert call("env", "remove", card, *root).code == 1
    assert asked[0].startswith(f"Delete {tmp_path / 'envs' / 'mine'} (")
    assert (tmp_path / "envs" / "mine").is_dir()


def test_list_has_every_card(tmp_path: Path) -> None:
    rows = {row["name"]: row for row in call("env", "list", "--root", tmp_path, "--json").json}
    assert {"vbench", "syncnet-python", "cd-fvd", "torch-fidelity"} <= rows.keys()
    assert {row["state"] for row in rows.values()} == {"not built"}
    assert {(row["packages"], row["disk_bytes"]) for row in rows.values()} == {(None, 0)}
    (tmp_path / "vbench").mkdir()
    (tmp_path / "vbench" / "environment.json").write_text("{", encoding="utf-8")
    listed = call("env", "list", "--root", tmp_path)
    assert "vbench" in listed.out
    assert "not built" in listed.out
    assert "damaged: see env show" in " ".join(listed.out.split())
    refused(call("env", "show", "vbench", "--root", tmp_path), "Delete this file, then build again")


def test_what_is_missing_is_said_in_one_message(tmp_path: Path) -> None:
    path = tmp_path / "much.yaml"
    needs = {"programs": ["no-such-program"], "disk_gib": 1e9}
    content = {
        "name": "much",
        "title": "Much",
        "summary": "x",
        "environment": {"python": "3.99", "needs": needs},
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    answer = call("env", "build", path, "--root", tmp_path / "envs")
    refused(answer, "3 things are missing", "Python 3.99", "apt install no-such-program", "1e+09 GiB needed")
    refused(call("env", "build", "vbensh"), "Did you mean 'vbench'?")
    refused(call("env", "build", "still"), "is a model without an environment")


def test_a_failed_check_says_where_the_log_is(card: Path, tmp_path: Path) -> None:
    card.write_text(CARD.replace("import json", "import no_such_module"), encoding="utf-8")
    answer = call("env", "build", card, "--python", sys.executable, "--root", tmp_path / "envs", "--quiet")
    assert answer.code == 2
    for part in ("No module named 'no_such_module'", str(tmp_path / "envs" / "mine" / "build.log")):
        assert part in answer.err
    assert call("env", "show", card, "--root", tmp_path / "envs", "--json").json["state"] == "not built"


def test_an_interrupted_build_leaves_nothing(card: Path, tmp_path: Path) -> None:
    # The parent of a check is its guard; who builds is the guard's.
    said = (
        "import os, signal, time; guard = open(f'/proc/{os.getppid()}/stat').read(); "
        "os.kill(int(guard.split()[3]), signal.SIGINT); time.sleep(600)"
    )
    card.write_text(CARD.replace("import json", f'"{said}"'), encoding="utf-8")
    words = ("env", "build", card, "--python", sys.executable, "--root", tmp_path / "envs", "--quiet")
    answer = process(*words)
    assert answer.code == 130, answer.err
    assert "Nothing unfinished is kept" in answer.err
    left = {path.name for path in (tmp_path / "envs" / "mine").iterdir()}
    assert left == {"home", "build.log"}


def test_the_backend_needs_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.cli.helpers import make_clip

    monkeypatch.setenv("LIVEACT_EVAL_ENVIRONMENTS", str(tmp_path / "none"))
    make_clip(tmp_path / "a.mp4")
    words = ("score", tmp_path / "a.mp4", "--out", tmp_path / "run", "--backend")
    refused(call(*words, "vbench-official"), "Build it with: liveact-eval env build vbench")
    refused(call(*words, "both", "--metrics", "ssim"), "The backend vbench-official has no ssim")
    assert not (tmp_path / "run").exists()


def test_help_and_options() -> None:
    group = get_command(app).commands["env"]  # type: ignore[attr-defined]
    assert {name: len(command.params) for name, command in group.commands.items()} == {
        "build": 7,
        "list": 2,
        "show": 3,
        "remove": 3,
    }
    for verb in ("build", "list", "show", "remove"):
        assert "liveact-eval env" in " ".join(call("env", verb, "--help").out.split())
