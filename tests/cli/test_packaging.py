"""What is installed is whole, and the folders at the top of the repository confuse nobody."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.cli.helpers import ROOT, call


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked wheel."""
    pytest.importorskip("build")
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    # From a folder of its own: the repository's `build/`, if there is one, is no package.
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
        timeout=120,
        cwd=folder,
    )
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder / "tree")
    return folder / "tree"


def test_wheel_holds_cards_and_tables(wheel: Path) -> None:
    data = wheel / "liveact_eval" / "_data"
    for name in ("models", "datasets", "environments", "reports"):
        inside = {path.relative_to(data / name) for path in (data / name).rglob("*") if path.is_file()}
        assert inside == {
            path.relative_to(ROOT / name) for path in (ROOT / name).rglob("*") if path.is_file()
        }
    assert {
        path.name for path in wheel.iterdir() if path.is_dir() and not path.name.endswith(".dist-info")
    } == {"liveact_eval"}


def test_wheel_runs_elsewhere(wheel: Path, tmp_path: Path) -> None:
    program = (
        "import sys, liveact_eval; print(liveact_eval.__file__, file=sys.stderr);"
        "from liveact_eval.cli import main; main()"
    )
    for noun in ("models", "datasets"):
        ended = subprocess.run(
            [sys.executable, "-c", program, noun, "list", "--json"],
            env=os.environ | {"PYTHONPATH": str(wheel)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert ended.stderr.startswith(str(wheel))
        assert json.loads(ended.stdout) == call(noun, "list", "--json").json


def test_top_folders_hold_data_only() -> None:
    for name in ("models", "datasets", "environments", "reports"):
        assert not list((ROOT / name).rglob("*.py"))


def installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def output_of(program: str, folder: Path, environment: dict[str, str]) -> list[str]:
    """What a program prints in a fresh interpreter, in words."""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.split()


def test_the_folder_datasets_is_not_the_library_of_that_name() -> None:
    """In the root of the repository `datasets/` lies on the path before every installed library."""
    program = (
        "import runpy; runpy.run_path('cli.py'); from transformers.utils import is_datasets_available;"
        "print(is_datasets_available()); import diffusers; print(diffusers.FlowMatchEulerDiscreteScheduler.__name__)"
    )
    found = output_of(program, ROOT, os.environ | {"PYTHONPATH": str(ROOT)})
    assert found == [str(installed("datasets")), "FlowMatchEulerDiscreteScheduler"]


def test_an_editable_install_brings_no_data_folder_onto_the_path(tmp_path: Path) -> None:
    program = (
        "import importlib.util as u; print(u.find_spec('models'), u.find_spec('reports'));"
        "import liveact_eval.clips.video"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    assert output_of(program, tmp_path, environment) == ["None", "None"]
