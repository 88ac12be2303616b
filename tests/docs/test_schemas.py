"""The published JSON Schemas: what the code says now, and what its files keep to."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from liveact_eval.comparing.build import compare_runs
from liveact_eval.gate.baseline import make_baseline, write_baseline
from tests.made_up import made_up

ROOT = Path(__file__).resolve().parents[2]
MODULES = {
    "results": "results.schema",
    "selftest": "selftest.schema",
    "comparison": "comparing.schema",
    "baseline": "gate.baseline",
}
VALUES = [float(value) for value in np.linspace(0.2, 0.9, 16)]
RUN = made_up({"real": {"ssim": VALUES}, "ours": {"ssim": [*VALUES[:-1], None], "any": VALUES}})


def schema(name: str) -> Any:
    return json.loads((ROOT / "docs" / "schema" / f"{name}-1.json").read_text(encoding="utf-8"))


def check(name: str, content: Any) -> None:
    jsonschema.validate(content, schema(name), cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("name", MODULES)
def test_published_schema_is_that_of_the_code(name: str) -> None:
    """Write them anew with: make schema."""
    made = importlib.import_module(f"liveact_eval.{MODULES[name]}").json_schema()
    jsonschema.Draft202012Validator.check_schema(made)
    assert schema(name) == made


def test_all_schemas_are_made_by_make() -> None:
    listed = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name, module in MODULES.items():
        assert f"{name}:{module}" in listed


@pytest.mark.parametrize(
    "path", sorted((ROOT / "reports" / "baselines").glob("*.json")), ids=lambda p: p.name
)
def test_committed_baselines_keep_to_it(path: Path) -> None:
    check("baseline", json.loads(path.read_text(encoding="utf-8")))


def test_a_written_baseline_keeps_to_it(tmp_path: Path) -> None:
    write_baseline(make_baseline(RUN, "base"), tmp_path / "base.json")
    content = json.loads((tmp_path / "base.json").read_text(encoding="utf-8"))
    check("baseline", content)
    with pytest.raises(jsonschema.ValidationError, match="Additional properties"):
        check("baseline", content | {"more": 1})


def test_a_comparison_keeps_to_it() -> None:
    content = json.loads(compare_runs([RUN]).model_dump_json())
    check("comparison", content)
    with pytest.raises(jsonschema.ValidationError, match="'columns' is a required property"):
        check("comparison", {key: value for key, value in content.items() if key != "columns"})
