"""`liveact-eval compare`: runs of the real command in one table."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from liveact_eval.comparing.markdown import read_table
from liveact_eval.comparing.tabular import read_differences, read_values
from tests.cli.helpers import call, refused, row

SETS = ("--metrics", "psnr,mini_fid", "--set", "workers=1", "--set", "statistics.resamples=200")


@pytest.fixture(scope="module")
def two(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two runs over the same clips, one of them over fewer; noise is in both, with another seed."""
    root = tmp_path_factory.mktemp("compared")
    words = ("run", "--dataset", tiny, *SETS)
    first = call(*words, "--model", "noise", "--model", "blur", "--out", root / "a")
    second = call(*words, "--model", "noise", "--seed", "1", "--limit", "3", "--out", root / "b")
    assert (first.code, second.code) == (0, 0), first.err + second.err
    return root / "a", root / "b"


def test_help_has_examples() -> None:
    answer = call("compare", "--help")
    assert answer.code == 0
    assert "liveact-eval compare runs/ours runs/theirs" in " ".join(answer.out.split())


def test_one_run_has_the_numbers_of_its_own_table(finished: Path) -> None:
    answer = call("compare", finished, "--format", "csv")
    assert answer.code == 0, answer.err
    lines = {(line.column, line.metric): line for line in read_values(answer.out)}
    assert lines
    for (model, metric), line in lines.items():
        own = row(finished, model, metric)
        assert line.value == pytest.approx(own["value"])
        assert (line.n, line.recipe) == (own["n"], own["recipe"])
        assert line.protocol == own["protocol"]


def test_two_runs(two: tuple[Path, Path], tmp_path: Path) -> None:
    answer = call("compare", *two, "--out", tmp_path / "tables")
    assert answer.code == 0, answer.err
    sheet = read_table(answer.out)
    assert sheet.columns == ("Real", "Noise 12 (a)", "Blur", "Noise 12 (b)")
    assert "1 of 4 clips are not in all runs" in answer.out
    assert "protocol tiny@1:" in answer.out and "3 clips of 3 speakers" in answer.out
    names = {path.name for path in (tmp_path / "tables").iterdir()}
    assert names == {
        "comparison.md",
        "comparison.tex",
        "comparison.csv",
        "comparison.json",
        "differences.csv",
    }
    content = json.loads((tmp_path / "tables" / "comparison.json").read_text())
    assert content["protocol"] == row(two[1], "real", "psnr_db")["protocol"]
    pairs = {
        (d.column, d.other) for d in read_differences((tmp_path / "tables" / "differences.csv").read_text())
    }
    assert pairs == {("noise@a", "blur"), ("noise@a", "noise@b"), ("blur", "noise@b")}


def test_sets_are_merged_anew_over_the_shared_clips(two: tuple[Path, Path]) -> None:
    answer = call("compare", *two, "--metrics", "mini_fid", "--format", "json")
    assert answer.code == 0, answer.err
    values = {value["column"]: value for value in answer.json["values"]}
    # The second run has just these clips, and so its own number; the first has one clip more.
    assert values["noise@b"]["value"] == pytest.approx(row(two[1], "noise", "mini_fid")["value"])
    assert values["noise@a"]["value"] != pytest.approx(row(two[0], "noise", "mini_fid")["value"], rel=1e-4)
    assert values["noise@a"]["n"] == 3
    found = {(d["column"], d["other"]): d for d in answer.json["differences"]}
    difference = found["noise@a", "noise@b"]
    assert difference["difference"] == pytest.approx(values["noise@a"]["value"] - values["noise@b"]["value"])
    assert difference["ci_low"] < difference["ci_high"]


def test_a_journal_of_another_state_is_not_believed(two: tuple[Path, Path], tmp_path: Path) -> None:
    changed = Path(shutil.copytree(two[0], tmp_path / "a"))
    with sqlite3.connect(changed / "journal.sqlite") as db:
        (other,) = db.execute(
            "SELECT parts.data FROM parts JOIN units ON units.key = parts.unit WHERE units.model = 'blur' LIMIT 1"
        ).fetchone()
        db.execute(
            "UPDATE parts SET data = ? WHERE unit IN (SELECT key FROM units WHERE model = 'noise')", (other,)
        )
    db.close()
    values = call("compare", changed, two[1], "--metrics", "mini_fid", "--format", "json").json["values"]
    assert {v["column"]: v["reason"] for v in values if v["column"] == "noise@a"} == {
        "noise@a": "journal_differs"
    }


def test_results_alone_are_enough_for_one_protocol(two: tuple[Path, Path], tmp_path: Path) -> None:
    for name, source in zip("ab", two, strict=True):
        shutil.copy(source / "results.json", tmp_path / f"{name}.json")
    alone = call("compare", tmp_path / "a.json", "--metrics", "psnr,mini_fid", "--format", "json").json
    assert {v["reason"] for v in alone["values"] if v["metric"] == "mini_fid"} == {"no_journal"}
    assert all(value["value"] is not None for value in alone["values"])
    refused(
        call("compare", tmp_path / "a.json", tmp_path / "b.json"), "cannot stand in one table", "run.json"
    )


def test_refused(finished: Path, two: tuple[Path, Path], tmp_path: Path) -> None:
    refused(call("compare", tmp_path / "none"), "No run at", "none")
    refused(call("compare", finished, "--metrics", "psn"), "Did you mean")
    changed = Path(shutil.copytree(finished, tmp_path / "changed"))
    content = json.loads((changed / "run.json").read_text())
    (changed / "run.json").write_text(json.dumps(content | {"protocol_id": "tiny@1:0"}))
    refused(call("compare", changed), "was changed and not finished")
    (changed / "run.json").write_text("{")
    refused(call("compare", changed), "damaged")
    (changed / "results.json").write_text("{}")
    refused(call("compare", changed), "results.json")


def test_formats(finished: Path) -> None:
    assert "\\toprule" in call("compare", finished, "--format", "tex").out
    assert call("compare", finished, "--format", "xml").code == 2
