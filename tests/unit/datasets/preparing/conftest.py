"""A video site with stand-ins for the programs that fetch from it, and what a preparation needs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import pytest

from liveact_eval.cards.protocol import Encoding
from liveact_eval.datasets.preparing.recipe import CutRecipe
from liveact_eval.datasets.preparing.rows import ClipRow
from tests.unit.datasets.preparing.barcodes import make_video
from tests.unit.weights.fake_hub import FakeHub, Served

STAND_IN = Path(__file__).with_name("stand_in_ytdlp.py")
RECIPE = CutRecipe(
    size=(48, 48), rate=Fraction(25), seconds=Fraction(1), encoding=Encoding(crf=4, preset="ultrafast")
)
"""As in real datasets, only small and short."""


@dataclass
class Site:
    """A video site, and the log of who asked for what."""

    hub: FakeHub
    log: Path

    def add(self, video_id: str, content: bytes) -> Served:
        return self.hub.add("video/site", f"{video_id}.mp4", content)

    def served(self, video_id: str) -> Served:
        return self.hub.repositories["video/site"][f"{video_id}.mp4"]

    @property
    def asked(self) -> list[str]:
        """Ids in the order in which they were asked for by the program."""
        if not self.log.is_file():
            return []
        return [json.loads(line)[1].rpartition("v=")[2] for line in self.log.read_text().splitlines()]

    @property
    def mirror(self) -> str:
        """The same files for plain downloads."""
        return f"{self.hub.url}/video/site/of/talks"


def install(folder: Path, programs: tuple[str, ...] = ("yt-dlp", "ffmpeg")) -> None:
    """Put stand-ins into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    scripts = {
        "yt-dlp": f'#!/bin/sh\nexec "{sys.executable}" -S "{STAND_IN}" "$@"\n',
        "ffmpeg": '#!/bin/sh\necho "ffmpeg version 7.1 stand-in"\n',
    }
    for name in programs:
        (folder / name).write_text(scripts[name], encoding="utf-8")
        (folder / name).chmod(0o755)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("liveact_eval.weights.hub._FIRST_WAIT_S", 0.0)
    hub = FakeHub()
    install(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("STAND_IN_SITE", hub.url)
    monkeypatch.setenv("STAND_IN_LOG", str(tmp_path / "asked.jsonl"))
    yield Site(hub, tmp_path / "asked.jsonl")
    hub.close()


@pytest.fixture(scope="session")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of three seconds."""
    return make_video(
        tmp_path_factory.mktemp("talk") / "talk.mp4", rate=30, container={"movflags": "faststart"}
    )


@dataclass
class Heard:
    """What a preparation told."""

    totals: list[tuple[int, int]] = field(default_factory=list)
    videos: list[str] = field(default_factory=list)
    rows: list[ClipRow] = field(default_factory=list)

    def begin(self, total: int, done: int) -> None:
        self.totals.append((total, done))

    def video(self, name: str, how: str) -> None:
        self.videos.append(name)

    def clip(self, row: ClipRow) -> None:
        self.rows.append(row)


@pytest.fixture
def heard() -> Heard:
    return Heard()
