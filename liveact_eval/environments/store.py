"""Where environments lie, and what is known of one that was built.

    <root>/<name>/environment.json       which build counts; written last, so that nothing unfinished looks finished
    <root>/<name>/<build>/venv           the interpreter and its packages
    <root>/<name>/<build>/repo           the authors' repository at its commit
    <root>/<name>/home                   weights and caches of the tool; outlives a new build
    <root>/<name>/build.log              what the last build said

Interpreters and scripts of an environment hold full paths, so a build is made where it stays and counts from the moment
its record is renamed into place.
"""

from __future__ import annotations

import json
import os
import shlex
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from liveact_eval.cards.environment import EnvironmentCard, EnvironmentSpec
from liveact_eval.datasets.open import cache_root
from liveact_eval.environments.cards import load_environment
from liveact_eval.environments.ownership import HOME, RECORD, is_build
from liveact_eval.environments.variables import clean_variables
from liveact_eval.errors import NewerFileError, UserError
from liveact_eval.files import write_text

ENVIRONMENTS_VARIABLE = "LIVEACT_EVAL_ENVIRONMENTS"
RECORD_VERSION = 1
Maker = Literal["venv", "uv", "conda", "existing"]
State = Literal["built", "card changed", "broken", "unfinished", "not built"]


class Package(BaseModel):
    """A package that is really installed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    source: str | None = None
    """Address or commit, where it came from neither an index nor a wheel."""


class Record(BaseModel):
    """What was built, from what, and what is in it: the content of `environment.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    record_version: Literal[1] = 1
    name: str
    """Name of the card."""
    build: str
    """Folder of this build."""
    made_by: Maker
    """`existing`: an interpreter of the user's, in which nothing was installed."""
    python: str
    """Path of the interpreter."""
    python_version: str
    repository: str | None
    """Path of the checkout; `null` where the card names none."""
    commit: str | None
    """Commit that is really checked out."""
    own_repository: bool
    """Whether it was given by the user and stays when the environment is removed."""
    card: str
    """Hash of the section of the card that it was built from."""
    packages: tuple[Package, ...]
    """Everything that is installed, by name."""
    built: str
    """When, UTC."""
    seconds: float
    """How long building took."""


@dataclass(frozen=True, kw_only=True)
class BuiltEnvironment:
    """An environment that can be used."""

    name: str
    python: Path
    """Its interpreter."""
    repository: Path | None
    """The authors' repository, where the card names one."""
    home: Path
    """Folder of the tool's weights and caches."""
    variables: dict[str, str]
    """Variables that the card sets."""
    record: Record
    """What was built."""

    @property
    def process_variables(self) -> dict[str, str]:
        """All variables for a process of this environment: the caller's without traces of its own interpreter."""
        return clean_variables(self.python) | self.variables


def environments_root() -> Path:
    """Where environments are kept; the environment variable LIVEACT_EVAL_ENVIRONMENTS moves it."""
    named = os.environ.get(ENVIRONMENTS_VARIABLE)
    return (Path(named) if named else cache_root() / "environments").absolute()


def environment(name: str, root: Path | None = None) -> BuiltEnvironment:
    """The built environment of that name.

    Args:
        name: name of a tool's or model's card, or path of a card.
        root: folder of all environments; the default is `environments_root()`.

    Raises:
        UserError: unknown name, or the environment is not built, or it is damaged; the message has the command.
    """
    card = load_environment(name)
    command = build_command(name, root)
    state, record = examine(card, root)
    if record is None or state == "broken":
        reason = {
            "broken": "its interpreter or repository is gone",
            "unfinished": "a build was begun and never finished",
        }.get(state, "nothing was built")
        folder = str(folder_of(card.name, root))
        raise UserError(
            f"{card.title} runs in an environment of its own, which is not there ({reason}; looked in {folder!r}). "
            f"Build it with: {command}"
        )
    home = folder_of(card.name, root) / HOME
    repository = None if record.repository is None else Path(record.repository)
    python = Path(record.python)
    return BuiltEnvironment(
        name=card.name,
        python=python,
        repository=repository,
        home=home,
        variables=filled(card.environment.variables, python=python, repository=repository, home=home),
        record=record,
    )


def examine(card: EnvironmentCard, root: Path | None = None) -> tuple[State, Record | None]:
    """How things stand with an environment, and its record where there is one."""
    folder = folder_of(card.name, root)
    record = read_record(folder)
    if record is None:
        begun = folder.is_dir() and any(map(is_build, folder.iterdir()))
        return ("unfinished" if begun else "not built"), None
    whole = Path(record.python).is_file() and (record.repository is None or Path(record.repository).is_dir())
    if not whole:
        return "broken", record
    return ("built" if record.card == card_hash(card.environment) else "card changed"), record


def build_command(name: str, root: Path | None = None) -> str:
    """The command that builds an environment, as one types it."""
    where = [] if root is None else ["--root", str(root)]
    return shlex.join(["liveact-eval", "env", "build", name, *where])


def folder_of(name: str, root: Path | None = None) -> Path:
    """Folder of all that belongs to one environment."""
    return (root or environments_root()).absolute() / name


def record_path(folder: Path) -> Path:
    """The file that says which build counts."""
    return folder / RECORD


def read_record(folder: Path) -> Record | None:
    """The record of an environment; `None` where nothing was built to its end.

    Raises:
        UserError: the file is damaged, or written by a newer version.
    """
    path = record_path(folder)
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content.get("record_version") if isinstance(content, dict) else None
        if isinstance(version, int) and version > RECORD_VERSION:
            raise NewerFileError(
                f"{path}: written by a newer liveact-eval. Upgrade with: pip install -U liveact-eval"
            )
        return Record.model_validate(content)
    except (ValueError, ValidationError, OSError) as error:
        raise UserError(
            f"{path}: damaged ({type(error).__name__}). Delete this file, then build again with: "
            f"liveact-eval env build {folder.name}"
        ) from error


def write_record(folder: Path, record: Record) -> None:
    """Make a build the one that counts."""
    write_text(record_path(folder), record.model_dump_json(indent=1) + "\n")


def card_hash(spec: EnvironmentSpec) -> str:
    """Hash of what a build depends on; notes, files and disk sizes are not in it."""
    import hashlib

    left_out = {"notes", "index_note", "files", "needs"}
    return hashlib.sha256(spec.model_dump_json(exclude=left_out).encode()).hexdigest()


def lock_hash(record: Record) -> str:
    """Hash of everything that is installed, and of the commit: what a number of the tool depends on."""
    import hashlib

    content = [[p.name, p.version, p.source] for p in record.packages]
    whole: list[Any] = [record.python_version, record.commit, content]
    return hashlib.sha256(json.dumps(whole).encode()).hexdigest()


def filled(variables: dict[str, str], *, python: Path, repository: Path | None, home: Path) -> dict[str, str]:
    """Variables of a card with its folders put in."""
    return {name: fill(text, python, repository, home) for name, text in variables.items()}


def fill(text: str, python: Path, repository: Path | None, home: Path) -> str:
    """A word of a card with its folders put in; other braces stay."""
    places = {"python": python, "environment": python.parent.parent, "repo": repository, "home": home}
    for name, place in places.items():
        text = text.replace(f"{{{name}}}", "" if place is None else str(place))
    return text


def disk_bytes(folder: Path) -> int:
    """Bytes that a folder takes on the disk, each file once however often it is linked; links are not followed."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                info = (Path(parent) / name).lstat()
            except OSError:
                continue
            if stat.S_ISREG(info.st_mode) and (info.st_dev, info.st_ino) not in seen:
                seen.add((info.st_dev, info.st_ino))
                total += info.st_size
    return total
