"""`reproduce`, `report` and `runs` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.helpers import call, refused
from tests.cli.test_help import commands, loaded

WORDS = [
    ("reproduce",),
    ("report",),
    *(("runs", verb) for verb in ("list", "show", "remove", "export", "validate")),
    ("runs",),
]


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_help_has_an_example(words: tuple[str, ...]) -> None:
    answer = call(*words, "--help")
    assert answer.code == 0
    assert f"liveact-eval {words[0]}" in " ".join(answer.out.split("Example", 1)[1].split())


def test_help_stays_light() -> None:
    assert loaded(commands(*((*words, "--help") for words in WORDS))) == set()


def test_reproduce_with_an_embedded_run_fills_nothing(finished: Path, tmp_path: Path) -> None:
    answer = call("reproduce", "liveact/table2", "--run", finished, "--format", "json")
    assert answer.code == 0, answer.err
    assert answer.json["filled"] == 0
    reasons = {cell["absence"]["reason"] for table in answer.json["tables"] for cell in table["cells"]}
    assert reasons == {"mini"}
    answer = call("reproduce", "liveact/table4", "--format", "html", "--out", tmp_path / "page")
    assert answer.code == 0, answer.err
    assert Path(answer.out.strip()) == tmp_path / "page" / "reproduce.html"
    assert "300 steps conflicts" in (tmp_path / "page" / "reproduce.html").read_text(encoding="utf-8")


def test_reproduce_names_the_nearest_table() -> None:
    refused(call("reproduce", "liveact/tabel2"), "Did you mean 'liveact/table2")


def test_report_of_a_finished_run(run: Path, tmp_path: Path) -> None:
    answer = call("report", run)
    assert answer.code == 0, answer.err
    assert Path(answer.out.strip()) == run / "report" / "index.html"
    # The row of real videos points into the cache of drawn clips; the report has them all the same.
    assert len(list((run / "report" / "videos").rglob("*.mp4"))) == 12
    refused(call("report", run, run), "--out FOLDER")
    refused(call("report", tmp_path / "none"), "No run at")


def test_runs(run: Path, tmp_path: Path) -> None:
    listed = call("runs", "list", run.parent, "--json").json
    (row,) = [row for row in listed if row["run"] == str(run)]
    assert (row["state"], row["dataset"], row["models"], row["clips"]) == ("finished", "tiny", 3, 4)
    assert call("runs", "show", run, "--json").json["metrics"]["psnr_db"] == "psnr-rgb-framewise-cap100@1"
    answer = call("runs", "export", run, "--out", tmp_path / "run.zip", "--videos")
    assert answer.code == 0, answer.err
    answer = call("runs", "validate", tmp_path / "run.zip", "--into", tmp_path / "theirs")
    assert (answer.code, answer.out) == (0, f"{tmp_path / 'run.zip'}: valid.\n")
    results = tmp_path / "theirs" / "results.json"
    content = json.loads(results.read_text(encoding="utf-8"))
    content["rows"][0]["n"] = 3
    results.write_text(json.dumps(content), encoding="utf-8")
    answer = call("runs", "validate", tmp_path / "theirs", "--json")
    assert answer.code == 1
    assert not answer.json["valid"]
    refused(call("runs", "remove", tmp_path / "theirs"), "--yes")
    assert call("runs", "remove", tmp_path / "theirs", "--yes").code == 0
    assert not (tmp_path / "theirs").exists()
