"""The folders of one process: what it is given, where it runs, where it writes; all of it new, and removed after."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from liveact_eval.cards.command_rules import WorkFolder
from liveact_eval.cards.placeholders import Value, fill
from liveact_eval.errors import UserError
from liveact_eval.files import full_disk, is_full, is_running

_OUT = "out"
_ABANDONED = re.compile(r"\..+\.(\d+)\.work")


@dataclass(frozen=True)
class Workspace:
    """Folders of one process."""

    root: Path

    @property
    def inputs(self) -> Path:
        """Files that the program is given."""
        return self.root / "inputs"

    @property
    def work(self) -> Path:
        """Its working directory."""
        return self.root / "work"

    @property
    def output(self) -> Path:
        """Its folder for results, inside the working directory."""
        return self.work / _OUT

    def link(self, rule: WorkFolder, repository: Path | None, values: Mapping[str, Value]) -> None:
        """Link what the program reads relative to its working directory."""
        if rule.linked and repository is not None:
            kept = {*rule.own, _OUT, *(name.partition("/")[0] for name in rule.links)}
            for entry in repository.iterdir():
                # Git's own folder would let a program change the checkout.
                if entry.name not in kept and entry.name != ".git":
                    (self.work / entry.name).symlink_to(entry)
        for name, templates in rule.links.items():
            target = self.work / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(templates, str):
                target.symlink_to(_existing(fill(templates, values)))
            else:
                _merge(target, [_existing(fill(template, values)) for template in templates])


@contextlib.contextmanager
def workspace(beside: Path) -> Iterator[Workspace]:
    """New folders beside a file that is to be made, on the same disk; gone afterwards, whatever happens.

    They are reached by a short path without spaces, quotes and dots, which some programs do not survive, whatever the
    folder of the run is called. Those of killed processes of this machine are removed first.

    Raises:
        BrokenEnvironmentError: the disk is full.
    """
    folder = beside.parent.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    remove_abandoned_workspaces(folder)
    real = folder / f".{beside.stem}.{os.getpid()}.work"
    shutil.rmtree(real, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="liveact-eval-") as short:
        made = Workspace(Path(short) / "space")
        try:
            real.mkdir()
            made.root.symlink_to(real)
            for path in (made.inputs, made.work, made.output):
                path.mkdir(parents=True)
            yield made
        except OSError as error:
            if is_full(error):
                raise full_disk(real) from error
            raise
        finally:
            shutil.rmtree(real, ignore_errors=True)


def remove_abandoned_workspaces(folder: Path) -> None:
    """Delete the workspaces of processes that are gone."""
    for path in folder.glob(".*.work"):
        match = _ABANDONED.fullmatch(path.name)
        if match is not None and not is_running(int(match[1])):
            shutil.rmtree(path, ignore_errors=True)


def _merge(target: Path, folders: list[Path]) -> None:
    """A folder of links to the contents of several; the later ones win."""
    target.mkdir()
    found = {entry.name: entry for folder in folders for entry in folder.iterdir()}
    for name, entry in found.items():
        (target / name).symlink_to(entry)


def _existing(text: str) -> Path:
    path = Path(text)
    if not path.exists():
        raise UserError(f"`work.links` of the card names {text!r}, which is not there. Correct the card.")
    return path
