"""Building an environment: interpreter, repository, packages, checks, lock; then it counts, and not before."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol

from liveact_eval.environments import programs, sources, store
from liveact_eval.environments.interpreters import find_python, packages_of, version_of
from liveact_eval.environments.needs import Request, refuse_lacking
from liveact_eval.environments.ownership import HOME, LOG, alone, is_build
from liveact_eval.environments.programs import ProgramError
from liveact_eval.environments.store import Maker, Record
from liveact_eval.environments.variables import clean_variables
from liveact_eval.errors import UserError
from liveact_eval.files import full_disk, is_full


class Watcher(Protocol):
    """Who is told how far a build is."""

    def begin(self, step: str) -> None:
        """A step is begun."""
        ...

    def line(self, text: str) -> None:
        """A program said something."""
        ...


def build(request: Request, watcher: Watcher) -> Record:
    """Build an environment. The one that was there before stays the one that counts until this one is whole.

    Raises:
        UserError: something is missing on this machine, a step failed, another process builds it now, or its folder
            is something else's.
        BrokenEnvironmentError: the disk is full, or the place cannot be written.
    """
    refuse_lacking(request)
    folder = request.folder.absolute()
    with alone(folder):
        return _build_alone(request, folder, watcher)


def _build_alone(request: Request, folder: Path, watcher: Watcher) -> Record:
    """Build while no other process does."""
    before = store.read_record(folder)
    clear(folder, keep=None if before is None else before.build)
    started = time.monotonic()
    made = folder / f"{datetime.now(timezone.utc):%Y%m%d-%H%M%S}-{os.getpid()}"
    try:
        made.mkdir()
        log = folder / LOG
        log.write_bytes(b"")
        record = _Build(request, folder, made, log, watcher).all(started)
        store.write_record(folder, record)
    except ProgramError as error:
        shutil.rmtree(made, ignore_errors=True)
        raise UserError(
            f"The environment of {request.card.title} was not built: {error}\n"
            f"All that was said is in {str(folder / LOG)!r}. "
            "Mend what it says, then give the same command again."
        ) from error
    except BaseException as error:
        shutil.rmtree(made, ignore_errors=True)
        if is_full(error):
            raise full_disk(made) from error
        raise
    clear(folder, keep=record.build)
    return record


def clear(folder: Path, keep: str | None) -> None:
    """Delete builds that do not count: earlier ones, and what killed processes have left."""
    for path in folder.iterdir():
        if is_build(path) and path.name != keep:
            shutil.rmtree(path, ignore_errors=True)


class _Build:
    """One build in its folder."""

    def __init__(self, request: Request, folder: Path, made: Path, log: Path, watcher: Watcher) -> None:
        self._request, self._spec = request, request.card.environment
        self._made, self._log, self._watcher = made, log, watcher
        self._home = folder / HOME
        self._python = request.python.absolute() if request.python is not None else made / "venv/bin/python"
        self._repository: Path | None = None

    def all(self, started: float) -> Record:
        """Every step; the record of what came of it."""
        self._home.mkdir(exist_ok=True)
        commit = None
        if self._spec.repository is not None and self._spec.commit is not None:
            self._watcher.begin("repository")
            self._repository, commit = self._check_out(self._spec.repository, self._spec.commit)
        if self._request.python is None:
            self._watcher.begin(f"Python {self._spec.python}")
            self._make_interpreter()
            self._install()
        self._check()
        self._watcher.begin("lock")
        packages, version = packages_of(self._python), version_of(self._python)
        if packages is None or version is None:
            raise ProgramError(f"{str(self._python)!r} does not say what is installed")
        how: Maker = self._request.how if self._request.python is None else "existing"
        return Record(
            name=self._request.card.name,
            build=self._made.name,
            made_by=how,
            python=str(self._python),
            python_version=version,
            repository=None if self._repository is None else str(self._repository),
            commit=commit,
            own_repository=self._request.repository is not None,
            card=store.card_hash(self._spec),
            packages=packages,
            built=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - started, 1),
        )

    def _check_out(self, address: str, commit: str) -> tuple[Path, str]:
        given = self._request.repository
        if given is not None:
            found = sources.commit_of(given)
            if found != commit:
                self._watcher.line(
                    f"warning: {given} is at {found or 'no commit'}, the card names {commit}; it is used as it is"
                )
            return given.absolute(), found or "none"
        target = self._made / "repo"
        for words in sources.checkout_commands(address, commit, target, submodules=self._spec.submodules):
            self._run(words)
        return target, commit

    def _make_interpreter(self) -> None:
        version, target = self._spec.python, self._made / "venv"
        if self._request.how == "uv":
            # One that is here need not be fetched.
            self._run([_found("uv"), "venv", "--seed", "--python", find_python(version) or version, target])
        elif self._request.how == "conda":
            # Without what the user's settings put into every environment.
            options = ("--yes", "--no-default-packages", "--prefix", target)
            self._run([_found("conda"), "create", *options, f"python={version}", "pip"])
        else:
            python = find_python(version)
            if python is None:
                raise ProgramError(f"the interpreter of Python {version} is gone")
            self._run([python, "-m", "venv", target])

    def _install(self) -> None:
        spec = self._spec
        files = [word for file in spec.requirements_files for word in ("-r", str(self._in_repo(file)))]
        isolation = () if spec.build_isolation else ("--no-build-isolation",)
        steps = (
            ("build tools", spec.before, ()),
            ("packages", (*spec.requirements, *files), isolation),
            ("packages without their dependencies", spec.without_dependencies, ("--no-deps", *isolation)),
            ("last packages", spec.after, ()),
        )
        for name, requirements, options in steps:
            if requirements:
                self._watcher.begin(name)
                self._run([*self._pip(), "install", *self._options(), *options, *requirements])

    def _pip(self) -> list[str | Path]:
        return [self._python, "-m", "pip"]

    def _options(self) -> Iterator[str]:
        yield from ("--no-input", "--progress-bar", "off")
        for address in self._request.indexes:
            yield from ("--extra-index-url", address)

    def _in_repo(self, file: str) -> Path:
        if self._repository is None or not (self._repository / file).is_file():
            raise ProgramError(
                f"the repository has no file {file!r}, which the card names for its requirements"
            )
        return self._repository / file

    def _check(self) -> None:
        for line in self._spec.imports:
            self._watcher.begin(f"check: {line}")
            # A build is whole only if what it is for can be imported.
            self._run([self._python, "-c", line], checks=True)
        for words in self._spec.commands:
            command = [store.fill(word, self._python, self._repository, self._home) for word in words]
            self._watcher.begin(f"check: {' '.join(command)}")
            self._run(command, checks=True)

    def _run(self, words: Sequence[str | Path], *, checks: bool = False) -> None:
        """Run a program of the build; a check gets the repository as its folder, and all variables of the card."""
        own = store.filled(
            self._spec.variables, python=self._python, repository=self._repository, home=self._home
        )
        if not checks:
            # Variables may steer how packages are built; the modules of the repository are not pip's business.
            own.pop("PYTHONPATH", None)
        folder = self._repository if checks and self._repository is not None else self._made
        programs.run_program(
            words,
            log=self._log,
            tell=self._watcher.line,
            variables=clean_variables(self._python) | own,
            folder=folder,
        )


def _found(name: str) -> str:
    """A maker of environments where the caller's path has it, which may be a folder that no environment sees."""
    return shutil.which(name) or name
