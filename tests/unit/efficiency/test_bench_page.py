"""docs/bench.md says what is so: its example runs, its rules are rules, its commands have these options."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from liveact_eval.cli.app import app
from liveact_eval.gate.rules import load_rules

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "bench.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    return str(found[-1])


def test_example_runs() -> None:
    names: dict[str, Any] = {}
    exec(block("python"), names)
    assert names["play"](names["timeline"]).stalls == 1
    assert names["smoothest_delay_s"](names["timeline"]) == pytest.approx(0.45)


def test_rules_have_both_deltas(tmp_path: Path) -> None:
    path = tmp_path / "speed-rules.yaml"
    path.write_text(block("yaml"))
    rule = load_rules(path)["generation_s"]
    assert rule.minimum(1.0) == 0.5
    assert rule.minimum(100.0) == pytest.approx(8.0)


def test_commands_have_these_options() -> None:
    known = {option for param in get_command(app).commands["bench"].params for option in param.opts}  # type: ignore[attr-defined]
    lines = [line for line in PAGE.splitlines() if line.startswith("liveact-eval bench")]
    assert len(lines) > 5
    used = {word for line in lines for word in re.findall(r"--[a-z-]+", line)}
    assert used <= known
