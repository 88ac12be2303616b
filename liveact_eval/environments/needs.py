"""What a machine lacks for an environment: all of it in one message, before anything starts."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from liveact_eval.cards.environment import EnvironmentCard
from liveact_eval.environments.interpreters import find_python, has_venv, version_of
from liveact_eval.environments.variables import clean_variables
from liveact_eval.errors import UserError

How = Literal["venv", "uv", "conda"]
_GIB = 2.0**30
_ENOUGH = 0.95
"""Share of the wanted memory with which a GPU passes: one that is sold with 80 GB states 79.6 GiB."""
_COMPILERS = ("cc", "gcc", "clang")


@dataclass(frozen=True)
class Lack:
    """One thing that is not there."""

    what: str
    """What is lacking, what was seen and what was expected."""
    mend: str
    """The command, or the action, that mends it."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """How an environment is to be made."""

    card: EnvironmentCard
    folder: Path
    """Folder of this environment."""
    how: How = "venv"
    """What makes it."""
    python: Path | None = None
    """An interpreter of the user's to use as it is; `None`: one is made."""
    repository: Path | None = None
    """A checkout of the user's; `None`: it is cloned."""
    indexes: tuple[str, ...] = ()
    """Addresses of further package indexes."""


def refuse_lacking(request: Request) -> None:
    """Stop before anything starts where something is missing.

    Raises:
        UserError: everything that is missing, each with what mends it.
    """
    lacking = find_lacking(request)
    if lacking:
        lines = "".join(f"\n  - {lack.what}\n    mend: {lack.mend}" for lack in lacking)
        things = "1 thing is" if len(lacking) == 1 else f"{len(lacking)} things are"
        raise UserError(
            f"The environment of {request.card.title} cannot be built: {things} missing. Nothing was done.{lines}"
        )


def find_lacking(request: Request) -> list[Lack]:
    """Everything that is missing on this machine."""
    return [
        *_interpreter(request),
        *_repository(request),
        *_programs(request),
        *_disk(request),
        *_gpu(request.card),
    ]


def _interpreter(request: Request) -> Iterator[Lack]:
    wanted = request.card.environment.python
    if request.python is not None:
        seen = version_of(request.python)
        if seen is None:
            yield Lack(
                f"--python {str(request.python)!r} is no interpreter that runs",
                "give the path of one, such as path/to/venv/bin/python",
            )
        elif seen.rpartition(".")[0] != wanted:
            yield Lack(
                f"--python is Python {seen}; the card asks for {wanted}",
                "give another interpreter, or leave --python out and one is made",
            )
        return
    if request.how != "venv":
        if shutil.which(request.how) is None:
            mend = (
                "pip install uv (or leave --with out)"
                if request.how == "uv"
                else "install Miniforge, or leave --with out"
            )
            yield Lack(
                f"the program {request.how}, which --with {request.how} asks for, is not on the path", mend
            )
        return
    python = find_python(wanted)
    if python is None:
        others = " (uv is here and brings one: --with uv)" if shutil.which("uv") else ""
        yield Lack(
            f"no interpreter of Python {wanted} was found{others}",
            f"uv python install {wanted}, or apt install python{wanted} python{wanted}-venv, or conda and --with conda",
        )
    elif not has_venv(python):
        yield Lack(
            f"Python {wanted} ({python}) has no module venv, or none that brings pip",
            f"apt install python{wanted}-venv, or --with uv",
        )


def _repository(request: Request) -> Iterator[Lack]:
    spec = request.card.environment
    if request.repository is not None:
        if spec.repository is None:
            yield Lack("--repo was given, but the card names no repository", "leave --repo out")
        elif not request.repository.is_dir():
            yield Lack(
                f"--repo {str(request.repository)!r} is no folder",
                f"git clone {spec.repository} and git checkout {spec.commit}, or leave --repo out",
            )
    installed = (*spec.before, *spec.requirements, *spec.without_dependencies, *spec.after)
    by_git = any("git+" in item for item in installed)
    clones = spec.repository is not None and request.repository is None
    if (clones or by_git) and shutil.which("git") is None:
        yield Lack("the program git is not on the path", "apt install git")


def _programs(request: Request) -> Iterator[Lack]:
    needs = request.card.environment.needs
    # As its processes will see it: without what only the caller's own environment has.
    path = clean_variables(request.python or request.folder / "venv/bin/python")["PATH"]
    for name in needs.programs:
        if shutil.which(name, path=path) is None:
            yield Lack(f"the program {name} is not on the path", f"apt install {name}")
    if request.python is not None:
        return
    if needs.compiler and not any(shutil.which(name) for name in _COMPILERS):
        yield Lack(
            f"no C compiler ({', '.join(_COMPILERS)}), with which packages are built",
            "apt install build-essential",
        )
    if needs.cuda and shutil.which("nvcc") is None:
        yield Lack(
            "nvcc is not on the path: packages are built for CUDA",
            "install the CUDA toolkit of the version that PyTorch was built for, and put its bin on the path",
        )


def _disk(request: Request) -> Iterator[Lack]:
    if request.python is not None:
        return
    folder = request.folder.absolute()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free / _GIB
    wanted = request.card.environment.needs.disk_gib
    if free < wanted:
        yield Lack(
            f"disk at {str(there)!r}: {free:.1f} GiB free, about {wanted:g} GiB needed",
            "free some, or give another place with --root or LIVEACT_EVAL_ENVIRONMENTS",
        )


def _gpu(card: EnvironmentCard) -> Iterator[Lack]:
    wanted = card.environment.needs.gpu_memory_gib
    if wanted is None:
        return
    found = gpu_memory_gib()
    most = max(found, default=0.0)
    if not enough_memory(most, wanted):
        seen = f"the largest has {most:.0f} GiB" if found else "there is none"
        yield Lack(f"a GPU with {wanted:g} GiB of memory: {seen}", "use a machine with such a GPU")


def enough_memory(found_gib: float, wanted_gib: float) -> bool:
    """Whether a GPU has the memory that is asked for, as such sizes are stated."""
    return found_gib >= _ENOUGH * wanted_gib


def gpu_memory_gib() -> list[float]:
    """Memory of each NVIDIA GPU in GiB, as nvidia-smi states it."""
    from liveact_eval.results.provenance import gpus

    sizes = [re.match(r"\s*(\d+(?:\.\d+)?)\s*MiB", gpu["memory"]) for gpu in gpus()]
    return [float(size[1]) / 1024 for size in sizes if size is not None]
