"""Run folders: finding them, what is in one, removing one, and checking one that somebody sent."""

from __future__ import annotations

import json
import shutil
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from liveact_eval.errors import UserError
from liveact_eval.results.archive import unpack
from liveact_eval.results.checks import problems
from liveact_eval.results.folder import Layout, RunFolder
from liveact_eval.results.schema import read_results


def run_folders(root: Path) -> list[Path]:
    """Run folders directly below a folder, newest first.

    Raises:
        UserError: the folder is not there.
    """
    if not root.is_dir():
        raise UserError(f"No folder {str(root)!r}; expected one that holds run folders. Give another path.")
    found = [path for path in root.iterdir() if path.is_dir() and _is_run(path)]
    return sorted(found, key=lambda path: (Layout(path).run.stat().st_mtime, path.name), reverse=True)


def list_row(run: Path) -> dict[str, Any]:
    """One line of the list. A run without results says so; a damaged one too, and the list goes on."""
    layout = Layout(run)
    row: dict[str, Any] = {"run": str(run), "state": "unfinished", "dataset": "", "tier": ""}
    row |= {"models": 0, "clips": 0, "metrics": 0, "failed": 0}
    row["written"] = datetime.fromtimestamp(layout.run.stat().st_mtime, timezone.utc).isoformat(
        timespec="minutes"
    )
    if not layout.results.is_file():
        return row
    try:
        results = read_results(layout.results)
    except UserError:
        return row | {"state": "unreadable"}
    return row | {
        "state": "finished",
        "dataset": results.dataset,
        "tier": results.tier,
        "models": len(results.models),
        "clips": len(results.clips),
        "metrics": len(results.metrics),
        "failed": len(results.failed),
    }


def shown_run(run: Path) -> dict[str, Any]:
    """One run in full, without its numbers: `tables/results.md` has those.

    Raises:
        UserError: it is not there, not finished, or damaged.
    """
    layout = Layout(run)
    results = read_results(layout.results)
    described = json.loads(layout.run.read_text(encoding="utf-8")) if layout.run.is_file() else {}
    return {
        "run": str(run),
        "dataset": f"{results.dataset_title}{' (mini)' if results.tier == 'mini' else ''}",
        "protocol": results.protocol,
        "created": described.get("created"),
        "clips": len(results.clips),
        "models": {model.name: model.title for model in results.models},
        "metrics": {metric.name: metric.recipe for metric in results.metrics},
        "failed": [f"{item.model} {item.clip}: {item.reason}" for item in results.failed],
        "flagged": len(results.flagged),
        "intervals": results.interval,
        "provenance": results.provenance,
        "mib": round(_bytes(run) / 2**20, 1),
    }


def check_is_run(run: Path) -> int:
    """Size in bytes of what would be removed.

    Raises:
        UserError: the folder is not a run, so that it is left alone.
    """
    if run.is_symlink() or not run.is_dir() or not _is_run(run):
        raise UserError(
            f"{str(run)!r} is no run folder: expected a folder with run.json. Nothing was removed. "
            "List runs with: liveact-eval runs list"
        )
    return _bytes(run)


def remove(run: Path) -> None:
    """Delete a run folder.

    Raises:
        UserError: it is no run, or another process is working in it.
    """
    check_is_run(run)
    with RunFolder(run):
        # Held until nothing but the lock is left, so that no command goes on in a folder that is going away.
        for path in run.iterdir():
            if path.name == ".lock":
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    shutil.rmtree(run)


def validated(path: Path, into: Path | None) -> list[str]:
    """What is wrong with an archive or a run folder; a valid archive is unpacked to `into`.

    Raises:
        UserError: there is nothing at `path`, or `into` cannot be used.
    """
    if path.is_dir():
        if into is not None:
            raise UserError(f"--into {str(into)!r} is for archives; {str(path)!r} is a folder already.")
        return _problems_of(path)
    if not path.is_file():
        raise UserError(f"Nothing at {str(path)!r}: expected an archive or a run folder. Check the path.")
    if into is not None and into.exists():
        raise UserError(f"--into {str(into)!r} exists; expected a new folder. Give another path.")
    parent = path.parent if into is None else into.parent
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".validate-", dir=None if into is None else parent) as scratch:
        folder = Path(scratch) / "run"
        try:
            unpack(path, folder)
        except UserError as error:
            return [str(error)]
        found = _problems_of(folder)
        if into is not None and not found:
            folder.rename(into)
        return found


def _problems_of(folder: Path) -> list[str]:
    try:
        return problems(read_results(Layout(folder).results))
    except UserError as error:
        return str(error).splitlines()


def _is_run(path: Path) -> bool:
    return Layout(path).run.is_file()


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
