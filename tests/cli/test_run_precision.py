"""`networks.precision`: named by recipes, kept apart by the journal, checked before anything runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.helpers import Answer, call, fresh, refused, results, row, units

SEEDED = ("--set", "networks.mode=seeded", "--set", "workers=1", "--set", "protocol.clip_seconds=0.12")
HALF = ("--set", "networks.precision=bfloat16")


def run(tiny: Path, *words: str | Path, metrics: str = "imaging_quality,psnr") -> Answer:
    return call(
        "run", "--dataset", tiny, "--model", "still", "--limit", "1", "--metrics", metrics, *SEEDED, *words
    )


def test_two_precisions_share_no_entry_of_the_journal(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert run(tiny, "--out", out).code == 0
    full, before = row(out, "still", "imaging_quality"), units(out)

    answer = run(tiny, *HALF, "--out", out)

    assert answer.code == 0, answer.err
    half, added = row(out, "still", "imaging_quality"), fresh(before, units(out))
    # Only what the precision concerns is measured anew, and what was there stays.
    assert {unit.stage for unit in added} == {"survey", "measure:imaging_quality"}
    assert before.keys() < units(out).keys()
    assert half["recipe"] == full["recipe"] + ":bf16"
    assert full["recipe"].endswith("+musiq:seeded")
    assert half["value"] != full["value"]
    assert half["value"] == pytest.approx(full["value"], abs=0.01)
    about = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert about["config"]["networks"]["precision"] == "bfloat16"
    assert {"name": "imaging_quality", "recipe": half["recipe"]} in about["metrics"]
    assert any(":bf16" in metric["recipe"] for metric in results(out)["metrics"])

    # Back again: both are there, nothing is left to do.
    then = units(out)
    assert run(tiny, "--out", out).code == 0
    assert {unit.stage for unit in fresh(then, units(out))} == set()
    assert row(out, "still", "imaging_quality") == full


def test_a_plan_names_the_precision(tiny: Path) -> None:
    names = "aesthetic_quality,background_consistency,csim,fid,framewise_quality,lpips,sync"
    full = run(tiny, "--plan", "--json", metrics=names).json
    half = run(tiny, *HALF, "--plan", "--json", metrics=names).json
    changed = {name for name in half["metrics"] if half["metrics"][name] != full["metrics"][name]}
    assert changed == set(half["metrics"]) - {"fid", "lpips"}
    # A recipe that names its precision names the right one.
    assert half["metrics"]["aesthetic_quality"] == (
        "vbench-aesthetic_quality-clip_vitl14-bf16-laion_linear@1+clip_vitl14:seeded:bf16+aesthetic:seeded"
    )
    assert "-clip_vitb32-fp32-" in full["metrics"]["background_consistency"]
    assert "-fp32" not in json.dumps(half["metrics"])
    assert half["metrics"]["framewise_quality"].endswith(
        "+clip_vitl14:seeded:bf16+aesthetic:seeded+musiq:seeded:bf16"
    )
    assert half["metrics"]["csim"].startswith(full["metrics"]["csim"].partition("+")[0])


def test_asking_in_vain_is_said(tiny: Path) -> None:
    (warning,) = run(tiny, *HALF, "--plan", "--json", metrics="psnr,fid").json["warnings"]
    assert "changes nothing: none of the chosen metrics runs a network that may compute in it" in warning
    assert run(tiny, "--plan", "--json", metrics="psnr,fid").json["warnings"] == []


def test_a_slow_processor_is_warned_of(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from liveact_eval.networks import precision

    monkeypatch.setattr(precision, "native_on_cpu", lambda: False)
    (warning,) = run(tiny, *HALF, "--plan", "--json").json["warnings"]
    assert "likely to be slower than float32" in warning


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "networks.precision=float16"), "'float32' or 'bfloat16' (found 'float16')"),
        ((*HALF, "--set", "networks.device=tpu"), "cpu, cuda or cuda:N is expected"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    words: tuple[str, ...], said: str, tiny: Path, tmp_path: Path
) -> None:
    refused(run(tiny, *words, "--out", tmp_path / "run"), said)
    assert not (tmp_path / "run").exists()


def test_show_says_what_a_network_can() -> None:
    shown = {
        name: call("metrics", "show", name, "--json").json["precision"] for name in ("iresnet50", "raft")
    }
    assert shown["iresnet50"] == "float32, or bfloat16 with --set networks.precision=bfloat16"
    assert shown["raft"].startswith("float32 only: it looks up small displacements")
