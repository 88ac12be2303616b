"""What a machine lacks for a system, and its GPUs."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from liveact_eval.cards.command import CommandSpec
from liveact_eval.environments.needs import Lack
from liveact_eval.errors import UserError
from liveact_eval.generators.command import devices, prerequisites
from liveact_eval.generators.command.adapter import processes_for
from liveact_eval.generators.command.devices import Device, chosen_devices, keep, lease
from liveact_eval.generators.command.installed import script_hash, weight_folder
from liveact_eval.generators.command.prerequisites import ACCEPTED_VARIABLE, find_lacking, refuse_lacking
from tests.unit.generators.command.command_cases import NoWaiting

LISTING = "0, GPU-aa, 81559\n1, GPU-bb, 81559\n2, GPU-cc, 24576\nnonsense\n"


def spec(**fields: Any) -> CommandSpec:
    given: dict[str, Any] = {"arguments": ["run.py"], "python": sys.executable, "gpu": {"count": 0}}
    return CommandSpec.model_validate(given | fields)


@pytest.fixture(autouse=True)
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEACT_EVAL_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("LIVEACT_EVAL_ENVIRONMENTS", str(tmp_path / "environments"))
    monkeypatch.delenv(ACCEPTED_VARIABLE, raising=False)
    monkeypatch.setattr(devices, "lock_folder", lambda: tmp_path)


def machine(monkeypatch: pytest.MonkeyPatch, found: list[Device]) -> None:
    monkeypatch.setattr(prerequisites, "visible_devices", lambda: found)
    monkeypatch.setattr(devices, "visible_devices", lambda: found)


def test_nothing_lacks() -> None:
    assert find_lacking("x", spec()) == []
    refuse_lacking([])


def test_all_that_is_missing_is_in_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, [Device("0", "GPU-aa", 24.0)])
    (tmp_path / "repo").mkdir()
    wanting = spec(
        python=str(tmp_path / "none" / "python"),
        repository=str(tmp_path / "repo"),
        weights={
            "base": {"hub": "Wan-AI/Wan2.1", "revision": "refs/pr/1", "files": ["a-*.safetensors", "t5.pth"]}
        },
        gpu={"count": 2, "memory_gib": 80},
        licence={"name": "Community", "text": "not in the EU"},
    )
    with pytest.raises(UserError) as caught:
        refuse_lacking([("Avatar", lack) for lack in find_lacking("avatar", wanting)])
    said = str(caught.value)
    assert said.startswith("5 things are missing. Nothing was started.\n  - Avatar: ")
    folder = tmp_path / "weights" / "Wan-AI" / "Wan2.1"
    for part in (
        f"export {ACCEPTED_VARIABLE}=avatar",
        "not in the EU",
        "there is no interpreter at",
        "has no 'run.py'",
        f"a-*.safetensors, t5.pth not in '{folder}'",
        f"hf download Wan-AI/Wan2.1 --revision refs/pr/1 --local-dir {folder}",
        "it needs 2 GPUs with 80 GiB of memory; seen: 24 GiB",
    ):
        assert part in said
    assert said.count("mend: ") == 5


def test_an_environment_that_is_not_built_says_how(tmp_path: Path) -> None:
    from liveact_eval.environments.cards import list_environments

    name = next(iter(list_environments()))
    (lack,) = find_lacking("x", spec(environment=name, python=None))
    assert lack == Lack("its environment is not built", f"liveact-eval env build {name}")


def test_an_environment_without_a_card_is_something_that_lacks(tmp_path: Path) -> None:
    """One model's card must not stop the list of all models."""
    (lack,) = find_lacking("x", spec(environment="no-such-one", python=None))
    assert lack.what.startswith("its environment 'no-such-one' cannot be used: ")
    assert "liveact-eval env list" in lack.what
    (lack,) = find_lacking("x", spec(environment=str(tmp_path / "no.yaml"), python=None))
    assert "No card at" in lack.what


