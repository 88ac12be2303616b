"""A small tool to be installed for real: a wheel and a repository made on the spot, without a network."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

from liveact_eval.cards.environment import EnvironmentCard
from liveact_eval.cards.load import parse_typed

ADDRESS = "https://example.org/made/tool"
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


def make_wheel(folder: Path) -> Path:
    """The package `madetool` 1.2.3, which has one number in it."""
    path = folder / "madetool-1.2.3-py3-none-any.whl"
    files = {
        "madetool.py": "ANSWER = 42\n",
        "madetool-1.2.3.dist-info/METADATA": "Metadata-Version: 2.1\nName: madetool\nVersion: 1.2.3\n",
        "madetool-1.2.3.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{name},sha256={digest},{len(text)}\n"
        archive.writestr("madetool-1.2.3.dist-info/RECORD", record + "madetool-1.2.3.dist-info/RECORD,,\n")
    return path


def make_repository(folder: Path) -> str:
    """A repository of one commit; returns that commit."""
    folder.mkdir()
    (folder / "inside.py").write_text("PLACE = __file__\n", encoding="utf-8")
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for words in (["init", "--quiet"], ["add", "."], [*identity, "commit", "--quiet", "-m", "one"]):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True
    )
    return head.stdout.strip()


def redirect(folder: Path) -> dict[str, str]:
    """Variables by which git reads the card's address out of a folder."""
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{folder.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": ADDRESS,
    }


def card(**section: object) -> EnvironmentCard:
    """A card with this environment."""
    content = {
        "name": "made",
        "title": "Made tool",
        "summary": "A tool made for tests.",
        "environment": {"python": VERSION, "needs": {"disk_gib": 0.1}} | section,
    }
    return parse_typed(content, EnvironmentCard, where="made")


class Told:
    """Keeps what a build says."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.lines: list[str] = []

    def begin(self, step: str) -> None:
        self.steps.append(step)

    def line(self, text: str) -> None:
        self.lines.append(text)
