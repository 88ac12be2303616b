"""All metrics by name. Every module of this package, every entry point and every file by path can add one."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from abc import ABCMeta
from importlib.metadata import entry_points
from pathlib import Path
from typing import TypeVar

import liveact_eval.metrics as package
from liveact_eval.errors import UserError, unknown_name
from liveact_eval.metrics.base import Metric

_INFRASTRUCTURE = {"base", "registry", "set_metric"}
ENTRY_POINT_GROUP = "liveact_eval.metrics"
_MARK = "__liveact_eval_metric__"

M = TypeVar("M", bound=type[Metric])


def register(cls: M) -> M:
    """Mark a class as the metric of its module."""
    for field in ("name", "outputs", "needs", "recipe", "summary", "source"):
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


def select(names: list[str]) -> list[Metric]:
    """Metrics by name or by path of a Python file; `all`, or `all-offline` for those that need no download.

    Raises:
        UserError: unknown name (the nearest is named), no such file, or a file without a metric.
    """
    known = shipped()
    chosen: dict[str, Metric] = {}
    for name in names:
        if name in ("all", "all-offline"):
            offline = name == "all-offline"
            chosen.update({n: metric for n, metric in known.items() if not (offline and metric.networks)})
        elif name.endswith(".py"):
            for metric in _from_file(Path(name)).values():
                if metric.name in known or metric.name in chosen:
                    raise UserError(f"Two metrics are named {metric.name!r}. Rename the one in {name}.")
                chosen[metric.name] = metric
        elif name in known:
            chosen[name] = known[name]
        else:
            raise unknown_name("metric", name, known, hint="List them with: liveact-eval metrics list")
    return list(dict(sorted(chosen.items())).values())


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