def test_accepted_terms_and_fetched_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ACCEPTED_VARIABLE, "other, avatar")
    wanting = spec(
        licence={"name": "Community", "text": "t"},
        weights={"base": {"hub": "a/b", "files": ["sub/*.pth"]}},
    )
    assert len(find_lacking("avatar", wanting)) == 1
    assert "=other,avatar,third" in find_lacking("third", wanting)[0].mend
    # As a user has it who keeps one folder per model.
    (tmp_path / "weights" / "b" / "sub").mkdir(parents=True)
    (tmp_path / "weights" / "b" / "sub" / "x.pth").touch()
    assert find_lacking("avatar", wanting) == []
    assert weight_folder(wanting.weights["base"]) == tmp_path / "weights" / "b"


def test_a_program_that_is_not_there() -> None:
    (lack,) = find_lacking("x", spec(program="no-such-program-9"))
    assert "no program 'no-such-program-9'" in lack.what


def test_the_script_of_ones_own_repository_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    own = spec(repository=str(tmp_path), arguments=["{repo}/sub/run.py", "--x", "other.py"])
    assert script_hash(own) is None
    (tmp_path / "sub" / "run.py").write_text("1")
    first = script_hash(own)
    (tmp_path / "sub" / "run.py").write_text("2")
    assert first is not None and script_hash(own) not in {None, first}
    worker = spec(repository=str(tmp_path), arguments=[], worker={"function": "sub.run:load"})
    assert script_hash(worker) == script_hash(own)
    assert script_hash(spec(arguments=["run.py"])) is None


def test_visible_gpus() -> None:
    assert [d.uuid for d in chosen_devices(LISTING, None)] == ["GPU-aa", "GPU-bb", "GPU-cc"]
    assert chosen_devices(LISTING, None)[2].memory_gib == 24
    assert [d.index for d in chosen_devices(LISTING, "2,0")] == ["2", "0"]
    assert [d.index for d in chosen_devices(LISTING, "GPU-b")] == ["1"]
    assert chosen_devices(LISTING, "") == []
    assert [d.index for d in chosen_devices(LISTING, "1,7,0")] == ["1"]


def test_one_process_per_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    from liveact_eval.generators.command import adapter

    found = chosen_devices(LISTING, None)
    machine(monkeypatch, found)
    monkeypatch.setattr(adapter, "visible_devices", lambda: found)
    assert processes_for(spec()) is None
    assert processes_for(spec(gpu={"count": 1})) == 3
    assert processes_for(spec(gpu={"count": 2})) == 1


def test_a_held_gpu_is_not_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, chosen_devices(LISTING, None))
    with lease(1) as one, lease(2) as two:
        assert (one, two) == (("GPU-aa",), ("GPU-bb", "GPU-cc"))

        class Waited(Exception):
            pass

        def wait(_: float) -> None:
            raise Waited

        monkeypatch.setattr(time, "sleep", wait)
        with pytest.raises(Waited), lease(1):
            pass
    with lease(3) as three:
        assert len(three) == 3
    with lease(0) as none:
        assert none == ()


def test_what_this_process_keeps_is_given_back_first(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, chosen_devices(LISTING, "0"))
    monkeypatch.setattr(devices, "time", NoWaiting)
    kept = contextlib.ExitStack()
    assert kept.enter_context(lease(1)) == ("GPU-aa",)
    keep(kept.close)
    with lease(0):
        pass
    with lease(1) as one:
        assert one == ("GPU-aa",)


def test_locks_of_somebody_else_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    made = devices.lock_folder()
    assert made.stat().st_mode & 0o777 == 0o700
    made.rmdir()
    (tmp_path / "theirs").mkdir()
    made.symlink_to(tmp_path / "theirs")
    with pytest.raises(UserError, match="is not a folder of yours"):
        devices.lock_folder()


def test_too_few_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, [])
    with pytest.raises(UserError, match="1 GPUs are needed, and 0 can be seen"), lease(1):
        pass
