"""`models|datasets|metrics list|show`, `doctor`, and requests that this version cannot meet."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from liveact_eval.cards.load import list_cards
from tests.cli.helpers import call, command, refused

NOUNS = ("models", "datasets", "metrics")


@pytest.mark.parametrize("noun", NOUNS)
def test_list(noun: str) -> None:
    rows = call(noun, "list", "--json").json
    names = [row["name"] for row in rows]
    assert len(names) == len(set(names)) > 2
    assert all(row["summary"] for row in rows)
    if noun != "metrics":
        assert names == sorted(list_cards(noun))
    answer = call(noun, "list")
    assert (answer.code, answer.err) == (0, "")
    assert all(name in answer.out for name in names)


@pytest.mark.parametrize("noun", NOUNS)
def test_show(noun: str) -> None:
    for row in call(noun, "list", "--json").json:
        shown = call(noun, "show", row["name"], "--json").json
        assert shown["name"] == row["name"]
        answer = call(noun, "show", row["name"])
        assert (answer.code, answer.err) == (0, "")
        assert f"name: {row['name']}" in answer.out


def test_show_a_card_by_path(tiny: Path) -> None:
    assert call("datasets", "show", tiny, "--json").json["talkers"]["seconds"] == 0.8


def test_show_several_metrics_is_still_one_json() -> None:
    assert len(call("metrics", "show", "all", "--json").json["metrics"]) > 5


@pytest.mark.parametrize(
    ("noun", "typo", "meant"),
    [("models", "stil", "still"), ("datasets", "talker", "talkers"), ("metrics", "psrn", "psnr")],
)
def test_unknown_name_gets_the_nearest(noun: str, typo: str, meant: str) -> None:
    answer = call(noun, "show", typo)
    refused(answer, repr(typo), f"Did you mean {meant!r}?", f"liveact-eval {noun} list")
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "typo", "meant"),
    [("--model", "blurr", "blur"), ("--dataset", "talker-128", "talkers-128"), ("--metrics", "ssmi", "ssim")],
)
def test_run_refuses_unknown_names(option: str, typo: str, meant: str, tmp_path: Path) -> None:
    refused(call("run", option, typo, "--out", tmp_path / "run"), repr(typo), f"Did you mean {meant!r}?")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "name", "advice"),
    [
        ("--dataset", "hdtf", "liveact-eval datasets prepare hdtf"),
        ("--dataset", "celebvhq", "liveact-eval datasets prepare celebvhq --accept-terms"),
        ("--dataset", "folder", "--dataset path/to/videos"),
        ("--model", "liveact", "liveact-eval models fetch liveact"),
        ("--model", "mine.yaml", "Check the path"),
    ],
)
def test_what_is_not_there_yet_says_what_to_do(
    option: str, name: str, advice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEACT_EVAL_DATA", str(tmp_path / "none"))
    refused(call("run", option, name, "--out", tmp_path / "run"), advice)
    assert list(tmp_path.iterdir()) == []


def test_doctor() -> None:
    answer = call("doctor", "--json")
    states = {check["name"]: check["state"] for check in answer.json}
    assert (answer.code, answer.err) == (0, "")
    assert states["self-test"] == "ok"
    assert "broken" not in states.values()


def test_doctor_finds_what_is_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LIVEACT_EVAL_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr("liveact_eval.execution.doctor._self_test", _offset_of_three)
    answer = call("doctor")
    assert answer.code == 4
    assert "export LIVEACT_EVAL_CACHE=" in answer.out
    assert "measured 3" in answer.out


def _offset_of_three() -> object:
    from liveact_eval.execution.doctor import Check

    return Check("self-test", "broken", "expected an offset of 4 frames, measured 3", "reinstall")


@pytest.mark.parametrize(
    "words", [("models", "list"), ("models", "list", "--json"), ("metrics", "list", "--json")]
)
def test_a_reader_that_leaves_is_no_error(words: tuple[str, ...]) -> None:
    """As in `liveact-eval models list --json | head -1`."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = subprocess.run(
            command(*words), stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    finally:
        os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, "")
