"""Clips, models and metrics that fail: the run goes on, says which and why, and the exit code is 3."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.helpers import QUICK, Answer, call, fresh, make_clip, process, results, row, units

Fill = Callable[[Path], Path]
ODD_NAMES = (
    "with space",
    "quote ' and \"",
    "Ünïcode 名",
    "-leading-dash",
    "100% of [it]",
    "two\nlines",
    "pipe | & $x_#{}~^\\",
)


def run_on(folder: Path, out: Path, *words: str | Path) -> Answer:
    return call("run", "--dataset", folder, "--model", "still", *QUICK, "--out", out, *words)


@pytest.fixture
def bad(clips: Fill, tmp_path: Path) -> Path:
    """A folder with three good clips and three that are none."""
    folder = clips(tmp_path / "videos")
    (folder / "text.mp4").write_text("no video", encoding="utf-8")
    (folder / "empty.mp4").touch()
    (folder / "cut.mp4").write_bytes((folder / "a.mp4").read_bytes()[:2000])
    return folder


def test_bad_files_cost_themselves_only(bad: Path, tmp_path: Path) -> None:
    answer = run_on(bad, tmp_path / "run")
    assert answer.code == 3
    assert "Traceback" not in answer.err
    failed = {(f["model"], f["clip"]): f for f in results(tmp_path / "run")["failed"]}
    assert set(failed) == {(model, clip) for model in ("real", "still") for clip in ("cut", "empty", "text")}
    assert {f["reason"] for f in failed.values()} <= {"unreadable", "corrupt", "truncated"}
    assert all(f["message"] for f in failed.values())
    for model in ("real", "still"):
        found = row(tmp_path / "run", model, "psnr_db")
        assert (found["n"], found["n_total"], sum(found["failures"].values())) == (3, 6, 3)
        assert found["value"] is not None
    assert "n = 3/6 (" in answer.out
    assert "failed still text" in answer.err
    assert "n = 3/6" in (tmp_path / "run" / "tables" / "results.md").read_text(encoding="utf-8")


def test_failed_clips_are_tried_again(bad: Path, tmp_path: Path) -> None:
    run_on(bad, tmp_path / "run")
    before = units(tmp_path / "run")
    for name in ("text", "empty", "cut"):
        make_clip(bad / f"{name}.mp4")
    assert run_on(bad, tmp_path / "run").code == 0
    assert {unit.clip for unit in fresh(before, units(tmp_path / "run"))} == {"text", "empty", "cut"}
    assert row(tmp_path / "run", "still", "psnr_db")["n"] == 6
    assert results(tmp_path / "run")["failed"] == []


@pytest.mark.parametrize(("limit", "failures"), [("1", 2), ("0.2", 3), ("0", 1)])
def test_too_many_failures_stop_the_run(limit: str, failures: int, bad: Path, tmp_path: Path) -> None:
    answer = run_on(bad, tmp_path / "run", "--max-failures", limit)
    assert answer.code == 3
    assert f"{failures} of 12 (clip, model) pairs failed" in answer.err
    assert "the same command continues" in answer.err
    stored = results(tmp_path / "run")
    assert len(stored["failed"]) == failures
    # a, b and c come first in order of the id.
    assert row(tmp_path / "run", "still", "psnr_db")["n"] == 3
    assert run_on(bad, tmp_path / "run").code == 3
    assert len(results(tmp_path / "run")["failed"]) == 6


def test_as_many_failures_as_tolerated_do_not_stop_it(bad: Path, tmp_path: Path) -> None:
    for limit in ("6", "0.5"):
        answer = run_on(bad, tmp_path / limit, "--max-failures", limit)
        assert answer.code == 3
        assert "Stopped" not in answer.err


def test_odd_names(tmp_path: Path) -> None:
    folder = tmp_path / "odd, 100% [ü]"
    for number, name in enumerate(ODD_NAMES):
        make_clip(folder / f"{name}.mp4", speaker=number, seconds=0.2)
    make_clip(os.fsencode(folder) + b"/latin-\xe9.mp4", seconds=0.2)
    answer = run_on(folder, tmp_path / "run")
    assert answer.code == 0, answer.err
    stored = results(tmp_path / "run")
    assert set(stored["clips"]) == {*ODD_NAMES, "latin-\\xe9"}
    assert row(tmp_path / "run", "still", "psnr_db")["n"] == len(ODD_NAMES) + 1
    assert run_on(folder, tmp_path / "run").code == 0


def test_names_that_are_no_text(tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xe9"))
    make_clip(odd / "a.mp4", seconds=0.2)
    for form in ((), ("--json",)):
        answer = run_on(odd, odd / "run", *form)
        assert answer.code == 0, answer.err
    # A terminal refuses what a string in memory takes.
    answer = process("run", "--dataset", odd, "--model", "still", "--plan", "--out", odd / "run")
    assert answer.code == 0, answer.err
    assert "\\xe9" in answer.out
    assert results(odd / "run")["dataset_title"] == "\\xe9"


def metric(path: Path, name: str, features: str = "pass") -> Path:
    path.write_text(
        f"""
