"""The page that shows how to add a model does work as it stands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from liveact_eval.cards.command import CommandSpec
from tests.cli.helpers import call

PAGE = Path(__file__).resolve().parents[2] / "docs" / "add-a-model.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def commands() -> list[list[str]]:
    """The page's own command lines, word by word."""
    found = re.findall(
        r"^    liveact-eval (run --model my-avatar.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    return [shlex.split(line) for line in found]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the page says is to be saved."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIVEACT_EVAL_CACHE", str(tmp_path / "cache"))
    program, served = blocks("python")
    (tmp_path / "my_avatar").mkdir()
    (tmp_path / "my_avatar" / "generate.py").write_text(program, encoding="utf-8")
    (tmp_path / "my_avatar" / "served.py").write_text(served, encoding="utf-8")
    (tmp_path / "my-avatar.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
    return tmp_path


def test_the_card_runs(here: Path) -> None:
    plan, run = commands()
    answer = call(*plan, "--json")
    assert answer.code == 0, answer.err
    assert answer.json["models"] == ["real", "my-avatar"]
    answer = call(*run, "--json", "--set", "workers=1", "--set", "statistics.resamples=100")
    assert answer.code == 0, answer.err
    (row,) = [r for r in answer.json["rows"] if (r["model"], r["metric"]) == ("my-avatar", "psnr_db")]
    assert row["n"] == 2 and 5 < row["value"] < 60
    assert len(list((here / "runs" / "mine" / "videos" / "my-avatar").glob("*.mp4"))) == 2


def test_the_worker_runs(here: Path) -> None:
    card = yaml.safe_load(blocks("yaml")[0]) | yaml.safe_load(blocks("yaml")[2])
    (here / "my-avatar.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    answer = call(
        *("run", "--model", "my-avatar.yaml", "--limit", "2", "--metrics", "psnr", "--out", "runs/served"),
        *("--json", "--set", "workers=1", "--set", "statistics.resamples=100"),
    )
    assert answer.code == 0, answer.err
    (row,) = [r for r in answer.json["rows"] if (r["model"], r["metric"]) == ("my-avatar", "psnr_db")]
    assert row["n"] == 2
    assert len(list((here / "runs" / "served" / "videos" / "my-avatar").glob("worker-*.log"))) == 1


def test_the_input_file_is_a_section_of_a_card() -> None:
    spec = CommandSpec.model_validate(yaml.safe_load(blocks("yaml")[1]))
    assert (spec.clips_per_process, spec.files[0].format) == (8, "csv")


def test_every_placeholder_of_the_table_exists() -> None:
    from liveact_eval.cards.command import CLIP_PLACES, RUN_PLACES

    table = PAGE.read_text(encoding="utf-8").split("| placeholder |")[1].split("All fields")[0]
    named = set(re.findall(r"`\{([\w.]+)\}`", table))
    assert named == CLIP_PLACES | RUN_PLACES | {"weights.NAME", "input"}


def test_the_reasons_of_the_table_are_those_of_the_code() -> None:
    sources = (PAGE.parents[1] / "liveact_eval" / "generators" / "command").glob("*.py")
    code = "".join(path.read_text(encoding="utf-8") for path in sources)
    table = PAGE.read_text(encoding="utf-8").split("| reason |")[1].split("All that a program")[0]
    for line in table.splitlines()[2:-2]:
        for reason in re.findall(r"`([a-z_]+)`", line.split("|")[1]):
            assert f'"{reason}"' in code, reason
