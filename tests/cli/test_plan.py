"""`--plan`, and where the configuration comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.helpers import call, refused


def tree(root: Path) -> dict[str, int]:
    """Everything below a folder with its time."""
    return {str(path.relative_to(root)): path.lstat().st_mtime_ns for path in root.rglob("*")}


def plan(*words: str | Path) -> Any:
    answer = call("run", *words, "--plan", "--json")
    assert answer.code == 0, answer.err
    return answer.json


def test_plan_writes_nothing(tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIVEACT_EVAL_CACHE", str(tmp_path / "cache"))
    for words in (("--dataset", tiny), ("--dataset", tiny, "--out", tmp_path / "run"), ()):
        for form in ((), ("--json",)):
            answer = call("run", *words, "--plan", *form)
            assert (answer.code, answer.err) == (0, "")
    assert tree(tmp_path) == {}


def test_plan_leaves_a_run_folder_as_it_is(run: Path, tiny: Path) -> None:
    before = tree(run)
    plan("--dataset", tiny, "--out", run, "--model", "blur")
    assert tree(run) == before


def test_plan_says_what_would_be_done(tiny: Path, tmp_path: Path) -> None:
    words = (
        "--dataset",
        tiny,
        "--limit",
        "2",
        "--model",
        "still,blur",
        "--metrics",
        "psnr",
        "--out",
        tmp_path,
    )
    said = plan(*words)
    assert said["models"] == ["real", "still", "blur"]
    assert list(said["metrics"]) == ["psnr"]
    assert said["protocol"].startswith("tiny@1:")
    assert said["protocol_fields"]["size"] == [32, 32]
    assert len(said["clips"]) == 2
    assert said["decodes"] == 6
    assert said["downloads"] == []
    text = call("run", *words, "--plan").out
    for part in ("Tiny (mini), 2 speakers", said["protocol"], "real, still, blur", "none", str(tmp_path)):
        assert part in text


def test_plan_checks_what_a_run_would_stumble_over(tmp_path: Path, tiny: Path) -> None:
    wrong = (
        ("--dataset", tiny, "--set", "protocol.size=[64,64]"),
        ("--dataset", tmp_path),
        ("--metrics", "none.py"),
        ("--model", tmp_path / "none.yaml"),
    )
    for words in wrong:
        assert call("run", *words, "--plan").code == 2, words


def test_flags_win_over_the_environment_and_both_over_the_file(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(
        f"dataset: {tiny}\nlimit: 1\nworkers: 3\nmodels: [blur]\nmetrics: psnr, ssim\n", encoding="utf-8"
    )
    said = plan("--config", file)
    assert (len(said["clips"]), said["workers"], said["models"]) == (1, 3, ["real", "blur"])
    assert sorted(said["metrics"]) == ["psnr", "ssim"]
    monkeypatch.setenv("LIVEACT_EVAL_RUN_LIMIT", "2")
    assert len(plan("--config", file)["clips"]) == 2
    assert len(plan("--config", file, "--limit", "3")["clips"]) == 3
    assert len(plan("--config", file, "--limit", "3", "--set", "limit=4")["clips"]) == 4
    assert plan("--config", file, "--set", "workers=2")["workers"] == 2


def test_set_changes_one_field_of_a_section(tiny: Path, tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(f"dataset: {tiny}\nprotocol: {{clip_seconds: 0.4}}\n", encoding="utf-8")
    fields = plan("--config", file, "--set", "protocol.encoding.preset=fast")["protocol_fields"]
    # The card's own constant rate factor stays.
    assert (fields["clip_seconds"], fields["encoding"]["preset"], fields["encoding"]["crf"]) == (
        0.4,
        "fast",
        4,
    )


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("sead=1", ("'sead'", "Did you mean 'seed'?")),
        ("statistics.resample=500", ("`statistics.resample`", "Did you mean `resamples`?")),
        ("protocol.encoding.crv=3", ("`protocol.encoding.crv`", "Did you mean `crf`?")),
        ("limit", ("expected KEY=VALUE",)),
        ("limit=[", ("not valid YAML",)),
        ("limit.x=1", ("`limit`",)),
        ("workers=0", ("`workers`", "greater than or equal to 1")),
        ("statistics.confidence=95", ("`statistics.confidence`", "less than 1")),
        ("max_failures=.nan", ("`max_failures`", "a share between 0 and 1")),
        ("max_failures=.inf", ("`max_failures`", "a share between 0 and 1")),
        ("max_failures=-1", ("`max_failures`",)),
    ],
)
def test_wrong_assignments(text: str, parts: tuple[str, ...]) -> None:
    refused(call("run", "--plan", "--set", text), *parts)


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"datset: talkers\n", ("run.yaml", "`datset`", "Did you mean `dataset`?")),
        (b"- talkers\n", ("run.yaml", "expected a mapping", "list")),
        (b"dataset: [\n", ("run.yaml", "not valid YAML")),
        (b"\xff\xfe\xfa", ("run.yaml", "not valid YAML")),
        (b"", ("run.yaml", "expected a mapping")),
        (b"dataset: !!python/object/apply:os.system [ls]\n", ("run.yaml", "not valid YAML")),
    ],
)
def test_wrong_files(content: bytes, parts: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_bytes(content)
    refused(call("run", "--plan", "--config", file), *parts)


def test_file_that_is_not_there(tmp_path: Path) -> None:
    refused(call("run", "--plan", "--config", tmp_path / "none.yaml"), "none.yaml", "No such file")
    refused(call("run", "--plan", "--config", tmp_path), "Is a directory")


def test_a_run_folder_that_cannot_be(tmp_path: Path, tiny: Path) -> None:
    (tmp_path / "file").touch()
    refused(call("run", "--dataset", tiny, "--out", tmp_path / "file"), "is a file", "Give another path")
    answer = call("run", "--dataset", tiny, "--out", tmp_path / "file" / "run")
    assert answer.code == 4
    assert "cannot be written" in answer.err


def test_default_folder_is_named_after_the_run(
    tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert plan("--dataset", tiny)["out"] == "runs/tiny"
    assert plan("--dataset", tiny, "--limit", "2", "--seed", "7")["out"] == "runs/tiny-n2-seed7"
