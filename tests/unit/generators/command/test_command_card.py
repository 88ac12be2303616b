"""The section of a card that says how a program is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from liveact_eval.cards.command import CommandSpec
from tests.unit.generators.command.command_cases import SYSTEMS, section


def read(**fields: Any) -> CommandSpec:
    return CommandSpec.model_validate({"arguments": ["run.py"]} | fields)


@pytest.mark.parametrize("system", SYSTEMS)
def test_systems_can_be_described(system: str, tmp_path: Path) -> None:
    spec = CommandSpec.model_validate(section(system, tmp_path))
    assert CommandSpec.model_validate_json(spec.model_dump_json()) == spec
    assert spec.uses_seed


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"arguments": ["x", "{imgae}"]},
            "unknown placeholder `{imgae}` in argument `{imgae}`. Did you mean `{image}`?",
        ),
        (
            {"arguments": ["{weights.bass}"], "weights": {"base": {"hub": "a/b", "files": ["x"]}}},
            "weights.base",
        ),
        ({"arguments": []}, "either `arguments` or `worker`"),
        ({"worker": {"function": "a:b"}}, "either `arguments` or `worker`"),
        ({"arguments": ["{image}"], "takes": ["audio"]}, "unknown placeholder `{image}`"),
        ({"clips_per_process": 2, "arguments": ["{audio}"]}, "unknown placeholder `{audio}`"),
        ({"clips_per_process": 2, "output": "out/*.mp4"}, "must hold `{stem}` or `{index}`"),
        (
            {"clips_per_process": 2, "files": [{"name": "a", "format": "json", "content": "{image}"}]},
            "`clips_per_process` must be 1",
        ),
        ({"output": "/tmp/*.mp4"}, "a path below the working folder"),
        ({"output": "../*.mp4"}, "a path below the working folder"),
        ({"output": "out/{prompt}.mp4"}, "unknown placeholder `{prompt}` in output"),
        ({"output": "{image}"}, "unknown placeholder `{image}` in output"),
        ({"work": {"links": {"out": "{repo}"}}}, "no link can have its name"),
        ({"work": {"links": {"a": "{repo}", "a/b": "{repo}"}}}, "`a/b` lies inside the link `a`"),
        ({"variables": {"X": "{"}}, "belongs to no placeholder"),
        ({"work": {"links": {"../x": "{repo}"}}}, "must be a path inside the folder"),
        ({"work": {"links": {"x": "{seed}"}}}, "unknown placeholder `{seed}` in link"),
        ({"files": [{"name": "../a", "format": "json", "content": {}}]}, "match pattern"),
        ({"files": [{"name": "a", "format": "csv", "content": ["{image}"]}]}, "must map columns to texts"),
        ({"files": [{"name": "a", "format": "csv", "content": {"fps": 25}}]}, "quote numbers"),
        ({"files": [{"name": "a", "format": "lines", "content": "x"}]}, "must be a list of parts"),
        ({"files": 2 * [{"name": "a", "format": "json", "content": {}}]}, "two input files"),
        ({"files": [{"name": "a", "format": "json", "content": {}, "placeholder": "seed"}]}, "is taken"),
        ({"timing": [{"pattern": "took (\\d+)"}]}, "one group `seconds` or `ms`"),
        ({"timing": [{"pattern": "("}]}, "no regular expression"),
        ({"failures": [{"pattern": "x", "reason": "Not a code"}]}, "match pattern"),
        ({"weights": {"a": {"files": ["x"]}}}, "`hub` or `folder` must be given"),
        ({"weights": {"a": {"hub": "a/b", "files": ["../x"]}}}, "path inside the folder"),
        ({"argments": []}, "Extra inputs"),
    ],
)
def test_what_cannot_be_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        read(**fields)
    assert message in str(caught.value)


def test_worker_options_hold_only_what_no_clip_changes() -> None:
    worker = {"function": "my.avatar:load", "options": {"folder": "{repo}", "deep": [{"fps": "{fps}"}]}}
    assert CommandSpec.model_validate({"worker": worker}).uses_seed
    worker["options"] = {"seed": "{seed}"}
    with pytest.raises(ValidationError, match="in worker option"):
        CommandSpec.model_validate({"worker": worker})
    with pytest.raises(ValidationError, match="takes no `files`"):
        CommandSpec.model_validate({"worker": {"function": "a:b"}, "clips_per_process": 2})
    with pytest.raises(ValidationError, match="match pattern"):
        CommandSpec.model_validate({"worker": {"function": "a.b"}})


def test_paths_are_taken_from_the_cards_place(tmp_path: Path) -> None:
    spec = read(repository="my/repo", python="my/venv/bin/python", environment="my.yaml").beside(tmp_path)
    assert spec.repository == str(tmp_path / "my/repo")
    assert spec.python == str(tmp_path / "my/venv/bin/python")
    assert spec.environment == str(tmp_path / "my.yaml")
    bare = read(python="python3", environment="liveact").beside(tmp_path)
    assert (bare.python, bare.environment, bare.repository) == ("python3", "liveact", None)


def test_a_program_without_a_seed_is_known_to_be_one() -> None:
    assert not read(arguments=["run.py", "{image}"]).uses_seed
    assert read(files=[{"name": "a", "format": "yaml", "content": {"x": ["{seed}"]}}]).uses_seed


def test_what_changes_no_video_makes_none_anew() -> None:
    spec = read(arguments=["run.py", "{seed}"])
    same: list[dict[str, Any]] = [
        {"limits": {"start_s": 1}},
        {"gpu": {"count": 4}},
        {"timing": [{"pattern": "(?P<ms>.)"}]},
        {"repository": "/elsewhere", "python": "/elsewhere/python"},
    ]
    others: list[dict[str, Any]] = [
        {"length": {"lead_in_frames": 1}},
        {"arguments": ["run.py", "--steps", "4", "{seed}"]},
        {"sound": {"pad_s": 1}},
    ]
    for fields in same:
        assert read(**({"arguments": ["run.py", "{seed}"]} | fields)).identity() == spec.identity()
    for fields in others:
        assert read(**({"arguments": ["run.py", "{seed}"]} | fields)).identity() != spec.identity()


def test_where_a_card_lies_changes_no_video(tmp_path: Path) -> None:
    own = read(environment="mine.yaml")
    assert own.beside(tmp_path).environment == str(tmp_path / "mine.yaml")
    assert own.beside(tmp_path).identity() == own.identity()
    assert own.identity() != read(environment="other.yaml").identity()
