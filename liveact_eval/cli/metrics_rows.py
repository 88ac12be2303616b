"""What the lists of metrics and networks say, one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from liveact_eval.metrics.base import Metric, Output
    from liveact_eval.networks.catalogue import Network
    from liveact_eval.networks.provider import Networks
    from liveact_eval.weights.store import Found

_ARROWS = {"up": "↑", "down": "↓", "none": ""}
_FIRST = 2
"""Outputs that a short row names."""
_STAR = "*"
"""Behind networks that only videos need which are not drawn."""


def list_row(metric: Metric, known: Mapping[str, Metric], networks: Networks) -> dict[str, Any]:
    """A row of the list for programs, every field by itself.

    A composite needs what its parts need; `known` holds the metrics that give them.
    """
    from liveact_eval.metrics.composite import CompositeMetric
    from liveact_eval.metrics.registry import finders_of, networks_of, parts_of
    from liveact_eval.networks.catalogue import network

    parts = metric.parts if isinstance(metric, CompositeMetric) else ()
    asked = parts_of(metric, known) if isinstance(metric, CompositeMetric) else [metric]
    run, finders = networks_of(metric, known), finders_of(metric, known)
    needs = {
        "reference": any(one.needs_real for one in asked),
        "portrait": any(one.portrait for one in asked),
        "face": any(one.face for one in asked),
        "sound": any(one.sound for one in asked),
        "truth": any(one.truth for one in asked),
        "answerer": any(one.answers for one in asked),
    }
    states = {name: networks.state(name) for name in (*run, *finders)}
    lacking = [name for name, state in states.items() if state != "present"]
    wrong = [name for name, state in states.items() if state == "wrong size"]
    return {
        "name": metric.name,
        "outputs": [output.name for output in metric.outputs],
        "direction": {output.name: output.direction for output in metric.outputs},
        "range": {output.name: output.range for output in metric.outputs},
        "unit": {output.name: output.unit for output in metric.outputs},
        "needs": [name for name, needed in needs.items() if needed],
        "parts": list(parts),
        "by_name_only": metric.by_name_only,
        "recipe": metric.recipe,
        "networks": list(run),
        "networks_unless_drawn": list(finders),
        "weights": _state(bool(states), lacking, wrong),
        "missing": lacking,
        "wrong_size": wrong,
        "licence": {name: network(name).licence for name in states},
        **_cost(asked),
        "summary": metric.summary,
    }


def shown_row(metric: Metric, row: Mapping[str, Any], *, recipes: bool, wide: bool) -> dict[str, Any]:
    """A row of the list for people.

    Args:
        metric: the metric.
        row: what `list_row` says of it.
        recipes: whether recipe and licence are shown, the latter in a few words.
        wide: whether nothing is shortened: ranges, units, networks and whole licences.
    """
    seconds, finders = row["cpu_s_per_min"], set(row["networks_unless_drawn"])

    def starred(names: list[str]) -> str:
        return ", ".join(f"{name}{_STAR if name in finders else ''}" for name in names)

    others = [name for name in row["missing"] if name not in row["wrong_size"]]
    lacking = {"missing": others, "wrong size": row["wrong_size"]}
    listed = "; ".join(f"{what}: {starred(names)}" for what, names in lacking.items() if names)
    licences = dict.fromkeys(row["licence"].values())
    outputs = [_in_brief(output, wide=wide) for output in metric.outputs]
    parts = row["parts"] if wide or not row["parts"] else [_counted(len(row["parts"]))]
    columns = {
        "name": row["name"],
        "outputs": "\n".join(outputs) if wide else _first(outputs),
        "needs": [*row["needs"], *parts, *(["by name"] if row["by_name_only"] else [])],
        "recipe": row["recipe"],
        "networks": starred([*row["networks"], *finders]) or "–",
        "weights": listed or row["weights"],
        "licence": list(licences if wide else dict.fromkeys(map(_short, licences))),
        "CPU s/min": "–" if seconds is None else f"{seconds:g}",
    }
    left_out = {"networks"} if recipes else {"networks", "recipe", "licence"}
    return {name: text for name, text in columns.items() if wide or name not in left_out}


def _first(texts: list[str]) -> str:
    """The first few, and how many more there are."""
    more = len(texts) - _FIRST
    return ", ".join(texts) if more <= 0 else f"{', '.join(texts[:_FIRST])} +{more}"


def _counted(parts: int) -> str:
    return f"{parts} part{'s' if parts > 1 else ''}"


def _state(needed: bool, lacking: list[str], wrong: list[str]) -> str:
    if not needed:
        return "none needed"
    return "wrong size" if wrong else "missing" if lacking else "present"


def _short(licence: str) -> str:
    """The licence itself: `not stated…` of `not stated for the weights; the code is MIT`."""
    first = min(licence.split(" for ", maxsplit=1)[0], licence.split(";", maxsplit=1)[0], key=len)
    return first if first == licence else f"{first}…"


def described(
    metric: Metric, known: Mapping[str, Metric], networks: Networks, folder: Path | None
) -> dict[str, Any]:
    """A metric in full: what it says of itself, what it costs, and its networks with their files."""
    from liveact_eval.metrics._costs import costs
    from liveact_eval.networks.catalogue import catalogue

    row, about = list_row(metric, known, networks), costs()
    cost = {name: row[name] for name in ("cpu_s_per_min", "gflop_per_frame")}
    measured = f"{about.machine}; {about.video}; {about.measured}; {about.software}"
    return metric.describe() | {
        "by_name_only": metric.by_name_only,
        "weights": row["weights"],
        "cost": cost | {"measured": None if cost["cpu_s_per_min"] is None else measured},
        "networks": [network_row(catalogue()[name], folder) for name in row["networks"]],
        "networks_unless_drawn": [
            network_row(catalogue()[name], folder) for name in row["networks_unless_drawn"]
        ],
    }


def _cost(metrics: list[Metric]) -> dict[str, float | None]:
    """What metrics cost together, each measured alone; `None` where one of them has not been measured."""
    from liveact_eval.metrics._costs import cost_of

    found = [cost for metric in metrics if (cost := cost_of(metric.name)) is not None]
    whole = len(found) == len(metrics)
    return {
        "cpu_s_per_min": sum(cost.cpu_s_per_min for cost in found) if whole else None,
        "gflop_per_frame": sum(cost.gflop_per_frame for cost in found) if whole else None,
    }


def _in_brief(output: Output, *, wide: bool) -> str:
    """Name and direction of an output, and if wide its range and unit: `psnr_db ↑ 0..100 dB`."""
    bounds = (_range(output), output.unit) if wide else ()
    return " ".join(filter(None, (output.name, _ARROWS[output.direction], *bounds)))


def _range(output: Output) -> str:
    """`0..1`; `0..` where there is no upper bound; nothing where there is no bound at all."""
    bounds = ["" if bound is None else f"{bound:g}" for bound in output.range or ()]
    return "..".join(bounds) if any(bounds) else ""


def network_row(network: Network, folder: Path | None) -> dict[str, Any]:
    """A network with the state of its files."""
    from liveact_eval.weights.store import inventory

    content = network.model_dump(mode="json", exclude={"weights", "load", "seeded", "float32_only"})
    return content | {
        "seeded": network.seeded is not None,
        "precision": "float32, or bfloat16 with --set networks.precision=bfloat16"
        if network.float32_only is None
        else f"float32 only: {network.float32_only}",
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
