"""Which weights run under which rollout, and what is said about those that are not there."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from liveact_eval.ablations.forcing import RECIPES, ForcingStudy, kits_by_recipe
from liveact_eval.ablations.study import Request
from liveact_eval.ablations.weight_files import training_of
from liveact_eval.errors import UserError
from liveact_eval.metrics.base import Missing
from liveact_eval.rollouts.named import ROLLOUTS

ROLES = ("dit", "vae", "text", "image", "speech")


def kit(root: Path, recipe: str, *, steps: int | None = 700) -> Path:
    """A kit whose files are empty but for what they say about themselves."""
    (root / "weights").mkdir(parents=True)
    for role in ROLES:
        metadata = {"recipe": recipe} if recipe else None
        save_file({"x": np.zeros(1, np.float32)}, root / "weights" / f"{role}.safetensors", metadata)
    if steps is not None and recipe:
        (root / recipe).mkdir()
        (root / recipe / "result.json").write_text(json.dumps({"recipe": {"steps": steps}}))
    return root


def asked(tmp_path: Path, *kits: tuple[str, Path]) -> Request:
    return Request(
        model="liveact-mini",
        weights=None,
        kits=kits,
        seeds=3,
        clips=2,
        seconds=12.0,
        out=tmp_path / "out",
    )


def test_kits_are_known_by_what_trained_them(tmp_path: Path) -> None:
    own = kit(tmp_path / "a", "mini-neighbor")
    unsaid = kit(tmp_path / "b", "")
    found = kits_by_recipe(asked(tmp_path, ("", own), ("self", unsaid)), RECIPES)
    assert found == {"mini-neighbor": own / "weights", "mini-self": unsaid / "weights"}
    # A folder of weights is as good as the kit around it.
    assert kits_by_recipe(asked(tmp_path, ("", own / "weights")), RECIPES) == {
        "mini-neighbor": own / "weights"
    }


def test_kits_that_cannot_be_placed_are_refused(tmp_path: Path) -> None:
    own, unsaid = kit(tmp_path / "a", "mini-neighbor"), kit(tmp_path / "b", "")
    with pytest.raises(UserError, match=r"an unknown recipe.*--kit RECIPE=DIR"):
        kits_by_recipe(asked(tmp_path, ("", unsaid)), RECIPES)
    with pytest.raises(UserError, match="mini-neighbor is given twice"):
        kits_by_recipe(asked(tmp_path, ("", own), ("neighbor", own)), RECIPES)
    with pytest.raises(UserError, match=r"No weight file at .*dit\.safetensors"):
        kits_by_recipe(asked(tmp_path, ("", tmp_path)), RECIPES)
    (unsaid / "weights" / "dit.safetensors").write_bytes(b"no tensors")
    with pytest.raises(UserError, match="no safetensors file"):
        kits_by_recipe(asked(tmp_path, ("", unsaid)), RECIPES)


def test_a_base_runs_under_every_rollout_and_the_rest_is_missing_with_its_command(tmp_path: Path) -> None:
    request = asked(tmp_path, ("", kit(tmp_path / "base", "mini-bidirectional")))
    study = ForcingStudy()
    variants = {variant.name: variant.setup for variant in study.variants(request)}
    assert set(variants) == set(ROLLOUTS) | {f"zero-shot-{name}" for name in ROLLOUTS}
    lacking = study.unavailable(request)
    assert set(lacking) == set(ROLLOUTS)
    assert "liveact-eval train mini-self --kit runs/mini-self" in lacking["self"]
    for name in ROLLOUTS:
        assert variants[f"zero-shot-{name}"].rollout == name
        assert variants[f"zero-shot-{name}"].weights == tmp_path / "base" / "weights"
    (tmp_path / "base" / "weights" / "text.safetensors").unlink()
    assert "text.safetensors missing" in study.unavailable(request)["zero-shot-neighbor"]


def test_training_steps_are_those_that_the_kit_records(tmp_path: Path) -> None:
    assert training_of(kit(tmp_path / "a", "mini-self") / "weights") == 700.0
    for steps in (None,):
        found = training_of(kit(tmp_path / "b", "mini-self", steps=steps) / "weights")
        assert isinstance(found, Missing) and found.reason == "not_recorded"


def test_names_of_findings_are_names_of_rows(tmp_path: Path) -> None:
    from liveact_eval.ablations.named import studies

    request = replace(asked(tmp_path), model="liveact-tiny")
    for study in studies().values():
        names = {variant.name for variant in study.variants(request)}
        measures = {measure.name for measure in study.measures}
        for finding in study.findings:
            assert finding.measure in measures
            assert {finding.variant, finding.other} - {None} <= names
            assert (finding.other is None) == (finding.form == "value")
