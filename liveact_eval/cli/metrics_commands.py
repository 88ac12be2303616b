"""`liveact-eval metrics list|show|fetch`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from liveact_eval.cli import options
from liveact_eval.cli.console import stderr, stdout
from liveact_eval.cli.metrics_rows import list_row, network_row
from liveact_eval.cli.models import Dir
from liveact_eval.cli.tables import show_content, show_list

if TYPE_CHECKING:
    from pathlib import Path

    from liveact_eval.cli.transfer import TransferProgress
    from liveact_eval.networks.catalogue import Network

_MIB = 2.0**20

metrics = typer.Typer(
    no_args_is_help=True,
    help="List metrics, show one, fetch the weights of their networks. Example: liveact-eval metrics list --json",
)


@metrics.command("list")
def list_metrics(folder: Dir = None, as_json: options.Json = False) -> None:
    """All metrics: what they give (↑ higher is better, ↓ lower), what they need, whether their weights are there.

    Example: liveact-eval metrics list
    """
    from liveact_eval.metrics.registry import shipped
    from liveact_eval.networks.provider import Networks

    networks = Networks(root=folder)
    show_list([list_row(metric, networks, as_json) for metric in shipped().values()], as_json)


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

    if name in catalogue() and name not in shipped():
        show_content(network_row(catalogue()[name], folder), as_json)
        return
    described = [
        metric.describe() | {"networks": [network_row(catalogue()[n], folder) for n in metric.networks]}
        for metric in select([name])
    ]
    show_content(described[0] if len(described) == 1 else {"metrics": described}, as_json)


@metrics.command("fetch")
def fetch_networks(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Metrics or networks. Default: all networks.", show_default=False),
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

    if offline and mirror is not None:
        raise UserError("--offline fetches nothing, so it takes no --mirror. Leave one of them out")
    wanted = _meant(names or [])
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
    summary = _summary(wanted, folder)
    if failed:
        reasons = "".join(f"\n{name}: {error}" for name, error in failed.items())
        raise UserError(
            f"{len(failed)} of {len(wanted)} networks are not as they should be ({summary}):{reasons}"
        )
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
    if not quiet:
        stderr().print(f"licence of {network.title}: {network.licence}", markup=False, soft_wrap=True)
    fetch(network, progress, root=folder, mirror=mirror, only=None)


def _begun(network: Network, folder: Path | None) -> bool:
    """Whether some file of a network is there."""
    from liveact_eval.weights.store import inventory

    return any(found.state != "missing" for found in inventory(network, folder))


def _meant(names: list[str]) -> list[Network]:
    """The networks of that name, and those of the metrics of that name; all where none is named."""
    from liveact_eval.errors import unknown_name
    from liveact_eval.metrics.registry import shipped
    from liveact_eval.networks.catalogue import catalogue

    known, by_metric = catalogue(), {name: metric.networks for name, metric in shipped().items()}
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
    from liveact_eval.clips.clip import printable
    from liveact_eval.weights.store import inventory, weights_root

    if not networks:
        return "no weights are needed"
    files = [found for network in networks for found in inventory(network, folder)]
    there = [found for found in files if found.state in {"present", "not yet checked"}]
    unchecked = sum(found.state == "not yet checked" for found in there)
    checked = f" ({unchecked} not yet checked)" if unchecked else ""
    size = sum(found.bytes or 0 for found in there) / _MIB
    where = printable(str(folder or weights_root()))
    return (
        f"{len(there)} of {len(files)} files of {len(networks)} networks, {size:.1f} MiB, in {where}{checked}"
    )
