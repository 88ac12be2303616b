"""`liveact-eval metrics list|show|fetch`, and where `selftest` is put beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from liveact_eval.cli import options
from liveact_eval.cli.console import stderr, stdout, write_json
from liveact_eval.cli.metrics_rows import described, list_row, network_row, shown_row
from liveact_eval.cli.metrics_selftest import selftest
from liveact_eval.cli.models import Dir
from liveact_eval.cli.tables import show_content, show_list

if TYPE_CHECKING:
    from pathlib import Path

    from liveact_eval.cli.transfer import TransferProgress
    from liveact_eval.networks.catalogue import Network

_MIB = 2.0**20
_RECIPES_FROM = 160
"""Columns from which on the list has room for recipes and licences."""

metrics = typer.Typer(
    no_args_is_help=True,
    help="List metrics, show one, fetch the weights of their networks. Example: liveact-eval metrics list --json",
)
metrics.command()(selftest)


@metrics.command("list")
def list_metrics(
    folder: Dir = None,
    wide: Annotated[
        bool, typer.Option("--wide", help="Also ranges, units, recipes, networks and licences in full.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """All metrics: what they give (↑ higher is better, ↓ lower), what they need, whether their weights are there, and
    the seconds of one CPU core for a minute of 512x512 video. From 160 columns on recipes and licences stand beside.

    Examples:

        liveact-eval metrics list

        liveact-eval metrics list --wide
    """
    from liveact_eval.metrics.registry import shipped
    from liveact_eval.networks.provider import Networks

    networks = Networks(root=folder)
    known = shipped()
    rows = [list_row(metric, known, networks) for metric in known.values()]
    if as_json:
        write_json(rows)
        return
    recipes = stdout().width >= _RECIPES_FROM
    show_list([shown_row(known[row["name"]], row, recipes=recipes, wide=wide) for row in rows], as_json=False)
    stdout().print(
        "* needed for videos that are not drawn; by name: `all` leaves it out\n"
        "What each says and how it is computed: liveact-eval metrics show NAME",
        markup=False,
    )


@metrics.command("show")
def show_metric(
    name: Annotated[
        str,
        typer.Argument(
            help="Name of a metric or of a network, or path of a Python file.", show_default=False
        ),
    ],
    folder: Dir = None,
    as_json: options.Json = False,
) -> None:
    """One metric in full: recipe, source, needs, outputs, networks and their files. Or one network.

    Example: liveact-eval metrics show ssim
    """
    from liveact_eval.metrics.registry import select, shipped
    from liveact_eval.networks.catalogue import catalogue
    from liveact_eval.networks.provider import Networks

    if name in catalogue() and name not in shipped():
        show_content(network_row(catalogue()[name], folder), as_json)
        return
    chosen = select([name], with_parts=False)
    known = shipped() | {metric.name: metric for metric in chosen}
    networks = Networks(root=folder)
    found = [described(metric, known, networks, folder) for metric in chosen]
    show_content(found[0] if len(found) == 1 else {"metrics": found}, as_json)


@metrics.command("fetch")
def fetch_networks(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Metrics or networks. Default: all that are fetched.", show_default=False),
    ] = None,
    mirror: Annotated[
        str | None,
        typer.Option(
            "--mirror",
            help="Address of a mirror of the hub, for files that come from the hub. No token is sent to it.",
            show_default=False,
        ),
    ] = None,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline",
            help="Fetch nothing: check the hashes of what is there, or of all files of what is named.",
        ),
    ] = False,
    folder: Dir = None,
    quiet: options.Quiet = False,
) -> None:
    """Fetch the weights of the networks that metrics run, one file after the other, and check them.

    What was broken off is continued; what is there and checked is left alone. A file takes its name when its hash is
    right. One network that cannot be had does not stop the others.

    Examples:

        liveact-eval metrics fetch

        liveact-eval metrics fetch syncnet s3fd --dir path/to/weights

        liveact-eval metrics fetch --offline          # check only
    """
    from liveact_eval.cli.transfer import TransferProgress
    from liveact_eval.errors import UserError
    from liveact_eval.weights.fetch import MissingFilesError

    if offline and mirror is not None:
        raise UserError("--offline fetches nothing, so it takes no --mirror. Leave one of them out")
    wanted = _meant(names or [])
    if not offline and not names:
        wanted = [network for network in wanted if not network.shipped]
    if offline and not names:
        # Nobody asked for all of them: what is not there at all is no fault.
        wanted = [network for network in wanted if _begun(network, folder)]
    failed: dict[str, UserError] = {}
    with TransferProgress(quiet=quiet) as progress:
        for network in wanted:
            try:
                _have(network, progress, folder, mirror, offline=offline, quiet=quiet)
            except UserError as error:
                failed[network.name] = error
    if offline and not names and not wanted:
        stdout().print(f"no weight files are in {_place(folder)}", markup=False, soft_wrap=True)
        return
    summary = _summary(wanted, folder)
    if failed:
        reasons = "".join(f"\n{name}: {error}" for name, error in failed.items())
        only_missing = all(isinstance(error, MissingFilesError) for error in failed.values())
        what = "lack files" if only_missing else "are not as they should be"
        raise UserError(f"{len(failed)} of {len(wanted)} networks {what} ({summary}):{reasons}")
    stdout().print(summary, markup=False, soft_wrap=True)


def _have(
    network: Network,
    progress: TransferProgress,
    folder: Path | None,
    mirror: str | None,
    *,
    offline: bool,
    quiet: bool,
) -> None:
    """Fetch or check one network."""
    from liveact_eval.weights.fetch import fetch, verify
    from liveact_eval.weights.store import inventory

    if offline:
        verify(network, progress, root=folder, only=None)
        return
    if all(found.state == "present" for found in inventory(network, folder)):
        return
    if not quiet and not network.shipped:
        stderr().print(f"licence of {network.title}: {network.licence}", markup=False, soft_wrap=True)
    fetch(network, progress, root=folder, mirror=mirror, only=None)


def _begun(network: Network, folder: Path | None) -> bool:
    """Whether some file of a network is there."""
    from liveact_eval.weights.store import inventory

    return any(found.state != "missing" for found in inventory(network, folder))


def _meant(names: list[str]) -> list[Network]:
    """The networks of that name, and those of the metrics of that name, the face detector among them where they look at
    faces; all where none is named."""
    from liveact_eval.errors import unknown_name
    from liveact_eval.metrics.registry import finders_of, networks_of, shipped
    from liveact_eval.networks.catalogue import catalogue

    shelf, known = shipped(), catalogue()
    by_metric = {
        name: {*networks_of(metric, shelf), *finders_of(metric, shelf)} for name, metric in shelf.items()
    }
    found: set[str] = set() if names else set(known)
    for name in names:
        if name not in known and name not in by_metric:
            raise unknown_name(
                "metric or network",
                name,
                [*known, *by_metric],
                hint="List metrics with: liveact-eval metrics list",
            )
        found.update(by_metric.get(name, ()), {name} & known.keys())
    return [network for name, network in known.items() if name in found]


def _summary(networks: list[Network], folder: Path | None) -> str:
    """How many files are there, and how large they are, in one line."""
    from liveact_eval.weights.store import inventory

    if not networks:
        return "no weights are needed"
    files = [found for network in networks for found in inventory(network, folder)]
    there = [found for found in files if found.state in {"present", "not yet checked"}]
    unchecked = sum(found.state == "not yet checked" for found in there)
    checked = f" ({unchecked} not yet checked)" if unchecked else ""
    size = sum(found.bytes or 0 for found in there) / _MIB
    files_there = f"{len(there)} of {len(files)} files of {len(networks)} networks"
    shipped = {network.shipped for network in networks}
    places = [*([_place(folder)] if False in shipped else []), *(["the package"] if True in shipped else [])]
    return f"{files_there}, {size:.1f} MiB, in {' and '.join(places)}{checked}"


def _place(folder: Path | None) -> str:
    """The folder of weights, for people."""
    from liveact_eval.clips.clip import printable
    from liveact_eval.weights.store import weights_root

    return printable(str(folder or weights_root()))
