"""The pages that show how to add things do work as they stand."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


def block(page: str, language: str) -> str:
    """The first fenced block of a page in that language."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found is not None, f"docs/{page} has no {language} block"
    return found.group(1)


def call(*arguments: str, cwd: Path, tree: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run cli.py of a tree in a folder."""
    environment = os.environ | {"LIVEACT_EVAL_CACHE": str(cwd / "cache")}
    return subprocess.run(
        [sys.executable, str(tree / "cli.py"), *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def rows(answer: subprocess.CompletedProcess[str]) -> dict[tuple[str, str], Any]:
    assert answer.returncode == 0, answer.stderr
    results = json.loads(answer.stdout)
    return {(row["model"], row["metric"]): row for row in results["rows"]}


def test_library_example_of_the_native_model(tmp_path: Path) -> None:
    made: dict[str, Any] = {}
    exec(block("liveact.md", "python"), made)
    assert made["latents"].shape == (1, 16, 8, 8, 8)
    assert made["latents"].isfinite().all()


def test_metric_page(tmp_path: Path) -> None:
    (tmp_path / "contrast.py").write_text(block("add-a-metric.md", "python"), encoding="utf-8")
    answer = call(
        "run", "--metrics", "contrast.py,ssim", "--model", "blur", "--limit", "2", "--json", cwd=tmp_path
    )
    found = rows(answer)
    assert found["blur", "contrast_levels"]["n"] == 2
    assert found["blur", "contrast_levels"]["value"] < found["real", "contrast_levels"]["value"]
    assert found["real", "ssim"]["value"] == pytest.approx(1.0)


def test_metric_is_found_by_being_there(tmp_path: Path) -> None:
    for name in ("liveact_eval", "models", "datasets", "reports"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "cli.py", tmp_path)
    target = tmp_path / "liveact_eval" / "metrics" / "contrast.py"
    target.write_text(block("add-a-metric.md", "python"), encoding="utf-8")
    answer = call("metrics", "show", "contrast", "--json", cwd=tmp_path, tree=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["recipe"] == "rms-contrast-luma@1"


def test_dataset_page(tmp_path: Path) -> None:
    from liveact_eval.cards.protocol import Encoding
    from liveact_eval.clips.encode import write_video
    from liveact_eval.datasets.talkers import TalkerSpec, render

    (tmp_path / "interviews.yaml").write_text(block("add-a-dataset.md", "yaml"), encoding="utf-8")
    from fractions import Fraction

    for number, name in enumerate(("anna_01", "anna_02", "ben_01")):
        talker = render(TalkerSpec(split="test", speaker=number, utterance=0, seconds=3.0))
        write_video(
            tmp_path / "videos" / f"{name}.mp4",
            talker.frames,
            size=(64, 64),
            rate=Fraction(25),
            encoding=Encoding(),
            samples=talker.samples,
        )
    plan = call("run", "--model", "still", "--dataset", "interviews.yaml", "--plan", "--json", cwd=tmp_path)
    assert plan.returncode == 0, plan.stderr
    assert json.loads(plan.stdout)["protocol"].startswith("interviews@1:")
    found = rows(
        call(
            "run",
            "--model",
            "still",
            "--dataset",
            "interviews.yaml",
            "--metrics",
            "psnr",
            "--json",
            cwd=tmp_path,
        )
    )
    row = found["still", "psnr_db"]
    assert (row["n"], row["n_speakers"], row["dataset"]) == (3, 2, "interviews")
    assert row["ci_low"] is not None


def test_configuration_page() -> None:
    from liveact_eval.cards.load import parse_typed
    from liveact_eval.cards.model import ModelCard
    from liveact_eval.execution.config import RunConfig

    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    config, card = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert parse_typed(yaml.safe_load(config), RunConfig, where="page").failure_limit(100) == 10
    assert parse_typed(yaml.safe_load(card), ModelCard, where="page").name == "late"


def test_metrics_page_names_every_metric_and_recipe() -> None:
    from liveact_eval.metrics.registry import shipped

    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    for metric in shipped().values():
        assert f"| `{metric.name}` |" in text
        assert f"`{metric.recipe}`" in text


def test_readme_shows_the_demo() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "| Talkers (mini) | Real | LiveAct mini | Still | Shift +5 | Blur | Freeze |" in text


def test_pages_link_to_files_that_exist() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"
