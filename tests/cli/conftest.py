"""A small drawn dataset and a finished run over it, made once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.helpers import MODELS, QUICK, call, make_clip

CARD = """\
name: tiny
title: Tiny
kind: talkers
tier: mini
summary: Four short clips of three speakers.
protocol: {name: tiny, version: 1, fps: 25, size: [32, 32], reference_image: image, encoding: {crf: 4}}
talkers: {split: test, clips: 4, speakers: 3, size: 32, seconds: 0.8}
"""


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Drawn clips are kept for all tests, away from the user's."""
    before = os.environ.get("LIVEACT_EVAL_CACHE")
    os.environ["LIVEACT_EVAL_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["LIVEACT_EVAL_CACHE"]
    else:
        os.environ["LIVEACT_EVAL_CACHE"] = before


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Card of a dataset that takes no time."""
    path = tmp_path_factory.mktemp("cards") / "tiny.yaml"
    path.write_text(CARD, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def finished(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; not to be changed."""
    out = tmp_path_factory.mktemp("runs") / "finished"
    answer = call("run", "--dataset", tiny, *MODELS, *QUICK, "--out", out)
    assert answer.code == 0, answer.err
    return out


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, with the times of its files."""
    return Path(shutil.copytree(finished, tmp_path / "finished"))


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Fills a folder with the videos `a`, `b` and `c`."""
    made = tmp_path_factory.mktemp("clips")
    for number, name in enumerate("abc"):
        make_clip(made / f"{name}.mp4", speaker=number)

    def fill(folder: Path) -> Path:
        return Path(shutil.copytree(made, folder))

    return fill
