"""All metrics by name. Every module of this package, every entry point and every file by path can add one."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from abc import ABCMeta
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import TypeVar

import liveact_eval.metrics as package
from liveact_eval.errors import UserError, unknown_name
from liveact_eval.measure.face_finding import DETECTOR
from liveact_eval.metrics.base import Metric
from liveact_eval.metrics.composite import CompositeMetric
from liveact_eval.metrics.set_metric import SetMetric
from liveact_eval.networks.catalogue import catalogue

_INFRASTRUCTURE = {"base", "composite", "registry", "set_metric"}
ENTRY_POINT_GROUP = "liveact_eval.metrics"
_MARK = "__liveact_eval_metric__"

M = TypeVar("M", bound=type[Metric])


def register(cls: M) -> M:
    """Mark a class as the metric of its module."""
    fields = ("name", "outputs", "needs", "recipe", "summary", "source")
    for field in (*fields, "parts") if issubclass(cls, CompositeMetric) else fields:
        if not hasattr(cls, field):
            raise TypeError(f"metric {cls.__name__} has no `{field}`; see docs/add-a-metric.md")
    setattr(cls, _MARK, True)
    return cls


def shipped() -> dict[str, Metric]:
    """The metrics of this package and of installed plugins, by name, in alphabetical order.

    Raises:
        UserError: two metrics have one name, or a plugin cannot be loaded.
    """
    found: dict[str, Metric] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        if module not in _INFRASTRUCTURE and not module.startswith("_"):
            _add(found, importlib.import_module(f"{package.__name__}.{module}"))
    for point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            _add(found, point.load())
        except Exception as error:
            raise UserError(
                f"The metric plugin {point.name!r} ({point.value}) cannot be imported: {error}. "
                f"Mend or remove the package that brings it."
            ) from error
    return dict(sorted(found.items()))


def select(names: list[str], *, with_parts: bool = True) -> list[Metric]:
    """Metrics by name or by path of a Python file; `all`, or `all-offline` for those that need no download.

    Metrics that run only by name are in neither.

    Args:
        names: what is asked for.
        with_parts: whether the metrics that composites are made of come too.

    Raises:
        UserError: unknown name (the nearest is named), no such file, a file without a metric, a composite that is made
            of something that it cannot be made of, or two outputs of one name.
    """
    known = shipped()
    chosen: dict[str, Metric] = {}
    for name in names:
        if name in ("all", "all-offline"):
            offline = name == "all-offline"
            wanted = {n: metric for n, metric in known.items() if not metric.by_name_only}
            chosen.update(
                {n: one for n, one in wanted.items() if not offline or needs_no_download(one, known)}
            )
        elif name.endswith(".py"):
            for metric in _from_file(Path(name)).values():
                if metric.name in known or metric.name in chosen:
                    raise UserError(f"Two metrics are named {metric.name!r}. Rename the one in {name}.")
                chosen[metric.name] = metric
        elif name in known:
            chosen[name] = known[name]
        else:
            raise unknown_name("metric", name, known, hint="List them with: liveact-eval metrics list")
    if with_parts:
        composites = [metric for metric in chosen.values() if isinstance(metric, CompositeMetric)]
        everything = known | chosen
        chosen.update({part.name: part for metric in composites for part in parts_of(metric, everything)})
    found = list(dict(sorted(chosen.items())).values())
    _check_outputs(found)
    return found


def _check_outputs(metrics: Iterable[Metric]) -> None:
    givers: dict[str, str] = {}
    for metric in metrics:
        for output in metric.outputs:
            if output.name in givers:
                raise UserError(
                    f"The output {output.name!r} is given twice, by {givers[output.name]!r} and by {metric.name!r}. "
                    "Results are kept by that name: rename the one that you added."
                )
            givers[output.name] = metric.name


def parts_of(composite: CompositeMetric, known: Mapping[str, Metric]) -> list[Metric]:
    """The metrics that give the outputs which a composite is made of; each once, in the order of its parts.

    Raises:
        UserError: no metric gives such an output, or one that gives no number for a single clip.
    """
    givers = {output.name: metric for metric in known.values() for output in metric.outputs}
    found: dict[str, Metric] = {}
    for part in composite.parts:
        if part not in givers:
            raise unknown_name(
                f"part of the composite {composite.name!r}:", part, givers, hint="Correct its `parts`."
            )
        giver = givers[part]
        if isinstance(giver, SetMetric | CompositeMetric):
            kind = "a distance of sets" if isinstance(giver, SetMetric) else "a composite itself"
            raise UserError(
                f"The composite {composite.name!r} cannot be made of {part!r}, which is {kind}: outputs are expected "
                "that clips have values of. Correct its `parts`."
            )
        found[giver.name] = giver
    return list(found.values())


def networks_of(metric: Metric, known: Mapping[str, Metric]) -> tuple[str, ...]:
    """The networks that a metric runs: its own, or for a composite those of its parts."""
    if not isinstance(metric, CompositeMetric):
        return metric.networks
    return tuple(dict.fromkeys(name for part in parts_of(metric, known) for name in part.networks))


def needs_no_download(metric: Metric, known: Mapping[str, Metric]) -> bool:
    """Whether it runs no networks but those that come with the package."""
    networks = catalogue()
    return all(name in networks and networks[name].shipped for name in networks_of(metric, known))


def finders_of(metric: Metric, known: Mapping[str, Metric]) -> tuple[str, ...]:
    """The networks that it takes besides where nobody knows the faces, as in all videos that are not drawn."""
    asked = parts_of(metric, known) if isinstance(metric, CompositeMetric) else [metric]
    # What needs a known script is about drawn clips alone.
    return (DETECTOR,) if any(one.face and not one.truth for one in asked) else ()


def _from_file(path: Path) -> dict[str, Metric]:
    spec = importlib.util.spec_from_file_location(f"liveact_eval_user_{path.stem}", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise UserError(f"No metric file at {str(path)!r}: expected a Python file. Check the path.")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up while it is being made.
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UserError(
            f"{path}: cannot be imported: {type(error).__name__}: {error}. Mend the file."
        ) from error
    everything: dict[str, Metric] = {}
    _add(everything, module)
    # A shipped metric that the file only imports is not what it was named for.
    found = {name: metric for name, metric in everything.items() if type(metric).__module__ == spec.name}
    if not found:
        raise UserError(f"{path}: no class with @register found. See docs/add-a-metric.md.")
    return found


def _add(found: dict[str, Metric], module: object) -> None:
    for item in vars(module).values():
        if not (isinstance(item, ABCMeta) and issubclass(item, Metric) and vars(item).get(_MARK)):
            continue
        try:
            metric = item()
        except TypeError as error:
            raise UserError(f"Metric class {item.__name__}: {error}. See docs/add-a-metric.md.") from error
        if metric.name in found and type(found[metric.name]) is not item:
            raise UserError(f"Two metrics are named {metric.name!r}. Rename the one that you added.")
        found[metric.name] = metric
