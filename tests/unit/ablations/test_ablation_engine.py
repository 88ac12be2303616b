"""Units are done once, kept at once, and summed up with what is missing."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from liveact_eval.ablations.engine import plan_ablation, run_ablation
from liveact_eval.ablations.schema import read_ablation
from liveact_eval.errors import ExitCode, UserError
from tests.unit.ablations.stand_in_study import Known, Silent, request


def test_table_findings_and_files(tmp_path: Path) -> None:
    finished = run_ablation(Known(), request(tmp_path), lambda _: Silent())
    assert finished.exit_code == ExitCode.OK
    found = read_ablation(tmp_path / "ablation.json")
    assert found == finished.ablation
    height = next(row for row in found.rows if (row.variant, row.measure) == ("b", "height"))
    assert height.value == pytest.approx(3.105)
    assert height.n == height.n_total == 6
    assert height.ci_low is not None and height.ci_high is not None
    assert height.ci_low < 3.105 < height.ci_high
    absent = next(row for row in found.rows if row.measure == "absent")
    assert (absent.value, absent.n, absent.reasons) == (None, 0, {"no_reader": 6})
    assert [finding.found for finding in found.findings] == [
        "holds",
        "does not hold",
        "does not hold",
        "cannot tell",
    ]
    assert found.findings[0].value == pytest.approx(2.0)
    assert found.findings[0].sentence.startswith("B is above a. As found: holds. Paired difference 2.000 m")
    assert found.findings[3].sentence.endswith("Nothing was measured (no_reader).")
    text = (tmp_path / "ablation.md").read_text()
    assert "| B | 3.11 [" in text or "| B | 3.10 [" in text
    assert "– (no_reader)" in text
    assert "Absent: n = 0/6 (no_reader 6): nobody reads it" in text
    with (tmp_path / "ablation.csv").open() as stream:
        lines = list(csv.DictReader(stream))
    assert [line["value"] for line in lines if line["measure"] == "absent"] == ["", ""]
    assert (tmp_path / "ablation.png").read_bytes()[:4] == b"\x89PNG"
    assert b"<svg" in (tmp_path / "ablation.svg").read_bytes()


def test_an_interrupted_one_goes_on_and_does_nothing_twice(tmp_path: Path) -> None:
    study = Known()
    study.interrupt_after = 5
    with pytest.raises(KeyboardInterrupt):
        run_ablation(study, request(tmp_path), lambda _: Silent())
    assert len((tmp_path / "journal.jsonl").read_bytes().splitlines()) == 5
    # Half a line, as a killed process leaves it.
    with (tmp_path / "journal.jsonl").open("ab") as stream:
        stream.write(b'{"format": 1, "key": "ab')
    study.interrupt_after = None
    assert plan_ablation(study, request(tmp_path)).done == 5
    watcher = Silent()
    again = run_ablation(study, request(tmp_path), lambda _: watcher)
    assert len(study.done) == len(set(study.done)) == 12
    assert sum(text.endswith("done before") for text in watcher.told) == 5
    whole = run_ablation(Known(), request(tmp_path / "other"), lambda _: Silent())
    assert again.ablation.rows == whole.ablation.rows
    assert again.ablation.findings == whole.ablation.findings
    assert [json.loads(line)["failed"] for line in (tmp_path / "journal.jsonl").open()] == [None] * 12


def test_more_seeds_keep_what_is_there(tmp_path: Path) -> None:
    study = Known()
    few = run_ablation(study, request(tmp_path, seeds=1), lambda _: Silent()).ablation
    assert few.interval.startswith("none: they take 3 seeds")
    assert {row.ci_low for row in few.rows} == {None}
    assert {finding.found for finding in few.findings} == {"cannot tell"}
    run_ablation(study, request(tmp_path, seeds=3), lambda _: Silent())
    assert len(study.done) == len(set(study.done)) == 12


def test_failures_are_counted_with_their_reason_and_tried_again(tmp_path: Path) -> None:
    study = Known()
    study.failing = {("b", 1)}
    finished = run_ablation(study, request(tmp_path), lambda _: Silent())
    assert finished.exit_code == ExitCode.PARTIAL
    height = next(row for row in finished.ablation.rows if (row.variant, row.measure) == ("b", "height"))
    assert (height.n, height.n_total, height.reasons) == (4, 6, {"not_generated": 2})
    # Pairs alone are compared: without them the difference would not be 2.
    assert finished.ablation.findings[0].value == pytest.approx(2.0)
    assert finished.ablation.findings[0].n == 4
    assert {failure.message for failure in finished.ablation.failed} == {"the model refused"}
    study.failing = set()
    assert run_ablation(study, request(tmp_path), lambda _: Silent()).exit_code == ExitCode.OK
    assert len(study.done) == len(set(study.done)) == 12


def test_another_ablation_does_not_share_the_folder(tmp_path: Path) -> None:
    run_ablation(Known(), request(tmp_path, seeds=1, clips=1), lambda _: Silent())

    class Other(Known):
        name = "other"

    with pytest.raises(UserError, match="holds a run over 'ablation known'"):
        run_ablation(Other(), request(tmp_path, seeds=1, clips=1), lambda _: Silent())


def test_short_clips_are_refused(tmp_path: Path) -> None:
    study = Known()
    study.least_seconds = 3.0  # type: ignore[misc]
    with pytest.raises(UserError, match=r"--seconds 2: the ablation known takes clips of 3 s or more"):
        run_ablation(study, request(tmp_path), lambda _: Silent())
