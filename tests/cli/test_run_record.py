"""`run.json` says what was generated: with which prompts, and by what."""

from __future__ import annotations

import json
from pathlib import Path

from liveact_eval.comparing.runs import open_run


def test_prompts_and_settings(finished: Path) -> None:
    described = json.loads((finished / "run.json").read_text(encoding="utf-8"))
    prompts = [clip["prompt"] for clip in described["clips"]]
    assert all(prompt.startswith("A person with ") for prompt in prompts)
    assert len(set(prompts)) > 1
    assert {model["name"]: model["settings"] for model in described["models"]} == {
        "real": {"effect": "real"},
        "still": {"effect": "still"},
        "shift": {"effect": "shift", "frames": 5},
    }
    assert (open_run(finished).settings or {})["shift"]["frames"] == 5