import os, signal
from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics.base import ClipScore, Metric, Output
from liveact_eval.metrics.registry import register

@register
class Mine(Metric):
    name = "{name}"
    outputs = (Output(name="{name}", title="Mine", direction="up"),)
    needs = {{"frames": FrameNeed(colour="luma")}}
    recipe = "mine@1"
    summary = "Mean luma."
    source = "a test"

    def features(self, need, batch):
        return batch.windows[:, 0].flatten(1).mean(dim=1)

    def score(self, rows, clip):
        frames = len(rows["frames"])
        {features}
        return ClipScore(values={{"{name}": frames}})
""",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def one_longer(clips: Fill, tmp_path: Path) -> Path:
    """The clip `b` has 30 frames, all others 20: by that a metric can tell it."""
    folder = clips(tmp_path / "videos")
    make_clip(folder / "b.mp4", seconds=1.2)
    return folder


def test_exception_in_a_metric_is_recorded(one_longer: Path, tmp_path: Path) -> None:
    mine = metric(tmp_path / "mine.py", "mine", "assert frames != 30, 'thirty frames'")
    answer = run_on(one_longer, tmp_path / "run", "--metrics", f"{mine},psnr")
    assert answer.code == 3
    assert "Traceback" not in answer.err
    (failed, other) = results(tmp_path / "run")["failed"]
    assert (failed["model"], failed["clip"], failed["stage"]) == ("real", "b", "measure")
    assert (failed["reason"], failed["message"]) == (
        "internal_error",
        "metric mine: AssertionError: thirty frames",
    )
    assert other["model"] == "still"
    assert row(tmp_path / "run", "real", "mine")["failures"] == {"internal_error": 1}
    assert (
        row(tmp_path / "run", "real", "psnr_db")["n"] == row(tmp_path / "run", "real", "psnr_db")["n_total"]
    )
    log = (tmp_path / "run" / "errors.log").read_text(encoding="utf-8")
    assert "real b measure" in log
    assert "Traceback" in log
    assert "thirty frames" in log


def test_each_metric_that_failed_is_listed_with_what_was_wrong(clips: Fill, tmp_path: Path) -> None:
    first = metric(tmp_path / "first.py", "first", "assert not frames, 'some frames'")
    second = metric(tmp_path / "second.py", "second", "return ClipScore(values={'second': None})")
    out = tmp_path / "run"
    answer = run_on(clips(tmp_path / "videos"), out, "--metrics", f"{first},{second},psnr")
    assert answer.code == 3
    assert "Traceback" not in answer.err
    wrong = "metric second: TypeError: score returned None for 'second'; expected a number or Missing(reason, detail)"
    messages = [f["message"] for f in results(out)["failed"] if (f["model"], f["clip"]) == ("real", "a")]
    assert sorted(messages) == ["metric first: AssertionError: some frames", wrong]
    assert row(out, "real", "psnr_db")["n"] == 3
    (told,) = [
        value["detail"]
        for value in results(out)["clip_values"]
        if (value["model"], value["clip"], value["metric"]) == ("real", "a", "second")
    ]
    assert told == wrong
    assert f"Not measured (internal_error): second. For example: {wrong}." in answer.out
    assert f"- Not measured (internal_error): second. For example: {wrong}." in (
        out / "tables" / "results.md"
    ).read_text(encoding="utf-8")


def test_metric_that_fails_later_leaves_what_others_found(one_longer: Path, tmp_path: Path) -> None:
    run_on(one_longer, tmp_path / "run")
    before = units(tmp_path / "run")
    good = row(tmp_path / "run", "still", "psnr_db")
    mine = metric(tmp_path / "later.py", "later", "assert frames != 30")
    answer = run_on(one_longer, tmp_path / "run", "--metrics", f"{mine},psnr")
    assert answer.code == 3
    assert row(tmp_path / "run", "still", "psnr_db") == good
    assert row(tmp_path / "run", "still", "later")["failures"] == {"internal_error": 1}
    assert [f["clip"] for f in results(tmp_path / "run")["failed"]] == ["b", "b"]
    after = units(tmp_path / "run")
    assert {key: after[key] for key in before if before[key].stage != "survey"} == {
        key: unit for key, unit in before.items() if unit.stage != "survey"
    }
    assert run_on(one_longer, tmp_path / "run").code == 0


def test_worker_that_dies_costs_one_clip(one_longer: Path, tmp_path: Path) -> None:
    mine = metric(tmp_path / "deadly.py", "deadly", "frames == 30 and os.kill(os.getpid(), signal.SIGKILL)")
    out = tmp_path / "run"
    words = ("--metrics", mine, "--set", "workers=2")
    answer = call("run", "--dataset", one_longer, "--model", "real", "--out", out, *words)
    assert answer.code == 3
    assert "Traceback" not in answer.err
    assert [(f["clip"], f["reason"]) for f in results(out)["failed"]] == [("b", "worker_died")]
    found = row(out, "real", "deadly")
    assert (found["n"], found["value"], found["failures"]) == (2, 20, {"worker_died": 1})


def test_value_that_is_no_number_is_missing(clips: Fill, tmp_path: Path) -> None:
    mine = metric(tmp_path / "nan.py", "nan", "frames = float('nan')")
    assert run_on(clips(tmp_path / "videos"), tmp_path / "run", "--metrics", mine).code == 0
    found = row(tmp_path / "run", "still", "nan")
    assert (found["value"], found["n"], found["failures"]) == (None, 0, {"not_finite": 3})


def test_rejected_clips_have_no_numbers(clips: Fill, tmp_path: Path) -> None:
    answer = run_on(clips(tmp_path / "videos"), tmp_path / "run", "--set", "sanity.reject=[frozen]")
    assert answer.code == 3
    assert row(tmp_path / "run", "still", "psnr_db")["failures"] == {"frozen": 3}
    assert row(tmp_path / "run", "real", "psnr_db")["n"] == 3
    assert "Still: 3 of 3 clips rejected as frozen." in answer.out


def test_journal_survives_an_error_that_nobody_foresaw(
    clips: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = clips(tmp_path / "videos")
    with monkeypatch.context() as patch:
        patch.setattr("liveact_eval.execution.session.aggregate", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            run_on(folder, tmp_path / "run")
    with sqlite3.connect(tmp_path / "run" / "journal.sqlite") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    before = units(tmp_path / "run")
    assert run_on(folder, tmp_path / "run").code == 0
    assert fresh(before, units(tmp_path / "run")) == []
