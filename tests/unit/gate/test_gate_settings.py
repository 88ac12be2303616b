"""What ran is part of what is judged: a changed setting fails, other weights are named, unknown ones are said so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from liveact_eval.comparing.runs import Run
from liveact_eval.errors import ExitCode
from liveact_eval.gate.annotations import annotations_of
from liveact_eval.gate.baseline import make_baseline
from liveact_eval.gate.judge import Judgement, Report, judge
from liveact_eval.gate.junit import junit_xml
from liveact_eval.gate.rules import Rule
from liveact_eval.gate.tables import changes, markdown
from liveact_eval.generators.settings import Setting
from tests.made_up import made_up

RULES = {"ssim": Rule(outputs=("ssim",), least=0.05)}
VALUES = [0.5 + n / 100 for n in range(16)]
OWN: dict[str, Setting] = {"steps": 3, "memory": "convkv", "weights": "dit 1, vae 2"}


def run(**changed: Setting) -> Run:
    made = made_up({"real": {"ssim": [1.0] * 16}, "ours": {"ssim": VALUES}})
    return replace(made, settings={"ours": OWN | changed})


BASELINE = make_baseline(run(), "base")


def settings(report: Report) -> Judgement:
    (found,) = [item for item in report.judgements if item.kind == "settings"]
    return found


def test_the_same_settings_pass() -> None:
    report = judge(run(), BASELINE, RULES)
    assert (settings(report).model, settings(report).verdict) == ("ours", "PASS")
    assert (report.exit_code, report.notes) == (ExitCode.OK, [])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"steps": 2}, "steps 2, baseline 3"),
        ({"memory": "window"}, "memory window, baseline convkv"),
        ({"steps": 2, "memory": "full"}, "steps 2, baseline 3; memory full, baseline convkv"),
        ({"guidance": 1.5}, "guidance 1.5, baseline not given"),
    ],
)
def test_a_changed_setting_fails_though_no_number_moved(changed: dict[str, Setting], said: str) -> None:
    report = judge(run(**changed), BASELINE, RULES)
    expected = f"settings of ours: {said}. If that is meant, take it in with --update"
    assert (settings(report).verdict, settings(report).detail) == ("REGRESSION", expected)
    assert report.exit_code is ExitCode.GATE
    assert f"- REGRESSION: {expected}." in markdown(report).replace("\\", "")
    assert f'type="REGRESSION" message="{expected}"' in junit_xml(report)
    assert any(line.startswith("::error") and expected in line for line in annotations_of(report))


def test_other_weights_are_judged_by_their_numbers() -> None:
    report = judge(run(weights="dit 9, vae 2"), BASELINE, RULES)
    assert report.exit_code is ExitCode.OK
    assert report.notes == ["Weights of ours are others than the baseline's: dit 9, baseline dit 1"]
    assert f"- {report.notes[0]}." in markdown(report)


@pytest.mark.parametrize("known", [None, {}, {"theirs": OWN}])
def test_videos_made_elsewhere_say_nothing(known: dict[str, dict[str, Setting]] | None) -> None:
    report = judge(replace(run(), settings=known), BASELINE, RULES)
    assert settings(report).verdict == "CALIBRATION NEEDED"
    assert report.exit_code is ExitCode.OK


def test_equal_settings_alone_are_no_pass() -> None:
    """Where no number could be judged, nothing has passed."""
    assert judge(run(), BASELINE, {}).exit_code is ExitCode.USAGE


def test_an_update_says_which_settings_change() -> None:
    lines = changes(BASELINE, make_baseline(run(steps=2), "base"))
    assert lines == ["settings of ours: steps: 3 -> 2"]
