"""What the lists of metrics and networks say, one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from liveact_eval.metrics.base import Metric
    from liveact_eval.networks.catalogue import Network
    from liveact_eval.networks.provider import Networks
    from liveact_eval.weights.store import Found

_ARROWS = {"up": "↑", "down": "↓", "none": ""}


def list_row(metric: Metric, networks: Networks, as_json: bool) -> dict[str, Any]:
    """A row of the list: for programs every field by itself, for people what fits a line."""
    from liveact_eval.networks.catalogue import network

    needs = {
        "reference": metric.paired,
        "face": metric.face,
        "sound": metric.sound,
        "truth": metric.truth,
    }
    lacking = [name for name in metric.networks if networks.missing(name)]
    state = "none needed" if not metric.networks else "present" if not lacking else "missing"
    row: dict[str, Any] = {
        "name": metric.name,
        "outputs": [output.name for output in metric.outputs],
        "direction": {output.name: output.direction for output in metric.outputs},
        "unit": {output.name: output.unit for output in metric.outputs},
        "needs": [name for name, needed in needs.items() if needed],
        "recipe": metric.recipe,
        "networks": list(metric.networks),
        "weights": state,
        "missing": lacking,
        "licence": {name: network(name).licence for name in metric.networks},
        "summary": metric.summary,
    }
    if as_json:
        return row
    shown = ("name", "outputs", "needs", "recipe", "weights", "licence", "summary")
    lines = {
        "outputs": [f"{output.name} {_ARROWS[output.direction]}".rstrip() for output in metric.outputs],
        "weights": state if not lacking else f"missing: {', '.join(lacking)}",
        "licence": list(dict.fromkeys(row["licence"].values())),
    }
    return {key: lines.get(key, row[key]) for key in shown}


def network_row(network: Network, folder: Path | None) -> dict[str, Any]:
    """A network with the state of its files."""
    from liveact_eval.weights.store import inventory

    content = network.model_dump(mode="json", exclude={"weights", "load", "seeded"})
    return content | {
        "seeded": network.seeded is not None,
        "files": [_file_row(found) for found in inventory(network, folder)],
    }


def _file_row(found: Found) -> dict[str, Any]:
    from liveact_eval.clips.clip import printable
    from liveact_eval.weights.store import source_of

    return {
        "file": found.file,
        "role": found.entry.role,
        "state": found.state,
        "bytes": found.bytes,
        "expected_bytes": found.entry.bytes,
        "sha256": found.entry.sha256,
        "source": source_of(found.entry),
        "revision": found.entry.revision,
        "path": printable(str(found.path)),
    }
