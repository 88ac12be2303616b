"""Verdicts of the gate: each of the six, and the exit codes that follow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from liveact_eval.comparing.runs import Run
from liveact_eval.errors import ExitCode, UserError
from liveact_eval.gate.baseline import Baseline, BaselineRow, make_baseline
from liveact_eval.gate.judge import Judgement, Report, judge
from liveact_eval.gate.rules import Rule, Rules, load_rules
from liveact_eval.metrics.registry import shipped
from tests.made_up import PROTOCOL, Values, made_up

RULES: Rules = {
    "ssim": Rule(outputs=("ssim",), least=0.05),
    "low": Rule(outputs=("low",), least_share=0.1),
    "any": Rule(outputs=("any",), least=0.05, direction="still"),
    "generation_s": Rule(outputs=("generation_s",), least_share=0.2),
}
STREAM = np.random.RandomState(0)
CLIPS = STREAM.uniform(0.4, 0.9, 16)
OTHER_SEED = 0.01 * STREAM.standard_normal(16)


def values(change: float = 0.0, *, seed: bool = True) -> list[float | None]:
    return [float(v) for v in CLIPS + change + (OTHER_SEED if seed else 0)]


def model(ssim: float = 0.0, low: float = 0.0, any_: float = 0.0, *, seed: bool = True) -> Run:
    own = {"ssim": values(ssim, seed=seed), "low": values(low, seed=seed), "any": values(any_, seed=seed)}
    return made_up({"real": {"ssim": [1.0] * 16}, "ours": own})


BASELINE = make_baseline(model(seed=False), "base")


def verdicts(run: Run, baseline: Baseline = BASELINE, rules: Rules = RULES) -> dict[str, str]:
    return {item.metric: item.verdict for item in of_ours(judge(run, baseline, rules))}


def of_ours(report: Report) -> list[Judgement]:
    return [item for item in report.judgements if item.model == "ours"]


def test_another_seed_passes() -> None:
    report = judge(model(), BASELINE, RULES)
    assert {item.verdict for item in report.judgements} == {"PASS"}
    assert report.exit_code is ExitCode.OK
    assert report.unknown == []


@pytest.mark.parametrize(
    ("run", "metric", "verdict"),
    [
        (model(ssim=-0.1), "ssim", "REGRESSION"),
        (model(ssim=0.1), "ssim", "IMPROVED"),
        (model(low=0.1), "low", "REGRESSION"),
        (model(low=-0.1), "low", "IMPROVED"),
        (model(any_=0.1), "any", "REGRESSION"),
        (model(any_=-0.1), "any", "REGRESSION"),
    ],
)
def test_certain_and_large(run: Run, metric: str, verdict: str) -> None:
    found = verdicts(run)
    assert found == {"ssim": "PASS", "low": "PASS", "any": "PASS"} | {metric: verdict}
    expected = ExitCode.GATE if verdict == "REGRESSION" else ExitCode.OK
    assert judge(run, BASELINE, RULES).exit_code is expected


def test_certain_but_small_passes() -> None:
    report = judge(model(ssim=-0.04), BASELINE, RULES)
    (item,) = [found for found in of_ours(report) if found.metric == "ssim"]
    assert item.ci_high is not None and item.ci_high < 0
    assert item.verdict == "PASS"


def test_large_but_uncertain_passes() -> None:
    wild = [float(v) for v in CLIPS + np.random.RandomState(5).standard_normal(16) - 0.3]
    run = made_up({"real": {"ssim": [1.0] * 16}, "ours": {"ssim": wild, "low": values(), "any": values()}})
    (item,) = [found for found in of_ours(judge(run, BASELINE, RULES)) if found.metric == "ssim"]
    assert item.difference is not None and item.difference < -0.1
    assert item.verdict == "PASS"


def test_intervals_of_a_model_hold_together() -> None:
    def width(count: int) -> float:
        names = [f"m{n}" for n in range(count)]
        rules = {name: Rule(outputs=(name,), least=0.05) for name in names}
        run, base = (made_up({"ours": {n: values(seed=seed) for n in names}}) for seed in (True, False))
        item = judge(run, make_baseline(base, "b"), rules).judgements[0]
        assert item.ci_low is not None and item.ci_high is not None
        return item.ci_high - item.ci_low

    assert width(10) / width(1) == pytest.approx(4.029 / 2.365, rel=0.01)


@pytest.mark.parametrize(
    ("own", "detail"),
    [
        ({"low": values(), "any": values()}, "not measured"),
        (
            {"ssim": [None, *values()[1:]], "low": values(), "any": values()},
            "1 of 16 clips have no number any more",
        ),
        ({"ssim": [None] * 16, "low": values(), "any": values()}, "too_short"),
    ],
)
def test_missing(own: dict[str, list[float | None]], detail: str) -> None:
    run = made_up({"real": {"ssim": [1.0] * 16}, "ours": own})
    report = judge(run, BASELINE, RULES)
    (item,) = [found for found in of_ours(report) if found.metric == "ssim"]
    assert (item.verdict, report.exit_code) == ("MISSING", ExitCode.GATE)
    assert detail in item.detail


def test_some_clips_may_be_missing_where_the_rule_says_so() -> None:
    run = made_up({"ours": {"ssim": [None, *values()[1:]]}})
    baseline = make_baseline(made_up({"ours": {"ssim": values(seed=False)}}), "b")
    rules = {"ssim": Rule(outputs=("ssim",), least=0.05, missing=0.1)}
    (item,) = judge(run, baseline, rules).judgements
    assert (item.verdict, item.n) == ("PASS", 15)


def test_a_model_that_is_not_there_is_missing() -> None:
    values_: Values = {"real": {"ssim": [1.0] * 16}, "theirs": {"ssim": values()}}
    report = judge(made_up(values_), BASELINE, RULES)
    assert {item.verdict for item in of_ours(report)} == {"MISSING"}
    assert report.unknown == ["theirs ssim"]


def test_another_protocol_is_named_and_never_passes() -> None:
    run = made_up({"ours": {"ssim": values()}}, protocol=PROTOCOL.model_copy(update={"fps": 30.0}))
    report = judge(run, BASELINE, RULES)
    assert {item.verdict for item in report.judgements} == {"PROTOCOL MISMATCH"}
    assert "fps: 30.0, baseline 25.0" in report.judgements[0].detail
    assert report.exit_code is ExitCode.USAGE
    fewer = judge(made_up({"ours": {"ssim": values()[:8]}}), BASELINE, RULES)
    assert "8 clips, 8 of them among the baseline's 16" in fewer.judgements[0].detail


def test_another_recipe_is_a_mismatch_of_that_row() -> None:
    own = {"ssim": values(-0.3), "low": values(), "any": values()}
    run = made_up({"real": {"ssim": [1.0] * 16}, "ours": own}, recipes={"ssim": "r@2"})
    report = judge(run, BASELINE, RULES)
    assert verdicts(run) == {"ssim": "PROTOCOL MISMATCH", "low": "PASS", "any": "PASS"}
    assert report.exit_code is ExitCode.OK
    assert "recipe r@2, baseline r@1" in of_ours(report)[0].detail


def test_real_clips_that_moved_ask_for_calibration() -> None:
    own = {"ssim": values(-0.3), "low": values(), "any": values()}
    run = made_up({"real": {"ssim": [0.9] * 16}, "ours": own})
    assert verdicts(run) == {"ssim": "CALIBRATION NEEDED", "low": "PASS", "any": "PASS"}
    assert "the measurement has changed" in of_ours(judge(run, BASELINE, RULES))[0].detail


def test_no_rule_and_no_interval_ask_for_calibration() -> None:
    report = judge(model(), BASELINE, {"any": RULES["any"]})
    assert {item.metric: item.verdict for item in of_ours(report)} == {
        "ssim": "CALIBRATION NEEDED",
        "low": "CALIBRATION NEEDED",
        "any": "PASS",
    }
    alone = made_up({"ours": {"ssim": values()}}, per_speaker=16)
    found = judge(alone, make_baseline(alone, "b"), RULES)
    assert [item.verdict for item in found.judgements] == ["CALIBRATION NEEDED"]
    assert found.exit_code is ExitCode.USAGE


def test_what_is_no_score_is_not_judged_without_a_rule() -> None:
    rules = {name: rule for name, rule in RULES.items() if name != "any"}
    assert "any" not in verdicts(model(any_=5.0), rules=rules)


def distance(value: float, half: float = 0.1) -> BaselineRow:
    row = BASELINE.rows[0].model_copy(
        update={"model": "ours", "metric": "low", "direction": "down", "values": None}
    )
    return row.model_copy(update={"value": value, "ci_low": value - half, "ci_high": value + half})


def set_run(value: float, half: float = 0.1, n: int = 16) -> Run:
    run = made_up({"ours": {"low": values()}})
    ends = {"value": value, "ci_low": value - half, "ci_high": value + half, "n": n}
    rows = [row.model_copy(update=ends) for row in run.results.rows]
    return replace(run, results=run.results.model_copy(update={"rows": rows}))


@pytest.mark.parametrize(
    ("run", "verdict"),
    [
        (set_run(2.1), "PASS"),
        (set_run(3.0), "REGRESSION"),
        (set_run(1.0), "IMPROVED"),
        (set_run(3.0, half=2.0), "PASS"),
        (set_run(2.0, n=15), "MISSING"),
    ],
)
def test_distances_of_sets_are_judged_by_their_intervals(run: Run, verdict: str) -> None:
    baseline = BASELINE.model_copy(update={"rows": [distance(2.0)]})
    assert verdicts(run, baseline) == {"low": verdict}


def test_performance_is_judged_on_the_same_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = dict(zip(model().results.clips, CLIPS * 10, strict=True))
    monkeypatch.setattr(Run, "generation_seconds", lambda self, name: seconds if name == "ours" else {})
    baseline = make_baseline(model(), "b", performance=True)
    assert [row.metric for row in baseline.rows].count("generation_s") == 1
    assert verdicts(model(), baseline)["generation_s"] == "PASS"
    seconds = {clip: value * 1.3 for clip, value in seconds.items()}
    assert verdicts(model(), baseline)["generation_s"] == "REGRESSION"
    elsewhere = baseline.model_copy(update={"machine": baseline.machine | {"cores": 64}})
    report = judge(model(), elsewhere, RULES)
    (item,) = [found for found in report.judgements if found.kind == "performance"]
    assert item.verdict == "CALIBRATION NEEDED"
    assert "cores: 2, baseline 64" in item.detail
    seconds = {}
    assert verdicts(model(), baseline)["generation_s"] == "MISSING"
    with pytest.raises(UserError, match="no times of generation"):
        make_baseline(model(), "b", performance=True)


def test_every_shipped_score_has_a_minimum_delta() -> None:
    rules = load_rules()
    outputs = {output.name: output for metric in shipped().values() for output in metric.outputs}
    scores = {name for name, output in outputs.items() if output.direction != "none"}
    assert scores - set(rules) == set()
    assert set(rules) - set(outputs) == {"generation_s"}
    for name, rule in rules.items():
        digits = outputs[name].digits if name in outputs else 3
        assert rule.least is None or rule.least >= 10.0**-digits, name
        assert rule.direction is None or outputs[name].direction == "none", name


def test_own_rules(tmp_path: Path) -> None:
    own = tmp_path / "rules.yaml"
    own.write_text("- outputs: [ssim, mine]\n  least: 0.5\n  direction: still\n")
    rules = load_rules(own)
    assert (rules["ssim"].least, rules["mine"].direction) == (0.5, "still")
    assert rules["psnr_db"] == load_rules()["psnr_db"]
    for text, expected in (
        ("- outputs: [ssim]\n", "least_share"),
        ("- outputs: [ssim]\n  last: 1\n", "did you mean"),
        ("- outputs: [a, a]\n  least: 1\n", "'a' has two rules"),
        ("ssim: 1\n", "a list of rules is expected"),
        ("[", "not valid YAML"),
    ):
        own.write_text(text)
        with pytest.raises(UserError, match=f"(?i){expected}"):
            load_rules(own)
    with pytest.raises(UserError, match="No rules at"):
        load_rules(tmp_path / "none.yaml")
