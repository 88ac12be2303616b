"""What the gate writes: the baseline, its changes, the table, JUnit XML, annotations."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from liveact_eval.comparing.runs import Run
from liveact_eval.errors import NewerFileError, UserError
from liveact_eval.gate.annotations import annotations_of
from liveact_eval.gate.baseline import make_baseline, read_baseline, write_baseline
from liveact_eval.gate.judge import Report, judge
from liveact_eval.gate.junit import junit_xml
from liveact_eval.gate.rules import Rule
from liveact_eval.gate.tables import changes, markdown
from tests.made_up import made_up

RULES = {name: Rule(outputs=(name,), least=0.01) for name in ("ssim", "low")}
VALUES: list[float | None] = [float(v) for v in np.random.RandomState(0).uniform(0.1234567891, 0.9, 16)]
NASTY = "a: b, 100%\n|<&>\x00"


def run(change: float = 0.0, title: str = "SSIM", **others: list[float | None]) -> Run:
    own = {"ssim": [v + change if v is not None else None for v in VALUES], "low": VALUES} | others
    return made_up({"real": {"ssim": [1.0] * 16}, "ours": own}, titles={"ssim": title})


def report(made: Run) -> Report:
    return judge(made, make_baseline(run(), "base"), RULES)


def test_a_baseline_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "base.json"
    made = make_baseline(run(title=NASTY), "base")
    write_baseline(made, path)
    assert read_baseline(path) == made
    text = path.read_text()
    assert len(text.splitlines()) == len(made.rows) + len(made.clips) + 16
    kept = json.loads(text)["rows"][-1]["values"]
    assert kept == pytest.approx(VALUES, rel=1e-5)
    assert all(len(str(value)) <= 8 for value in kept)
    write_baseline(made, path)
    assert path.read_text() == text


def test_damaged_baselines_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "base.json"
    with pytest.raises(UserError, match=r"No baseline at .* --update"):
        read_baseline(path)
    write_baseline(make_baseline(run(), "base"), path)
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"schema_version": 2}))
    with pytest.raises(NewerFileError, match="schema version 2"):
        read_baseline(path)
    content["rows"][0]["values"].pop()
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match="has 15 values, and there are 16 clips"):
        read_baseline(path)


def test_changes_are_told() -> None:
    before = make_baseline(run(), "b")
    assert changes(before, make_baseline(run(), "b")) == []
    made = made_up({"ours": {"ssim": [*VALUES[:-1], 0.99], "new": VALUES}})
    lines = changes(before, make_baseline(made, "b"))
    assert any(line.startswith("- real ssim: 1, n = 16") for line in lines)
    assert any(line.startswith("- ours low: ") for line in lines)
    assert any(line.startswith("+ ours new: ") for line in lines)
    (changed,) = [line for line in lines if line.startswith("~ ours ssim: ")]
    assert changed.endswith("1 of 16 clips differ")
    assert len(changes(None, before)) == 3


def test_the_table_begins_with_what_fails() -> None:
    text = markdown(report(run(-0.1)))
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert rows[1].startswith("| REGRESSION | ours | SSIM ↑ | ")
    assert "1 REGRESSION, 2 PASS" in text.splitlines()[0]
    assert "Bonferroni" in text


def test_junit() -> None:
    root = ET.fromstring(junit_xml(report(run(-0.1))))
    suites = {suite.get("name"): suite for suite in root.iter("testsuite")}
    ours = suites["base: ours"]
    assert (ours.get("tests"), ours.get("failures"), ours.get("skipped")) == ("2", "1", "0")
    (failure,) = root.iter("failure")
    assert failure.get("type") == "REGRESSION"
    assert "difference -0.100" in (failure.get("message") or "")
    skipped = judge(run(), make_baseline(run(), "base"), {})
    assert len(list(ET.fromstring(junit_xml(skipped)).iter("skipped"))) == 3


def test_junit_holds_any_name() -> None:
    made = run(-0.1, title=NASTY)
    found = judge(made, make_baseline(run(title=NASTY), NASTY), RULES)
    (failure,) = ET.fromstring(junit_xml(found)).iter("failure")
    assert "100%\n|<&>?" in (failure.text or "")


def test_annotations() -> None:
    made = judge(run(-0.1, title=NASTY), make_baseline(run(title=NASTY), "base"), RULES)
    (line,) = annotations_of(made)
    assert line.startswith("::error title=liveact-eval REGRESSION%3A ours ssim::ours a: b, 100%25%0A|")
    assert "\n" not in line
    assert annotations_of(report(run())) == []


def test_rows_with_one_reason_share_an_annotation() -> None:
    (line,) = annotations_of(judge(run(), make_baseline(run(), "base"), {}))
    assert line.startswith(
        "::warning title=liveact-eval CALIBRATION NEEDED%3A 3 rows%2C real ssim for one::no minimum"
    )
