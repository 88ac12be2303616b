"""Every shipped system that is run as a program goes through the whole of `run`, well and badly, over stand-ins."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.cli.helpers import Answer, call, refused, results, row
from tests.unit.baselines.baseline_cases import BASELINES, install, show_gpu

QUICK = ("--metrics", "psnr", "--set", "workers=1", "--set", "statistics.resamples=100", "--limit", "1")
FRAMES = {
    "avatarforcing": 33,
    "causal-forcing": 21,
    "causvid": 81,
    "echomimic": 20,
    "echomimic-v2": 20,
    "fantasytalking": 29,
    "hallo3": 25,
    "hunyuanvideo-avatar": 25,
    "infinitetalk": 84,
    "live-avatar": 33,
    "longlive": 21,
    "multitalk": 84,
    "omniavatar": 21,
    "rolling-forcing": 57,
    "self-forcing": 21,
    "soulx-liveact": 21,
    "stableavatar": 25,
    "wan2.2-s2v": 23,
}
"""Frames that each program makes for a clip of 0.8 s at 25 per second."""
RATES = {"fantasytalking": 23, "soulx-liveact": 20} | dict.fromkeys(
    ("causal-forcing", "causvid", "longlive", "rolling-forcing", "self-forcing", "wan2.2-s2v"), 16
)
FAULTS = {
    "avatarforcing": ("short sound", "no_output"),
    "causal-forcing": ("skips", "no_output"),
    "echomimic": ("24", "wrong_fps"),
    "echomimic-v2": ("poses", "truncated"),
    "fantasytalking": ("wrong_fps", "wrong_fps"),
    "hallo3": ("no face", "no_face"),
    "hunyuanvideo-avatar": ("infer-min", "truncated"),
    "infinitetalk": ("cap", "truncated"),
    "live-avatar": ("memory", "out_of_memory"),
    "longlive": ("no lora", "no_output"),
    "multitalk": ("cap", "truncated"),
    "omniavatar": ("silence", "extra_frames"),
    "rolling-forcing": ("kill", "killed"),
    "self-forcing": ("crash", "command_failed"),
    "soulx-liveact": ("truncated", "truncated"),
    "stableavatar": ("memory", "out_of_memory"),
    "wan2.2-s2v": ("own name", "no_output"),
}
"""What is told of each program, and the reason that is counted. CausVid's is a missing package: it stops the run."""


def run(names: tuple[str, ...], tiny: Path, out: Path, *more: str) -> Answer:
    models = [word for name in names for word in ("--model", name)]
    return call("run", *models, "--dataset", tiny, *QUICK, "--out", out, "--quiet", *more)


def details(out: Path) -> dict[str, dict[str, Any]]:
    """What ran, by model."""
    query = "SELECT model, payload FROM units WHERE stage = 'generate' AND state = 'done'"
    with sqlite3.connect(out / "journal.sqlite") as db:
        return {model: json.loads(payload)["details"] for model, payload in db.execute(query)}


def test_every_system_makes_a_clip(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(BASELINES, tmp_path, monkeypatch)
    out = tmp_path / "run"
    answer = run(BASELINES, tiny, out)
    assert answer.code == 0, answer.err
    seen = details(out)
    assert {name: seen[name]["program_frames"] for name in BASELINES} == FRAMES
    assert {name: seen[name]["program_fps"] for name in BASELINES} == dict.fromkeys(BASELINES, 25) | RATES
    for name in BASELINES:
        assert (row(out, name, "psnr_db")["n"], seen[name]["frames"]) == (1, 20)
    assert [name for name in BASELINES if "seed" in seen[name]] == ["causvid"]
    assert {name for name in BASELINES if seen[name]["dropped_frames"] != 0} == {"omniavatar"}
    assert seen["omniavatar"]["dropped_frames"] == 1
    assert json.loads(seen["soulx-liveact"]["blocks"]) == [[2.0, 32]]


def test_what_is_told_of_each_is_counted_and_not_scored(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = tuple(FAULTS)
    assert {*names, "causvid"} == set(BASELINES)
    install(names, tmp_path, monkeypatch)
    monkeypatch.setenv("BASELINE_FAULTS", json.dumps({name: fault for name, (fault, _) in FAULTS.items()}))
    out = tmp_path / "run"
    answer = run(names, tiny, out)
    assert answer.code == 3, answer.err
    reasons = {failure["model"]: failure["reason"] for failure in results(out)["failed"]}
    assert reasons == {name: reason for name, (_, reason) in FAULTS.items()}
    assert all(row(out, name, "psnr_db")["value"] is None for name in names)


def test_a_package_that_is_not_there_stops_the_run(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(("causvid",), tmp_path, monkeypatch)
    monkeypatch.setenv("BASELINE_FAULTS", '{"causvid": "import"}')
    refused(run(("causvid",), tiny, tmp_path / "run"), "CausVid cannot make any clip", "flash_attn")


def test_a_clip_that_is_too_long_is_refused_before_its_program_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = tmp_path / "long.yaml"
    card.write_text(
        "name: long\ntitle: Long\nkind: talkers\ntier: mini\nsummary: Of 6 s.\n"
        "protocol: {name: long, version: 1, fps: 25, size: [32, 32], reference_image: image}\n"
        "talkers: {split: test, clips: 1, speakers: 1, size: 32, seconds: 6}\n",
        encoding="utf-8",
    )
    install(("fantasytalking", "self-forcing"), tmp_path, monkeypatch)
    answer = run(("fantasytalking", "self-forcing"), card, tmp_path / "run")
    assert answer.code == 3, answer.err
    failed = {failure["model"]: failure for failure in results(tmp_path / "run")["failed"]}
    assert {failure["reason"] for failure in failed.values()} == {"too_long"}
    assert not list((tmp_path / "run").rglob("*.log"))


def test_all_that_is_missing_is_said_at_once(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEACT_EVAL_ENVIRONMENTS", str(tmp_path / "none"))
    monkeypatch.setenv("LIVEACT_EVAL_WEIGHTS", str(tmp_path / "none"))
    monkeypatch.delenv("LIVEACT_EVAL_ACCEPTED_LICENCES", raising=False)
    show_gpu(tmp_path / "bin", 24, monkeypatch)
    for more in ((), ("--plan",)):
        answer = run(("rolling-forcing", "hallo3"), tiny, tmp_path / "run", *more)
        refused(
            answer,
            "8 things are missing. Nothing was started.",
            "Rolling Forcing: its licence (licence of Rolling Forcing (Tencent)) was not accepted: academic purposes",
            "export LIVEACT_EVAL_ACCEPTED_LICENCES=rolling-forcing",
            "Rolling Forcing: its environment is not built\n    mend: liveact-eval env build rolling-forcing",
            "mend: hf download TencentARC/RollingForcing --local-dir",
            "mend: hf download Wan-AI/Wan2.1-T2V-1.3B --local-dir",
            "Hallo3: it needs 1 GPU with 80 GiB of memory; seen: 24 GiB",
        )
        assert not (tmp_path / "run").exists()


def test_the_list_reads_well() -> None:
    rows = {entry["name"]: entry for entry in call("models", "list", "--json").json}
    assert len(rows) >= 25
    for name in BASELINES:
        assert (rows[name]["kind"], rows[name]["runs"]) == ("command", False)
    # By kind: what runs by itself first, what only has figures last.
    told = [line.split()[0] for line in call("models", "list").out.splitlines() if line[:1].strip()]
    assert sorted(told[1:]) == sorted(rows)
    assert (
        told.index("liveact") < told.index("real") < told.index("infinitetalk") < told.index("knot-forcing")
    )
