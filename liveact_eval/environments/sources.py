"""Repositories by git, as a program: a checkout of one commit, and which commit a folder is at."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from liveact_eval.environments.variables import clean_variables

_SECONDS = 30.0


def checkout_commands(
    address: str, commit: str, folder: Path, *, submodules: bool
) -> Iterator[list[str | Path]]:
    """Commands that make a checkout of one commit in a new folder, without its history."""
    inside: list[str | Path] = ["git", "-C", folder]
    yield ["git", "init", "--quiet", folder]
    yield [*inside, "remote", "add", "origin", address]
    yield [*inside, "fetch", "--quiet", "--depth", "1", "origin", commit]
    yield [*inside, "checkout", "--quiet", "--detach", commit]
    if submodules:
        yield [*inside, "submodule", "update", "--quiet", "--init", "--recursive", "--depth", "1"]


def commit_of(folder: Path) -> str | None:
    """The commit that a checkout is at, with `+changes` where files differ from it; `None` if it is none.

    A plain folder inside a repository is none: the commit of what is around it says nothing about it.
    """
    commit, top = _git(folder, "rev-parse", "HEAD"), _git(folder, "rev-parse", "--show-toplevel")
    if commit is None or top is None or Path(top).resolve() != folder.resolve():
        return None
    return f"{commit}+changes" if _git(folder, "status", "--porcelain", "--untracked-files=no") else commit


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
            env=clean_variables(Path(sys.executable)),
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
