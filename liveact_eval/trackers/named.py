"""Trackers by name; whether their libraries are there is known before anything starts."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args

from liveact_eval.errors import UserError, unknown_name

if TYPE_CHECKING:
    from liveact_eval.trackers.content import Content

Tracker = Literal["tensorboard", "wandb", "mlflow"]
TRACKERS: tuple[Tracker, ...] = get_args(Tracker)


def check_trackers(names: Sequence[str]) -> tuple[Tracker, ...]:
    """The trackers of these names, once each.

    Raises:
        UserError: there is none of that name, or its library is not installed.
    """
    for name in names:
        if name not in TRACKERS:
            raise unknown_name("tracker", name, TRACKERS)
        if importlib.util.find_spec(name) is None:
            raise UserError(
                f"--log-to {name}: the package {name} is not installed, and nothing was started. Install it with: "
                "pip install 'liveact-eval[trackers]'"
            )
    return tuple(cast(Tracker, name) for name in dict.fromkeys(names))


def log_run(folder: Path, names: Sequence[str]) -> list[str]:
    """Log a finished run; returns a line about each place where it is now.

    The same run logged again replaces what was logged of it before.

    Raises:
        UserError: there is no finished run, no such tracker, or the tracker refuses it.
    """
    from liveact_eval.trackers.content import content_of

    trackers = check_trackers(names)
    content = content_of(folder)
    lines = []
    for name in trackers:
        module = importlib.import_module(f"liveact_eval.trackers.to_{name}")
        log: Callable[[Content], str] = module.log
        lines.append(f"{name}: {log(content)}")
    return lines
