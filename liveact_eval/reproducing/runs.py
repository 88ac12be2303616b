"""Finished runs as `reproduce` looks at them: results, and what the run says about its clips."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liveact_eval.errors import UserError
from liveact_eval.reproducing.named import same_name, slug
from liveact_eval.results.folder import Layout
from liveact_eval.results.schema import ResultRow, Results, read_results


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run."""

    path: Path
    """Its folder."""
    results: Results
    size: tuple[int, int] | None
    """Width and height that the protocol fixes; `None`: the videos' own."""
    sources: tuple[str, ...]
    """Names under which its clips were given: dataset, protocol, folder."""

    def is_over(self, dataset: str) -> bool:
        """Whether the clips were given under a dataset's name; their content is not compared with anything."""
        wanted = slug(dataset)
        return any(wanted in (slug(name), *slug(name).split("-")) for name in self.sources)

    def model(self, name: str) -> str | None:
        """The run's own name of a model; `None` where it took no part."""
        for model in self.results.models:
            if same_name(model.name, name) or same_name(model.title, name):
                return model.name
        return None

    def row(self, model: str, output: str) -> ResultRow | None:
        """One number of the run; `None` where the metric was not asked for."""
        for row in self.results.rows:
            if (row.model, row.metric) == (model, output):
                return row
        return None


def open_runs(folders: Sequence[Path]) -> list[Run]:
    """Finished runs, in the order given.

    Raises:
        UserError: a folder holds no results, or damaged ones.
    """
    return [_open(Layout(folder)) for folder in folders]


def _open(layout: Layout) -> Run:
    if not layout.root.is_dir():
        raise UserError(
            f"No run at {str(layout.root)!r}: expected a folder that liveact-eval run or score has written. "
            "List runs with: liveact-eval runs list"
        )
    results = read_results(layout.results)
    content = _described(layout.run)
    protocol = content.get("protocol")
    size = protocol.get("size") if isinstance(protocol, dict) else None
    sources = [results.dataset, results.protocol.split("@")[0]]
    source = content.get("source")
    if isinstance(source, str):
        # A path says most in its last part: `data/hdtf-clips`.
        sources.append(Path(source).name.removesuffix(".yaml"))
    return Run(
        path=layout.root,
        results=results,
        size=(int(size[0]), int(size[1])) if isinstance(size, list) and len(size) == 2 else None,
        sources=tuple(dict.fromkeys(sources)),
    )


def _described(path: Path) -> dict[str, Any]:
    """`run.json`; results that somebody sent may come without one."""
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: not valid JSON: {error}. Expected what a run writes there.") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected an object, found {type(content).__name__}.")
    return content
