"""`liveact-eval env build|list|show|remove`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liveact_eval.cli import options
from liveact_eval.cli.console import stderr, stdout, write_json
from liveact_eval.cli.tables import show_content, show_list

if TYPE_CHECKING:
    from liveact_eval.cards.environment import EnvironmentCard
    from liveact_eval.environments.store import Record

Name = Annotated[str, typer.Argument(help="Name of a tool or model, or path of a card.", show_default=False)]
Root = Annotated[
    Path | None,
    typer.Option(
        "--root",
        help="Folder of all environments. Default: LIVEACT_EVAL_ENVIRONMENTS, else the cache.",
        show_default=False,
    ),
]
_GIB = 2.0**30

env = typer.Typer(
    no_args_is_help=True,
    help="Build private environments of other programs, list, show and remove them. "
    "Example: liveact-eval env build vbench",
)


class How(str, Enum):
    """What makes an environment."""

    VENV = "venv"
    UV = "uv"
    CONDA = "conda"


@env.command("build")
def build_environment(
    name: Name,
    how: Annotated[
        How, typer.Option("--with", help="What makes it; uv and conda bring the version of Python too.")
    ] = How.VENV,
    python: Annotated[
        Path | None,
        typer.Option(
            "--python",
            help="An interpreter of your own that has everything: it is checked, and nothing is installed.",
            show_default=False,
        ),
    ] = None,
    repository: Annotated[
        Path | None,
        typer.Option("--repo", help="A checkout of your own instead of a clone.", show_default=False),
    ] = None,
    index: Annotated[
        list[str] | None,
        typer.Option("--index", help="Address of a further package index; repeatable.", show_default=False),
    ] = None,
    root: Root = None,
    quiet: options.Quiet = False,
) -> None:
    """Make a private environment: packages, repository at its commit, checks, and a lock of what is installed.

    All that is missing on this machine is listed before anything starts. A build counts when its checks have passed;
    until then an earlier one stays. Your own environment is never touched.

    Examples:

        liveact-eval env build vbench

        liveact-eval env build vbench --with uv --root /data/environments

        liveact-eval env build vbench --python path/to/venv/bin/python      # use one that exists
    """
    from liveact_eval.cli.env_progress import BuildProgress
    from liveact_eval.environments.build import build
    from liveact_eval.environments.cards import load_environment
    from liveact_eval.environments.needs import Request
    from liveact_eval.environments.store import folder_of

    card = load_environment(name)
    request = Request(
        card=card,
        folder=folder_of(card.name, root),
        how=how.value,
        python=python,
        repository=repository,
        indexes=tuple(index or ()),
    )
    if not quiet and card.environment.index_note is not None:
        stderr().print(f"note: {card.environment.index_note}", markup=False, soft_wrap=True)
    try:
        with BuildProgress(quiet=quiet) as progress:
            record = build(request, progress)
    except KeyboardInterrupt:
        stderr().print("\nInterrupted. Nothing unfinished is kept; an earlier build stays in use.")
        raise typer.Exit(130) from None
    stdout().print(
        f"{card.title}: built in {record.seconds:.0f} s, Python {record.python_version}, "
        f"{len(record.packages)} packages, {_size(card, root)}, in {request.folder}",
        markup=False,
        soft_wrap=True,
    )


@env.command("list")
def list_all(root: Root = None, as_json: options.Json = False) -> None:
    """All environments and how things stand with them. Example: liveact-eval env list"""
    from liveact_eval.environments.cards import list_environments

    rows: list[dict[str, Any]] = []
    for name, card in list_environments().items():
        state, record = _examined(card, root)
        packages = None if record is None else len(record.packages)
        row: dict[str, Any] = {"name": name, "state": state, "python": card.environment.python}
        numbers = _numbers(card, root)
        shown = {
            "packages": "–" if packages is None else str(packages),
            "disk": _gib(numbers["disk_bytes"]) if numbers["disk_bytes"] else "–",
        }
        more = {"packages": packages, **numbers} if as_json else shown
        rows.append(row | more | {"summary": card.summary})
    if as_json:
        write_json(rows)
        return
    show_list(rows, False)


@env.command("show")
def show_environment(name: Name, root: Root = None, as_json: options.Json = False) -> None:
    """State, interpreter, packages, commit, checks and files of one. Example: liveact-eval env show vbench"""
    from liveact_eval.environments.cards import load_environment
    from liveact_eval.environments.store import build_command, environment, examine, folder_of

    card = load_environment(name)
    state, record = examine(card, root)
    folder = folder_of(card.name, root)
    usable = state in {"built", "card changed"}
    content: dict[str, Any] = {
        "name": card.name,
        "title": card.title,
        "summary": card.summary,
        "licence": card.licence or "not stated",
        "state": state,
        "folder": str(folder),
        "build_with": build_command(name, root),
        **_numbers(card, root),
        "python": {
            "wanted": card.environment.python,
            "found": None if record is None else record.python_version,
        },
        "interpreter": None if record is None else record.python,
        "repository": card.environment.repository,
        "commit": {"wanted": card.environment.commit, "found": None if record is None else record.commit},
        "checks": [*card.environment.imports, *(" ".join(words) for words in card.environment.commands)],
        "needs": card.environment.needs.model_dump(mode="json"),
        "variables": environment(name, root).variables if usable else card.environment.variables,
        "files": _files(card, folder / "home"),
        "notes": list(card.environment.notes),
        "log": str(folder / "build.log"),
        "packages": _packages(record),
    }
    show_content(content, as_json)


@env.command("remove")
def remove_environment(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    root: Root = None,
) -> None:
    """Delete an environment with all that lies in its folder, the weights in its home too.

    A checkout or an interpreter of your own stays. Example: liveact-eval env remove vbench
    """
    import shutil

    from liveact_eval.environments.cards import load_environment
    from liveact_eval.environments.ownership import alone, refuse_foreign
    from liveact_eval.environments.store import folder_of, record_path
    from liveact_eval.errors import UserError

    card = load_environment(name)
    folder = folder_of(card.name, root)
    if not folder.is_dir():
        raise UserError(f"{card.title} has no environment in {str(folder.parent)!r}: nothing to remove.")
    refuse_foreign(folder)
    size = _size(card, root)
    if not yes and not typer.confirm(f"Delete {folder} ({size})?", err=True):
        raise typer.Exit(1)
    with alone(folder):
        # The record goes first: what is half deleted must not look whole.
        record_path(folder).unlink(missing_ok=True)
        shutil.rmtree(folder)
    stdout().print(f"removed {folder} ({size})", markup=False, soft_wrap=True)


def _examined(card: EnvironmentCard, root: Path | None) -> tuple[str, Record | None]:
    """How things stand; one damaged record must not stop the list of all."""
    from liveact_eval.environments.store import examine
    from liveact_eval.errors import UserError

    try:
        return examine(card, root)
    except UserError:
        return "damaged: see env show", None


def _size(card: EnvironmentCard, root: Path | None) -> str:
    from liveact_eval.environments.store import disk_bytes, folder_of

    folder = folder_of(card.name, root)
    return _gib(disk_bytes(folder)) if folder.is_dir() else "–"


def _gib(size: int) -> str:
    return f"{size / _GIB:.2f} GiB"


def _numbers(card: EnvironmentCard, root: Path | None) -> dict[str, int]:
    """Disk use: bytes of everything, and of the home in it."""
    from liveact_eval.environments.store import disk_bytes, folder_of

    folder = folder_of(card.name, root)
    return {"disk_bytes": disk_bytes(folder), "home_bytes": disk_bytes(folder / "home")}


def _files(card: EnvironmentCard, home: Path) -> list[dict[str, Any]]:
    from liveact_eval.environments.tool_files import place_of, state_of

    return [
        {
            "file": item.file,
            "used_by": ", ".join(item.used_by),
            "state": state_of(item, home),
            "from": place_of(item),
        }
        for item in card.environment.files
    ]


def _packages(record: Record | None) -> dict[str, str]:
    if record is None:
        return {}
    return {p.name: p.version if p.source is None else f"{p.version} ({p.source})" for p in record.packages}
