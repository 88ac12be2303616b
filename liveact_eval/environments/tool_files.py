"""The files that a tool reads from its home: which are there, and those that `metrics fetch` has brought already."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Literal

from liveact_eval.cards.environment import EnvironmentFile
from liveact_eval.networks.catalogue import network

State = Literal["present", "fetched for metrics", "missing"]


def state_of(item: EnvironmentFile, home: Path, weights: Path | None = None) -> State:
    """Whether a file is in the home, or lies where `metrics fetch` has put it, from where it is linked on use.

    Args:
        item: what the card says.
        home: home of the environment.
        weights: folder of all weights; the default is that of `metrics fetch`.
    """
    if (home / item.file).exists():
        return "present"
    return "missing" if fetched(item, weights) is None else "fetched for metrics"


def place_of(item: EnvironmentFile) -> str:
    """Where a file comes from: a command, or words."""
    if item.network is not None:
        return f"liveact-eval metrics fetch {item.network}"
    return item.source or "the authors of the tool"


def fetched(item: EnvironmentFile, weights: Path | None = None) -> Path | None:
    """The file as `metrics fetch` has brought it, if it has."""
    from liveact_eval.weights.store import inventory

    if item.network is None:
        return None
    (found,) = inventory(network(item.network), weights)
    return found.path if found.state in {"present", "not yet checked"} else None


def link_fetched(items: tuple[EnvironmentFile, ...], home: Path, weights: Path | None = None) -> None:
    """Put links into the home to all files that are not there and were fetched for metrics."""
    for item in items:
        target = home / item.file
        source = None if target.exists() else fetched(item, weights)
        if source is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                # A link whose file has gone.
                target.unlink()
            target.symlink_to(source.resolve())


def missing(items: tuple[EnvironmentFile, ...], home: Path, user: str) -> list[EnvironmentFile]:
    """What one user of files, such as a dimension, lacks in a home."""
    return [item for item in items if user in item.used_by and not (home / item.file).exists()]


def measured_hash(path: Path) -> str:
    """SHA-256 of a weight file; not measured again while its size and time stay the same."""
    from liveact_eval.weights.records import measure, read_record, write_record

    real = path.resolve()
    record = read_record(real)
    if record is not None:
        return record.sha256
    sha256, _ = measure(real, lambda _: None)
    write_record(real, sha256, None)
    return sha256
