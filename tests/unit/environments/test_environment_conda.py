"""Environments by conda: its command line, with a stand-in that takes the options of `conda create` and no others."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from liveact_eval.environments.build import build
from liveact_eval.environments.needs import Request
from liveact_eval.environments.store import examine
from liveact_eval.errors import UserError
from tests.unit.environments.made_environments import VERSION, Told, card

CONDA = f"""#!{sys.executable}
import argparse, os, sys, venv
parser = argparse.ArgumentParser(prog="conda", allow_abbrev=False)
create = parser.add_subparsers(required=True).add_parser("create", allow_abbrev=False)
create.add_argument("-p", "--prefix", required=True)
create.add_argument("-y", "--yes", action="store_true")
create.add_argument("--no-default-packages", action="store_true")
create.add_argument("packages", nargs="*")
asked = parser.parse_args()
assert asked.yes and asked.no_default_packages and not os.path.exists(asked.prefix)
assert asked.packages == ["python={VERSION}", "pip"], asked.packages
assert "CONDA_PREFIX" not in os.environ
if os.environ.get("CONDA_FAILS"):
    sys.exit("PackagesNotFoundError: python={VERSION}")
venv.create(asked.prefix)
"""


@pytest.fixture
def request_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Request:
    """With conda as the only program that is found beside the usual ones, in an activated environment of its own."""
    conda = tmp_path / "condabin" / "conda"
    conda.parent.mkdir()
    conda.write_text(CONDA, encoding="utf-8")
    conda.chmod(0o755)
    monkeypatch.setenv("PATH", f"{conda.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path / "base"))
    made = card(imports=["import sys; assert sys.prefix != sys.base_prefix"])
    return Request(card=made, folder=tmp_path / "environments" / "made", how="conda")


def test_conda_makes_an_environment(request_: Request) -> None:
    record = build(request_, Told())
    assert examine(request_.card, request_.folder.parent) == ("built", record)
    assert (record.made_by, record.python_version.rpartition(".")[0]) == ("conda", VERSION)
    assert Path(record.python) == request_.folder / record.build / "venv" / "bin" / "python"


def test_what_conda_says_is_told(request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONDA_FAILS", "1")
    with pytest.raises(UserError, match=f"PackagesNotFoundError: python={VERSION}"):
        build(request_, Told())
    assert examine(request_.card, request_.folder.parent) == ("not built", None)


def test_no_conda_is_said_before_anything_starts(request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(UserError, match="the program conda, which --with conda asks for, is not on the path"):
        build(request_, Told())
