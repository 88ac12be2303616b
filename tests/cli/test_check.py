"""`liveact-eval check`: the gate has teeth, and does not bite what has not changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from liveact_eval.gate.baseline import read_baseline
from tests.cli.helpers import Answer, call, refused

METRICS = "psnr,ssim,repetition,sharpness,av_offset"
CARD = """\
name: gated
title: Gated
kind: talkers
tier: mini
summary: Four clips of four speakers.
protocol: {name: gated, version: 1, fps: 25, size: [48, 48], reference_image: image, encoding: {crf: 4}}
talkers: {split: test, clips: 4, speakers: 4, size: 48, seconds: 1.6}
"""
MODEL = """\
name: subject
title: Subject
kind: control
summary: The model under test.
control: {effect: %s}
"""
Run = Callable[..., Path]


@pytest.fixture(autouse=True)
def _no_actions(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Makes a run of a model called `subject` with some effect."""
    root = tmp_path_factory.mktemp("gate")
    (root / "gated.yaml").write_text(CARD, encoding="utf-8")

    def make(name: str, effect: str, *words: str, metrics: str = METRICS) -> Path:
        card = root / name / "subject.yaml"
        card.parent.mkdir()
        card.write_text(MODEL % effect, encoding="utf-8")
        out = root / name / "run"
        given = ("--metrics", metrics, "--set", "statistics.resamples=200", *(words or ("--workers", "1")))
        answer = call("run", "--dataset", root / "gated.yaml", "--model", card, *given, "--out", out)
        assert answer.code == 0, answer.err
        return out

    return make


@pytest.fixture(scope="module")
def noisy(run: Run) -> Path:
    """A model whose videos depend on the seed."""
    return run("noisy", "noise, sigma: 4")


@pytest.fixture(scope="module")
def baseline(noisy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("baselines") / "subject.json"
    answer = call("check", noisy, "--against", path, "--update")
    assert answer.code == 0, answer.err
    assert "+ subject psnr_db: " in answer.out
    return path


@pytest.fixture(scope="module")
def whole(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Baseline of a model that copies the real video."""
    path = tmp_path_factory.mktemp("whole") / "whole.json"
    made = run("whole", "shift, frames: 0")
    call("check", made, "--against", path, "--update")
    assert call("check", made, "--against", path).code == 0
    return path


def verdicts(answer: Answer) -> dict[str, str]:
    return {
        item["metric"]: item["verdict"] for item in answer.json["judgements"] if item["model"] == "subject"
    }


def test_help_has_examples() -> None:
    answer = call("check", "--help")
    assert "liveact-eval check runs/today --against" in " ".join(answer.out.split("Examples", 1)[1].split())


def test_another_seed_and_another_number_of_processes_pass(run: Run, baseline: Path) -> None:
    again = run("again", "noise, sigma: 4", "--seed", "7", "--workers", "2")
    answer = call("check", again, "--against", baseline, "--json")
    assert answer.code == 0, answer.err
    assert set(verdicts(answer).values()) == {"PASS"}
    differences = [j["difference"] for j in answer.json["judgements"] if j["metric"] == "psnr_db"]
    assert any(differences), "the seed changed nothing, so that nothing was tested"


@pytest.mark.parametrize(
    ("effect", "metric"),
    [
        ("blur, sigma: 1", "sharpness"),
        ("shift, frames: 1", "av_offset_abs_frames"),
        ("freeze, start: 0.6", "frozen_share"),
    ],
)
def test_small_degradations_fail(run: Run, whole: Path, effect: str, metric: str) -> None:
    worse = run(effect.split(",", maxsplit=1)[0], effect)
    answer = call("check", worse, "--against", whole, "--json")
    assert answer.code == 1
    assert verdicts(answer)[metric] == "REGRESSION"


def test_reports(run: Run, baseline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worse = run("worse", "noise, sigma: 12")
    answer = call("check", worse, "--against", baseline, "--junit", tmp_path / "deep" / "junit.xml")
    assert answer.code == 1
    assert answer.out.splitlines()[4].startswith("| REGRESSION | subject | PSNR [dB] ↑ | ")
    assert "::error" not in answer.err
    failures = list(ET.parse(tmp_path / "deep" / "junit.xml").getroot().iter("failure"))
    assert {failure.get("type") for failure in failures} == {"REGRESSION"}
    assert (
        "::error title=liveact-eval REGRESSION"
        in call("check", worse, "--against", baseline, "--annotations").err
    )
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    marked = call("check", worse, "--against", baseline)
    assert "::error title=liveact-eval REGRESSION%3A subject psnr_db::" in marked.err
    assert "::error" not in call("check", worse, "--against", baseline, "--no-annotations").err


def test_update_says_what_it_changes(noisy: Path, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "base.json"
    call("check", noisy, "--against", path, "--update")
    before = path.read_text()
    same = call("check", noisy, "--against", path, "--update")
    assert (same.out, path.read_text()) == ("Nothing changes.\n", before)
    other = run("other", "noise, sigma: 5")
    answer = call("check", other, "--against", path, "--update", "--json")
    assert any(line.startswith("~ subject psnr_db: ") for line in answer.json["changes"])
    assert path.read_text() != before
    assert read_baseline(path).name == "base"
    assert not list(tmp_path.glob(".*"))


def test_a_metric_that_was_not_measured_is_missing(run: Run, baseline: Path) -> None:
    fewer = run("fewer", "noise, sigma: 4", metrics="psnr")
    answer = call("check", fewer, "--against", baseline, "--json")
    assert answer.code == 1
    assert verdicts(answer)["ssim"] == "MISSING"
    assert verdicts(answer)["psnr_db"] == "PASS"


def test_another_protocol_is_no_pass(finished: Path, baseline: Path) -> None:
    answer = call("check", finished, "--against", baseline)
    assert answer.code == 2
    assert "PROTOCOL MISMATCH" in answer.out
    assert "nothing could be judged" in answer.err


def test_own_rules(run: Run, baseline: Path, tmp_path: Path) -> None:
    worse = run("tolerated", "noise, sigma: 12", metrics="psnr")
    rules = tmp_path / "rules.yaml"
    rules.write_text("- outputs: [psnr_db]\n  least: 40\n")
    answer = call("check", worse, "--against", baseline, "--rules", rules, "--json")
    assert verdicts(answer)["psnr_db"] == "PASS"


def test_refused(noisy: Path, baseline: Path, tmp_path: Path) -> None:
    refused(call("check", noisy, "--against", tmp_path / "none.json"), "No baseline at", "--update")
    refused(call("check", noisy, "--against", baseline, "--performance"), "Add --update")
    refused(call("check", noisy, "--against", baseline, "--update", "--junit", "x.xml"), "judges nothing")
    refused(
        call("check", noisy, "--against", tmp_path / "new.json", "--update", "--performance"),
        "no times of generation",
    )
    assert not (tmp_path / "new.json").exists()
    (tmp_path / "bad.json").write_text(json.dumps({"schema_version": 9}))
    refused(call("check", noisy, "--against", tmp_path / "bad.json"), "at most 1")
