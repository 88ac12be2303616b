"""The configuration of a run, and what its fields mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from liveact_eval.errors import UserError
from liveact_eval.execution.config import DEFAULT_MODELS, RunConfig, build_config
from liveact_eval.execution.plan import run_root


@pytest.mark.parametrize(
    ("value", "units", "limit"),
    [
        (None, 30, None),
        (3, 30, 3),
        (0, 30, 0),
        ("1", 30, 1),
        (1, 30, 1),
        (0.1, 30, 3),
        (1.0, 30, 30),
        (0.29, 100, 29),
        (0.05, 10, 0),
        (40.0, 30, 40),
    ],
)
def test_failure_limit(value: object, units: int, limit: int | None) -> None:
    assert RunConfig.model_validate({"max_failures": value}).failure_limit(units) == limit


@pytest.mark.parametrize("value", ["-1", "1.5", ".nan", ".inf", "-.inf", "many"])
def test_wrong_failure_limits(value: str) -> None:
    with pytest.raises(UserError, match="max_failures"):
        build_config(None, [f"max_failures={value}"], {})


@pytest.mark.parametrize("value", [0, 257, "two", 1.5])
def test_wrong_workers(value: object) -> None:
    with pytest.raises(UserError, match="`workers`"):
        build_config(None, [f"workers={value}"], {})


def test_defaults() -> None:
    config = build_config(None, [], {})
    assert config == RunConfig()
    assert config.models == DEFAULT_MODELS
    assert (config.dataset, config.metrics, config.workers) == ("talkers", ("all-offline",), None)
    assert all(field.description is None for field in RunConfig.model_fields.values())


@pytest.mark.parametrize("value", ["a,b", ["a", "b"], ["a,b"], "a , b,", ("a", "b")])
def test_lists_of_names(value: object) -> None:
    assert RunConfig.model_validate({"models": value}).models == ("a", "b")


def test_set_reaches_every_depth() -> None:
    config = build_config(
        None, ["protocol.encoding.crf=3", "sanity.reject=[black]", "out=x/y", "limit=null"], {"limit": 4}
    )
    assert config.protocol.encoding is not None
    assert (config.protocol.encoding.crf, config.sanity.reject) == (3, ("black",))
    assert (config.out, config.limit) == (Path("x/y"), None)


def test_value_with_an_equals_sign() -> None:
    assert build_config(None, ["dataset=a=b"], {}).dataset == "a=b"


def test_section_that_is_a_value(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("statistics: 5\n", encoding="utf-8")
    with pytest.raises(UserError, match="'statistics' is a value, not a section"):
        build_config(file, ["statistics.seed=1"], {})


def test_flags_fill_up_a_section_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("score: {videos: a, reference: real}\n", encoding="utf-8")
    config = build_config(file, [], {"score": {"videos": Path("b")}})
    assert config.score is not None
    assert (config.score.videos, config.score.reference) == (Path("b"), "real")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({}, "runs/talkers"),
        ({"limit": 4, "seed": 2}, "runs/talkers-n4-seed2"),
        ({"out": "here"}, "here"),
        ({"dataset": "cards/mine.yaml"}, "runs/mine"),
        ({"score": {"videos": "v", "name": "try 2"}}, "runs/score-try_2-"),
    ],
)
def test_run_folder(content: dict[str, object], expected: str) -> None:
    assert str(run_root(RunConfig.model_validate(content))).startswith(expected)


def test_folders_with_dots_have_runs_of_their_own(tmp_path: Path) -> None:
    for name in ("v1.5", "v1.6"):
        (tmp_path / name).mkdir()
        config = RunConfig.model_validate({"score": {"videos": tmp_path / name}})
        assert run_root(config) == Path("runs") / f"score-{name}"
        assert run_root(RunConfig(dataset=str(tmp_path / name))) == Path("runs") / name
