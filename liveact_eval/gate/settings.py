"""What ran, against what the baseline was made with: a changed setting is no noise, whatever the numbers say.

Fewer denoising steps may score the same on a small model, and are another model all the same. So each model has a row
that stands still or fails. Weights are not part of it: other weights are what the numbers judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from liveact_eval.gate.evidence import Verdict
from liveact_eval.generators.settings import WEIGHTS, Settings

SETTINGS = "settings"
"""Name of the row."""


@dataclass(frozen=True)
class SettingsFound:
    """The row of one model."""

    model: str
    verdict: Verdict
    detail: str


def look_at_settings(
    run: Mapping[str, Settings] | None, baseline: Mapping[str, Settings]
) -> list[SettingsFound]:
    """One row for each model of which the baseline knows what ran.

    Args:
        run: settings by model, as `run.json` has them; `None` or a model left out: they are not recorded.
        baseline: those of the baseline.
    """
    found = []
    for model, before in baseline.items():
        if not before:
            continue
        now = (run or {}).get(model)
        if not now:
            detail = "the run does not say what ran, as of videos that were made elsewhere"
            found.append(SettingsFound(model, "CALIBRATION NEEDED", detail))
            continue
        changed = _changed(now, before)
        if not changed:
            found.append(SettingsFound(model, "PASS", ""))
            continue
        detail = f"settings of {model}: {'; '.join(changed)}. If that is meant, take it in with --update"
        found.append(SettingsFound(model, "REGRESSION", detail))
    return found


def other_weights(run: Mapping[str, Settings] | None, baseline: Mapping[str, Settings]) -> list[str]:
    """Which models ran with other weights than the baseline's, one sentence each."""
    pairs = {
        model: ((run or {}).get(model, {}).get(WEIGHTS), own.get(WEIGHTS)) for model, own in baseline.items()
    }
    return [
        f"Weights of {model} are others than the baseline's: {_parts(now, before)}"
        for model, (now, before) in pairs.items()
        if now is not None and before is not None and now != before
    ]


def _changed(now: Settings, before: Settings) -> list[str]:
    names = [name for name in dict.fromkeys((*before, *now)) if name != WEIGHTS]
    return [
        f"{name} {now.get(name, 'not given')}, baseline {before.get(name, 'not given')}"
        for name in names
        if now.get(name) != before.get(name)
    ]


def _parts(now: object, before: object) -> str:
    """Only the files that differ; both are lists such as `dit 849db24858be, vae 6c7d95137`."""
    own, theirs = str(now).split(", "), str(before).split(", ")
    return f"{', '.join(part for part in own if part not in theirs) or now}, baseline " + (
        ", ".join(part for part in theirs if part not in own) or str(before)
    )
